"""Policy versions: text and JSON, one digest, archive."""

import pytest
from keycardai_api import BadRequestError, ConflictError, NotFoundError, UnprocessableEntityError

import samples
from support import HEX_SHA256, ids, refused, walk, walk_back


@pytest.fixture
def versions(keycard):
    return keycard.zones.policies.versions


def test_text_and_its_json_have_one_digest(zone, versions):
    text = "// who reads\n" + samples.STAFF_READ
    from_text = zone.publish(text)
    assert (from_text.version, from_text.schema_version, from_text.zone_id) == (1, samples.SCHEMA_VERSION, zone.id)
    assert from_text.cedar_raw == text, "kept byte for byte"
    assert from_text.cedar_json.keys() == {"staticPolicies", "templates", "templateLinks"}
    assert HEX_SHA256.fullmatch(from_text.sha)

    from_json = zone.publish(json=from_text.cedar_json)
    assert (from_json.sha, from_json.cedar_json) == (from_text.sha, from_text.cedar_json)
    printed = zone.publish(from_json.cedar_raw)
    assert printed.sha == from_text.sha, "the printed text says the same"


def test_white_space_and_comments_do_not_count_and_meaning_does(zone):
    sha = zone.publish(samples.STAFF_READ).sha
    assert zone.publish("// a comment\n\n" + samples.STAFF_READ.replace(" ", "  ") + "\n\n").sha == sha
    for was, becomes in (("staff", "stafF"), ("<=", "<"), ("permit", "forbid"), (samples.MARK, samples.MARK + "!")):
        assert zone.publish(samples.STAFF_READ.replace(was, becomes)).sha != sha, becomes


def test_large_integers_keep_their_digits_and_their_digests(zone):
    shas = set()
    for number in (2**53 - 1, 2**53, 2**53 + 1, 2**63 - 1, -(2**53) - 1, -(2**63)):
        version = zone.publish(samples.permit(f"context has amount && context.amount == {number}"))
        assert f"{number}" in zone.api.get(zone.url(f"/policies/{version.policy_id}/versions/{version.id}")).text
        shas.add(version.sha)
        assert zone.publish(json=version.cedar_json).sha == version.sha
    assert len(shas) == 6


SEVERAL = {
    "twelve statements": "\n".join(samples.permit(f"context has amount && context.amount == {n}") for n in range(12)),
    "a template": samples.policy('permit (principal == ?principal, action == Action::"read", resource in ?resource);'),
    "unicode": samples.permit('context has note && context.note == "é e\u0301 \U0001f600 \\u{1f600} \\0"'),
    "like": samples.permit(r'context has note && context.note like "a*\*b*"'),
    "sets and records": samples.permit("[1, 2].contains({a: 1}.a) && {b: [true]}.b.contains(principal == principal)"),
    "extension": samples.permit('context has ip && context.ip.isInRange(ip("10.0.0.0/8"))'),
    "scopes": samples.policy(
        'forbid (principal is User in Team::"staff", action in [Action::"read", Action::"write"], '
        'resource == Doc::"plan") unless { context has mfa && context.mfa };'
    ),
    "two annotations": '@id("x") @severity("high")\n' + samples.STAFF_READ,
}


@pytest.mark.parametrize("case", SEVERAL)
def test_forms_that_are_fine(zone, versions, case):
    made = zone.publish(SEVERAL[case])
    again = versions.retrieve(made.id, zone_id=zone.id, policy_id=made.policy_id)
    assert again == made and made.cedar_raw == SEVERAL[case]
    assert zone.publish(json=made.cedar_json).sha == made.sha
    order = [int(key.removeprefix("policy")) for key in made.cedar_json["staticPolicies"]]
    assert order == sorted(order), "statements in source order"


def test_a_template_with_a_link(zone):
    content = zone.publish(SEVERAL["a template"]).cedar_json
    (template,) = content["templates"]
    values = {"?principal": {"__entity": samples.ALICE}, "?resource": {"__entity": samples.uid("Folder", "f")}}
    content["templateLinks"] = [{"newId": "alice-f", "templateId": template, "values": values}]
    linked = zone.publish(json=content)
    assert linked.cedar_raw is None, "text cannot say a link"
    assert len(linked.cedar_json["templateLinks"]) == 1
    assert zone.publish(json=linked.cedar_json).sha == linked.sha


def test_format_narrows(zone, versions):
    made = zone.publish(samples.STAFF_READ)
    where = {"zone_id": zone.id, "policy_id": made.policy_id}
    for format, present, absent in (("json", "cedar_json", "cedar_raw"), ("cedar", "cedar_raw", "cedar_json")):
        listed = versions.list(made.policy_id, zone_id=zone.id, format=format).items
        for shown in (versions.retrieve(made.id, format=format, **where), *listed):
            assert getattr(shown, present) == getattr(made, present) and getattr(shown, absent) is None
    assert versions.retrieve(made.id, expand=["user"], **where).cedar_raw == samples.STAFF_READ
    with refused(BadRequestError):
        versions.retrieve(made.id, format="xml", **where)


def test_list(zone, versions):
    policy = zone.policy()
    made = [zone.publish(samples.permit(f"{n} == {n}"), policy_id=policy.id) for n in range(5)]
    assert [version.version for version in made] == [1, 2, 3, 4, 5]
    newest_first = [version.id for version in made[::-1]]
    for order, expected in (("desc", newest_first), ("asc", newest_first[::-1])):
        first = {"policy_id": policy.id, "zone_id": zone.id, "limit": 2, "order": order, "sort": "created_at"}
        pages = walk(versions.list, **first)
        assert [ids(page) for page in pages] == [expected[:2], expected[2:4], expected[4:]]
        assert [ids(page) for page in walk_back(versions.list, pages[-1], **first)] == [expected[2:4], expected[:2]]
    counted = versions.list(policy.id, zone_id=zone.id, expand=["total_count", "user"])
    assert counted.pagination.total_count == 5 and ids(counted) == newest_first


