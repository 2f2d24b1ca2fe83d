"""Policies: names, archive, and every list parameter."""

import pytest
from keycardai_api import APIStatusError, BadRequestError, ConflictError, NotFoundError

import samples
from support import NOBODY, UUID_V7, ids, refused, unique, walk, walk_back


@pytest.fixture
def policies(keycard):
    return keycard.zones.policies


def test_create_retrieve_update(zone, policies):
    name = unique("Grüße & 東京")
    made = policies.create(zone.id, name=name, description="two\nlines")
    assert UUID_V7.fullmatch(made.id) and made.zone_id == zone.id
    assert (made.name, made.description, made.owner_type) == (name, "two\nlines", "customer")
    assert (made.latest_version, made.latest_version_id, made.latest_schema_version) == (None, None, None)
    assert made.archived_at is None and made.created_by
    assert policies.retrieve(made.id, zone_id=zone.id) == made
    assert policies.retrieve(made.id, zone_id=zone.id, expand=["user"]).id == made.id

    changed = policies.update(made.id, zone_id=zone.id, description="one line")
    assert (changed.name, changed.description) == (name, "one line")
    assert changed.updated_at > made.updated_at and changed.updated_by == made.created_by
    renamed = policies.update(made.id, zone_id=zone.id, name=name + "!")
    assert (renamed.name, renamed.description) == (name + "!", "one line")


def test_the_latest_version_shows(zone, policies):
    policy = zone.policy()
    zone.publish(samples.STAFF_READ, policy_id=policy.id)
    second = zone.publish(samples.OWNER_WRITES, policy_id=policy.id)
    shown = policies.retrieve(policy.id, zone_id=zone.id)
    assert (shown.latest_version, shown.latest_version_id) == (2, second.id)
    assert shown.latest_schema_version == samples.SCHEMA_VERSION


def test_a_name_is_unique_among_the_living(zone, policies):
    name = unique("taken")
    first, other = zone.policy(name), zone.policy()
    with refused(ConflictError, "policy_name_conflict"):
        zone.policy(name)
    with refused(ConflictError, "policy_name_conflict"):
        policies.update(other.id, zone_id=zone.id, name=name)
    policies.archive(first.id, zone_id=zone.id)
    assert zone.policy(name).id != first.id, "archiving frees the name"


def test_archive(zone, policies):
    policy = zone.policy()
    archived = policies.archive(policy.id, zone_id=zone.id)
    assert archived.archived_at and archived.id == policy.id
    assert policies.retrieve(policy.id, zone_id=zone.id) == archived, "by id it is always there"
    with refused(ConflictError, "policy_archived"):
        zone.publish(samples.STAFF_READ, policy_id=policy.id)
    with refused(ConflictError, "policy_archived"):
        policies.update(policy.id, zone_id=zone.id, name=unique("policy"))


def test_archived_ones_are_listed_on_demand(fresh_zone, policies):
    living, archived = fresh_zone.policy(), fresh_zone.policy()
    policies.archive(archived.id, zone_id=fresh_zone.id)

    def listed(**query):
        return set(ids(policies.list(fresh_zone.id, extra_query=query)))

    assert listed() == {living.id}
    assert listed(**{"filter[archived]": "true"}) == {archived.id}
    assert listed(**{"filter[archived]": "false"}) == {living.id}
    assert listed(**{"filter[archived]": "any"}) == {living.id, archived.id}


def test_pages_order_and_count(fresh_zone, policies):
    made = [fresh_zone.policy().id for _ in range(5)]
    for order, expected in ((None, made[::-1]), ("desc", made[::-1]), ("asc", made)):
        first = {"zone_id": fresh_zone.id, "limit": 2, "sort": "created_at"} | ({"order": order} if order else {})
        pages = walk(policies.list, **first)
        assert [ids(page) for page in pages] == [expected[:2], expected[2:4], expected[4:]]
        assert pages[0].pagination.before_cursor is None
        back = walk_back(policies.list, pages[-1], **first)
        assert [ids(page) for page in back] == [expected[2:4], expected[:2]]
    assert policies.list(fresh_zone.id).pagination.total_count is None
    assert policies.list(fresh_zone.id, limit=1, expand=["total_count", "user"]).pagination.total_count == 5


def test_a_page_stays_where_it_is_while_the_list_grows(fresh_zone, policies):
    made = [fresh_zone.policy().id for _ in range(4)]
    first = policies.list(fresh_zone.id, limit=2)
    fresh_zone.policy()
    policies.archive(made[3], zone_id=fresh_zone.id)
    second = policies.list(fresh_zone.id, limit=2, after=first.pagination.after_cursor)
    assert ids(second) == [made[1], made[0]]


