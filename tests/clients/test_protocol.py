"""What holds for every route: tags, idempotency keys, request ids, empty bodies, one number a version."""

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection

import httpx
import pytest
from keycardai_api import ConflictError, KeycardAPI

import samples
from server import FIXTURE_TOKEN
from support import check_error, refused, unique

EMPTY_JSON = {"content": b"", "headers": {"Content-Type": "application/json"}}


def objects(zone) -> dict:
    """One address of every kind of object, with a body that PATCH takes."""
    set_version = zone.publish_set(samples.STAFF_READ)
    pinned = set_version.manifest.entries[0]
    policy = zone.url(f"/policies/{pinned.policy_id}")
    return {
        "zone": (zone.url(), {"description": "x"}),
        "schema": (zone.url(f"/policy-schemas/{samples.SCHEMA_VERSION}"), {}),
        "policy": (policy, {"description": "x"}),
        "policy version": (f"{policy}/versions/{pinned.policy_version_id}", None),
        "set": (zone.url(f"/policy-sets/{set_version.policy_set_id}"), {"name": unique("set")}),
        "set version": (zone.version_url(set_version), {"active": True}),
    }


KINDS = ("zone", "schema", "policy", "policy version", "set", "set version")


@pytest.mark.parametrize("kind", KINDS)
def test_tags(zone, api, kind):
    url, body = objects(zone)[kind]
    tag = api.get(url).headers["etag"]
    expand = "permissions" if kind == "zone" else "user"
    variants = [url, url + "?format=json", url + "?format=cedar", f"{url}?expand[]={expand}"]
    assert {api.get(variant).headers["etag"] for variant in variants} == {tag}
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        unchanged = api.get(url, headers={"If-None-Match": known})
        assert (unchanged.status_code, unchanged.content) == (304, b""), known
        assert unchanged.headers["etag"] == tag
    assert api.get(url, headers={"If-None-Match": '"other"'}).status_code == 200

    before = zone.last_seq()
    stale = {"headers": {"If-Match": '"stale"'}}
    if body is not None:
        check_error(api.patch(url, json=body, **stale), 412, "precondition_failed")
    if kind != "schema":
        check_error(api.delete(url, **stale), 412, "precondition_failed")
    assert zone.last_seq() == before
    if body is not None:
        assert api.patch(url, json=body, headers={"If-Match": tag}).status_code == 200
        assert api.get(url).headers["etag"] != tag or kind == "schema"
        assert api.patch(url, json=body, headers={"If-Match": "*"}).status_code == 200


def test_answers_to_writes_carry_the_tag(zone, api):
    made = api.post(zone.url("/policies"), json={"name": unique("policy")})
    url = zone.url(f"/policies/{made.json()['id']}")
    assert made.headers["etag"] == api.get(url).headers["etag"]
    changed = api.patch(url, json={"description": "x"})
    assert changed.headers["etag"] == api.get(url).headers["etag"] != made.headers["etag"]
    assert api.delete(url).headers["etag"] == api.get(url).headers["etag"]


def creates(zone) -> dict:
    """Every route that creates, with two different bodies."""
    first, second = zone.publish(samples.STAFF_READ), zone.publish(samples.OWNER_WRITES)
    entries = [[{"policy_id": v.policy_id, "policy_version_id": v.id}] for v in (first, second)]
    return {
        "/policies": [{"name": unique("policy")} for _ in "12"],
        "/policy-sets": [{"name": unique("set")} for _ in "12"],
        "/policy-schemas": [{"version": unique("own"), "cedar_schema": samples.SCHEMA} for _ in "12"],
        f"/policies/{zone.policy().id}/versions": [
            {"schema_version": samples.SCHEMA_VERSION, "cedar_raw": text}
            for text in (samples.OWNER_WRITES, samples.STAFF_READ)
        ],
        f"/policy-sets/{zone.policy_set().id}/versions": [
            {"schema_version": samples.SCHEMA_VERSION, "manifest": {"entries": one}} for one in entries
        ],
    }


def test_an_idempotency_key_gives_the_first_answer_again(zone, api):
    key = {"Idempotency-Key": unique("key")}
    for path, (body, other) in creates(zone).items():
        first = api.post(zone.url(path), json=body, headers=key)
        assert first.status_code == 201, first.text
        after_first = zone.last_seq()
        again = api.post(zone.url(path), json=body, headers=key)
        assert (again.status_code, again.json(), again.headers["etag"]) == (201, first.json(), first.headers["etag"])
        check_error(api.post(zone.url(path), json=other, headers=key), 422)
        assert zone.last_seq() == after_first, path
        assert api.post(zone.url(path), json=other, headers={"Idempotency-Key": unique("key")}).status_code == 201


