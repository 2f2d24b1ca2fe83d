"""Policy set versions: manifests, activation, archive, the pinned policies."""

import pytest
from keycardai_api import BadRequestError, ConflictError, UnprocessableEntityError

import samples
from support import HEX_SHA256, NOBODY, ids, manifest, refused, unique, walk, walk_back


@pytest.fixture
def versions(keycard):
    return keycard.zones.policy_sets.versions


def test_create_and_retrieve(zone, versions):
    reads, writes = zone.publish(samples.STAFF_READ), zone.publish(samples.OWNER_WRITES)
    made = zone.publish_set(writes, reads)
    assert (made.version, made.schema_version, made.owner_type) == (1, samples.SCHEMA_VERSION, "customer")
    assert (made.active, made.archived_at, made.archived_by) == (False, None, None)
    assert HEX_SHA256.fullmatch(made.manifest_sha)
    pinned = [(entry.policy_id, entry.policy_version_id, entry.sha) for entry in made.manifest.entries]
    assert pinned == sorted((v.policy_id, v.id, v.sha) for v in (reads, writes)), "by policy_id"
    statement = made.attestation
    assert (statement.v, statement.type, statement.status) == (1, "policy_set_attestation", "created")
    assert (statement.zone_id, statement.policy_set_id) == (zone.id, made.policy_set_id)
    assert (statement.policy_set_version, statement.manifest_sha) == (1, made.manifest_sha)
    assert statement.attested_by == made.created_by
    where = {"zone_id": zone.id, "policy_set_id": made.policy_set_id}
    assert versions.retrieve(made.id, **where) == made == versions.retrieve(made.id, **where, expand=["user"])


def test_the_order_of_the_entries_does_not_matter(zone):
    pinned = [zone.publish(samples.permit(f"{n} == {n}")) for n in range(3)]
    shas = {zone.publish_set(*order).manifest_sha for order in (pinned, pinned[::-1], pinned[1:] + pinned[:1])}
    assert len(shas) == 1
    assert zone.publish_set(*pinned[:2]).manifest_sha not in shas


def test_publishing_the_newest_again_answers_it(zone, versions):
    reads, writes, policy_set = zone.publish(samples.STAFF_READ), zone.publish(samples.OWNER_WRITES), zone.policy_set()

    def publish(*pinned):
        return versions.with_raw_response.create(
            policy_set.id, zone_id=zone.id, manifest=manifest(*pinned), schema_version=samples.SCHEMA_VERSION
        )

    first, again, other = publish(reads, writes), publish(writes, reads), publish(reads)
    assert [answer.status_code for answer in (first, again, other)] == [201, 200, 201]
    assert first.parse() == again.parse() and other.parse().version == 2
    back = publish(reads, writes)
    assert (back.status_code, back.parse().version) == (201, 3)


def test_list(zone, versions):
    policy_set = zone.policy_set()
    made = [zone.publish_set(samples.permit(f"{n} == {n}"), set_id=policy_set.id).id for n in range(5)]
    for order, expected in (("desc", made[::-1]), ("asc", made)):
        first = {"policy_set_id": policy_set.id, "zone_id": zone.id, "limit": 2, "order": order, "sort": "created_at"}
        pages = walk(versions.list, **first)
        assert [ids(page) for page in pages] == [expected[:2], expected[2:4], expected[4:]]
        assert [ids(page) for page in walk_back(versions.list, pages[-1], **first)] == [expected[2:4], expected[:2]]
    counted = versions.list(policy_set.id, zone_id=zone.id, expand=["total_count", "user"])
    assert counted.pagination.total_count == 5 and [v.version for v in counted.items] == [5, 4, 3, 2, 1]


def test_list_policies(zone, versions):
    texts = [samples.permit(f"{n} == {n}") for n in range(5)]
    pinned = [zone.publish(text) for text in texts]
    made = zone.publish_set(*pinned[::-1])
    where = {"version_id": made.id, "zone_id": zone.id, "policy_set_id": made.policy_set_id}
    by_policy = sorted((version.policy_id, version.id) for version in pinned)

    listed = versions.list_policies(**where, expand=["total_count", "user"])
    assert [(v.policy_id, v.id) for v in listed.items] == by_policy and listed.pagination.total_count == 5
    assert {v.id: v for v in listed.items} == {v.id: v for v in pinned}
    newest_first = ids(versions.list_policies(**where, order="desc", sort="created_at"))
    assert newest_first == [v.id for v in pinned[::-1]]
    assert ids(versions.list_policies(**where, order="asc", sort="created_at")) == newest_first[::-1]
    for order in ({}, {"order": "desc"}):
        pages = walk(versions.list_policies, **where, **order, limit=2)
        expected = newest_first if order else [one for _, one in by_policy]
        assert [one for page in pages for one in ids(page)] == expected
        back = walk_back(versions.list_policies, pages[-1], **where, **order, limit=2)
        assert [ids(page) for page in back] == [expected[2:4], expected[:2]]
    for format, present, absent in (("json", "cedar_json", "cedar_raw"), ("cedar", "cedar_raw", "cedar_json")):
        for shown in versions.list_policies(**where, format=format).items:
            assert getattr(shown, present) is not None and getattr(shown, absent) is None


