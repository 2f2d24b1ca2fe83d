//! Organizations, service accounts, credentials and roles.

use std::sync::Arc;

use cedarkeep_model::{
    Credential, CredentialKind, Description, Digest, Organization, OrganizationEventKind, OrganizationId, Role,
    RoleGrant, ServiceAccount, Slug,
};
use serde_json::json;

use super::{
    samples::{AWKWARD, at, id, name, zone},
    support::{commit, items, read, taken, walk, whole},
};
use crate::{Store, Unique, ZoneFilter};

fn organization(number: u64) -> Organization {
    Organization {
        id: id(number),
        name: name(AWKWARD),
        label: Slug::new(format!("label-{number}")).unwrap(),
        object_revision: 2,
        created_at: at(number.try_into().unwrap()),
        created_by: AWKWARD.to_owned(),
        updated_at: at(50),
    }
}

fn account(organization: &Organization, number: u64) -> ServiceAccount {
    ServiceAccount {
        id: id(number),
        organization_id: organization.id,
        name: name(AWKWARD),
        description: Some(Description::new(AWKWARD).unwrap()),
        owner: Some(AWKWARD.to_owned()),
        object_revision: 3,
        created_at: at(number.try_into().unwrap()),
        created_by: AWKWARD.to_owned(),
        updated_at: at(60),
    }
}

fn credential(account: &ServiceAccount, number: u64) -> Credential {
    Credential {
        id: id(number),
        organization_id: account.organization_id,
        service_account_id: account.id,
        kind: CredentialKind::ApiKey,
        name: name(AWKWARD),
        description: Some(Description::new(AWKWARD).unwrap()),
        object_revision: 4,
        created_at: at(number.try_into().unwrap()),
        created_by: AWKWARD.to_owned(),
        expires_at: Some(at(1_000)),
        last_used_at: Some(at(70)),
    }
}

fn mac(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}

/// An organization with a service account, a credential, roles and an event.
pub(super) async fn one_of_each(store: &Arc<dyn Store>) -> (Organization, ServiceAccount, Credential) {
    let organization = organization(9_000);
    let account = account(&organization, 9_001);
    let credential = credential(&account, 9_002);
    commit(store, async |to| {
        to.insert_organization(&organization).await.unwrap();
        to.insert_service_account(&account).await.unwrap();
        to.insert_credential(&credential, mac(1)).await.unwrap();
        let everywhere = RoleGrant { role: Role::Auditor, zone_id: None };
        to.replace_role_grants(organization.id, account.id, &[everywhere]).await.unwrap();
        let kind = OrganizationEventKind::OrganizationCreated;
        let body = json!({"name": AWKWARD});
        to.append_organization_event(organization.id, kind, AWKWARD, at(0), body).await.unwrap();
    })
    .await;
    (organization, account, credential)
}