def test_publishing_the_newest_again_answers_it(zone, versions):
    policy = zone.policy()
    body = {"zone_id": zone.id, "schema_version": samples.SCHEMA_VERSION, "cedar_raw": samples.STAFF_READ}
    first, again = (versions.with_raw_response.create(policy.id, **body) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.parse() == again.parse()
    other_bytes = versions.with_raw_response.create(policy.id, **body | {"cedar_raw": samples.STAFF_READ + "\n"})
    assert other_bytes.status_code == 201 and other_bytes.parse().sha == first.parse().sha
    back = versions.with_raw_response.create(policy.id, **body)
    assert (back.status_code, back.parse().version) == (201, 3), "only the newest is answered again"


def test_archive(zone, versions, keycard):
    version = zone.publish(samples.STAFF_READ)
    where = {"zone_id": zone.id, "policy_id": version.policy_id}
    archived = versions.archive(version.id, **where)
    assert archived.archived_at and archived.archived_by == version.created_by
    assert versions.retrieve(version.id, **where) == archived
    with refused(ConflictError, "version_archived"):
        zone.publish_set(version)
    republished = zone.publish(samples.STAFF_READ, policy_id=version.policy_id)
    assert republished.version == 2, "an archived version is not answered again"


def test_archive_is_refused_while_bound(fresh_zone, versions):
    pinned, other = fresh_zone.publish(samples.STAFF_READ), fresh_zone.publish(samples.OWNER_WRITES)
    fresh_zone.bind(pinned)
    where = {"zone_id": fresh_zone.id, "policy_id": pinned.policy_id}
    with refused(ConflictError, "version_bound"):
        versions.archive(pinned.id, **where)
    assert versions.retrieve(pinned.id, **where).archived_at is None
    fresh_zone.bind(other)
    assert versions.archive(pinned.id, **where).archived_at


CLASSES = {400: BadRequestError, 422: UnprocessableEntityError}


def content_errors():
    """name → (content, status, code)"""
    deep = {"staticPolicies": {"policy0": {"effect": "permit"}}, "templates": {}, "templateLinks": []}
    reserved = {"Record": {"__long": {"Value": 1}}}
    has_long = {"==": {"left": reserved, "right": reserved}}
    unknown = samples.permit("principal.shoe_size > 1")
    return {
        "nothing": ({}, 400, "missing_cedar_content"),
        "two nulls": ({"cedar_raw": None, "cedar_json": None}, 400, "missing_cedar_content"),
        "empty text": ({"cedar_raw": ""}, 400, "missing_cedar_content"),
        "only a comment": ({"cedar_raw": "// nothing\n"}, 400, "missing_cedar_content"),
        "both": ({"cedar_raw": samples.STAFF_READ, "cedar_json": samples.permit_json()}, 400, None),
        "not Cedar": ({"cedar_raw": samples.policy("permit (principal, action resource);")}, 422, "invalid_cedar"),
        "not a policy set": ({"cedar_json": deep}, 422, "invalid_cedar"),
        "undeclared attribute": ({"cedar_raw": unknown}, 422, "schema_validation_failed"),
        "undeclared type": (
            {"cedar_raw": samples.policy("permit (principal is Robot, action, resource);")},
            422,
            "schema_validation_failed",
        ),
        "reserved key": ({"cedar_json": samples.permit_json(has_long)}, 422, None),
        "reserved key in text": ({"cedar_raw": samples.permit("{__long: 1}.__long == 1")}, 422, None),
    }


@pytest.mark.parametrize("case", content_errors())
def test_refused_content(zone, versions, case):
    content, status, code = content_errors()[case]
    policy, before = zone.policy(), zone.last_seq()
    with refused(CLASSES[status], code) as caught:
        versions.create(policy.id, zone_id=zone.id, schema_version=samples.SCHEMA_VERSION, **content)
    if code in ("invalid_cedar", "schema_validation_failed"):
        assert caught.value.body["notices"], "the findings stand in the notices"
    assert zone.last_seq() == before, "nothing was written"


def test_findings_name_line_and_column(zone, versions):
    text = samples.policy("permit (principal, action, resource)\nwhen { principal.shoe_size > 1 };")
    with refused(UnprocessableEntityError, "schema_validation_failed") as caught:
        zone.publish(text)
    assert any("shoe_size" in notice and "3" in notice for notice in caught.value.body["notices"])


def test_unknown_schema_and_foreign_ids(zone, new_zone, versions):
    with pytest.raises((BadRequestError, NotFoundError, UnprocessableEntityError)):
        zone.publish(samples.STAFF_READ, schema_version="1999-01-01")
    mine, other = zone.publish(samples.STAFF_READ), zone.policy()
    with refused(NotFoundError, "not_found"):
        versions.retrieve(mine.id, zone_id=zone.id, policy_id=other.id)
    with refused(NotFoundError, "not_found"):
        versions.archive(mine.id, zone_id=new_zone().id, policy_id=mine.policy_id)


def test_validation_can_be_switched_off(fresh_zone):
    untyped = samples.permit("principal.shoe_size > 1")
    with refused(UnprocessableEntityError, "schema_validation_failed"):
        fresh_zone.publish(untyped)
    fresh_zone.settings(validation_mode="off")
    assert fresh_zone.publish(untyped).version == 1
    with refused(UnprocessableEntityError, "invalid_cedar"):
        fresh_zone.publish(samples.policy("permit (principal, action, resource) when { 1 + };"))
