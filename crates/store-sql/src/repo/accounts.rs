//! Organizations, service accounts, credentials and roles.

use async_trait::async_trait;
use cedarkeep_model::{
    Credential, CredentialId, Digest, Organization, OrganizationEvent, OrganizationEventKind, OrganizationId,
    RoleGrant, ServiceAccount, ServiceAccountId, Timestamp,
};
use cedarkeep_store::{ReadAccounts, Slice, StoreError, Window, WriteAccounts};
use serde_json::Value;

use super::{Connection, Session, Transaction, credentials, organizations, service_accounts};

#[async_trait]
impl<C: Connection> ReadAccounts for Session<C> {
    async fn organization(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        organizations::get(self.on.connection(), id).await
    }

    async fn organizations(
        &mut self,
        only: Option<&[OrganizationId]>,
        window: &Window,
    ) -> Result<Slice<Organization>, StoreError> {
        organizations::list(self.on.connection(), only, window).await
    }

    async fn count_organizations(&mut self, only: Option<&[OrganizationId]>) -> Result<u64, StoreError> {
        organizations::count(self.on.connection(), only).await
    }

    async fn service_account(
        &mut self,
        organization: OrganizationId,
        id: ServiceAccountId,
    ) -> Result<Option<ServiceAccount>, StoreError> {
        let known = service_accounts::get(self.on.connection(), id).await?;
        Ok(known.filter(|account| account.organization_id == organization))
    }

    async fn any_service_account(&mut self, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError> {
        service_accounts::get(self.on.connection(), id).await
    }

    async fn service_accounts(
        &mut self,
        organization: OrganizationId,
        window: &Window,
    ) -> Result<Slice<ServiceAccount>, StoreError> {
        service_accounts::list(self.on.connection(), organization, window).await
    }

    async fn count_service_accounts(&mut self, organization: OrganizationId) -> Result<u64, StoreError> {
        service_accounts::count(self.on.connection(), organization).await
    }

    async fn credential(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
        id: CredentialId,
    ) -> Result<Option<Credential>, StoreError> {
        let known = credentials::get(self.on.connection(), id).await?.map(|(credential, _)| credential);
        Ok(known.filter(|known| known.organization_id == organization && known.service_account_id == account))
    }

    async fn presented_credential(&mut self, id: CredentialId) -> Result<Option<(Credential, Digest)>, StoreError> {
        credentials::get(self.on.connection(), id).await
    }

    async fn credentials(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
        window: &Window,
    ) -> Result<Slice<Credential>, StoreError> {
        credentials::list(self.on.connection(), organization, account, window).await
    }

    async fn count_credentials(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
    ) -> Result<u64, StoreError> {
        credentials::count(self.on.connection(), organization, account).await
    }

    async fn role_grants(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
    ) -> Result<Vec<RoleGrant>, StoreError> {
        service_accounts::grants(self.on.connection(), organization, account).await
    }

    async fn organization_events(
        &mut self,
        organization: OrganizationId,
        window: &Window,
    ) -> Result<Slice<OrganizationEvent>, StoreError> {
        organizations::events(self.on.connection(), organization, window).await
    }

    async fn count_organization_events(&mut self, organization: OrganizationId) -> Result<u64, StoreError> {
        organizations::count_events(self.on.connection(), organization).await
    }
}

#[async_trait]
impl<C: Transaction> WriteAccounts for Session<C> {
    async fn lock_organization(&mut self, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
        let done = organizations::lock(self.step()?, id).await;
        self.done(done)
    }

    async fn insert_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        let done = organizations::insert(self.step()?, organization).await;
        self.done(done)
    }

    async fn update_organization(&mut self, organization: &Organization) -> Result<(), StoreError> {
        let done = organizations::update(self.step()?, organization).await;
        self.done(done)
    }

    async fn append_organization_event(
        &mut self,
        organization: OrganizationId,
        kind: OrganizationEventKind,
        actor: &str,
        at: Timestamp,
        body: Value,
    ) -> Result<OrganizationEvent, StoreError> {
        let done = organizations::append_event(self.step()?, organization, kind, actor, at, body).await;
        self.done(done)
    }

    async fn insert_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError> {
        let done = service_accounts::insert(self.step()?, account).await;
        self.done(done)
    }

    async fn update_service_account(&mut self, account: &ServiceAccount) -> Result<(), StoreError> {
        let done = service_accounts::update(self.step()?, account).await;
        self.done(done)
    }

    async fn delete_service_account(
        &mut self,
        organization: OrganizationId,
        id: ServiceAccountId,
    ) -> Result<(), StoreError> {
        let done = service_accounts::delete(self.step()?, organization, id).await;
        self.done(done)
    }

    async fn insert_credential(&mut self, credential: &Credential, secret_mac: Digest) -> Result<(), StoreError> {
        let done = credentials::insert(self.step()?, credential, secret_mac).await;
        self.done(done)
    }

    async fn update_credential(&mut self, credential: &Credential) -> Result<(), StoreError> {
        let done = credentials::update(self.step()?, credential).await;
        self.done(done)
    }

    async fn use_credential(&mut self, id: CredentialId, at: Timestamp) -> Result<(), StoreError> {
        let done = credentials::used(self.step()?, id, at).await;
        self.done(done)
    }

    async fn delete_credential(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
        id: CredentialId,
    ) -> Result<(), StoreError> {
        let done = credentials::delete(self.step()?, organization, account, id).await;
        self.done(done)
    }

    async fn replace_role_grants(
        &mut self,
        organization: OrganizationId,
        account: ServiceAccountId,
        grants: &[RoleGrant],
    ) -> Result<(), StoreError> {
        let done = service_accounts::replace_grants(self.step()?, organization, account, grants).await;
        self.done(done)
    }
}
