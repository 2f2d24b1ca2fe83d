"""Whatever comes in: a 4xx in the one shape, nothing written, and the process lives."""

import json

import pytest

from bodies import ROUTES, Route, setup
from support import NOBODY, check_error, unique

JSON = "application/json"


@pytest.fixture(scope="module")
def made(zone):
    """Objects of a zone to break things in."""
    return setup(zone)


@pytest.fixture
def nothing_written(zone, api):
    """What could have changed is as it was: the zone's events, its objects, the number of zones."""

    def state():
        totals = [
            zone.get(f"/{kind}?limit=1&expand[]=total_count")["pagination"]["total_count"]
            for kind in ("policies", "policy-sets", "policy-schemas")
        ]
        zones = api.get("/zones?limit=1&expand[]=total_count").json()["pagination"]["total_count"]
        return zone.last_seq(), zone.get(), totals, zones

    before = state()
    yield
    assert state() == before


def text_of(body: dict) -> str:
    return json.dumps(body)


def twice(body: dict) -> list[bytes]:
    """The same member twice: with the same value, with another, hidden behind an escape, deep inside."""
    first, *_ = body
    member, whole = json.dumps({first: body[first]})[1:-1], text_of(body)[1:]
    escaped = member.replace(first[0], f"\\u{ord(first[0]):04x}", 1)
    return [
        f"{{{member}, {whole}".encode(),
        f'{{"{first}": 0, {whole}'.encode(),
        f"{{{escaped}, {whole}".encode(),
        f'{{"surprise": [{{"a": 1, "a": 1}}], {whole}'.encode(),
    ]


def nested(body: dict) -> list[bytes]:
    first, *_ = body
    return [
        f'{{"{first}": {opening * 200}1{closing * 200}}}'.encode() for opening, closing in (("[", "]"), ('{"a":', "}"))
    ] + [b"[" * 100_000, b'{"a":' * 100_000, f'{{"{first}": '.encode() + b"[" * 500_000]


def broken(body: dict) -> list[bytes]:
    text = text_of(body)
    first, *_ = body
    return [
        text[:-1].encode(),
        (text + "x").encode(),
        (text + text).encode(),
        text.replace('"', "'").encode(),
        b"\x00",
        b"{,}",
        b"NaN",
        f'{{"{first}": NaN}}'.encode(),
        f'{{"{first}": 1e999}}'.encode(),
        b"\xef\xbb\xbf" + text.encode(),
    ]