def test_an_idempotency_key_for_zones(api):
    key, body = {"Idempotency-Key": unique("key")}, {"name": unique("zone")}
    first, again = (api.post("/zones", json=body, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201) and first.json() == again.json()
    check_error(api.post("/zones", json={"name": unique("zone")}, headers=key), 422)


def test_authorization_comes_before_replay(zone, api, anonymous):
    key, body = {"Idempotency-Key": unique("key")}, {"name": unique("policy")}
    assert api.post(zone.url("/policies"), json=body, headers=key).status_code == 201
    check_error(anonymous.post(zone.url("/policies"), json=body, headers=key), 401, "unauthenticated")


def test_decisions_ignore_the_key(fresh_zone, api):
    fresh_zone.bind(samples.STAFF_READ)
    key = {"Idempotency-Key": unique("key")}
    for principal, decision in ((samples.ALICE, "allow"), (samples.BOB, "deny"), (samples.ALICE, "allow")):
        answer = api.post(fresh_zone.url("/authorize"), json=samples.request(principal), headers=key)
        assert answer.json()["decision"] == decision


def test_a_conflict_is_not_retried_by_the_client(server, zone):
    sent, name = [], zone.policy().name
    with httpx.Client(event_hooks={"request": [sent.append]}, base_url=server.url) as counting:
        client = KeycardAPI(api_key=FIXTURE_TOKEN, base_url=server.url, http_client=counting)
        assert client.max_retries == 2
        with refused(ConflictError, "policy_name_conflict"):
            client.zones.policies.create(zone.id, name=name)
    assert len(sent) == 1


EARLY = {
    "401": ("POST", "/zones", {}, 401),
    "404": ("POST", "/nowhere", {}, 404),
    "405": ("PUT", "/healthz", {}, 405),
    "a bad id": ("PATCH", "/zones/x", {"Authorization": f"Bearer {FIXTURE_TOKEN}"}, 404),
    "a bad header": ("POST", "/zones", {"Authorization": f"Bearer {FIXTURE_TOKEN}", "X-API-Version": "x"}, 400),
}


@pytest.mark.parametrize("case", EARLY)
def test_an_answer_that_needs_no_body_does_not_cut_the_connection(server, api, case):
    method, path, headers, status = EARLY[case]
    with closing(HTTPConnection(server.url.removeprefix("http://"), timeout=30)) as connection:
        connection.putrequest(method, path)
        for name, value in {"Content-Type": "application/json", "Content-Length": "2", **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        for _ in range(5):
            assert api.get("/readyz").status_code == 200, "meanwhile the head has come, and the body has not"
        connection.send(b"{}")
        answer = connection.getresponse()
        assert (answer.status, json.loads(answer.read())["status"]) == (status, status)
        if not answer.will_close:
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200


def test_request_ids(zone, api):
    given = {"X-Request-ID": "Trace_1.a-b", "X-Client-Request-ID": "c" * 128}
    for answer in (api.get(zone.url(), headers=given), api.get(zone.url("/nowhere"), headers=given)):
        assert answer.headers["x-request-id"] == given["X-Request-ID"]
        assert answer.headers["x-client-request-id"] == given["X-Client-Request-ID"]
    made = {api.get(zone.url()).headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3 and "x-client-request-id" not in api.get(zone.url()).headers
    for wrong in ("", "a b", "x" * 129, "ä".encode(), 'a"b', "<script>"):
        replaced = api.get(zone.url(), headers=[("X-Request-ID", wrong)]).headers["x-request-id"]
        assert replaced != wrong and 1 <= len(replaced) <= 128


def test_the_client_sends_and_sees_its_headers(zone, keycard):
    answer = keycard.zones.policies.with_raw_response.list(
        zone.id, x_api_version="2026-03-16", x_client_request_id="from-the-client"
    )
    assert answer.headers["x-api-version"] == "2026-03-16"
    assert answer.headers["x-client-request-id"] == "from-the-client"


def test_empty_bodies_are_accepted(zone, api):
    assert api.patch(zone.url(f"/policy-schemas/{samples.SCHEMA_VERSION}"), **EMPTY_JSON).status_code == 200
    version = zone.publish_set(samples.STAFF_READ)
    pinned = version.manifest.entries[0]
    for path in (
        f"/policy-sets/{version.policy_set_id}/versions/{version.id}",
        f"/policies/{pinned.policy_id}/versions/{pinned.policy_version_id}",
        f"/policy-sets/{version.policy_set_id}",
        f"/policies/{pinned.policy_id}",
    ):
        answer = api.request("DELETE", zone.url(path), **EMPTY_JSON)
        assert answer.status_code == 200 and answer.json()["archived_at"], path


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
def test_content_types_that_are_fine(zone, api, content_type):
    body = json.dumps({"name": unique("policy")}).encode()
    made = api.post(zone.url("/policies"), content=body, headers={"Content-Type": content_type})
    assert made.status_code == 201


def test_version_numbers_have_no_gaps_under_concurrency(zone):
    policy, policy_set, count = zone.policy(), zone.policy_set(), 24
    with ThreadPoolExecutor(8) as pool:
        texts = [samples.permit(f"{n} == {n}") for n in range(count)]
        pinned = list(pool.map(lambda text: zone.publish(text, policy_id=policy.id), texts))
        sets = list(pool.map(lambda version: zone.publish_set(version, set_id=policy_set.id), pinned))
    for made in (pinned, sets):
        assert sorted(version.version for version in made) == list(range(1, count + 1))


def test_one_name_is_given_once_under_concurrency(zone, api):
    for path in ("/policies", "/policy-sets"):
        body = {"name": unique("contested")}
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: api.post(zone.url(path), json=body), range(16)))
        assert sorted(answer.status_code for answer in answers) == [201] + 15 * [409]
