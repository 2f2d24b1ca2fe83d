"""The routes for operators and for people who look around."""

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from bodies import ROUTES
from support import check_error
from test_bad_input import PATHS


def test_live_and_ready_without_a_credential(anonymous):
    for path in ("/healthz", "/readyz"):
        assert anonymous.get(path).status_code == 200, path


SAMPLE = re.compile(
    r'[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-zA-Z_][a-zA-Z0-9_]*="([^"\\\n]|\\["\\n])*",?)*\})? '
    r"([-+]?[0-9.]+([eE][-+]?[0-9]+)?|[-+]Inf|NaN)( [0-9]+)?"
)


def test_metrics(zone, api, anonymous):
    check_error(anonymous.get("/metrics"), 401, "unauthenticated")
    zone.decide()
    answer = api.get("/metrics")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain")
    lines = [line for line in answer.text.splitlines() if line]
    for line in lines:
        assert line.startswith(("# HELP ", "# TYPE ", "# EOF")) or SAMPLE.fullmatch(line), line
    assert any("decision" in line and not line.startswith("#") for line in lines), "every decision counts"


def decisions_counted(api) -> float:
    lines = [line for line in api.get("/metrics").text.splitlines() if "decision" in line and "_total" in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if not line.startswith("#"))


def test_every_decision_counts(zone, api):
    before = decisions_counted(api)
    for _ in range(3):
        zone.decide()
    assert decisions_counted(api) == before + 3


@pytest.fixture(scope="module")
def openapi(anonymous):
    answer = anonymous.get("/openapi.json")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("application/json")
    return answer.json()


def test_the_document_is_valid(openapi):
    assert openapi["openapi"].startswith("3.1.")
    validate(openapi, cls=OpenAPIV31SpecValidator)


def shape(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path)


def test_the_document_knows_every_route(openapi):
    documented = {(method.upper(), shape(path)) for path, verbs in openapi["paths"].items() for method in verbs}
    used = {(method, shape(path)) for method, path in PATHS + [(route.method, route.path) for route in ROUTES]}
    assert used - documented == set()


def test_the_document_leads_nowhere_else(openapi, zone, api):
    """A method that a route does not have is 405 where there is a route, 404 where there is none."""
    for path in openapi["paths"]:
        where = re.sub(r"\{[^}]*\}", "x", path.replace("{zone_id}", zone.id))
        assert api.request("TRACE", where).status_code == 405, path


def test_docs(anonymous):
    answer = anonymous.get("/docs")
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "default-src" in policy and "unsafe-eval" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert not re.search(r'(src|href)="(https?:)?//', answer.text), "the page loads nothing from elsewhere"
