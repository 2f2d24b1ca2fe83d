"""The shapes in which the TypeScript and Go clients send requests, replayed over a bare socket: their headers, arrays in
brackets and repeated, no body and no content type on DELETE, an empty body with one on PATCH."""

import http.client
import json
from urllib.parse import quote, urlsplit

import pytest

import samples
from server import FIXTURE_TOKEN
from support import unique

TYPESCRIPT = {
    "accept": "application/json",
    "user-agent": "Keycard/JS 0.18.0",
    "x-stainless-retry-count": "0",
    "x-stainless-timeout": "60",
    "x-stainless-lang": "js",
    "x-stainless-runtime": "node",
}
GO = {
    "Accept": "application/json",
    "User-Agent": "Keycard/Go 0.18.0",
    "X-Stainless-Lang": "go",
    "X-Stainless-Retry-Count": "0",
    "Accept-Encoding": "gzip",
}


class Shape:
    """One client: its headers, and how it writes arrays."""

    def __init__(self, headers: dict, array: str):
        self.headers, self.array = headers, array

    def query(self, name: str, *values: str) -> str:
        key = quote(name + self.array, safe="")
        return "&".join(f"{key}={quote(value, safe='')}" for value in values)


SHAPES = [Shape(TYPESCRIPT, "[]"), Shape(GO, ""), Shape(GO, "[]")]


@pytest.fixture(params=SHAPES, ids=["typescript", "go", "go-brackets"])
def shape(request):
    return request.param


@pytest.fixture
def send(server, shape):
    """Sends exactly these headers and bytes, nothing more."""

    def exchange(method: str, path: str, body: dict | bytes | None = None) -> tuple[int, dict]:
        connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=60)
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in {**shape.headers, "Authorization": f"Bearer {FIXTURE_TOKEN}"}.items():
            connection.putheader(name, value)
        if method != "GET":
            connection.putheader("Idempotency-Key", unique("stainless-retry"))
        if body is not None:
            payload = body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.putheader("Content-Type", "application/json")
            connection.putheader("Content-Length", str(len(payload)))
            connection.endheaders(payload)
        else:
            connection.endheaders()
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text) if text else {}

    return exchange


def test_a_whole_life(send, shape, zone):
    base = f"/zones/{zone.id}"
    made = [send("POST", f"{base}/policies", {"name": unique("shape")}) for _ in range(2)]
    assert [status for status, _ in made] == [201, 201]
    policies = [body["id"] for _, body in made]
    body = {"schema_version": samples.SCHEMA_VERSION, "cedar_raw": samples.permit("true")}
    status, version = send("POST", f"{base}/policies/{policies[0]}/versions", body)
    assert status == 201
    status, policy_set = send("POST", f"{base}/policy-sets", {"name": unique("shape"), "target_type": "zone"})
    assert status == 201
    entry = {"policy_id": policies[0], "policy_version_id": version["id"]}
    body = {"schema_version": samples.SCHEMA_VERSION, "manifest": {"entries": [entry]}}
    versions = f"{base}/policy-sets/{policy_set['id']}/versions"
    status, set_version = send("POST", versions, body)
    assert status == 201
    assert send("PATCH", f"{versions}/{set_version['id']}", {"active": True})[1]["active"] is True

    query = shape.query("filter[id]", *policies) + "&" + shape.query("expand", "total_count", "user")
    status, page = send("GET", f"{base}/policies?{query}")
    assert status == 200 and {item["id"] for item in page["items"]} == set(policies)
    assert page["pagination"]["total_count"] == 2
    query = shape.query("filter[target_type]", "zone", "user") + "&" + shape.query("query[name]", policy_set["name"])
    assert [item["id"] for item in send("GET", f"{base}/policy-sets?{query}")[1]["items"]] == [policy_set["id"]]

    assert send("DELETE", f"{base}/policies/{policies[1]}")[1]["archived_at"] is not None
    assert send("DELETE", f"{base}/policies/{policies[0]}")[0] == 409, "it decides"


def test_an_empty_body_makes_a_schema_the_default(send, zone):
    for version in ("2026-02-24", "2026-03-16"):
        for body in (None, b"", {}):
            status, schema = send("PATCH", f"/zones/{zone.id}/policy-schemas/{version}", body)
            assert status == 200 and schema["is_default"] is True