def test_limits(fresh_zone, policies):
    made = [fresh_zone.policy().id for _ in range(60)]
    assert len(policies.list(fresh_zone.id).items) == 50, "the default"
    assert len(policies.list(fresh_zone.id, limit=100).items) == 60
    assert len(policies.list(fresh_zone.id, filter_id=made).items) == 60, "as many as were asked for"
    assert len(policies.list(fresh_zone.id, filter_id=made, limit=7).items) == 7
    for limit in (0, -1, 101):
        with refused(BadRequestError):
            policies.list(fresh_zone.id, limit=limit)
    with refused(BadRequestError, "invalid_filter"):
        policies.list(fresh_zone.id, filter_id=(made * 2)[:101])


def test_filter_id(zone, new_zone, policies):
    mine, other, foreign = zone.policy().id, zone.policy().id, new_zone().policy().id
    assert set(ids(policies.list(zone.id, filter_id=[mine, other, foreign, NOBODY]))) == {mine, other}
    assert ids(policies.list(zone.id, filter_id=[foreign])) == []
    cursor = policies.list(zone.id, limit=1).pagination.after_cursor
    for side in ("after", "before"):
        with refused(BadRequestError):
            policies.list(zone.id, filter_id=[mine], **{side: cursor})


def test_filter_owner_type(zone, policies):
    mine = zone.policy().id
    assert mine in ids(policies.list(zone.id, filter_owner_type=["customer"], limit=100))
    assert mine in ids(policies.list(zone.id, filter_owner_type=["platform", "customer"], limit=100))
    assert ids(policies.list(zone.id, filter_owner_type=["platform"])) == []
    for wrong in ("platform,customer", "martian"):
        with refused(BadRequestError, "invalid_filter") as caught:
            policies.list(zone.id, filter_owner_type=[wrong])
        assert "platform" in caught.value.body["message"] and "customer" in caught.value.body["message"]


def test_query(fresh_zone, policies):
    apple = fresh_zone.policy("Apple pie", description="with cream").id
    pear = fresh_zone.policy("Pear tart", description="an apple in it").id
    plum = fresh_zone.policy("Plum cake").id
    expected = [
        ({"query": ["APPLE"]}, {apple, pear}),
        ({"query_name": ["apple"]}, {apple}),
        ({"query_description": ["Apple"]}, {pear}),
        ({"query": ["tart", "plum"]}, {pear, plum}),
        ({"query_name": ["apple", "plum"]}, {apple, plum}),
        ({"query": ["apple"], "query_name": ["pear"]}, {pear}),
        ({"query": ["quince"]}, set()),
        ({"query_name": ["pie"], "filter_owner_type": ["customer"], "filter_id": [apple, pear]}, {apple}),
    ]
    for parameters, found in expected:
        assert set(ids(policies.list(fresh_zone.id, **parameters))) == found, parameters


def test_wildcards_are_literals(fresh_zone, policies):
    names = ["100%", "100 percent", "under_score", "underXscore", "back\\slash", "backslash"]
    made = {name: fresh_zone.policy(name, description=name).id for name in names}
    for term, name in (
        ("100%", "100%"),
        ("%", "100%"),
        ("r_s", "under_score"),
        ("_", "under_score"),
        ("\\", "back\\slash"),
    ):
        for parameter in ("query", "query_name", "query_description"):
            assert ids(policies.list(fresh_zone.id, **{parameter: [term]})) == [made[name]], (parameter, term)


def test_what_belongs_to_another_zone_is_not_there(zone, new_zone, policies):
    foreign = new_zone().policy()
    calls = [
        lambda: policies.retrieve(foreign.id, zone_id=zone.id),
        lambda: policies.update(foreign.id, zone_id=zone.id, name=unique("mine")),
        lambda: policies.archive(foreign.id, zone_id=zone.id),
        lambda: zone.publish(samples.STAFF_READ, policy_id=foreign.id),
        lambda: policies.versions.list(foreign.id, zone_id=zone.id),
    ]
    for call in calls:
        with refused(NotFoundError, "not_found"):
            call()


def test_stale_if_match(zone, policies):
    policy = zone.policy()
    etag = policies.with_raw_response.retrieve(policy.id, zone_id=zone.id).headers["etag"]
    changed = policies.with_raw_response.update(policy.id, zone_id=zone.id, name=unique("policy"), if_match=etag)
    with refused(APIStatusError, "precondition_failed", 412):
        policies.update(policy.id, zone_id=zone.id, description="lost update", if_match=etag)
    assert policies.retrieve(policy.id, zone_id=zone.id).description is None
    policies.update(policy.id, zone_id=zone.id, description="seen", if_match=changed.headers["etag"])
