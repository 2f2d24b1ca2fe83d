"""Inputs that overflow a stack or burn a CPU in the Cedar library: refused or decided right, the process lives."""

import pytest

import samples
from support import check_error


def chained(term: str, operator: str, count: int) -> str:
    return operator.join([term] * count)


# Each is true if it can be evaluated at all.
CONDITIONS = {
    "330 bytes of parentheses": "(" * 165 + "true" + ")" * 165,
    "20,000 parentheses": "(" * 20_000 + "true" + ")" * 20_000,
    "open parentheses": "(" * 50_000,
    "4 nots": "!!!!true",
    "20,000 nots": "!" * 20_000 + "true",
    "20,000 minus signs": "-" * 20_000 + "1 < 2",
    "attribute chain": "context" + ".a" * 20_000,
    "index chain": "context" + '["a"]' * 20_000,
    "has chain": "context has a" + ".a" * 20_000 + " || true",
    "method chain": "[1]" + ".contains(1)" * 10_000,
    "62 ors": chained("context has note", " || ", 61) + " || true",
    "600 ors": chained("context has note", " || ", 599) + " || true",
    "10,000 ands": chained("true", " && ", 10_000),
    "10,000 plusses": chained("1", " + ", 10_000) + " > 0",
    "10,000 times": chained("1", "*", 10_000) + " > 0",
    "10,000 equals": chained("true", "==", 10_000),
    "nested ifs": "if true then " * 5_000 + "true" + " else false" * 5_000,
    "ifs in ifs": "if " * 5_000 + "true" + " then true else false" * 5_000,
    "nested sets": "[" * 20_000 + "1" + "]" * 20_000 + " == 1 || true",
    "nested records": "{a:" * 20_000 + "1" + "}" * 20_000 + " == 1 || true",
    "nested calls": "ip(" * 20_000 + '"::1"' + ")" * 20_000 + " == 1 || true",
    "path of a type": "principal is " + "A::" * 20_000 + "B || true",
    "100 parentheses around chains": " && ".join(["(" * 100 + chained("true", " && ", 390) + ")" * 100] * 3),
    "a chain in chains": chained("(" + chained("true", " && ", 300) + ")", " || ", 300),
    "a long string": '"' + "\\u{41}" * 30_000 + '" like "*' + "A*" * 10_000 + '"',
    "a wide set": "[" + ",".join(map(str, range(30_000))) + "].contains(1)",
}

TEXTS = {name: samples.permit(condition) for name, condition in CONDITIONS.items()} | {
    "60,000 when clauses": samples.policy("permit (principal, action, resource)" + "when{true}" * 60_000 + ";"),
    "20,000 when clauses": samples.policy("permit (principal, action, resource)" + "when{true}" * 20_000 + ";"),
    "300 when clauses": samples.policy("permit (principal, action, resource)" + "when{true}" * 300 + ";"),
    "10,000 annotations": "".join(f'@a{n}("")' for n in range(10_000)) + samples.permit("true"),
    "5,000 statements": "permit(principal,action,resource);" * 5_000,
    "parentheses everywhere": "(" * 200_000,
    "open comment": "/" * 100_000,
    "unterminated string": samples.policy('permit (principal == User::"' + "x" * 100_000),
    "a list of actions": samples.policy(
        "permit (principal, action in [" + ",".join(['Action::"read"'] * 8_000) + "], resource);"
    ),
}

MUST_DECIDE = {"4 nots", "62 ors"}


@pytest.fixture(scope="module", params=["strict", "off"])
def target(request, new_zone):
    """Strict validation refuses some of these early: both ways must hold."""
    return new_zone(validation_mode=request.param)


def publish(zone, **content):
    url = zone.url(f"/policies/{zone.policy().id}/versions")
    return zone.api.post(url, json={"schema_version": samples.SCHEMA_VERSION, **content})


def decided_right(zone, published) -> None:
    """What was published can be read, pinned, bound and evaluated."""
    version = zone.keycard.zones.policies.versions.retrieve(
        published["id"], zone_id=zone.id, policy_id=published["policy_id"]
    )
    zone.bind(version)
    answer = zone.authorize()
    assert answer.status_code == 200, answer.text[:500]
    assert answer.json()["decision"] == "allow", answer.text[:500]


@pytest.mark.parametrize("name", TEXTS)
def test_texts(target, name):
    answer = publish(target, cedar_raw=TEXTS[name])
    if answer.status_code == 201:
        decided_right(target, answer.json())
    else:
        assert name not in MUST_DECIDE, answer.text
        check_error(answer, {400, 413, 422})
    assert target.api.get("/healthz").status_code == 200


@pytest.mark.parametrize("terms", [60, 300, 600, 5_000])
def test_a_forbid_is_never_skipped(target, terms):
    """Past some length the evaluator gives up and skips the policy; then the permit must not win."""
    condition = " || ".join(f"context.amount == {n}" for n in range(terms))
    text = samples.forbid(f"context has amount && ({condition})")
    answer = publish(target, cedar_raw=text)
    if answer.status_code == 201:
        target.bind(samples.permit("true"), target.publish(text))
        assert target.decide(context={"amount": terms - 1})["decision"] == "deny"
        assert target.decide(context={"amount": terms})["decision"] == "allow"
    else:
        assert terms > 60
        check_error(answer, {413, 422})


