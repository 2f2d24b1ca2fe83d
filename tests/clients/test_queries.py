"""Query parameters on the wire: every spelling of an array, cursors, and what is refused."""

import pytest

import samples
from support import check_error


@pytest.fixture(scope="module")
def filled(new_zone):
    """A zone with four policies and four sets, one of them with four versions."""
    zone = new_zone()
    policies = [zone.policy(name) for name in ("alpha", "beta", "gamma", "delta")]
    for _ in range(3):
        zone.policy_set()
    policy_set = zone.policy_set()
    for n in range(4):
        version = zone.publish(samples.permit(f"{n} == {n}"), policy_id=policies[0].id)
        last = zone.publish_set(version, set_id=policy_set.id)
    zone.policies, zone.last = policies, last
    return zone


SPELLINGS = ["{0}={1}&{0}={2}", "{0}[]={1}&{0}[]={2}", "{0}%5B%5D={1}&{0}%5B%5D={2}", "{0}%5b%5d={1}&{0}={2}"]


def names(zone, query):
    return {item["name"] for item in zone.get(f"/policies?{query}")["items"]}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize("brackets", ["[{}]", "%5B{}%5D"])
def test_arrays(filled, spelling, brackets):
    one, two = filled.policies[0].id, filled.policies[2].id
    assert names(filled, spelling.format("filter" + brackets.format("id"), one, two)) == {"alpha", "gamma"}
    assert names(filled, spelling.format("query" + brackets.format("name"), "alp", "GAM")) == {"alpha", "gamma"}
    assert names(filled, spelling.format("query", "alp", "GAM")) == {"alpha", "gamma"}
    owners = spelling.format("filter" + brackets.format("owner_type"), "customer", "platform")
    assert names(filled, owners) == {"alpha", "beta", "gamma", "delta"}


@pytest.mark.parametrize("spelling", ["expand={}", "expand[]={}", "expand%5B%5D={}"])
def test_expand(filled, spelling):
    assert filled.get("/policies?" + spelling.format("total_count"))["pagination"]["total_count"] == 4
    uncounted = filled.get("/policies?" + spelling.format("user"))["pagination"]
    assert uncounted.get("total_count") is None


def test_expand_and_its_twin(filled):
    assert filled.get("/policies?expand=user&expand[]=user")["items"]
    check_error(filled.api.get(filled.url("/policies?expand=user&expand[]=total_count")), 400)


def test_unknown_parameters_are_ignored(filled):
    assert filled.get("/policies?colour=blue&filter[colour]=blue&sort[]=x") == filled.get("/policies")


def lists(zone) -> dict:
    version = f"/policy-sets/{zone.last.policy_set_id}/versions"
    return {
        "zones": "/zones",
        "schemas": zone.url("/policy-schemas"),
        "policies": zone.url("/policies"),
        "policy versions": zone.url(f"/policies/{zone.policies[0].id}/versions"),
        "sets": zone.url("/policy-sets"),
        "set versions": zone.url(version),
        "set policies": zone.url(f"{version}/{zone.last.id}/policies"),
        "events": zone.url("/events"),
    }


LISTS = ("zones", "schemas", "policies", "policy versions", "sets", "set versions", "set policies", "events")
FAULTS = [
    "limit=0",
    "limit=101",
    "limit=-1",
    "limit=ten",
    "limit=",
    "limit=1.5",
    "limit=99999999999999999999",
    "after=garbage",
    "before=garbage",
    "after=",
    "after=a&before=b",
    "order=sideways",
    "order=DESC",
    "limit=1&limit=2",
    "after=%ff",
    "expand=everything",
]


FAULTS_OF_A_LIST = [(kind, query) for kind in LISTS for query in FAULTS if (kind, query[:5]) != ("zones", "order")]


@pytest.mark.parametrize(("kind", "query"), FAULTS_OF_A_LIST)
def test_faulty_parameters(filled, api, kind, query):
    check_error(api.get(f"{lists(filled)[kind]}?{query}"), 400)


@pytest.mark.parametrize("kind", ["schemas", "policies", "policy versions", "sets", "set versions", "set policies"])
@pytest.mark.parametrize("query", ["sort=name", "sort=-created_at", "expand=total_count,user"])
def test_faulty_sorts(filled, api, kind, query):
    check_error(api.get(f"{lists(filled)[kind]}?{query}"), 400)


def test_a_cursor_belongs_to_its_list(filled, new_zone, api):
    cursor = filled.get("/policies?limit=1")["pagination"]["after_cursor"]
    assert filled.get(f"/policies?limit=2&after={cursor}")["items"], "the limit may change"
    other = new_zone()
    foreign = {
        "another list": filled.url(f"/policy-sets?after={cursor}"),
        "another zone": other.url(f"/policies?after={cursor}"),
        "another filter": filled.url(f"/policies?query=a&after={cursor}"),
        "another order": filled.url(f"/policies?order=asc&after={cursor}"),
        "another policy": filled.url(f"/policies/{filled.policies[1].id}/versions?after={cursor}"),
        "archived ones": filled.url(f"/policies?filter[archived]=any&after={cursor}"),
    }
    for url in foreign.values():
        check_error(api.get(url), 400, "invalid_cursor")


def test_a_cursor_cannot_be_bent(filled, api):
    cursor = filled.get("/policies?limit=1")["pagination"]["after_cursor"]
    for position in range(0, len(cursor), 3):
        other = "A" if cursor[position] != "A" else "B"
        bent = cursor[:position] + other + cursor[position + 1 :]
        check_error(api.get(filled.url("/policies"), params={"after": bent}), 400, "invalid_cursor")
    for bent in (cursor[:-1], cursor + "A", cursor * 2, cursor.swapcase()):
        check_error(api.get(filled.url("/policies"), params={"after": bent}), 400, "invalid_cursor")


def test_a_cursor_says_nothing(filled):
    cursor = filled.get("/policies?limit=1")["pagination"]["after_cursor"]
    newest = filled.policies[3].id
    assert newest not in cursor and newest.replace("-", "") not in cursor


def test_events_are_a_list_too(filled):
    seqs, cursor = [], ""
    while True:
        page = filled.get(f"/events?order=asc&limit=7{cursor}")
        seqs += [event["seq"] for event in page["items"]]
        if not page["pagination"]["after_cursor"]:
            break
        cursor = f"&after={page['pagination']['after_cursor']}"
    assert seqs == list(range(1, filled.last_seq() + 1))
