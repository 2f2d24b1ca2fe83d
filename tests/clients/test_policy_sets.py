"""Policy sets: names, targets, archive, and every list parameter."""

import pytest
from keycardai_api import APIStatusError, BadRequestError, ConflictError, NotFoundError

import samples
from support import UUID_V7, ids, refused, unique, walk, walk_back


@pytest.fixture
def sets(keycard):
    return keycard.zones.policy_sets


def test_create_retrieve_update(zone, sets):
    name = unique("set")
    made = sets.create(zone.id, name=name)
    assert UUID_V7.fullmatch(made.id) and (made.name, made.zone_id, made.owner_type) == (name, zone.id, "customer")
    assert (made.scope_type, made.target_type) == ("zone", "zone")
    assert (made.active, made.mode, made.active_version_id, made.shadow_version_id) == (False, None, None, None)
    assert (made.latest_version, made.archived_at) == (None, None)
    assert sets.retrieve(made.id, zone_id=zone.id) == made
    assert sets.retrieve(made.id, zone_id=zone.id, expand=["user"]).id == made.id
    renamed = sets.update(made.id, zone_id=zone.id, name=name + "!")
    assert renamed.name == name + "!" and renamed.updated_at > made.updated_at


@pytest.mark.parametrize(
    ("given", "scope", "target"),
    [
        ({"scope_type": "zone"}, "zone", "zone"),
        ({"target_type": "user"}, "user", "user"),
        ({"scope_type": "resource"}, "resource", "zone"),
        ({"scope_type": "session"}, "session", "zone"),
        ({"scope_type": "user", "target_type": "user"}, "user", "user"),
    ],
)
def test_scopes_and_targets(zone, sets, given, scope, target):
    made = sets.create(zone.id, name=unique("set"), **given)
    assert (made.scope_type, made.target_type) == (scope, target)


@pytest.mark.parametrize(
    "given", [{"scope_type": "planet"}, {"target_type": "resource"}, {"scope_type": "zone", "target_type": "user"}]
)
def test_refused_scopes_and_targets(zone, sets, given):
    with refused(BadRequestError):
        sets.create(zone.id, name=unique("set"), **given)


def test_a_name_is_unique_among_the_living(zone, sets):
    name = unique("taken")
    first, other = zone.policy_set(name), zone.policy_set()
    with refused(ConflictError, "policy_set_name_conflict"):
        zone.policy_set(name)
    with refused(ConflictError, "policy_set_name_conflict"):
        sets.update(other.id, zone_id=zone.id, name=name)
    sets.archive(first.id, zone_id=zone.id)
    assert zone.policy_set(name).id != first.id


def test_archive(zone, sets):
    version = zone.publish_set(samples.STAFF_READ)
    where = {"zone_id": zone.id}
    archived = sets.archive(version.policy_set_id, **where)
    assert archived.archived_at and sets.retrieve(version.policy_set_id, **where) == archived
    with refused(ConflictError, "policy_set_archived"):
        zone.publish_set(samples.STAFF_READ, set_id=version.policy_set_id)
    with refused(ConflictError):
        zone.activate(version)
    with refused(ConflictError, "policy_set_archived"):
        sets.update(version.policy_set_id, **where, name=unique("set"))


def test_a_bound_set_cannot_be_archived(fresh_zone, sets):
    bound = fresh_zone.bind(samples.STAFF_READ)
    with refused(ConflictError, "policy_set_bound"):
        sets.archive(bound.policy_set_id, zone_id=fresh_zone.id)
    fresh_zone.bind(samples.OWNER_WRITES)
    assert sets.archive(bound.policy_set_id, zone_id=fresh_zone.id).archived_at


def test_the_binding_shows(fresh_zone, sets):
    first = fresh_zone.publish_set(samples.STAFF_READ)
    second = fresh_zone.publish_set(samples.OWNER_WRITES, set_id=first.policy_set_id)
    for bound in (first, second):
        fresh_zone.activate(bound)
        shown = sets.retrieve(first.policy_set_id, zone_id=fresh_zone.id)
        assert (shown.active, shown.mode) == (True, "active")
        assert (shown.active_version, shown.active_version_id) == (bound.version, bound.id)
        assert (shown.latest_version, shown.latest_version_id) == (2, second.id)
        assert (shown.scope_target_id, shown.target_id) == (fresh_zone.id, fresh_zone.id)
    fresh_zone.bind(samples.STAFF_READ)
    shown = sets.retrieve(first.policy_set_id, zone_id=fresh_zone.id)
    assert (shown.active, shown.mode, shown.active_version_id) == (False, None, None)


def test_pages_order_and_count(fresh_zone, sets):
    made = [fresh_zone.policy_set().id for _ in range(5)]
    for order, expected in (("desc", made[::-1]), ("asc", made)):
        first = {"zone_id": fresh_zone.id, "limit": 2, "order": order, "sort": "created_at"}
        pages = walk(sets.list, **first)
        assert [ids(page) for page in pages] == [expected[:2], expected[2:4], expected[4:]]
        assert [ids(page) for page in walk_back(sets.list, pages[-1], **first)] == [expected[2:4], expected[:2]]
    assert sets.list(fresh_zone.id, limit=1, expand=["total_count", "user"]).pagination.total_count == 5