def unary(depth: int, leaf: dict) -> dict:
    for _ in range(depth):
        leaf = {"!": {"arg": leaf}}
    return leaf


TRUE = {"Value": True}
JSONS = {
    "20 nested": samples.permit_json(unary(20, TRUE)),
    "390 nested": samples.permit_json(unary(390, TRUE)),
    "10 times 390 nested": samples.permit_json({"Set": [unary(390, TRUE)] * 10}),
    "10 policies of 390": samples.permit_json()
    | {
        "staticPolicies": {
            f"policy{n}": samples.permit_json(unary(390, TRUE))["staticPolicies"]["policy0"] for n in range(10)
        }
    },
    "60,000 conditions": samples.permit_json()
    | {
        "staticPolicies": {
            "policy0": samples.permit_json()["staticPolicies"]["policy0"]
            | {"conditions": [{"kind": "when", "body": TRUE}] * 60_000}
        }
    },
    "a deep value": samples.permit_json({"==": {"left": {"Value": {"a": {"b": {"c": [[[[1]]]]}}}}, "right": TRUE}}),
}


@pytest.mark.parametrize("name", JSONS)
def test_jsons(target, name):
    answer = publish(target, cedar_json=JSONS[name])
    if answer.status_code == 201:
        target.bind(
            target.keycard.zones.policies.versions.retrieve(
                answer.json()["id"], zone_id=target.id, policy_id=answer.json()["policy_id"]
            )
        )
        assert target.authorize().status_code == 200
    else:
        assert name != "20 nested", answer.text
        check_error(answer, {400, 413, 422})


def test_what_is_too_deep_as_json_may_come_as_text(target):
    text = samples.permit(chained("context has note", " || ", 61) + " || true")
    version = target.publish(text)
    assert version.cedar_json, "it can be read back"
    answer = publish(target, cedar_json=version.cedar_json)
    if answer.status_code == 201:
        assert answer.json()["sha"] == version.sha
    else:
        assert "text" in check_error(answer, {400, 422})["message"], "the message says what would be right"


def deep_value(depth: int, make):
    value = 1
    for _ in range(depth):
        value = make(value)
    return value


REQUESTS = {
    "nested context": {"context": {"note": deep_value(100, lambda inner: [inner])}},
    "nested records": {"context": deep_value(120, lambda inner: {"a": inner})},
    "nested extensions": {"context": {"ip": deep_value(100, lambda inner: {"__extn": {"fn": "ip", "arg": inner}})}},
    "nested attributes": {
        "entities": [samples.entity("User", "x", {"a": deep_value(100, lambda inner: {"a": inner})})]
    },
    "a long uid": {"principal": "A::" * 30_000 + 'User::"x"'},
    "an open uid": {"principal": 'User::"' * 30_000},
    "a uid of parentheses": {"principal": "(" * 100_000},
    "a type of paths": {"principal": samples.uid("A::" * 30_000 + "User", "x")},
}


@pytest.mark.parametrize("name", REQUESTS)
def test_requests(target, name):
    check_error(target.authorize(**REQUESTS[name]), {400, 413, 422})


SCHEMAS = {
    "nested sets": "entity User = { a: " + "Set<" * 10_000 + "Long" + ">" * 10_000 + " };",
    "nested records": "entity User = { a: " + "{a:" * 10_000 + "Long" + "}" * 10_000 + " };",
    "a chain of types": "entity User = { a: T0 };"
    + "".join(f"type T{n} = T{n + 1};" for n in range(10_000))
    + "type T10000 = Long;",
    "doubling types": "entity User = { a: T0 };"
    + "".join(f"type T{n} = {{a: T{n + 1}, b: T{n + 1}}};" for n in range(40))
    + "type T40 = Long;",
    "a cycle of types": "type A = B; type B = A; entity User = { a: A };",
    "a cycle of actions": "action a in [b]; action b in [a];",
    "a chain of actions": "".join(f"action a{n} in [a{n + 1}];" for n in range(3_000)) + "action a3000;",
    "a chain of entities": "".join(f"entity E{n} in [E{n + 1}];" for n in range(3_000)) + "entity E3000;",
    "nested namespaces": "namespace " + "A::" * 10_000 + "B { entity User; }",
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_schemas(target, name):
    body = {"version": f"bomb-{list(SCHEMAS).index(name)}", "cedar_schema": SCHEMAS[name]}
    answer = target.api.post(target.url("/policy-schemas"), json=body)
    if answer.status_code != 201:
        check_error(answer, {400, 413, 422})
    nested = {
        "": {
            "entityTypes": {"User": {"shape": deep_value(100, lambda inner: {"type": "Set", "element": inner})}},
            "actions": {},
        }
    }
    check_error(
        target.api.post(target.url("/policy-schemas"), json={"version": "deep", "cedar_schema_json": nested}),
        {400, 422},
    )
