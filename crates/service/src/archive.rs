//! Archiving versions: closed to new uses, readable for ever.

use cedarkeep_model::{
    Archived, EventKind, PolicyId, PolicySetId, PolicySetVersion, PolicySetVersionId, PolicyVersion, PolicyVersionId,
    ZoneId,
};
use serde_json::json;

use crate::{Call, Code, Error, Service, policies::customer_owned, transact::Tx};

impl Service {
    /// Archives a policy version.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `platform_owned`, `version_bound` while a bound set version pins it.
    pub async fn archive_policy_version(
        &self,
        call: &Call,
        zone: ZoneId,
        policy: PolicyId,
        id: PolicyVersionId,
    ) -> Result<PolicyVersion, Error> {
        let condition = call.clone();
        self.transact(call, move |tx| Box::pin(policy_version(tx, condition, zone, policy, id))).await
    }

    /// Archives a policy set version.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `platform_owned`, `version_bound` while a binding points at it.
    pub async fn archive_set_version(
        &self,
        call: &Call,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
    ) -> Result<PolicySetVersion, Error> {
        let condition = call.clone();
        self.transact(call, move |tx| Box::pin(set_version(tx, condition, zone, set, id))).await
    }
}

async fn policy_version(
    tx: &mut Tx,
    call: Call,
    zone: ZoneId,
    policy: PolicyId,
    id: PolicyVersionId,
) -> Result<PolicyVersion, Error> {
    tx.zone(zone).await?;
    let found = tx.store.policy_version(zone, policy, id).await?;
    let mut version = found.ok_or_else(|| Error::not_found("policy version"))?;
    call.check(&version.etag())?;
    customer_owned(version.owner_type)?;
    if version.archived.is_some() {
        return Ok(version);
    }
    if let Some(binding) = tx.store.usage(zone, id).await?.bindings.first() {
        let message = format!(
            "the bound policy set version {} pins this version; bind another version first",
            binding.policy_set_version_id
        );
        let error = Error::new(Code::VersionBound, message);
        return Err(error.with_detail("binding_id", binding.id.to_string()));
    }
    let archived = Archived { at: tx.now, by: tx.actor.clone() };
    tx.store.archive_policy_version(zone, id, &archived).await?;
    let body = json!({"policy_id": policy, "policy_version_id": id, "version": version.version});
    tx.event(zone, EventKind::PolicyVersionArchived, body).await?;
    version.archived = Some(archived);
    Ok(version)
}

async fn set_version(
    tx: &mut Tx,
    call: Call,
    zone: ZoneId,
    set: PolicySetId,
    id: PolicySetVersionId,
) -> Result<PolicySetVersion, Error> {
    tx.zone(zone).await?;
    let found = tx.store.set_version(zone, set, id).await?;
    let mut version = found.ok_or_else(|| Error::not_found("policy set version"))?;
    call.check(&version.etag())?;
    customer_owned(version.record.owner_type)?;
    if version.archived.is_some() {
        return Ok(version);
    }
    let bindings = tx.store.bindings_of_set(zone, set).await?;
    if let Some(binding) = bindings.iter().find(|binding| binding.policy_set_version_id == id) {
        let message = "the version is bound; bind another version in its place or unbind it first";
        let error = Error::new(Code::VersionBound, message);
        return Err(error.with_detail("binding_id", binding.id.to_string()));
    }
    let archived = Archived { at: tx.now, by: tx.actor.clone() };
    tx.store.archive_set_version(zone, id, &archived).await?;
    let body = json!({"policy_set_id": set, "policy_set_version_id": id, "version": version.record.version});
    tx.event(zone, EventKind::SetVersionArchived, body).await?;
    version.archived = Some(archived);
    Ok(version)
}
