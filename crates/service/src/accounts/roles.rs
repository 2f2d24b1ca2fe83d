//! The roles that a service account holds.

use std::collections::HashSet;

use cedarkeep_model::{OrganizationEventKind, OrganizationId, RoleGrant, ServiceAccount, ServiceAccountId};
use serde_json::json;

use crate::{Call, Code, Error, Service, transact::Tx};

/// The most roles of one account.
const MAX_GRANTS: usize = 1_000;

impl Service {
    /// A service account, and the roles that it holds.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn roles(
        &self,
        call: &Call,
        organization: OrganizationId,
        id: ServiceAccountId,
    ) -> Result<(ServiceAccount, Vec<RoleGrant>), Error> {
        let account = self.service_account(call, organization, id).await?;
        let grants = self.read().await?.role_grants(organization, id).await?;
        Ok((account, grants))
    }

    /// Puts these roles in the place of all that a service account holds.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`; `bad_request` for too many, one that is named twice, or a zone that the
    /// organization does not have.
    pub async fn replace_roles(
        &self,
        call: &Call,
        organization: OrganizationId,
        id: ServiceAccountId,
        grants: Vec<RoleGrant>,
    ) -> Result<(ServiceAccount, Vec<RoleGrant>), Error> {
        check(&grants)?;
        let condition = call.clone();
        self.transact(call, move |tx| Box::pin(replace(tx, condition, organization, id, grants))).await
    }
}

fn check(grants: &[RoleGrant]) -> Result<(), Error> {
    if grants.len() > MAX_GRANTS {
        return Err(Error::new(Code::BadRequest, format!("a service account holds at most {MAX_GRANTS} roles")));
    }
    let distinct: HashSet<_> = grants.iter().collect();
    if distinct.len() < grants.len() {
        return Err(Error::new(Code::BadRequest, "grants: a role is named twice for the same zone; name it once"));
    }
    Ok(())
}

async fn replace(
    tx: &mut Tx,
    call: Call,
    organization: OrganizationId,
    id: ServiceAccountId,
    mut grants: Vec<RoleGrant>,
) -> Result<(ServiceAccount, Vec<RoleGrant>), Error> {
    let mut account = tx.account(organization, id).await?;
    call.check(&account.etag())?;
    for zone in grants.iter().filter_map(|grant| grant.zone_id).collect::<HashSet<_>>() {
        let known = tx.store.zone(zone).await?;
        if known.is_none_or(|known| known.organization_id != organization) {
            let message = format!("grants: this organization has no zone {zone}");
            return Err(Error::new(Code::BadRequest, message));
        }
    }
    grants.sort_by_key(|grant| (grant.zone_id, grant.role.as_str()));
    let before = tx.store.role_grants(organization, id).await?;
    if before == grants {
        return Ok((account, grants));
    }
    tx.store.replace_role_grants(organization, id, &grants).await?;
    account.object_revision += 1;
    account.updated_at = tx.now;
    tx.store.update_service_account(&account).await?;
    let body = json!({"service_account_id": id, "from": before, "to": grants});
    tx.organization_event(organization, OrganizationEventKind::RolesReplaced, body).await?;
    Ok((account, grants))
}
