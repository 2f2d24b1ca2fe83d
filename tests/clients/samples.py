"""The schema, the policies and the entities that the tests work with."""

# Stands in every policy text, so that a log can be searched for it.
MARK = "marked-policy-text"

SCHEMA_VERSION = "docs-1"

SCHEMA = """
entity Team;
entity User in [Team] = { clearance: Long, email?: String };
entity Folder in [Folder];
entity Doc in [Folder] = { owner: User, level: Long };
type Facts = { mfa?: Bool, amount?: Long, ip?: ipaddr, note?: String };
action readers;
action read, list in [readers] appliesTo { principal: [User], resource: [Doc], context: Facts };
action write appliesTo { principal: [User], resource: [Doc], context: Facts };
"""


def policy(statement: str) -> str:
    """A statement with the mark in an annotation."""
    return f'@note("{MARK}")\n{statement}'


def permit(condition: str) -> str:
    return policy(f"permit (principal, action, resource) when {{ {condition} }};")


def forbid(condition: str) -> str:
    return policy(f"forbid (principal, action, resource) when {{ {condition} }};")


def permit_json(condition: dict | None = None, effect: str = "permit") -> dict:
    """A Cedar policy set in JSON with one unscoped statement."""
    conditions = [{"kind": "when", "body": condition}] if condition else []
    everything = {"op": "All"}
    statement = {
        "effect": effect,
        "principal": everything,
        "action": everything,
        "resource": everything,
        "conditions": conditions,
        "annotations": {"note": MARK},
    }
    return {"staticPolicies": {"policy0": statement}, "templates": {}, "templateLinks": []}


STAFF_READ = policy(
    'permit (principal in Team::"staff", action in Action::"readers", resource is Doc)\n'
    "when { resource.level <= principal.clearance };"
)
OWNER_WRITES = policy('permit (principal, action == Action::"write", resource) when { resource.owner == principal };')
NO_LARGE_AMOUNTS = forbid("context has amount && context.amount > 100")
# Errs by overflow for a positive amount, is false for a negative one.
ERRING_FORBID = forbid("context has amount && context.amount + 9223372036854775807 < 0")


def uid(kind: str, name: str) -> dict:
    return {"type": kind, "id": name}


def entity(kind: str, name: str, attrs: dict | None = None, parents: tuple = ()) -> dict:
    return {"uid": uid(kind, name), "attrs": attrs or {}, "parents": [uid(*parent) for parent in parents]}


ALICE, BOB, PLAN = uid("User", "alice"), uid("User", "bob"), uid("Doc", "plan")

ENTITIES = [
    entity("Team", "staff"),
    entity("User", "alice", {"clearance": 3}, (("Team", "staff"),)),
    entity("User", "bob", {"clearance": 1}, (("Team", "staff"),)),
    entity("Doc", "plan", {"level": 2, "owner": {"__entity": ALICE}}),
]


def request(principal=ALICE, action="read", resource=PLAN, context=None, entities=ENTITIES, **more) -> dict:
    """The body of a decision request."""
    return {
        "principal": principal,
        "action": uid("Action", action),
        "resource": resource,
        "context": context or {},
        "entities": entities,
        "explain": True,
        **more,
    }