def test_activate_replace_and_roll_back(fresh_zone, versions):
    first = fresh_zone.publish_set(samples.STAFF_READ)
    second = fresh_zone.publish_set(samples.forbid("true"), set_id=first.policy_set_id)
    where = {"zone_id": fresh_zone.id, "policy_set_id": first.policy_set_id}
    revisions = []
    for bound, other, decision in ((first, second, "allow"), (second, first, "deny"), (first, second, "allow")):
        assert fresh_zone.activate(bound).active is True
        assert versions.retrieve(bound.id, **where).active is True
        assert versions.retrieve(other.id, **where).active is False
        answer = fresh_zone.decide()
        assert answer["decision"] == decision, "visible to the very next decision"
        revisions.append(answer["revision"])
    assert revisions == sorted(set(revisions)), "each change bumps the revision"
    assert fresh_zone.get()["revision"] == revisions[-1]


def test_activate_says_true(zone):
    made = zone.publish_set(samples.STAFF_READ)
    for body in ({"active": False}, {}, {"active": None}, {"active": "true"}, {"active": True, "at": "once"}):
        answer = zone.api.patch(zone.version_url(made), json=body)
        assert answer.status_code == 400, (body, answer.text)


def test_archive(fresh_zone, versions):
    bound, idle = fresh_zone.bind(samples.STAFF_READ), fresh_zone.publish_set(samples.OWNER_WRITES)
    where = {"zone_id": fresh_zone.id, "policy_set_id": bound.policy_set_id}
    with refused(ConflictError, "version_bound"):
        versions.archive(bound.id, **where)
    where["policy_set_id"] = idle.policy_set_id
    archived = versions.archive(idle.id, **where)
    assert archived.archived_at and archived.archived_by
    assert versions.retrieve(idle.id, **where) == archived
    with refused(ConflictError, "version_archived"):
        fresh_zone.activate(idle)
    assert fresh_zone.decide()["decision"] == "allow", "nothing moved"


def test_an_archived_version_is_listed_on_demand(zone, versions):
    first = zone.publish_set(samples.STAFF_READ)
    second = zone.publish_set(samples.OWNER_WRITES, set_id=first.policy_set_id)
    versions.archive(second.id, zone_id=zone.id, policy_set_id=first.policy_set_id)
    for value, found in ((None, [first.id]), ("true", [second.id]), ("any", [second.id, first.id])):
        query = {"filter[archived]": value} if value else {}
        assert ids(versions.list(first.policy_set_id, zone_id=zone.id, extra_query=query)) == found
    third = zone.publish_set(samples.OWNER_WRITES, set_id=first.policy_set_id)
    assert third.version == 3, "numbers are never given again"


def entry(version, **more):
    return {"policy_id": version.policy_id, "policy_version_id": version.id, **more}


def refused_manifests(zone, new_zone):
    """name → (entries, schema version, error class, code)"""
    version = zone.publish(samples.STAFF_READ)
    newer = zone.publish(samples.OWNER_WRITES, policy_id=version.policy_id)
    other, foreign = zone.publish(samples.STAFF_READ), new_zone().publish(samples.STAFF_READ)
    own, unprocessable = samples.SCHEMA_VERSION, UnprocessableEntityError
    twin = unique("own")
    zone.add_schema(twin)
    return {
        "none": ([], own, unprocessable, "manifest_empty"),
        "twice": ([entry(version), entry(version)], own, unprocessable, "manifest_duplicate_policy"),
        "two versions": ([entry(version), entry(newer)], own, unprocessable, "manifest_duplicate_policy"),
        "wrong sha": ([entry(version, sha=newer.sha)], own, unprocessable, "sha_mismatch"),
        "nobody's": ([entry(version) | {"policy_version_id": NOBODY}], own, unprocessable, "policy_version_not_found"),
        "another policy's": (
            [entry(version) | {"policy_id": other.policy_id}],
            own,
            unprocessable,
            "policy_version_not_found",
        ),
        "another zone's": ([entry(foreign)], own, unprocessable, "policy_version_not_found"),
        "another schema": ([entry(version)], twin, unprocessable, "schema_version_mismatch"),
        "no id": ([{"policy_id": version.policy_id}], own, BadRequestError, None),
        "a field more": ([entry(version, note="x")], own, BadRequestError, None),
    }


def test_refused_manifests(zone, new_zone, versions):
    policy_set = zone.policy_set()
    for name, (entries, schema_version, error, code) in refused_manifests(zone, new_zone).items():
        before = zone.last_seq()
        with refused(error, code):
            versions.create(
                policy_set.id, zone_id=zone.id, manifest={"entries": entries}, schema_version=schema_version
            )
        assert zone.last_seq() == before, name
    assert versions.list(policy_set.id, zone_id=zone.id).items == []


def test_a_right_sha_is_fine(zone, versions):
    version = zone.publish(samples.STAFF_READ)
    made = versions.create(
        zone.policy_set().id,
        zone_id=zone.id,
        schema_version=samples.SCHEMA_VERSION,
        manifest={"entries": [entry(version, sha=version.sha)]},
    )
    assert made.manifest.entries[0].sha == version.sha


def test_a_manifest_longer_than_a_page(zone, versions):
    text = "\n".join(samples.permit(f"{n} == {n}") for n in range(3))
    pinned = [zone.publish(text) for _ in range(120)]
    made = zone.publish_set(*pinned)
    where = {"version_id": made.id, "zone_id": zone.id, "policy_set_id": made.policy_set_id}
    listed = [one for page in walk(versions.list_policies, **where, limit=50) for one in ids(page)]
    assert sorted(listed) == sorted(version.id for version in pinned)
