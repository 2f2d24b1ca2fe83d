"""The zone's record of changes: gapless, chained, recomputed here from the documented rule."""

import hashlib

import rfc8785

import samples
from support import check_error


def events(zone) -> list[dict]:
    page = zone.get("/events?order=asc&limit=100")
    assert page["pagination"]["after_cursor"] is None
    return page["items"]


def test_every_change_is_recorded_once(fresh_zone, keycard):
    version = fresh_zone.publish(samples.STAFF_READ)
    bound = fresh_zone.bind(version)
    where = {"zone_id": fresh_zone.id}
    keycard.zones.policies.update(version.policy_id, **where, description="x")
    fresh_zone.bind(samples.OWNER_WRITES)
    keycard.zones.policy_sets.versions.archive(bound.id, **where, policy_set_id=bound.policy_set_id)
    keycard.zones.policy_sets.archive(bound.policy_set_id, **where)
    keycard.zones.policies.versions.archive(version.id, **where, policy_id=version.policy_id)
    keycard.zones.policies.archive(version.policy_id, **where)
    keycard.zones.policy_schemas.set_default(samples.SCHEMA_VERSION, **where)
    fresh_zone.settings(description="y")

    recorded = events(fresh_zone)
    kinds = [event["kind"] for event in recorded]
    assert kinds[0] == "zone.created"
    publish = ["policy.created", "policy_version.created", "policy_set.created", "policy_set_version.created"]
    assert kinds[kinds.index("policy.created") :] == [
        *publish,
        "binding.bound",
        "policy.updated",
        *publish,
        "binding.bound",
        "policy_set_version.archived",
        "policy_set.archived",
        "policy_version.archived",
        "policy.archived",
        "schema.default_changed",
        "zone.updated",
    ]
    assert all(event["actor"] and event["zone_id"] == fresh_zone.id for event in recorded)


def test_the_chain_holds(fresh_zone):
    fresh_zone.bind(samples.STAFF_READ)
    previous = None
    for number, event in enumerate(events(fresh_zone), start=1):
        assert event["seq"] == number
        assert event["prev_sha256"] == previous
        members = {name: event[name] for name in ("zone_id", "seq", "kind", "actor", "at", "body", "prev_sha256")}
        previous = hashlib.sha256(rfc8785.dumps(members)).hexdigest()
        assert event["sha256"] == previous


def test_reading_and_deciding_write_nothing(fresh_zone):
    fresh_zone.bind(samples.STAFF_READ)
    before = fresh_zone.last_seq()
    for path in ("", "/policies", "/policy-sets", "/policy-schemas", "/events", "/.well-known/jwks.json"):
        fresh_zone.get(path)
    fresh_zone.decide()
    assert fresh_zone.last_seq() == before


def test_nobody_edits_them(zone, api):
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        check_error(api.request(method, zone.url("/events"), json={}), 405)
        check_error(api.request(method, zone.url("/events/1"), json={}), {404, 405})
