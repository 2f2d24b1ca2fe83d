//! What a store keeps of organizations: who belongs to them, what they prove themselves with, and what they may do.

use async_trait::async_trait;
use cedarkeep_model::{
    Credential, CredentialId, Digest, Organization, OrganizationEvent, OrganizationEventKind, OrganizationId,
    RoleGrant, ServiceAccount, ServiceAccountId, Timestamp,
};
use serde_json::Value;

use crate::{Slice, StoreError, Window};

/// Reads. What belongs to another organization is not there.
#[async_trait]
pub trait ReadAccounts: Send {
    /// An organization.
    async fn organization(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreError>;
    /// Organizations by creation; only these, when asked.
    async fn organizations(
        &mut self,
        only: Option<&[OrganizationId]>,
        window: &Window,
    ) -> Result<Slice<Organization>, StoreError>;
    /// How many of them.
    async fn count_organizations(&mut self, only: Option<&[OrganizationId]>) -> Result<u64, StoreError>;

    /// A service account.
    async fn service_account(
        &mut self,
        organization: OrganizationId,
        id: ServiceAccountId,
    ) -> Result<Option<ServiceAccount>, StoreError>;
    /// A service account by its id alone, for whoever has proved to be it, and for what it did.
    async fn any_service_account(&mut self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError>;
    /// Service accounts by creation.
    async fn service_accounts(
        &mut self,
        organization: OrganizationId,
        window: &Window,
    ) -> Result<Slice<ServiceAccount>, StoreError>;
    /// How many of them.
    async fn count_service_accounts(&mut self, organization: OrganizationId) -> Result<u64, StoreError>;

    /// A credential.
    async fn credential(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
        id: CredentialId,
    ) -> Result<Option<Credential>, StoreError>;
    /// A credential by its id alone, with what is kept of its secret, for whoever presents it.
    async fn presented_credential(&mut self, id: CredentialId) -> Result<Option<(Credential, Digest)>, StoreError>;
    /// Credentials by creation.
    async fn credentials(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
        window: &Window,
    ) -> Result<Slice<Credential>, StoreError>;
    /// How many of them.
    async fn count_credentials(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
    ) -> Result<u64, StoreError>;

    /// The roles that a service account holds, those of the whole organization first.
    async fn role_grants(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
    ) -> Result<Vec<RoleGrant>, StoreError>;

    /// What happened in an organization, by number.
    async fn organization_events(
        &mut self,
        organization: OrganizationId,
        window: &Window,
    ) -> Result<Slice<OrganizationEvent>, StoreError>;
    /// How many of them.
    async fn count_organization_events(&mut self, organization: OrganizationId) -> Result<u64, StoreError>;
}

/// Changes. Each but [`WriteAccounts::use_credential`] stands behind [`WriteAccounts::lock_organization`].
#[async_trait]
pub trait WriteAccounts: ReadAccounts {
    /// Takes an organization for this transaction alone, so that the numbers of its events have no gaps.
    async fn lock_organization(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreError>;
    /// Adds an organization.
    async fn insert_organization(&mut self, organization: &Organization) -> Result<(), StoreError>;
    /// Writes name, revision and time of the change.
    async fn update_organization(&mut self, organization: &Organization) -> Result<(), StoreError>;
    /// Appends an event and answers it.
    async fn append_organization_event(
        &mut self,
        organization: OrganizationId,
        kind: OrganizationEventKind,
        actor: &str,
        at: Timestamp,
        body: Value,
    ) -> Result<OrganizationEvent, StoreError>;

    /// Adds a service account.
    async fn insert_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError>;
    /// Writes name, description, owner, revision and time of the change.
    async fn update_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError>;
    /// Deletes a service account, its credentials and its roles.
    async fn delete_service_account(
        &mut self,
        organization: OrganizationId,
        id: ServiceAccountId,
    ) -> Result<(), StoreError>;

    /// Adds a credential, and what is kept of its secret.
    async fn insert_credential(&mut self, credential: &Credential, secret_mac: Digest) -> Result<(), StoreError>;
    /// Writes name, description and revision.
    async fn update_credential(&mut self, credential: &Credential) -> Result<(), StoreError>;
    /// Notes when a credential was used.
    async fn use_credential(&mut self, id: CredentialId, at: Timestamp) -> Result<(), StoreError>;
    /// Takes a credential back.
    async fn delete_credential(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
        id: CredentialId,
    ) -> Result<(), StoreError>;

    /// Puts these roles in the place of all that a service account holds.
    async fn replace_role_grants(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
        grants: &[RoleGrant],
    ) -> Result<(), StoreError>;
}