def test_sort_by_status(fresh_zone, sets):
    made = [fresh_zone.policy_set().id for _ in range(3)]
    bound = fresh_zone.publish_set(samples.STAFF_READ, set_id=made[0])
    fresh_zone.activate(bound)
    expected = [made[0], made[2], made[1]]
    assert ids(sets.list(fresh_zone.id, sort="status")) == expected, "active first, then newest first"
    assert [ids(page) for page in walk(sets.list, zone_id=fresh_zone.id, sort="status", order="desc", limit=1)] == [
        [one] for one in expected
    ]
    with refused(BadRequestError):
        sets.list(fresh_zone.id, sort="status", order="asc")
    cursor = sets.list(fresh_zone.id, sort="status", limit=1).pagination.after_cursor
    with refused(BadRequestError):
        sets.list(fresh_zone.id, sort="status", before=cursor)


def test_filter_active(fresh_zone, sets):
    idle = fresh_zone.policy_set().id
    bound = fresh_zone.bind(samples.STAFF_READ).policy_set_id
    for value, found in ((True, {bound}), (False, {idle})):
        assert set(ids(sets.list(fresh_zone.id, filter_active=value))) == found
        assert set(ids(sets.list(fresh_zone.id, active=value))) == found
        assert set(ids(sets.list(fresh_zone.id, active=value, filter_active=value))) == found
    assert set(ids(sets.list(fresh_zone.id))) == {idle, bound}
    with refused(BadRequestError):
        sets.list(fresh_zone.id, active=True, filter_active=False)


def test_filter_target_and_scope(fresh_zone, sets):
    made = {
        scope: sets.create(fresh_zone.id, name=unique("set"), scope_type=scope).id
        for scope in ("zone", "resource", "user", "session")
    }

    def listed(**parameters):
        return set(ids(sets.list(fresh_zone.id, **parameters)))

    assert listed() == {made["zone"]}, "sets of scope zone only, unless asked"
    assert listed(filter_target_type=["user"]) == {made["user"]}
    assert made["zone"] in listed(filter_target_type=["zone", "user"])
    for scope, one in made.items():
        assert listed(filter_scope_type=[scope]) == {one}
    assert listed(filter_scope_type=list(made)) == set(made.values())
    for parameter, wrong in (
        ("filter_target_type", "resource"),
        ("filter_target_type", "zone,user"),
        ("filter_scope_type", "planet"),
        ("filter_scope_type", "zone,user"),
        ("filter_owner_type", "martian"),
    ):
        with refused(BadRequestError, "invalid_filter"):
            sets.list(fresh_zone.id, **{parameter: [wrong]})
    with refused(BadRequestError):
        sets.list(fresh_zone.id, filter_target_type=["user"], filter_scope_type=["zone"])


def test_filter_owner_and_query(fresh_zone, sets):
    apple, pear, percent = (fresh_zone.policy_set(name).id for name in ("Apple", "Pear", "5% off"))
    expected = [
        ({"filter_owner_type": ["customer"]}, {apple, pear, percent}),
        ({"filter_owner_type": ["platform"]}, set()),
        ({"query": ["APP", "pear"]}, {apple, pear}),
        ({"query_name": ["ear"]}, {pear}),
        ({"query": ["%"]}, {percent}),
        ({"query_name": ["_"]}, set()),
    ]
    for parameters, found in expected:
        assert set(ids(sets.list(fresh_zone.id, **parameters))) == found, parameters


def test_archived_ones_are_listed_on_demand(fresh_zone, sets):
    living, archived = fresh_zone.policy_set(), fresh_zone.policy_set()
    sets.archive(archived.id, zone_id=fresh_zone.id)
    for value, found in ((None, {living.id}), ("true", {archived.id}), ("any", {living.id, archived.id})):
        query = {"filter[archived]": value} if value else {}
        assert set(ids(sets.list(fresh_zone.id, extra_query=query))) == found


def test_stale_if_match(zone, sets):
    made = zone.policy_set()
    etag = sets.with_raw_response.retrieve(made.id, zone_id=zone.id).headers["etag"]
    zone.publish_set(samples.STAFF_READ, set_id=made.id)
    for call in (
        lambda stale: sets.update(made.id, zone_id=zone.id, name=unique("set"), if_match=stale),
        lambda stale: sets.archive(made.id, zone_id=zone.id, if_match=stale),
    ):
        with refused(APIStatusError, "precondition_failed", 412):
            call(etag)
    current = sets.with_raw_response.retrieve(made.id, zone_id=zone.id).headers["etag"]
    assert sets.archive(made.id, zone_id=zone.id, if_match=current).archived_at


def test_what_belongs_to_another_zone_is_not_there(zone, new_zone, sets):
    other = new_zone()
    foreign = other.publish_set(samples.STAFF_READ)
    where = {"zone_id": zone.id, "policy_set_id": foreign.policy_set_id}
    calls = [
        lambda: sets.retrieve(foreign.policy_set_id, zone_id=zone.id),
        lambda: sets.update(foreign.policy_set_id, zone_id=zone.id, name=unique("set")),
        lambda: sets.archive(foreign.policy_set_id, zone_id=zone.id),
        lambda: sets.versions.retrieve(foreign.id, **where),
        lambda: sets.versions.update(foreign.id, **where, active=True),
        lambda: sets.versions.archive(foreign.id, **where),
        lambda: sets.versions.list_policies(foreign.id, **where),
        lambda: sets.versions.list(foreign.policy_set_id, zone_id=zone.id),
    ]
    for call in calls:
        with refused(NotFoundError, "not_found"):
            call()
    assert (
        other.version_url(foreign)
        and sets.versions.retrieve(foreign.id, zone_id=other.id, policy_set_id=foreign.policy_set_id) == foreign
    )
