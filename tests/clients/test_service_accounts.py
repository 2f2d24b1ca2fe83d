"""Service accounts as the reference client sees them, and what their credentials are good for.

The client itself gets access tokens from a fixed address of its vendor; here the token is fetched as any OAuth 2.0 client does, and given to it."""

import httpx
import keycardai_api
import pytest
from keycardai_api import KeycardAPI

from support import unique


@pytest.fixture(scope="module")
def organization(api):
    return api.get("/organizations").json()["items"][-1]["id"]


@pytest.fixture
def account(keycard, organization):
    return keycard.organizations.service_accounts.create(organization, name=unique("account"), description="a pipeline")


def test_accounts_are_made_read_changed_listed_and_deleted(keycard, organization):
    accounts = keycard.organizations.service_accounts
    made = accounts.create(organization, name=unique("account"), description="first")
    assert accounts.retrieve(made.id, organization_id=organization) == made
    changed = accounts.update(made.id, organization_id=organization, name="renamed")
    assert (changed.name, changed.description) == ("renamed", "first")
    listed = accounts.list(organization, limit=1)
    assert [item.id for item in listed.items] == [made.id]
    assert listed.page_info.has_next_page in (True, False)
    accounts.delete(made.id, organization_id=organization)
    with pytest.raises(keycardai_api.NotFoundError):
        accounts.retrieve(made.id, organization_id=organization)


def test_permissions_come_when_asked_for(keycard, organization, account):
    found = keycard.organizations.service_accounts.retrieve(
        account.id, organization_id=organization, expand=["permissions"]
    )
    assert found.permissions["service_accounts"]["delete"] is True


def test_credentials_show_their_secret_once(keycard, organization, account):
    credentials = keycard.organizations.service_accounts.credentials
    made = credentials.create(account.id, organization_id=organization, name="first")
    assert made.client_secret
    where = {"organization_id": organization, "service_account_id": account.id}
    found = credentials.retrieve(made.id, **where)
    assert found.client_id == made.client_id and not hasattr(found, "client_secret")
    assert credentials.update(made.id, **where, name="second").name == "second"
    listed = credentials.list(account.id, organization_id=organization)
    assert [item.id for item in listed.items] == [made.id]
    credentials.delete(made.id, **where)
    with pytest.raises(keycardai_api.NotFoundError):
        credentials.retrieve(made.id, **where)


def test_an_access_token_does_what_the_roles_permit(server, api, keycard, organization, account, fresh_zone):
    made = keycard.organizations.service_accounts.credentials.create(
        account.id, organization_id=organization, name="first"
    )
    roles = {"grants": [{"role": "author", "zone_id": fresh_zone.id}]}
    path = f"/organizations/{organization}/service-accounts/{account.id}/roles"
    assert api.put(path, json=roles).json() == roles
    given = httpx.post(
        f"{server.url}/service-account-token",
        data={"grant_type": "client_credentials"},
        auth=(made.client_id, made.client_secret),
    )
    assert given.status_code == 200 and given.json()["expires_in"] <= 900
    author = KeycardAPI(
        api_key=given.json()["access_token"],
        base_url=server.url,
        max_retries=0,
        timeout=60,
        _strict_response_validation=True,
    )
    policy = author.zones.policies.create(fresh_zone.id, name="by the pipeline")
    assert policy.created_by == f"service-account:{account.id}"
    answer = httpx.post(
        f"{server.url}/zones/{fresh_zone.id}/authorize",
        json={"principal": 'User::"a"', "action": 'Action::"read"', "resource": 'Doc::"1"'},
        headers={"Authorization": f"Bearer {given.json()['access_token']}"},
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_an_api_key_is_a_bearer_and_an_x_api_key(server, api, organization, account, fresh_zone):
    base = f"/organizations/{organization}/service-accounts/{account.id}"
    key = api.post(f"{base}/credentials", json={"name": "key", "kind": "api_key"}).json()["client_secret"]
    api.put(f"{base}/roles", json={"grants": [{"role": "auditor", "zone_id": fresh_zone.id}]})
    for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}):
        found = httpx.get(f"{server.url}/zones", headers=headers).json()
        assert [zone["id"] for zone in found["items"]] == [fresh_zone.id]
        assert httpx.post(f"{server.url}/zones", json={"name": "x"}, headers=headers).status_code == 403