def not_utf8(body: dict) -> list[bytes]:
    first, *_ = body
    strings = [b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xf4\x90\x80\x80"']
    return [f'{{"{first}": '.encode() + one + b"}" for one in strings] + [
        b"\xff\xfe" + text_of(body).encode("utf-16-le")
    ]


# name → (bodies made of a good one, allowed statuses)
FAULTS = {
    "not an object": (lambda body: [b"[]", b"1", b'"x"', b"true", b"null", f"[{text_of(body)}]".encode()], {400}),
    "unknown member": (
        lambda body: [text_of(body | {name: 1}).encode() for name in ("surprise", "", "__proto__")],
        {400},
    ),
    "duplicate member": (twice, {400}),
    "nested deeply": (nested, {400}),
    "not JSON": (broken, {400}),
    "not UTF-8": (not_utf8, {400}),
    "empty": (lambda _: [b"", b" ", b"\n\n"], {400}),
    "2 MiB": (
        lambda body: [text_of(body | {name: "x" * 2 * 1024 * 1024}).encode() for name in (list(body)[0], "pad")]
        + [text_of(body).encode() + b" " * 2 * 1024 * 1024],
        {400, 413, 422},
    ),
}


# Manifests and entities.
TAKE_16_MIB = ("authorize", "policy-sets", "{set}/versions")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_bodies(made, api, nothing_written, route: Route, fault):
    bodies, statuses = FAULTS[fault]
    for content in bodies(route.good(made)):
        if fault == "empty" and route.empty_is_fine and not content:
            continue
        if fault == "2 MiB" and content.endswith(b" ") and route.path.endswith(TAKE_16_MIB):
            continue  # white space means nothing
        answer = api.request(route.method, route.path.format(**made), content=content, headers={"Content-Type": JSON})
        check_error(answer, statuses)


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_other_content_types(made, api, nothing_written, route: Route):
    for content_type in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/cedar",
        "multipart/form-data",
        "json",
    ):
        answer = api.request(
            route.method,
            route.path.format(**made),
            content=text_of(route.good(made)),
            headers={"Content-Type": content_type},
        )
        check_error(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize("route", ROUTES, ids=str)
def test_missing_members(made, api, nothing_written, route: Route):
    for missing in route.required:
        body = {name: value for name, value in route.good(made).items() if name != missing}
        error = check_error(api.request(route.method, route.path.format(**made), json=body), 400)
        assert missing in json.dumps(error) or error["code"] == "missing_cedar_content"


MEMBERS = [(route, member) for route in ROUTES for member in route.wrong]


@pytest.mark.parametrize(("route", "member"), MEMBERS, ids=[f"{route} {member}" for route, member in MEMBERS])
def test_wrong_members(made, api, nothing_written, route: Route, member):
    for wrong in route.wrong[member]:
        body = route.good(made) | {member: wrong}
        if member == "cedar_json":
            body.pop("cedar_raw")
        if member == "cedar_schema_json":
            body.pop("cedar_schema")
        answer = api.request(route.method, route.path.format(**made), json=body)
        check_error(answer, {400, 404, 409, 413, 422} if member == "schema_version" else {400, 413, 422})


def test_a_good_body_of_each_route_is_good(made, api):
    """Or the faults above would prove nothing."""
    for route in ROUTES:
        answer = api.request(route.method, route.path.format(**made), json=route.good(made))
        assert answer.status_code in (200, 201), (str(route), answer.text)


READS = [
    "/zones/{zone}",
    "/zones/{zone}/policy-schemas",
    "/zones/{zone}/policy-schemas/{schema}",
    "/zones/{zone}/policies",
    "/zones/{zone}/policies/{policy}",
    "/zones/{zone}/policies/{policy}/versions",
    "/zones/{zone}/policies/{policy}/versions/{policy_version}",
    "/zones/{zone}/policy-sets",
    "/zones/{zone}/policy-sets/{set}",
    "/zones/{zone}/policy-sets/{set}/versions",
    "/zones/{zone}/policy-sets/{set}/versions/{set_version}",
    "/zones/{zone}/policy-sets/{set}/versions/{set_version}/policies",
    "/zones/{zone}/policy-sets/{set}/versions/{set_version}/attestation",
    "/zones/{zone}/events",
    "/zones/{zone}/.well-known/jwks.json",
]
DELETES = [
    "/zones/{zone}",
    "/zones/{zone}/policies/{policy}",
    "/zones/{zone}/policies/{policy}/versions/{policy_version}",
    "/zones/{zone}/policy-sets/{set}",
    "/zones/{zone}/policy-sets/{set}/versions/{set_version}",
]
PATHS = [("GET", path) for path in READS] + [("DELETE", path) for path in DELETES]
BAD_IDS = [
    NOBODY,
    "x",
    "0",
    "-1",
    "%00",
    "%FF",
    "%2e%2e",
    "%20",
    "null",
    "{id}",
    "x" * 5000,
    "%F0%9F%98%80",
    "a%2Fb",
    "'%20OR%20'1'='1",
    NOBODY[:-1],
    NOBODY + "0",
    "00000000000000000000000000000000",
]


@pytest.mark.parametrize(("method", "path"), PATHS, ids=[f"{method} {path}" for method, path in PATHS])
def test_ids_that_are_none(made, api, nothing_written, method, path):
    for placeholder in (name for name in made if f"{{{name}}}" in path):
        for bad in BAD_IDS:
            answer = api.request(method, path.format(**made | {placeholder: bad}))
            check_error(answer, {400, 404, 414})


@pytest.mark.parametrize("route", ROUTES[1:], ids=str)
def test_bodies_to_ids_that_are_none(made, api, nothing_written, route: Route):
    for placeholder in (name for name in made if f"{{{name}}}" in route.path):
        for bad in (NOBODY, "x", "%00", "%FF", "x" * 5000):
            path = route.path.format(**made | {placeholder: bad})
            check_error(api.request(route.method, path, json=route.good(made)), {400, 404, 414})


BAD_HEADERS = [
    {"If-Match": "not a tag"},
    {"If-Match": '"unterminated'},
    {"If-Match": ""},
    {"Idempotency-Key": ""},
    {"Idempotency-Key": "x" * 5000},
    {"Idempotency-Key": b"\xff\xfe"},
    {"X-API-Version": b"\xff"},
    {"X-Request-ID": b"\xff"},
    {"Content-Length": "0", "Content-Type": b"\xff"},
    {"If-None-Match": b"\xff"},
]


@pytest.mark.parametrize("headers", BAD_HEADERS, ids=str)
def test_odd_headers_are_no_server_error(made, api, headers):
    for method, path in (("PATCH", "/zones/{zone}/policies/{policy}"), ("POST", "/zones/{zone}/policies")):
        content = b"" if "Content-Length" in headers else text_of({"name": unique("policy")}).encode()
        answer = api.request(method, path.format(**made), content=content, headers={"Content-Type": JSON} | headers)
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            check_error(answer)


def test_every_method_on_every_route(made, api, nothing_written):
    for path in (
        {path for _, path in PATHS} | {route.path for route in ROUTES} | {"/zones", "/healthz", "/openapi.json"}
    ):
        for method in ("POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"):
            known = {(route.method, route.path) for route in ROUTES} | {("DELETE", deletable) for deletable in DELETES}
            if (method, path) not in known:
                check_error(api.request(method, path.format(**made)), {404, 405})
