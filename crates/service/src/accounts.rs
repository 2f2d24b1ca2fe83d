//! Organizations and their service accounts: who may call, what they prove themselves with, and the roles they hold.
//!
//! Every change is an event of the organization, and holds from the moment at which it was answered on this instance, and
//! a second later on the others.

mod credentials;
mod organizations;
mod principals;
mod roles;
mod service_accounts;

pub use self::{
    credentials::{AccessToken, CredentialPatch, IssuedCredential, MAX_CREDENTIAL_SECONDS, NewCredential},
    service_accounts::{AccountPatch, NewAccount},
};
pub(crate) use self::{organizations::default_organization, principals::Principals};

use cedarkeep_model::{Organization, OrganizationEventKind, OrganizationId, ServiceAccount, ServiceAccountId};
use serde_json::Value;

use crate::{Error, transact::Tx};

impl Tx {
    /// Takes the organization for this transaction. Every change in an organization begins here.
    pub(crate) async fn organization(&mut self, id: OrganizationId) -> Result<Organization, Error> {
        self.store.lock_organization(id).await?.ok_or_else(|| Error::not_found("organization"))
    }

    /// A service account of an organization that this transaction has taken.
    async fn account(&mut self, organization: OrganizationId, id: ServiceAccountId) -> Result<ServiceAccount, Error> {
        self.organization(organization).await?;
        let account = self.store.service_account(organization, id).await?;
        account.ok_or_else(|| Error::not_found("service account"))
    }

    /// Records the change, after which callers may be others than they were.
    async fn organization_event(
        &mut self,
        organization: OrganizationId,
        kind: OrganizationEventKind,
        body: Value,
    ) -> Result<(), Error> {
        self.callers_change();
        let (actor, now) = (self.actor.clone(), self.now);
        self.store.append_organization_event(organization, kind, &actor, now, body).await?;
        Ok(())
    }
}
