//! Organizations, and what happened in them.

use cedarkeep_model::{Organization, OrganizationEvent, OrganizationEventKind, OrganizationId, Timestamp};
use cedarkeep_store::{Position, Slice, StoreError, Window};
use serde_json::Value;

use super::{
    Row, Sql,
    columns::Columns,
    engine::{FOR_UPDATE, store_error},
    list::{Keys, List},
    number, to_json,
};

fn organization(row: &Row) -> Result<Organization, StoreError> {
    let row = Columns(row);
    Ok(Organization {
        id: row.parsed("id")?,
        name: row.checked("name")?,
        label: row.checked("label")?,
        object_revision: row.number("object_revision")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(super) async fn get(db: &mut Sql, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
    let mut list = List::new("SELECT * FROM organizations WHERE id = ");
    list.text(&id);
    Ok(list.all(db, organization).await?.pop())
}

pub(super) async fn lock(db: &mut Sql, id: OrganizationId) -> Result<Option<Organization>, StoreError> {
    let mut list = List::new("SELECT * FROM organizations WHERE id = ");
    list.text(&id).sql(FOR_UPDATE);
    Ok(list.all(db, organization).await?.pop())
}

fn listed(select: &'static str, only: Option<&[OrganizationId]>) -> List {
    let mut list = List::new(select);
    if let Some(only) = only {
        list.one_of("id", only);
    }
    list
}

pub(super) async fn list(
    db: &mut Sql,
    only: Option<&[OrganizationId]>,
    window: &Window,
) -> Result<Slice<Organization>, StoreError> {
    let positioned = |row: &Row| {
        let organization = organization(row)?;
        Ok((Position { rank: 0, at: organization.created_at.micros(), id: organization.id.to_string() }, organization))
    };
    let list = listed("SELECT * FROM organizations WHERE 1 = 1", only);
    list.slice(db, Keys::created("created_at", "id"), window, positioned).await
}

pub(super) async fn count(db: &mut Sql, only: Option<&[OrganizationId]>) -> Result<u64, StoreError> {
    listed("SELECT COUNT(*) FROM organizations WHERE 1 = 1", only).count(db).await
}

pub(super) async fn insert(db: &mut Sql, organization: &Organization) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO organizations (id, name, label, object_revision, event_seq, created_at, created_by, updated_at) \
         VALUES ($1, $2, $3, $4, 0, $5, $6, $7)",
    )
    .bind(organization.id.to_string())
    .bind(organization.name.as_str())
    .bind(organization.label.as_str())
    .bind(number(organization.object_revision)?)
    .bind(organization.created_at.micros())
    .bind(&organization.created_by)
    .bind(organization.updated_at.micros())
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn update(db: &mut Sql, organization: &Organization) -> Result<(), StoreError> {
    sqlx::query("UPDATE organizations SET name = $2, object_revision = $3, updated_at = $4 WHERE id = $1")
        .bind(organization.id.to_string())
        .bind(organization.name.as_str())
        .bind(number(organization.object_revision)?)
        .bind(organization.updated_at.micros())
        .execute(db)
        .await
        .map(|_| ())
        .map_err(store_error)
}

pub(super) async fn append_event(
    db: &mut Sql,
    organization_id: OrganizationId,
    kind: OrganizationEventKind,
    actor: &str,
    at: Timestamp,
    body: Value,
) -> Result<OrganizationEvent, StoreError> {
    let sql = "UPDATE organizations SET event_seq = event_seq + 1 WHERE id = $1 RETURNING event_seq";
    let row = sqlx::query(sql).bind(organization_id.to_string()).fetch_one(&mut *db).await.map_err(store_error)?;
    let seq = Columns(&row).number("event_seq")?;
    sqlx::query(
        "INSERT INTO organization_events (organization_id, seq, kind, actor, at, body) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(organization_id.to_string())
    .bind(number(seq)?)
    .bind(kind.as_str())
    .bind(actor)
    .bind(at.micros())
    .bind(to_json(&body)?)
    .execute(db)
    .await
    .map_err(store_error)?;
    Ok(OrganizationEvent { organization_id, seq, kind, actor: actor.to_owned(), at, body })
}

pub(super) async fn events(
    db: &mut Sql,
    organization: OrganizationId,
    window: &Window,
) -> Result<Slice<OrganizationEvent>, StoreError> {
    let positioned = |row: &Row| {
        let row = Columns(row);
        let event = OrganizationEvent {
            organization_id: row.parsed("organization_id")?,
            seq: row.number("seq")?,
            kind: row.parsed("kind")?,
            actor: row.text("actor")?,
            at: row.time("at")?,
            body: row.json("body")?,
        };
        Ok((Position { rank: 0, at: row.signed("seq")?, id: String::new() }, event))
    };
    let mut list = List::new("SELECT * FROM organization_events WHERE organization_id = ");
    list.text(&organization);
    list.slice(db, Keys { rank: None, at: Some("seq"), id: None }, window, positioned).await
}

pub(super) async fn count_events(db: &mut Sql, organization: OrganizationId) -> Result<u64, StoreError> {
    let mut list = List::new("SELECT event_seq FROM organizations WHERE id = ");
    list.text(&organization);
    list.count(db).await
}
