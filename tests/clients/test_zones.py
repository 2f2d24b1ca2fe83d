"""Zones, through the reference client (lenient: see `conftest.lenient`)."""

import httpx
import pytest
from keycardai_api import BadRequestError, ConflictError, NotFoundError

from support import NOBODY, UUID_V7, refused, unique, walk, walk_back


def test_create_retrieve_update_delete(lenient, api):
    name = unique("Research & Development")
    made = lenient.zones.create(name=name, description="where policies are tried")
    assert UUID_V7.fullmatch(made.id)
    assert (made.name, made.description, made.owner_type) == (name, "where policies are tried", "customer")
    assert made.created_at.utcoffset().total_seconds() == 0
    assert lenient.zones.retrieve(made.id) == made

    changed = lenient.zones.update(made.id, name=name + "!", description=None)
    assert (changed.name, changed.description, changed.slug) == (name + "!", None, made.slug)
    assert changed.updated_at > made.updated_at and changed.created_at == made.created_at

    assert lenient.zones.delete(made.id) is None
    with refused(NotFoundError, "not_found"):
        lenient.zones.retrieve(made.id)
    with refused(NotFoundError, "not_found"):
        lenient.zones.policies.create(made.id, name="too late")
    jwks = api.get(f"/zones/{made.id}/.well-known/jwks.json")
    assert jwks.status_code == 200 and jwks.json()["keys"], "what a deleted zone attested stays verifiable"


def test_every_url_of_a_zone_leads_somewhere(lenient, api):
    zone = lenient.zones.create(name=unique("zone"))
    oauth2 = zone.protocols.oauth2.to_dict(exclude_unset=True)
    assert oauth2["issuer"] == f"{str(api.base_url).rstrip('/')}/zones/{zone.id}"
    endpoints = {name: url for name, url in oauth2.items() if name != "issuer"}
    assert httpx.get(endpoints["jwks_uri"]).status_code == 200
    for name, url in endpoints.items():
        assert httpx.get(url).status_code not in (404, 500, 501), f"{name} leads nowhere: {url}"


def test_equal_names_get_different_slugs(lenient):
    name = unique("Twin")
    first, second = (lenient.zones.create(name=name) for _ in range(2))
    assert first.slug != second.slug
    assert [zone.id for zone in lenient.zones.list(slug=second.slug).items] == [second.id]
    assert first.organization_id == second.organization_id
    listed = lenient.zones.list(filter_organization_id=first.organization_id, limit=100)
    assert {first.id, second.id} <= {zone.id for zone in listed.items}
    assert lenient.zones.list(filter_organization_id=NOBODY).items == []


def test_pages_forward_and_backward(lenient):
    made = [lenient.zones.create(name=unique("page")).id for _ in range(3)]
    pages = walk(lenient.zones.list, limit=2)
    listed = [zone.id for page in pages for zone in page.items]
    assert len(listed) == len(set(listed)) and set(made) <= set(listed)
    assert listed[:3] == made[::-1], "newest first"
    for number, page in enumerate(pages):
        info = page.page_info
        assert info.has_previous_page == (number > 0) and info.has_next_page == (number < len(pages) - 1)
        assert (info.start_cursor is None, info.end_cursor is None) == (False, False)
    back = walk_back(lenient.zones.list, pages[-1], limit=2)
    assert [page.items for page in back] == [page.items for page in pages[-2::-1]]
    onward = lenient.zones.list(limit=2, cursor=pages[0].pagination.after_cursor)
    assert onward.items == pages[1].items, "`cursor` is `after`"


def test_expand(lenient):
    zone = lenient.zones.create(name=unique("zone"))
    page = lenient.zones.list(limit=1, expand=["total_count", "permissions"])
    assert page.pagination.total_count >= 1 and len(page.items) == 1
    assert all(type(can) is bool for verbs in page.items[0].permissions.values() for can in verbs.values())
    assert lenient.zones.list(limit=1).pagination.total_count is None
    assert lenient.zones.retrieve(zone.id, expand=["permissions"]).permissions
    assert lenient.zones.retrieve(zone.id).permissions is None


def test_deletion_protection(fresh_zone, lenient):
    fresh_zone.settings(deletion_protection=True)
    with refused(ConflictError):
        lenient.zones.delete(fresh_zone.id)
    fresh_zone.settings(deletion_protection=False)
    lenient.zones.delete(fresh_zone.id)


SETTINGS = {
    "deletion_protection": False,
    "validation_mode": "strict",
    "scope_combination": "intersect",
    "session_required": False,
    "on_forbid_error": "deny",
    "validate_requests": True,
    "request_entities": "extend",
}


def test_settings_start_safe_and_are_kept(fresh_zone):
    zone = fresh_zone.get()
    assert {name: zone[name] for name in SETTINGS} == SETTINGS
    other = {
        "deletion_protection": True,
        "validation_mode": "off",
        "scope_combination": "union",
        "session_required": True,
        "on_forbid_error": "cedar",
        "validate_requests": False,
        "request_entities": "replace",
    }
    fresh_zone.settings(**other)
    changed = fresh_zone.get()
    assert {name: changed[name] for name in other} == other
    assert changed["revision"] > zone["revision"], "what decides has changed"
    fresh_zone.settings(deletion_protection=False, name="renamed")
    assert {name: fresh_zone.get()[name] for name in other} == other | {"deletion_protection": False}


FOREIGN_FIELDS = {
    "protocols": {"oauth2": {"dcr_enabled": True}},
    "requires_invitation": True,
    "encryption_key": {"type": "aws", "arn": "arn:aws:kms:eu-west-1:000000000000:key/none"},
}
CREATE_ONLY = {"default_mcp_gateway_application": True}
UPDATE_ONLY = {
    "default_mcp_gateway_application_id": "a",
    "default_resource_id": "r",
    "user_identity_provider_id": "p",
    "external_sync_enabled": True,
}


@pytest.mark.parametrize("field", FOREIGN_FIELDS | CREATE_ONLY)
def test_create_refuses_fields_of_an_identity_provider(lenient, field):
    with refused(BadRequestError, "unsupported_field") as caught:
        lenient.zones.create(name=unique("zone"), **{field: (FOREIGN_FIELDS | CREATE_ONLY)[field]})
    assert field in caught.value.body["message"]


@pytest.mark.parametrize("field", FOREIGN_FIELDS | UPDATE_ONLY)
def test_update_refuses_fields_of_an_identity_provider(lenient, zone, field):
    with refused(BadRequestError, "unsupported_field") as caught:
        lenient.zones.update(zone.id, **{field: (FOREIGN_FIELDS | UPDATE_ONLY)[field]})
    assert field in caught.value.body["message"]
