"""What the tests share: the one error shape, short ways to publish, and walks through lists."""

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from keycardai_api import APIStatusError, KeycardAPI

import samples

UUID_V7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
HEX_SHA256 = re.compile(r"[0-9a-f]{64}")
NOBODY = "01890000-0000-7000-8000-000000000000"

ERROR_MEMBERS = {
    "code": str,
    "message": str,
    "status": int,
    "request_id": str,
    "path": str,
    "timestamp": str,
    "details": dict,
    "notices": list,
}

_numbers = itertools.count(1)


def unique(stem: str) -> str:
    """A name that no other test uses."""
    return f"{stem}-{next(_numbers)}"


def check_error(response: httpx.Response, status: int | set | None = None, code: str | set | None = None) -> dict:
    """Asserts that an answer is an error in the one shape, and returns its body."""
    what = f"{response.request.method} {response.request.url}: {response.status_code} {response.text[:600]}"
    assert 400 <= response.status_code < 500, what
    assert response.headers["content-type"].split(";")[0] == "application/json", what
    body = response.json()
    assert body.keys() == ERROR_MEMBERS.keys(), what
    for member, kind in ERROR_MEMBERS.items():
        assert type(body[member]) is kind, f"{member} of {what}"
    assert body["status"] == response.status_code, what
    assert re.fullmatch(r"[a-z][a-z_]*", body["code"]) and body["message"], what
    assert body["request_id"] == response.headers["x-request-id"], what
    assert body["path"] == response.request.url.raw_path.split(b"?")[0].decode(), what
    assert UTC_TIME.fullmatch(body["timestamp"]), what
    assert all(type(notice) is str for notice in body["notices"]), what
    if response.status_code == 409:
        assert response.headers["x-should-retry"] == "false", what
    assert status is None or response.status_code in (status if isinstance(status, set) else {status}), what
    assert code is None or body["code"] in (code if isinstance(code, set) else {code}), what
    return body


@contextmanager
def refused(error: type[APIStatusError], code: str | None = None, status: int | None = None) -> Iterator[Any]:
    """The reference client raises exactly this class, for an answer in the one error shape."""
    with pytest.raises(APIStatusError) as caught:
        yield caught
    body = check_error(caught.value.response, status, code)
    assert type(caught.value) is error
    assert caught.value.body == body


@dataclass
class Zone:
    """One zone, with both ways to talk to it: plain HTTP and the reference client."""

    id: str
    api: httpx.Client
    keycard: KeycardAPI

    def url(self, path: str = "") -> str:
        return f"/zones/{self.id}{path}"

    def get(self, path: str = "", **more) -> Any:
        response = self.api.get(self.url(path), **more)
        assert response.status_code == 200, response.text
        return response.json()

    def settings(self, **settings) -> None:
        response = self.api.patch(self.url(), json=settings)
        assert response.status_code == 200, response.text

    def add_schema(self, version: str, text: str = samples.SCHEMA) -> dict:
        response = self.api.post(self.url("/policy-schemas"), json={"version": version, "cedar_schema": text})
        assert response.status_code == 201, response.text
        return response.json()

    def policy(self, name: str | None = None, **more):
        return self.keycard.zones.policies.create(self.id, name=name or unique("policy"), **more)

    def publish(
        self,
        text: str | None = None,
        policy_id: str | None = None,
        json: Any = None,
        schema_version: str = samples.SCHEMA_VERSION,
    ):
        """Publishes content as a version of a policy, of a new one when none is named."""
        content = {"cedar_json": json} if text is None else {"cedar_raw": text}
        return self.keycard.zones.policies.versions.create(
            policy_id or self.policy().id, zone_id=self.id, schema_version=schema_version, **content
        )

    def policy_set(self, name: str | None = None, **more):
        return self.keycard.zones.policy_sets.create(self.id, name=name or unique("set"), **more)

    def publish_set(self, *versions, set_id: str | None = None, schema_version: str = samples.SCHEMA_VERSION):
        """Publishes a set version that pins these policy versions; texts are published first."""
        pinned = [self.publish(version) if isinstance(version, str) else version for version in versions]
        return self.keycard.zones.policy_sets.versions.create(
            set_id or self.policy_set().id, zone_id=self.id, manifest=manifest(*pinned), schema_version=schema_version
        )

    def activate(self, version):
        return self.keycard.zones.policy_sets.versions.update(
            version.id, zone_id=self.id, policy_set_id=version.policy_set_id, active=True
        )

    def bind(self, *versions):
        """Publishes a set version of these policy versions or texts and makes it decide."""
        return self.activate(self.publish_set(*versions))

    def authorize(self, body: dict | None = None, **more) -> httpx.Response:
        return self.api.post(self.url("/authorize"), json=samples.request(**more) if body is None else body)

    def decide(self, **more) -> dict:
        response = self.authorize(**more)
        assert response.status_code == 200, response.text
        return response.json()

    def last_seq(self) -> int:
        """The number of the newest event."""
        return self.get("/events?limit=1&order=desc")["items"][0]["seq"]

    def version_url(self, version) -> str:
        return self.url(f"/policy-sets/{version.policy_set_id}/versions/{version.id}")


def manifest(*versions) -> dict:
    return {"entries": [{"policy_id": v.policy_id, "policy_version_id": v.id} for v in versions]}


def walk(page_of: Callable[..., Any], **first) -> list[list[Any]]:
    """All pages from the first to the last, by `after`."""
    pages = [page_of(**first)]
    while cursor := pages[-1].pagination.after_cursor:
        pages.append(page_of(**first, after=cursor))
        assert len(pages) < 1000, "the walk does not end"
    return pages


def walk_back(page_of: Callable[..., Any], last: Any, **first) -> list[list[Any]]:
    """All pages before this one, nearest first, by `before`."""
    pages = [last]
    while cursor := pages[-1].pagination.before_cursor:
        pages.append(page_of(**first, before=cursor))
        assert len(pages) < 1000, "the walk does not end"
    return pages[1:]


def ids(page) -> list[str]:
    return [item.id for item in page.items]
