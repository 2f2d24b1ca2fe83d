"""Decisions over the zone slot, entities in the request."""

import pytest

import samples
from samples import ALICE, BOB, ENTITIES, PLAN, entity, request, uid
from support import NOBODY, UTC_TIME, UUID_V7, check_error


@pytest.fixture(scope="module")
def deciding(new_zone):
    """A zone whose bound set has five policies; `names` tells them by policy id."""
    zone = new_zone()
    texts = {
        "staff reads": samples.STAFF_READ,
        "owner writes": samples.OWNER_WRITES,
        "no large amounts": samples.NO_LARGE_AMOUNTS,
        "erring forbid": samples.ERRING_FORBID,
        "never": samples.permit('context has note && context.note == "never"'),
    }
    zone.versions = {name: zone.publish(text, policy_id=zone.policy(name).id) for name, text in texts.items()}
    zone.bound = zone.bind(*zone.versions.values())
    return zone


# principal, action, context → decision, reason, determining policies
DECISIONS = [
    (ALICE, "read", {}, "allow", None, {"staff reads"}),
    (ALICE, "list", {}, "allow", None, {"staff reads"}),
    (ALICE, "write", {}, "allow", None, {"owner writes"}),
    (ALICE, "read", {"amount": -5}, "allow", None, {"staff reads"}),
    (ALICE, "write", {"note": "never"}, "allow", None, {"owner writes", "never"}),
    (BOB, "read", {}, "deny", "no_permit", set()),
    (BOB, "write", {}, "deny", "no_permit", set()),
    (BOB, "write", {"note": "never"}, "allow", None, {"never"}),
    (uid("User", "stranger"), "write", {}, "deny", "no_permit", set()),
    (ALICE, "read", {"amount": 101}, "deny", "forbidden", {"no large amounts"}),
    (ALICE, "read", {"amount": 100}, "deny", "forbid_errored", None),
    (ALICE, "write", {"amount": 1}, "deny", "forbid_errored", None),
]


@pytest.mark.parametrize(("principal", "action", "context", "decision", "reason", "determining"), DECISIONS)
def test_decisions(deciding, principal, action, context, decision, reason, determining):
    answer = deciding.decide(principal=principal, action=action, context=context)
    (slot,) = answer["scopes"]
    assert (answer["decision"], slot["decision"]) == (decision, decision)
    assert answer.get("reason") == reason
    if determining is not None:
        assert {policy["name"] for policy in slot["determining_policies"]} == determining
    errs = context.get("amount", 0) > 0
    assert bool(slot["errors"]) == errs


def test_an_answer_says_what_decided(deciding, keycard):
    answer = deciding.decide()
    assert UUID_V7.fullmatch(answer["decision_id"]) and UTC_TIME.fullmatch(answer["evaluated_at"])
    assert answer["combination"] == "intersect" and answer["shadow"] == []
    assert answer["revision"] == deciding.get()["revision"]
    (slot,) = answer["scopes"]
    bound, version = deciding.bound, deciding.versions["staff reads"]
    assert {name: slot[name] for name in slot.keys() - {"determining_policies", "errors", "decision"}} == {
        "scope_type": "zone",
        "scope_target_id": deciding.id,
        "policy_set_id": bound.policy_set_id,
        "policy_set_version_id": bound.id,
        "version": bound.version,
        "manifest_sha": bound.manifest_sha,
    }
    assert slot["determining_policies"] == [
        {
            "policy_id": version.policy_id,
            "policy_version_id": version.id,
            "name": "staff reads",
            "cedar_id": "policy0",
            "effect": "permit",
            "annotations": {"note": samples.MARK},
        }
    ]
    stored = keycard.zones.policy_sets.versions.retrieve(
        slot["policy_set_version_id"], zone_id=deciding.id, policy_set_id=slot["policy_set_id"]
    )
    assert stored.manifest_sha == stored.attestation.manifest_sha == slot["manifest_sha"]
    assert deciding.decide()["decision_id"] != answer["decision_id"]


@pytest.mark.parametrize("amount", [None, 500])
def test_text_uids_are_the_same_uids(deciding, amount):
    context = {} if amount is None else {"amount": amount}
    as_objects = deciding.decide(context=context)
    as_text = deciding.decide(principal='User::"alice"', resource='Doc::"plan"', context=context)
    mixed = deciding.authorize(request(context=context) | {"action": 'Action::"read"'}).json()
    for other in (as_text, mixed):
        assert (other["decision"], other["scopes"]) == (as_objects["decision"], as_objects["scopes"])


