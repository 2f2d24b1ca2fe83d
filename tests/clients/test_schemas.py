"""Policy schemas: the built-in ones and a zone's own."""

import pytest
from keycardai_api import BadRequestError, NotFoundError, UnprocessableEntityError

import samples
from support import check_error, refused, unique, walk, walk_back

BUILT_IN = {"2026-02-24", "2026-03-16"}
KEYCARD_POLICY = samples.policy("permit (principal is Keycard::User, action, resource is Keycard::Resource);")


def versions(page) -> list[str]:
    return [schema.version for schema in page.items]


@pytest.fixture
def schemas(keycard):
    return keycard.zones.policy_schemas


def test_a_new_zone_starts_with_the_built_in_schemas(lenient, schemas):
    zone = lenient.zones.create(name=unique("zone"))
    listed = schemas.list(zone.id).items
    assert {schema.version for schema in listed} == BUILT_IN
    assert [schema.is_default for schema in listed].count(True) == 1
    assert all(schema.status == "active" for schema in listed)


@pytest.mark.parametrize("version", sorted(BUILT_IN))
def test_policies_written_for_the_reference_service_publish(zone, version):
    assert zone.publish(KEYCARD_POLICY, schema_version=version).schema_version == version


@pytest.mark.parametrize("version", sorted(BUILT_IN) + [samples.SCHEMA_VERSION])
def test_both_formats(zone, schemas, version):
    default = schemas.retrieve(version, zone_id=zone.id)
    as_json = schemas.retrieve(version, zone_id=zone.id, format="json")
    as_text = schemas.retrieve(version, zone_id=zone.id, format="cedar")
    assert default == as_json
    assert isinstance(as_json.cedar_schema_json, dict) and as_json.cedar_schema is None
    assert "entity User" in as_text.cedar_schema and as_text.cedar_schema_json is None
    listed = {
        format: {s.version: s for s in schemas.list(zone.id, format=format).items} for format in ("json", "cedar")
    }
    assert listed["json"][version] == as_json and listed["cedar"][version] == as_text
    namespace = as_json.cedar_schema_json["Keycard" if version in BUILT_IN else ""]
    assert "User" in namespace["entityTypes"]


def test_own_schema_from_text_keeps_its_bytes(zone, schemas):
    version, text = unique("own"), "// ours\n" + samples.SCHEMA
    zone.add_schema(version, text)
    assert schemas.retrieve(version, zone_id=zone.id, format="cedar").cedar_schema == text


def test_own_schema_from_json_is_the_same_schema(zone, schemas):
    as_json = schemas.retrieve(samples.SCHEMA_VERSION, zone_id=zone.id).cedar_schema_json
    version = unique("own")
    made = zone.api.post(zone.url("/policy-schemas"), json={"version": version, "cedar_schema_json": as_json})
    assert made.status_code == 201, made.text
    assert schemas.retrieve(version, zone_id=zone.id).cedar_schema_json == as_json
    assert zone.publish(samples.STAFF_READ, schema_version=version).version == 1


@pytest.mark.parametrize("body", [None, {}], ids=["no body", "empty object"])
def test_set_default(fresh_zone, schemas, body):
    default = "2026-02-24"
    for chosen in (samples.SCHEMA_VERSION, default):
        more = {} if body is None else {"body": body}
        assert schemas.set_default(chosen, zone_id=fresh_zone.id, **more).is_default is True
        assert [s.version for s in schemas.list(fresh_zone.id, filter_default=True).items] == [chosen]
        rest = versions(schemas.list(fresh_zone.id, filter_default=False))
        assert set(rest) == (BUILT_IN | {samples.SCHEMA_VERSION}) - {chosen}


def test_the_deprecated_twin_of_the_filter(zone, schemas):
    by = {value: versions(schemas.list(zone.id, is_default=value)) for value in (True, False)}
    assert len(by[True]) == 1 and not set(by[True]) & set(by[False])
    assert versions(schemas.list(zone.id, is_default=True, filter_default=True)) == by[True]
    with refused(BadRequestError):
        schemas.list(zone.id, is_default=True, filter_default=False)


