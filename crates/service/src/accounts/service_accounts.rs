//! Service accounts: the programs that call.

use cedarkeep_model::{Description, Name, OrganizationEventKind, OrganizationId, ServiceAccount, ServiceAccountId};
use serde_json::{Value, json};

use crate::{Call, Code, Error, Page, PageRequest, Service, page::Cursors, transact::Tx};

/// The most characters of an owner.
const MAX_OWNER: usize = 512;

/// A service account to be made.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// The person who answers for it: an address, a principal id; 1 to 512 characters.
    pub owner: Option<String>,
}

/// What is to change in a service account; `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct AccountPatch {
    /// The name.
    pub name: Option<Name>,
    /// The description; `Some(None)` clears it.
    pub description: Option<Option<Description>>,
    /// The owner; `Some(None)` clears it.
    pub owner: Option<Option<String>>,
}

impl Service {
    /// Makes a service account that has neither a credential nor a role yet.
    ///
    /// # Errors
    /// `not_found`; `bad_request` for an owner of no use.
    pub async fn create_service_account(
        &self,
        call: &Call,
        organization: OrganizationId,
        new: NewAccount,
    ) -> Result<ServiceAccount, Error> {
        check_owner(new.owner.as_deref())?;
        self.once(call, self.transact(call, move |tx| Box::pin(create(tx, organization, new)))).await
    }

    /// A service account.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn service_account(
        &self,
        _call: &Call,
        organization: OrganizationId,
        id: ServiceAccountId,
    ) -> Result<ServiceAccount, Error> {
        let known = self.read().await?.service_account(organization, id).await?;
        known.ok_or_else(|| Error::not_found("service account"))
    }

    /// Service accounts by creation.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn service_accounts(
        &self,
        call: &Call,
        organization: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<ServiceAccount>, Error> {
        self.organization(call, organization).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{organization}/service-accounts"), &());
        let window = cursors.window(&page)?;
        let mut store = self.read().await?;
        let slice = store.service_accounts(organization, &window).await?;
        let total = if page.total_count { Some(store.count_service_accounts(organization).await?) } else { None };
        cursors.page(&window, slice, total, |_| 0)
    }

    /// Changes name, description or owner.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `bad_request`.
    pub async fn update_service_account(
        &self,
        call: &Call,
        organization: OrganizationId,
        id: ServiceAccountId,
        patch: AccountPatch,
    ) -> Result<ServiceAccount, Error> {
        check_owner(patch.owner.as_ref().and_then(Option::as_deref))?;
        let condition = call.clone();
        self.transact(call, move |tx| Box::pin(update(tx, condition, organization, id, patch))).await
    }

    /// Deletes a service account with its credentials and its roles.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`.
    pub async fn delete_service_account(
        &self,
        call: &Call,
        organization: OrganizationId,
        id: ServiceAccountId,
    ) -> Result<(), Error> {
        let condition = call.clone();
        self.transact(call, move |tx| {
            Box::pin(async move {
                let account = tx.account(organization, id).await?;
                condition.check(&account.etag())?;
                tx.store.delete_service_account(organization, id).await?;
                let body = json!({"service_account_id": id, "name": account.name});
                tx.organization_event(organization, OrganizationEventKind::ServiceAccountDeleted, body).await
            })
        })
        .await
    }
}

fn check_owner(owner: Option<&str>) -> Result<(), Error> {
    let good = |owner: &str| {
        (1..=MAX_OWNER).contains(&owner.chars().count())
            && owner.trim() == owner
            && !owner.chars().any(char::is_control)
    };
    if owner.is_none_or(good) {
        return Ok(());
    }
    let message = "owner names a person: 1 to 512 characters, no white space at its ends and no control characters";
    Err(Error::new(Code::BadRequest, message))
}

fn shown(account: &ServiceAccount) -> Value {
    json!({"name": account.name, "description": account.description, "owner": account.owner})
}

async fn create(tx: &mut Tx, organization: OrganizationId, new: NewAccount) -> Result<ServiceAccount, Error> {
    tx.organization(organization).await?;
    let account = ServiceAccount {
        id: ServiceAccountId::new(tx.service.0.ids.next()),
        organization_id: organization,
        name: new.name,
        description: new.description,
        owner: new.owner,
        object_revision: 1,
        created_at: tx.now,
        created_by: tx.actor.clone(),
        updated_at: tx.now,
    };
    tx.store.insert_service_account(&account).await?;
    let body = json!({
        "service_account_id": account.id, "name": account.name, "description": account.description,
        "owner": account.owner,
    });
    tx.organization_event(organization, OrganizationEventKind::ServiceAccountCreated, body).await?;
    Ok(account)
}

async fn update(
    tx: &mut Tx,
    call: Call,
    organization: OrganizationId,
    id: ServiceAccountId,
    patch: AccountPatch,
) -> Result<ServiceAccount, Error> {
    let before = tx.account(organization, id).await?;
    call.check(&before.etag())?;
    let mut after = before.clone();
    if let Some(name) = patch.name {
        after.name = name;
    }
    if let Some(description) = patch.description {
        after.description = description;
    }
    if let Some(owner) = patch.owner {
        after.owner = owner;
    }
    if after == before {
        return Ok(before);
    }
    after.object_revision += 1;
    after.updated_at = tx.now;
    tx.store.update_service_account(&after).await?;
    let body = json!({"service_account_id": id, "from": shown(&before), "to": shown(&after)});
    tx.organization_event(organization, OrganizationEventKind::ServiceAccountUpdated, body).await?;
    Ok(after)
}
