"""Every route of the API that takes a body: a good one, and what can be wrong with its members."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import samples
from support import NOBODY, Zone, manifest, unique

NOT_TEXT = [None, 1, True, [], {}, ["x"]]
NOT_TEXT_OR_NULL = NOT_TEXT[1:]
NAMES = [*NOT_TEXT, "", "  ", " x", "x" * 201, "a\x00b", "<b>x</b>"]
DESCRIPTIONS = [*NOT_TEXT_OR_NULL, "x" * 2001, "a\x00b", "<script>"]
NOT_BOOL = [None, 1, "true", [], {}]
UIDS = [
    None,
    1,
    [],
    {},
    "",
    "alice",
    "User::alice",
    'User::"alice',
    {"type": "User"},
    {"type": 1, "id": "x"},
    {"type": "User", "id": None},
    {"type": "User", "id": "x", "more": 1},
    {"type": "not a type", "id": "x"},
]
CEDAR_TEXTS = [
    1,
    True,
    [],
    {},
    "permit",
    "permit (principal, action, resource)",
    samples.permit("1 +"),
    samples.permit("true") + "\x00",
    "x" * (256 * 1024 + 1),
    samples.permit('"' + "x" * 300_000 + '" == ""'),
]
CEDAR_JSONS = [
    1,
    True,
    "text",
    [],
    {},
    {"staticPolicies": []},
    {"staticPolicies": {"policy0": {}}},
    samples.permit_json() | {"more": 1},
    samples.permit_json({"Unknown": 1}),
    samples.permit_json(effect="maybe"),
    samples.permit_json({"Value": "x" * 300_000}),
]


@dataclass
class Route:
    """A route that takes a body. `path` and `good` may need objects of the zone, which `setup` makes."""

    method: str
    path: str
    good: Callable[[dict], dict]
    required: tuple[str, ...]
    wrong: dict[str, list] = field(default_factory=dict)
    empty_is_fine: bool = False

    def __str__(self):
        return f"{self.method} {self.path}"


def setup(zone: Zone) -> dict[str, Any]:
    """Objects for the paths and the bodies."""
    version = zone.publish(samples.STAFF_READ)
    set_version = zone.bind(version)
    zone.add_schema(own := unique("own"))
    return {
        "zone": zone.id,
        "schema": own,
        "policy": version.policy_id,
        "policy_version": version.id,
        "set": set_version.policy_set_id,
        "set_version": set_version.id,
        "manifest": manifest(version),
    }


def manifests() -> list:
    entry = {"policy_id": NOBODY, "policy_version_id": NOBODY}
    return [
        None,
        1,
        "x",
        [],
        {},
        {"entries": None},
        {"entries": {}},
        {"entries": [1]},
        {"entries": [None]},
        {"entries": [{}]},
        {"entries": []},
        {"entries": [entry | {"policy_id": 1}]},
        {"entries": [entry | {"sha": 1}]},
        {"entries": [entry | {"policy_id": "x"}]},
        {"entries": [entry | {"more": 1}]},
        {"entries": [entry], "more": 1},
        {"entries": [entry | {"sha": "x"}]},
        {"entries": [entry] * 10_001},
    ]


VERSIONS = [*NOT_TEXT, "", "1999-01-01", "x" * 65, "../x", "a b"]

ROUTES = [
    Route(
        "POST",
        "/zones",
        lambda _: {"name": unique("zone")},
        ("name",),
        {
            "name": NAMES,
            "description": DESCRIPTIONS,
            "slug": [1, [], "", "Up", "-x", "x" * 64, "a b"],
            "organization_id": [1, [], "", "x"],
        },
    ),
    Route(
        "PATCH",
        "/zones/{zone}",
        lambda _: {"name": unique("zone")},
        (),
        {
            "name": NAMES,
            "description": DESCRIPTIONS,
            "deletion_protection": NOT_BOOL,
            "validate_requests": NOT_BOOL,
            "session_required": NOT_BOOL,
            "validation_mode": [*NOT_TEXT, "lax"],
            "on_forbid_error": [*NOT_TEXT, "allow"],
            "scope_combination": [*NOT_TEXT, "either"],
            "request_entities": [*NOT_TEXT, "any"],
            "revision": [7],
            "id": [NOBODY],
            "owner_type": ["platform"],
        },
    ),
    Route(
        "POST",
        "/zones/{zone}/policy-schemas",
        lambda _: {"version": unique("own"), "cedar_schema": samples.SCHEMA},
        ("version", "cedar_schema"),
        {
            "version": [*NOT_TEXT, "", "x" * 65, "../x", "a b"],
            "cedar_schema": [*NOT_TEXT, "entity", "x" * 1_100_000],
            "cedar_schema_json": [1, "x", [], {"": {}}],
        },
    ),
    Route(
        "PATCH",
        "/zones/{zone}/policy-schemas/{schema}",
        lambda _: {"status": "deprecated"},
        (),
        {
            "status": [*NOT_TEXT_OR_NULL, "", "gone", "Active"],
            "is_default": [False],
            "cedar_schema": ["entity X;"],
        },
        empty_is_fine=True,
    ),
    Route(
        "POST",
        "/zones/{zone}/policies",
        lambda _: {"name": unique("policy")},
        ("name",),
        {
            "name": NAMES,
            "description": DESCRIPTIONS,
            "id": [NOBODY],
        },
    ),
    Route(
        "PATCH",
        "/zones/{zone}/policies/{policy}",
        lambda _: {"name": unique("policy")},
        (),
        {
            "name": NAMES,
            "description": DESCRIPTIONS,
            "owner_type": ["platform"],
        },
    ),
    Route(
        "POST",
        "/zones/{zone}/policies/{policy}/versions",
        lambda _: {"schema_version": samples.SCHEMA_VERSION, "cedar_raw": samples.OWNER_WRITES},
        ("schema_version", "cedar_raw"),
        {
            "schema_version": VERSIONS,
            "cedar_raw": CEDAR_TEXTS,
            "cedar_json": CEDAR_JSONS,
            "sha": ["x"],
        },
    ),
    Route(
        "POST",
        "/zones/{zone}/policy-sets",
        lambda _: {"name": unique("set")},
        ("name",),
        {
            "name": NAMES,
            "scope_type": [*NOT_TEXT_OR_NULL, "", "planet"],
            "target_type": [*NOT_TEXT_OR_NULL, "", "session"],
        },
    ),
    Route(
        "PATCH",
        "/zones/{zone}/policy-sets/{set}",
        lambda _: {"name": unique("set")},
        (),
        {
            "name": NAMES,
            "scope_type": ["user"],
            "active": [True],
        },
    ),
    Route(
        "POST",
        "/zones/{zone}/policy-sets/{set}/versions",
        lambda made: {"schema_version": samples.SCHEMA_VERSION, "manifest": made["manifest"]},
        ("schema_version", "manifest"),
        {
            "schema_version": VERSIONS,
            "manifest": manifests(),
        },
    ),
    Route(
        "PATCH",
        "/zones/{zone}/policy-sets/{set}/versions/{set_version}",
        lambda _: {"active": True},
        ("active",),
        {
            "active": [*NOT_BOOL, False],
            "scope_target_id": [1, [], "elsewhere"],
            "mode": [1, [], "", "loud"],
        },
    ),
    Route(
        "POST",
        "/zones/{zone}/user-tokens",
        lambda _: {"user": f'User::"{unique("user")}"'},
        ("user",),
        {
            "user": [*NOT_TEXT, "", "alice", "User::alice", 'User::"alice', f'User::"{"x" * 513}"'],
            "expires_in_seconds": [None, 0, -1, 1.5, "1", [], True, 31_536_001, 10**30],
            "zone_id": [NOBODY],
        },
    ),
    Route(
        "POST",
        "/zones/{zone}/authorize",
        lambda _: samples.request(),
        ("principal", "action", "resource"),
        {
            "principal": UIDS,
            "action": UIDS,
            "resource": UIDS,
            "context": [1, "x", [], {"a": None}],
            "entities": [
                1,
                "x",
                {},
                [1],
                [None],
                [{}],
                [{"uid": 1}],
                [{"uid": samples.ALICE, "attrs": [], "parents": []}],
                [samples.ENTITIES[0], samples.ENTITIES[0] | {"more": 1}],
            ],
            "session": [1, True, [], {}],
            "explain": [1, "true", []],
            "at_least_revision": [-1, 1.5, "1", [], 10**30, True],
        },
    ),
]