def test_uids_with_odd_characters(fresh_zone):
    fresh_zone.bind(samples.permit('principal == User::"O\'Hara \\"x\\" \\u{1f600}\\n"'))
    principal = uid("User", 'O\'Hara "x" \U0001f600\n')
    entities = [*ENTITIES, entity("User", principal["id"], {"clearance": 1})]
    assert fresh_zone.decide(principal=principal, entities=entities)["decision"] == "allow"
    text = 'User::"O\'Hara \\"x\\" \\u{1f600}\\n"'
    assert fresh_zone.decide(principal=text, entities=entities)["decision"] == "allow"
    assert fresh_zone.decide(principal=ALICE, entities=entities)["decision"] == "deny"


def test_nothing_bound_denies(fresh_zone):
    fresh_zone.publish_set(samples.permit("true"))
    answer = fresh_zone.decide()
    assert (answer["decision"], answer["reason"]) == ("deny", "no_active_policy_set")


def test_several_statements_are_told_apart(fresh_zone):
    text = (
        samples.permit("false")
        + "\n"
        + samples.permit("true")
        + "\n"
        + samples.policy('permit (principal, action == Action::"read", resource);')
    )
    fresh_zone.bind(text, samples.permit("true"))
    (slot,) = fresh_zone.decide()["scopes"]
    found = sorted((policy["cedar_id"], policy["policy_id"]) for policy in slot["determining_policies"])
    assert [cedar_id for cedar_id, _ in found] == ["policy0", "policy1", "policy2"]
    assert found[0][1] != found[1][1] == found[2][1]


def test_links_decide(fresh_zone):
    template = samples.policy("permit (principal == ?principal, action, resource == ?resource);")
    content = fresh_zone.publish(template).cedar_json
    (template_id,) = content["templates"]
    values = {"?principal": {"__entity": ALICE}, "?resource": {"__entity": PLAN}}
    content["templateLinks"] = [{"newId": "alice-plan", "templateId": template_id, "values": values}]
    fresh_zone.bind(fresh_zone.publish(json=content))
    answer = fresh_zone.decide()
    assert answer["decision"] == "allow"
    assert [policy["cedar_id"] for policy in answer["scopes"][0]["determining_policies"]] == ["alice-plan"]
    assert fresh_zone.decide(principal=BOB)["decision"] == "deny"


def test_a_version_from_json_decides_like_its_text(fresh_zone):
    text = fresh_zone.publish(samples.STAFF_READ)
    fresh_zone.bind(fresh_zone.publish(json=text.cedar_json))
    assert fresh_zone.decide()["decision"] == "allow"
    assert fresh_zone.decide(principal=BOB)["decision"] == "deny"


GROUP = entity("Action", "readers")
READ = entity("Action", "read", parents=(("Action", "readers"),))
WORLD = {
    "forbid on a group": ('forbid (principal, action in Action::"readers", resource);', "deny"),
    "forbid outside of it": ('forbid (principal, action == Action::"write", resource);', "allow"),
}


@pytest.mark.parametrize("case", WORLD)
def test_actions_come_from_the_schema(fresh_zone, case):
    statement, decision = WORLD[case]
    fresh_zone.bind(samples.permit("true"), samples.policy(statement))
    assert fresh_zone.decide()["decision"] == decision
    same = fresh_zone.decide(entities=[*ENTITIES, READ, GROUP])
    assert same["decision"] == decision, "action entities that equal the schema's change nothing"
    rewritten = [
        entity("Action", "read"),
        entity("Action", "write", parents=(("Action", "readers"),)),
        entity("Action", "read", parents=(("Action", "write"),)),
        entity("Action", "erase"),
    ]
    for action in rewritten:
        check_error(fresh_zone.authorize(entities=[*ENTITIES, action]), 422)
    fresh_zone.settings(validate_requests=False)
    for action in rewritten:
        check_error(fresh_zone.authorize(entities=[*ENTITIES, action]), 422)


def changed(number, **attrs):
    """The entities with other attributes for one of them."""
    return [other | {"attrs": attrs} if n == number else other for n, other in enumerate(ENTITIES)]


