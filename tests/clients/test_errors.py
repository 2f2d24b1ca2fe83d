"""Every class of error, as the reference client raises it, and the one shape it comes in."""

import pytest
from keycardai_api import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    KeycardAPI,
    NotFoundError,
    UnprocessableEntityError,
)

from server import FIXTURE_TOKEN
from support import NOBODY, check_error, refused, unique


@pytest.mark.parametrize("token", ["x", FIXTURE_TOKEN[:-1], FIXTURE_TOKEN + "x", FIXTURE_TOKEN.upper(), "é" * 32])
def test_401_with_a_wrong_token(zone, anonymous, token):
    answer = anonymous.get(zone.url(), headers={"Authorization": f"Bearer {token}".encode()})
    check_error(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("header", [None, "Basic YTpi", f"{FIXTURE_TOKEN}", "Bearer", f"Token {FIXTURE_TOKEN}"])
def test_401_without_a_bearer_token(zone, anonymous, header):
    headers = {"Authorization": header} if header else {}
    check_error(anonymous.get(zone.url(), headers=headers), 401, "unauthenticated")


def test_401_tells_nothing(zone, anonymous, server):
    for path in (f"/zones/{NOBODY}", zone.url(), "/zones", zone.url("/policies"), zone.url("/events")):
        check_error(anonymous.get(path), 401, "unauthenticated")
    with refused(AuthenticationError, "unauthenticated"):
        KeycardAPI(api_key="wrong-token", base_url=server.url).zones.list()


def test_the_scheme_is_not_case_sensitive(zone, anonymous):
    answer = anonymous.get(zone.url(), headers={"Authorization": f"bearer {FIXTURE_TOKEN}"})
    assert answer.status_code == 200


CLASSES = [
    (BadRequestError, 400, None, lambda z: z.keycard.zones.policies.list(z.id, limit=0)),
    (BadRequestError, 400, "invalid_cursor", lambda z: z.keycard.zones.policies.list(z.id, after="mine")),
    (BadRequestError, 400, "invalid_filter", lambda z: z.keycard.zones.policies.list(z.id, filter_owner_type=["x"])),
    (BadRequestError, 400, None, lambda z: z.keycard.zones.policies.create(z.id, name="")),
    (BadRequestError, 400, "missing_cedar_content", lambda z: z.publish("")),
    (NotFoundError, 404, "not_found", lambda z: z.keycard.zones.policies.retrieve(NOBODY, zone_id=z.id)),
    (NotFoundError, 404, "not_found", lambda z: z.keycard.zones.policy_sets.retrieve(NOBODY, zone_id=z.id)),
    (NotFoundError, 404, "not_found", lambda z: z.keycard.zones.policies.list(NOBODY)),
    (ConflictError, 409, "policy_name_conflict", lambda z: z.policy(z.policy().name)),
    (
        APIStatusError,
        412,
        "precondition_failed",
        lambda z: z.keycard.zones.policies.update(z.policy().id, zone_id=z.id, name="x", if_match='"stale"'),
    ),
    (APIStatusError, 413, "too_large", lambda z: z.policy(description="x" * 2 * 1024 * 1024)),
    (APIStatusError, 415, "unsupported_media_type", lambda z: z.policy(extra_headers={"Content-Type": "text/plain"})),
    (UnprocessableEntityError, 422, "invalid_cedar", lambda z: z.publish("permit")),
]


@pytest.mark.parametrize(("error", "status", "code", "call"), CLASSES, ids=[f"{c[1]} {c[2]}" for c in CLASSES])
def test_classes(zone, error, status, code, call):
    with refused(error, code, status):
        call(zone)


def test_unknown_routes_and_methods(zone, api, anonymous):
    for path in ("/", "/nowhere", "/zones/", zone.url("/nowhere"), zone.url("/policies/x/y/z")):
        check_error(api.get(path), 404, "not_found")
    for method, path in (
        ("PUT", "/zones"),
        ("POST", zone.url()),
        ("DELETE", zone.url("/policies")),
        ("PATCH", "/healthz"),
    ):
        answer = api.request(method, path)
        check_error(answer, 405)
        assert "GET" in answer.headers["allow"]


def test_the_message_names_the_fault(zone, api):
    body = {"name": "x" * 201}
    assert "200" in check_error(api.post(zone.url("/policies"), json=body), 400)["message"]
    unknown = check_error(api.post(zone.url("/policies"), json={"name": unique("policy"), "colour": 1}), 400)
    assert "colour" in unknown["message"]
    missing = check_error(api.post(zone.url("/policies"), json={"description": "x"}), 400)
    assert "name" in missing["message"]


def test_head(zone, api):
    """HEAD carries no body, and says the same in its status."""
    assert api.head(zone.url()).status_code == 200
    assert api.head(zone.url(f"/policies/{NOBODY}")).status_code == 404
