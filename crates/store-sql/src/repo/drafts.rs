//! Drafts of policies and of policy sets.

use cedarkeep_model::{Description, DraftContent, Name, PolicyDraft, PolicyId, PolicySetDraft, PolicySetId, ZoneId};
use cedarkeep_store::StoreError;

use super::{
    Row, Sql,
    columns::{Columns, damaged},
    engine::store_error,
    given,
    list::List,
    number, to_json,
};

fn policy_draft(row: &Row) -> Result<PolicyDraft, StoreError> {
    let row = Columns(row);
    let content = match (row.parsed_or_null("origin")?, row.text_or_null("content")?) {
        (Some(origin), Some(body)) => Some(DraftContent { origin, body }),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(damaged("origin")),
    };
    Ok(PolicyDraft {
        zone_id: row.parsed("zone_id")?,
        policy_id: row.parsed("policy_id")?,
        schema_version: row.checked("schema_version")?,
        content,
        base_version_id: row.parsed_or_null("base_version_id")?,
        revision: row.number("revision")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        updated_at: row.time("updated_at")?,
        updated_by: row.text("updated_by")?,
    })
}

fn set_draft(row: &Row) -> Result<PolicySetDraft, StoreError> {
    let row = Columns(row);
    Ok(PolicySetDraft {
        zone_id: row.parsed("zone_id")?,
        policy_set_id: row.parsed("policy_set_id")?,
        entries: row.json("entries")?,
        schema_version: row.checked("schema_version")?,
        base_version_id: row.parsed_or_null("base_version_id")?,
        name: row.checked_or_null("name")?,
        description: row.checked_or_null("description")?,
        revision: row.number("revision")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        updated_at: row.time("updated_at")?,
        updated_by: row.text("updated_by")?,
    })
}

pub(super) async fn policy(db: &mut Sql, zone: ZoneId, id: PolicyId) -> Result<Option<PolicyDraft>, StoreError> {
    let mut list = List::new("SELECT * FROM policy_drafts WHERE zone_id = ");
    list.living(zone).sql(" AND policy_id = ").text(&id);
    Ok(list.all(db, policy_draft).await?.pop())
}

pub(super) async fn policies(db: &mut Sql, zone: ZoneId) -> Result<Vec<PolicyId>, StoreError> {
    let mut list = List::new("SELECT policy_id FROM policy_drafts WHERE zone_id = ");
    list.living(zone).sql(" ORDER BY policy_id");
    list.all(db, |row| Columns(row).parsed("policy_id")).await
}

pub(super) async fn set(db: &mut Sql, zone: ZoneId, id: PolicySetId) -> Result<Option<PolicySetDraft>, StoreError> {
    let mut list = List::new("SELECT * FROM policy_set_drafts WHERE zone_id = ");
    list.living(zone).sql(" AND policy_set_id = ").text(&id);
    Ok(list.all(db, set_draft).await?.pop())
}

pub(super) async fn sets(db: &mut Sql, zone: ZoneId) -> Result<Vec<PolicySetId>, StoreError> {
    let mut list = List::new("SELECT policy_set_id FROM policy_set_drafts WHERE zone_id = ");
    list.living(zone).sql(" ORDER BY policy_set_id");
    list.all(db, |row| Columns(row).parsed("policy_set_id")).await
}

pub(super) async fn put_policy(db: &mut Sql, draft: &PolicyDraft) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_drafts (zone_id, policy_id, schema_version, origin, content, base_version_id, revision, \
         created_at, created_by, updated_at, updated_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         ON CONFLICT (zone_id, policy_id) DO UPDATE SET schema_version = excluded.schema_version, \
         origin = excluded.origin, content = excluded.content, base_version_id = excluded.base_version_id, \
         revision = excluded.revision, created_at = excluded.created_at, created_by = excluded.created_by, \
         updated_at = excluded.updated_at, updated_by = excluded.updated_by",
    )
    .bind(draft.zone_id.to_string())
    .bind(draft.policy_id.to_string())
    .bind(draft.schema_version.as_str())
    .bind(draft.content.as_ref().map(|content| content.origin.as_str()))
    .bind(draft.content.as_ref().map(|content| given(&content.body)).transpose()?)
    .bind(draft.base_version_id.map(|id| id.to_string()))
    .bind(number(draft.revision)?)
    .bind(draft.created_at.micros())
    .bind(&draft.created_by)
    .bind(draft.updated_at.micros())
    .bind(&draft.updated_by)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn put_set(db: &mut Sql, draft: &PolicySetDraft) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_set_drafts (zone_id, policy_set_id, entries, schema_version, base_version_id, name, \
         description, revision, created_at, created_by, updated_at, updated_by) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
         ON CONFLICT (zone_id, policy_set_id) DO UPDATE SET entries = excluded.entries, \
         schema_version = excluded.schema_version, base_version_id = excluded.base_version_id, name = excluded.name, \
         description = excluded.description, revision = excluded.revision, created_at = excluded.created_at, \
         created_by = excluded.created_by, updated_at = excluded.updated_at, updated_by = excluded.updated_by",
    )
    .bind(draft.zone_id.to_string())
    .bind(draft.policy_set_id.to_string())
    .bind(to_json(&draft.entries)?)
    .bind(draft.schema_version.as_str())
    .bind(draft.base_version_id.map(|id| id.to_string()))
    .bind(draft.name.as_ref().map(Name::as_str))
    .bind(draft.description.as_ref().map(Description::as_str))
    .bind(number(draft.revision)?)
    .bind(draft.created_at.micros())
    .bind(&draft.created_by)
    .bind(draft.updated_at.micros())
    .bind(&draft.updated_by)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn delete_policy(db: &mut Sql, zone: ZoneId, id: PolicyId) -> Result<(), StoreError> {
    let sql = "DELETE FROM policy_drafts WHERE zone_id = $1 AND policy_id = $2";
    sqlx::query(sql).bind(zone.to_string()).bind(id.to_string()).execute(db).await.map(|_| ()).map_err(store_error)
}

pub(super) async fn delete_set(db: &mut Sql, zone: ZoneId, id: PolicySetId) -> Result<(), StoreError> {
    let sql = "DELETE FROM policy_set_drafts WHERE zone_id = $1 AND policy_set_id = $2";
    sqlx::query(sql).bind(zone.to_string()).bind(id.to_string()).execute(db).await.map(|_| ()).map_err(store_error)
}