MISFITS = {
    "context of another type": {"context": {"amount": "much"}},
    "undeclared context member": {"context": {"colour": "blue"}},
    "fraction in the context": {"context": {"amount": 1.5}},
    "null in the context": {"context": {"amount": None}},
    "undeclared principal type": {"principal": uid("Robot", "r2")},
    "principal of a wrong type": {"principal": PLAN},
    "resource of a wrong type": {"resource": ALICE},
    "undeclared action": {"action": "erase"},
    "an action that is only a group": {"action": "readers"},
    "attribute of another type": {"entities": changed(1, clearance="high")},
    "missing attribute": {"entities": changed(1)},
    "undeclared attribute": {"entities": changed(1, clearance=1, shoe_size=44)},
    "undeclared entity type": {"entities": [*ENTITIES, entity("Robot", "r2")]},
    "parent of a wrong type": {"entities": [entity("Team", "staff", parents=(("User", "alice"),))]},
    "an entity twice, differently": {"entities": [*ENTITIES, entity("User", "alice", {"clearance": 9})]},
    "a cycle": {
        "entities": [
            entity("Folder", "a", parents=(("Folder", "b"),)),
            entity("Folder", "b", parents=(("Folder", "a"),)),
        ]
    },
}


@pytest.mark.parametrize("case", MISFITS)
def test_what_does_not_fit_the_schema_is_never_a_silent_deny(deciding, case):
    body = check_error(deciding.authorize(**MISFITS[case]), 422)
    assert body["notices"] or body["details"] or body["message"]


def chain(length: int) -> list[dict]:
    return [entity("Folder", f"{n}", parents=(("Folder", f"{n + 1}"),)) for n in range(length)]


TOO_MUCH = {
    "1,001 entities": [entity("Team", f"{n}") for n in range(1001)],
    "101 parents": [entity("Folder", "f", parents=tuple(("Folder", f"{n}") for n in range(101)))],
    "5,000 in a chain": chain(5000),
    "500 in a chain": chain(500),
}


@pytest.mark.parametrize("case", TOO_MUCH)
def test_entities_have_bounds(deciding, case):
    check_error(deciding.authorize(entities=TOO_MUCH[case]))


def test_entities_within_the_bounds(fresh_zone):
    fresh_zone.bind(samples.permit('resource in Folder::"80"'))
    plan = entity("Doc", "plan", {"level": 2, "owner": {"__entity": ALICE}}, (("Folder", "0"),))
    assert fresh_zone.decide(entities=[*ENTITIES[:3], plan, *chain(80)])["decision"] == "allow"
    many = [entity("User", f"{n}", {"clearance": 1}) for n in range(900)]
    assert fresh_zone.decide(entities=[*ENTITIES, *many])["decision"] == "deny"


UNKNOWN_FIELDS = [{"colour": 1}, {"at_revision": 1}, {"Principal": ALICE}, {"requests": []}]


@pytest.mark.parametrize("more", UNKNOWN_FIELDS)
def test_unknown_fields(deciding, more):
    assert list(more)[0] in check_error(deciding.authorize(request() | more), 400)["message"]


def test_at_least_revision(fresh_zone):
    fresh_zone.bind(samples.STAFF_READ)
    current = fresh_zone.get()["revision"]
    for seen in (1, current):
        assert fresh_zone.decide(at_least_revision=seen)["revision"] == current
    check_error(fresh_zone.authorize(at_least_revision=current + 1), 400)


def test_settings_change_decisions(new_zone):
    zone = new_zone()
    zone.bind(samples.STAFF_READ, samples.ERRING_FORBID)
    assert zone.decide(context={"amount": 1})["reason"] == "forbid_errored"
    zone.settings(on_forbid_error="cedar")
    assert zone.decide(context={"amount": 1})["decision"] == "allow"
    zone.settings(on_forbid_error="deny")

    check_error(zone.authorize(context={"colour": "blue"}), 422)
    zone.settings(validate_requests=False)
    assert zone.decide(context={"colour": "blue"})["decision"] == "allow"
    zone.settings(validate_requests=True, request_entities="refuse")
    check_error(zone.authorize(), 422)
    assert zone.decide(entities=[])["reason"] == "no_permit"
    zone.settings(request_entities="extend", session_required=True)
    assert zone.decide()["reason"] == "session_required"
    assert zone.decide(session="s-1")["reason"] == "session_required", "no session set is bound"


def test_zones_do_not_meet(deciding, fresh_zone):
    assert fresh_zone.decide()["decision"] == "deny" and deciding.decide()["decision"] == "allow"
    check_error(deciding.api.post(f"/zones/{NOBODY}/authorize", json=request()), 404, "not_found")