/// By id and in lists; name and revision change, the rest does not.
pub async fn organizations_come_back_as_written(store: &Arc<dyn Store>) {
    let all = [organization(1), organization(2), organization(3)];
    commit(store, async |to| {
        for organization in &all {
            to.insert_organization(organization).await.unwrap();
        }
    })
    .await;
    let mut changed = all[1].clone();
    changed.name = name("changed");
    changed.object_revision = 9;
    changed.updated_at = at(90);
    commit(store, async |to| {
        assert_eq!(to.lock_organization(changed.id).await.unwrap().as_ref(), Some(&all[1]));
        assert_eq!(to.lock_organization(id(99)).await.unwrap(), None);
        to.update_organization(&changed).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.organization(changed.id).await.unwrap().as_ref(), Some(&changed));
    assert_eq!(from.organization(id(99)).await.unwrap(), None);
    let listed = items(from.organizations(None, &whole()).await.unwrap());
    assert_eq!(listed, [all[0].clone(), changed, all[2].clone()]);
    assert_eq!(from.count_organizations(None).await.unwrap(), 3);
    let only: [OrganizationId; 2] = [id(3), id(99)];
    assert_eq!(items(from.organizations(Some(&only), &whole()).await.unwrap()), [all[2].clone()]);
    assert_eq!(from.count_organizations(Some(&only)).await.unwrap(), 1);
    assert_eq!(from.count_organizations(Some(&[])).await.unwrap(), 0);
    drop(from);
    let mut transaction = store.write().await.unwrap();
    let again = Organization { id: id(4), ..all[0].clone() };
    assert_eq!(taken(transaction.insert_organization(&again).await), Unique::OrganizationLabel);
}

/// By id and in lists, with and without what may be missing.
pub async fn service_accounts_come_back_as_written(store: &Arc<dyn Store>) {
    let (organization, first, _) = one_of_each(store).await;
    let second = ServiceAccount { description: None, owner: None, ..account(&organization, 9_005) };
    commit(store, async |to| to.insert_service_account(&second).await.unwrap()).await;
    let mut changed = first.clone();
    (changed.name, changed.owner, changed.description) = (name("changed"), None, None);
    (changed.object_revision, changed.updated_at) = (7, at(99));
    commit(store, async |to| to.update_service_account(&changed).await.unwrap()).await;
    let mut from = read(store).await;
    assert_eq!(from.service_account(organization.id, first.id).await.unwrap().as_ref(), Some(&changed));
    assert_eq!(from.any_service_account(second.id).await.unwrap().as_ref(), Some(&second));
    let listed = items(from.service_accounts(organization.id, &whole()).await.unwrap());
    assert_eq!(listed, [changed, second]);
    assert_eq!(from.count_service_accounts(organization.id).await.unwrap(), 2);
}

/// Another organization has neither the account nor what is its.
pub async fn a_service_account_is_there_under_its_own_organization_only(store: &Arc<dyn Store>) {
    let (_, account, credential) = one_of_each(store).await;
    let other: OrganizationId = id(9_100);
    let mut from = read(store).await;
    assert_eq!(from.service_account(other, account.id).await.unwrap(), None);
    assert!(items(from.service_accounts(other, &whole()).await.unwrap()).is_empty());
    assert_eq!(from.count_service_accounts(other).await.unwrap(), 0);
    assert_eq!(from.credential(other, account.id, credential.id).await.unwrap(), None);
    assert!(items(from.credentials(other, account.id, &whole()).await.unwrap()).is_empty());
    assert!(from.role_grants(other, account.id).await.unwrap().is_empty());
    assert!(items(from.organization_events(other, &whole()).await.unwrap()).is_empty());
    drop(from);
    commit(store, async |to| {
        to.delete_service_account(other, account.id).await.unwrap();
        to.delete_credential(other, account.id, credential.id).await.unwrap();
        to.update_service_account(&ServiceAccount { organization_id: other, name: name("stolen"), ..account.clone() })
            .await
            .unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.any_service_account(account.id).await.unwrap(), Some(account));
    assert!(from.presented_credential(credential.id).await.unwrap().is_some());
}

/// By id, in lists, and with what is kept of their secret for whoever presents them.
pub async fn credentials_come_back_as_written(store: &Arc<dyn Store>) {
    let (organization, account, first) = one_of_each(store).await;
    let second = Credential {
        kind: CredentialKind::ClientSecret,
        description: None,
        expires_at: None,
        last_used_at: None,
        ..credential(&account, 9_006)
    };
    commit(store, async |to| to.insert_credential(&second, mac(2)).await.unwrap()).await;
    let mut changed = first.clone();
    (changed.name, changed.description, changed.object_revision) = (name("changed"), None, 8);
    commit(store, async |to| {
        to.update_credential(&changed).await.unwrap();
        to.use_credential(second.id, at(80)).await.unwrap();
        to.use_credential(id(99), at(80)).await.unwrap();
    })
    .await;
    let second = Credential { last_used_at: Some(at(80)), ..second };
    let mut from = read(store).await;
    let found = from.credential(organization.id, account.id, first.id).await.unwrap();
    assert_eq!(found.as_ref(), Some(&changed));
    assert_eq!(from.presented_credential(second.id).await.unwrap(), Some((second.clone(), mac(2))));
    assert_eq!(from.presented_credential(id(99)).await.unwrap(), None);
    assert_eq!(items(from.credentials(organization.id, account.id, &whole()).await.unwrap()), [changed, second]);
    assert_eq!(from.count_credentials(organization.id, account.id).await.unwrap(), 2);
}

/// Another account of the same organization does not have it.
pub async fn a_credential_is_there_under_its_own_account_only(store: &Arc<dyn Store>) {
    let (organization, first, credential) = one_of_each(store).await;
    let other = account(&organization, 9_005);
    commit(store, async |to| {
        to.insert_service_account(&other).await.unwrap();
        to.delete_credential(organization.id, other.id, credential.id).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.credential(organization.id, other.id, credential.id).await.unwrap(), None);
    assert_eq!(from.count_credentials(organization.id, other.id).await.unwrap(), 0);
    drop(from);
    commit(store, async |to| to.delete_credential(organization.id, first.id, credential.id).await.unwrap()).await;
    assert_eq!(read(store).await.presented_credential(credential.id).await.unwrap(), None);
}

/// What was held before and is not named any more is gone.
pub async fn roles_are_replaced_whole(store: &Arc<dyn Store>) {
    let (organization, account, _) = one_of_each(store).await;
    let zone = zone(1);
    let grants = [
        RoleGrant { role: Role::Decider, zone_id: None },
        RoleGrant { role: Role::Activator, zone_id: Some(zone.id) },
        RoleGrant { role: Role::Author, zone_id: Some(zone.id) },
    ];
    commit(store, async |to| to.replace_role_grants(organization.id, account.id, &grants).await.unwrap()).await;
    assert_eq!(read(store).await.role_grants(organization.id, account.id).await.unwrap(), grants);
    commit(store, async |to| to.replace_role_grants(organization.id, account.id, &[]).await.unwrap()).await;
    assert!(read(store).await.role_grants(organization.id, account.id).await.unwrap().is_empty());
}

/// Neither roles nor credentials.
pub async fn a_deleted_service_account_leaves_nothing_behind(store: &Arc<dyn Store>) {
    let (organization, account, credential) = one_of_each(store).await;
    commit(store, async |to| to.delete_service_account(organization.id, account.id).await.unwrap()).await;
    let mut from = read(store).await;
    assert_eq!(from.any_service_account(account.id).await.unwrap(), None);
    assert_eq!(from.presented_credential(credential.id).await.unwrap(), None);
    assert!(from.role_grants(organization.id, account.id).await.unwrap().is_empty());
}

/// A deleted zone is nobody's.
pub async fn roles_in_a_zone_go_with_it(store: &Arc<dyn Store>) {
    let (organization, account, _) = one_of_each(store).await;
    let (one, other) = (zone(1), zone(2));
    let grants = [&one, &other].map(|zone| RoleGrant { role: Role::Owner, zone_id: Some(zone.id) });
    commit(store, async |to| {
        to.insert_zone(&one, b"key").await.unwrap();
        to.insert_zone(&other, b"key").await.unwrap();
        to.replace_role_grants(organization.id, account.id, &grants).await.unwrap();
    })
    .await;
    commit(store, async |to| to.delete_zone(one.id, at(5)).await.unwrap()).await;
    let left = read(store).await.role_grants(organization.id, account.id).await.unwrap();
    assert_eq!(left, [RoleGrant { role: Role::Owner, zone_id: Some(other.id) }]);
}

/// From 1, each organization for itself, and they can be walked.
pub async fn events_of_an_organization_have_no_gaps(store: &Arc<dyn Store>) {
    let (one, other) = (organization(1), organization(2));
    let mut written = Vec::new();
    commit(store, async |to| {
        to.insert_organization(&one).await.unwrap();
        to.insert_organization(&other).await.unwrap();
        for number in 1..=5 {
            let kind = OrganizationEventKind::CredentialCreated;
            let body = json!({"number": number, "text": AWKWARD});
            for organization in [one.id, other.id] {
                let event = to.append_organization_event(organization, kind, AWKWARD, at(number), body.clone()).await;
                let event = event.unwrap();
                assert_eq!(event.seq, u64::try_from(number).unwrap());
                if organization == one.id {
                    written.push(event);
                }
            }
        }
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(items(from.organization_events(one.id, &whole()).await.unwrap()), written);
    assert_eq!(from.count_organization_events(one.id).await.unwrap(), 5);
    let numbers: Vec<_> = (1..=5).map(|number| number.to_string()).collect();
    let list = async |window| read(store).await.organization_events(one.id, &window).await.unwrap();
    walk(&numbers, |event| event.seq.to_string(), list).await;
}

/// Either is enough; nothing named is nothing listed.
pub async fn zones_are_listed_within_organizations_and_by_id(store: &Arc<dyn Store>) {
    let own: OrganizationId = id(9_500);
    let zones = [1, 2, 3].map(zone);
    let mut first = zones[0].clone();
    first.organization_id = own;
    commit(store, async |to| {
        for zone in [&first, &zones[1], &zones[2]] {
            to.insert_zone(zone, b"key").await.unwrap();
        }
    })
    .await;
    let mut from = read(store).await;
    for (organizations, ids, expected) in [
        (vec![], vec![], 0),
        (vec![own], vec![], 1),
        (vec![own], vec![id(2), id(77)], 2),
        (vec![], vec![id(1), id(3)], 2),
        (vec![own, zones[1].organization_id], vec![], 3),
    ] {
        let filter = ZoneFilter { within: Some((organizations, ids)), ..ZoneFilter::default() };
        assert_eq!(from.count_zones(&filter).await.unwrap(), expected);
        assert_eq!(items(from.zones(&filter, &whole()).await.unwrap()).len() as u64, expected);
    }
}
