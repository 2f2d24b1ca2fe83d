//! Organizations, and what happened in them.

use cedarkeep_model::{Name, Organization, OrganizationEvent, OrganizationEventKind, OrganizationId, Slug, Timestamp};
use serde_json::json;

use crate::{Call, Code, Error, Page, PageRequest, PrincipalKind, Service, page::Cursors, transact::Tx};

/// The organization that a fresh installation begins with.
pub(crate) fn default_organization(id: OrganizationId, now: Timestamp) -> Result<Organization, Error> {
    let name = Name::new("Default").map_err(|error| Error::new(Code::Internal, error.to_string()))?;
    Ok(organization(id, Slug::from_name(name.as_str()), name, "server", now))
}

fn organization(id: OrganizationId, label: Slug, name: Name, by: &str, now: Timestamp) -> Organization {
    let created_by = by.to_owned();
    Organization { id, name, label, object_revision: 1, created_at: now, created_by, updated_at: now }
}

impl Service {
    /// Makes an organization. Its label is made from its name, with the end of its id behind it, and never changes.
    ///
    /// # Errors
    /// When the store is not available.
    pub async fn create_organization(&self, call: &Call, name: Name) -> Result<Organization, Error> {
        self.once(call, self.transact(call, move |tx| Box::pin(create(tx, name)))).await
    }

    /// An organization.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn organization(&self, _call: &Call, id: OrganizationId) -> Result<Organization, Error> {
        self.read().await?.organization(id).await?.ok_or_else(|| Error::not_found("organization"))
    }

    /// The organizations that the caller reaches, by creation.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub async fn organizations(&self, call: &Call, page: PageRequest) -> Result<Page<Organization>, Error> {
        let only = match &call.principal.kind {
            PrincipalKind::Administrator => None,
            PrincipalKind::User(_) => Some(Vec::new()),
            PrincipalKind::ServiceAccount(account) => {
                let everywhere = account.grants.iter().any(|grant| grant.zone_id.is_none());
                Some(if everywhere { vec![account.organization] } else { Vec::new() })
            }
        };
        let cursors = Cursors::new(&self.0.cursor_key, "organizations", &only);
        let window = cursors.window(&page)?;
        let mut store = self.read().await?;
        let slice = store.organizations(only.as_deref(), &window).await?;
        let total = if page.total_count { Some(store.count_organizations(only.as_deref()).await?) } else { None };
        cursors.page(&window, slice, total, |_| 0)
    }

    /// Changes the name.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`.
    pub async fn update_organization(
        &self,
        call: &Call,
        id: OrganizationId,
        name: Option<Name>,
    ) -> Result<Organization, Error> {
        let condition = call.clone();
        self.transact(call, move |tx| Box::pin(update(tx, condition, id, name))).await
    }

    /// What happened in an organization, newest first unless asked otherwise.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn organization_events(
        &self,
        call: &Call,
        id: OrganizationId,
        page: PageRequest,
    ) -> Result<Page<OrganizationEvent>, Error> {
        self.organization(call, id).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{id}/organization-events"), &());
        let window = cursors.window(&page)?;
        let mut store = self.read().await?;
        let slice = store.organization_events(id, &window).await?;
        let total = if page.total_count { Some(store.count_organization_events(id).await?) } else { None };
        cursors.page(&window, slice, total, |_| 0)
    }
}

async fn create(tx: &mut Tx, name: Name) -> Result<Organization, Error> {
    let id = tx.service.0.ids.next();
    let tail = id.simple().to_string().split_off(24);
    let label: String = Slug::from_name(name.as_str()).as_str().chars().take(54).collect();
    let label = Slug::new(format!("{}-{tail}", label.trim_end_matches('-')));
    let label = label.map_err(|error| Error::new(Code::Internal, error.to_string()))?;
    let made = organization(OrganizationId::new(id), label, name, &tx.actor, tx.now);
    tx.store.insert_organization(&made).await?;
    let body = json!({"name": made.name, "label": made.label});
    tx.organization_event(made.id, OrganizationEventKind::OrganizationCreated, body).await?;
    Ok(made)
}

async fn update(tx: &mut Tx, call: Call, id: OrganizationId, name: Option<Name>) -> Result<Organization, Error> {
    let before = tx.organization(id).await?;
    call.check(&before.etag())?;
    let Some(name) = name.filter(|name| *name != before.name) else { return Ok(before) };
    let object_revision = before.object_revision + 1;
    let after = Organization { name, object_revision, updated_at: tx.now, ..before.clone() };
    tx.store.update_organization(&after).await?;
    let body = json!({"from": {"name": before.name}, "to": {"name": after.name}});
    tx.organization_event(id, OrganizationEventKind::OrganizationUpdated, body).await?;
    Ok(after)
}