def test_order_sort_and_pages(zone, schemas):
    newest_first = versions(schemas.list(zone.id))
    assert versions(schemas.list(zone.id, order="desc", sort="created_at")) == newest_first
    assert versions(schemas.list(zone.id, order="asc")) == newest_first[::-1]
    pages = walk(schemas.list, zone_id=zone.id, limit=1)
    assert [versions(page) for page in pages] == [[version] for version in newest_first]
    assert [versions(page) for page in walk_back(schemas.list, pages[-1], zone_id=zone.id, limit=1)] == [
        [version] for version in newest_first[-2::-1]
    ]
    counted = schemas.list(zone.id, limit=1, expand=["total_count"])
    assert counted.pagination.total_count == len(newest_first)


def set_status(zone, version, status):
    return zone.api.patch(zone.url(f"/policy-schemas/{version}"), json={"status": status})


def test_status_forth_and_back(zone, schemas):
    version = unique("own")
    zone.add_schema(version)
    assert set_status(zone, version, "deprecated").json()["deprecated_at"]
    assert zone.publish(samples.STAFF_READ, schema_version=version).version == 1, "still accepted"
    pinned = zone.publish(samples.OWNER_WRITES, schema_version=version)

    assert set_status(zone, version, "archived").json()["archived_at"]
    assert schemas.retrieve(version, zone_id=zone.id).status == "archived"
    with refused(UnprocessableEntityError, "schema_version_archived"):
        zone.publish(samples.STAFF_READ, schema_version=version)
    with refused(UnprocessableEntityError, "schema_version_archived"):
        zone.publish_set(pinned, schema_version=version)

    assert set_status(zone, version, "deprecated").status_code == 200
    assert set_status(zone, version, "active").status_code == 200
    assert zone.publish(samples.STAFF_READ, schema_version=version).version == 1


def test_archiving_a_schema_does_not_stop_decisions(fresh_zone):
    fresh_zone.bind(samples.STAFF_READ)
    for status in ("deprecated", "archived"):
        assert set_status(fresh_zone, samples.SCHEMA_VERSION, status).status_code == 200
    assert fresh_zone.decide()["decision"] == "allow"


REFUSED_SCHEMAS = {
    "not Cedar": ({"cedar_schema": "entity ;"}, {422}),
    "undeclared type": ({"cedar_schema": "entity User in [Nowhere];"}, {422}),
    "JSON of another shape": ({"cedar_schema_json": {"": {"entityTypes": 1, "actions": {}}}}, {422}),
    "both forms": ({"cedar_schema": "entity User;", "cedar_schema_json": {}}, {400}),
    "neither form": ({}, {400}),
    "unknown field": ({"cedar_schema": "entity User;", "default": True}, {400}),
}


@pytest.mark.parametrize("case", REFUSED_SCHEMAS)
def test_refused_schemas(zone, case):
    content, status = REFUSED_SCHEMAS[case]
    before = zone.last_seq()
    check_error(zone.api.post(zone.url("/policy-schemas"), json={"version": unique("bad")} | content), status)
    assert zone.last_seq() == before


def test_a_version_is_taken_once(zone):
    again = zone.api.post(
        zone.url("/policy-schemas"), json={"version": samples.SCHEMA_VERSION, "cedar_schema": "entity Other;"}
    )
    check_error(again, 409)


def test_what_is_not_there(zone, schemas):
    with refused(NotFoundError, "not_found"):
        schemas.retrieve("1999-01-01", zone_id=zone.id)
    with refused(NotFoundError, "not_found"):
        schemas.set_default("1999-01-01", zone_id=zone.id)
    with refused(BadRequestError):
        schemas.retrieve(samples.SCHEMA_VERSION, zone_id=zone.id, format="xml")
