//! Policies.

use cedarkeep_model::{Description, Name, Policy, PolicyId, PolicySetVersionId, SchemaVersion, ZoneId};
use cedarkeep_store::{PolicyFilter, Position, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::Columns,
    engine::store_error,
    list::{Keys, List, folded},
    number,
};

fn policy(row: &Row) -> Result<Policy, StoreError> {
    let row = Columns(row);
    Ok(Policy {
        id: row.parsed("id")?,
        zone_id: row.parsed("zone_id")?,
        name: row.checked("name")?,
        description: row.checked_or_null("description")?,
        owner_type: row.parsed("owner_type")?,
        revision: row.number("revision")?,
        latest_version: row.number_or_null("latest_version")?,
        latest_version_id: row.parsed_or_null("latest_version_id")?,
        latest_schema_version: row.checked_or_null("latest_schema_version")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        updated_at: row.time("updated_at")?,
        updated_by: row.text_or_null("updated_by")?,
        archived: row.archived()?,
    })
}

fn positioned(row: &Row) -> Result<(Position, Policy), StoreError> {
    let policy = policy(row)?;
    Ok((Position { rank: 0, at: policy.created_at.micros(), id: policy.id.to_string() }, policy))
}

pub(super) async fn get(db: &mut Sql, zone: ZoneId, id: PolicyId) -> Result<Option<Policy>, StoreError> {
    let mut list = List::new("SELECT * FROM policies WHERE zone_id = ");
    list.living(zone).sql(" AND id = ").text(&id);
    Ok(list.all(db, policy).await?.pop())
}

pub(super) async fn named(db: &mut Sql, zone: ZoneId, name: &Name) -> Result<Option<PolicyId>, StoreError> {
    let mut list = List::new("SELECT id FROM policies WHERE archived_at IS NULL AND zone_id = ");
    list.living(zone).sql(" AND name = ").text(name);
    Ok(list.all(db, |row| Columns(row).parsed("id")).await?.pop())
}

fn filtered(select: &'static str, zone: ZoneId, filter: &PolicyFilter) -> List {
    let mut list = List::new(select);
    list.living(zone).archived("archived_at", filter.archived);
    if let Some(ids) = &filter.ids {
        list.one_of("id", ids);
    }
    if !filter.owner_types.is_empty() {
        list.one_of("owner_type", &filter.owner_types);
    }
    list.contains(&["name_folded", "description_folded"], &filter.query)
        .contains(&["name_folded"], &filter.query_name)
        .contains(&["description_folded"], &filter.query_description);
    list
}

pub(super) async fn list(
    db: &mut Sql,
    zone: ZoneId,
    filter: &PolicyFilter,
    window: &Window,
) -> Result<Slice<Policy>, StoreError> {
    filtered("SELECT * FROM policies WHERE zone_id = ", zone, filter)
        .slice(db, Keys::created("created_at", "id"), window, positioned)
        .await
}

pub(super) async fn count(db: &mut Sql, zone: ZoneId, filter: &PolicyFilter) -> Result<u64, StoreError> {
    filtered("SELECT COUNT(*) FROM policies WHERE zone_id = ", zone, filter).count(db).await
}

pub(super) async fn pinned_names(
    db: &mut Sql,
    zone: ZoneId,
    id: PolicySetVersionId,
) -> Result<Vec<(PolicyId, String)>, StoreError> {
    let mut list = List::new(
        "SELECT p.id, p.name FROM policy_set_version_entries e \
         JOIN policies p ON p.zone_id = e.zone_id AND p.id = e.policy_id WHERE e.zone_id = ",
    );
    list.living(zone).sql(" AND e.policy_set_version_id = ").text(&id);
    list.all(db, |row| Ok((Columns(row).parsed("id")?, Columns(row).text("name")?))).await
}

pub(super) async fn insert(db: &mut Sql, policy: &Policy) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policies (zone_id, id, name, description, owner_type, revision, latest_version, \
         latest_version_id, latest_schema_version, created_at, created_by, updated_at, updated_by, name_folded, \
         description_folded) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(policy.zone_id.to_string())
    .bind(policy.id.to_string())
    .bind(policy.name.as_str())
    .bind(policy.description.as_ref().map(Description::as_str))
    .bind(policy.owner_type.as_str())
    .bind(number(policy.revision)?)
    .bind(policy.latest_version.map(number).transpose()?)
    .bind(policy.latest_version_id.map(|id| id.to_string()))
    .bind(policy.latest_schema_version.as_ref().map(SchemaVersion::as_str))
    .bind(policy.created_at.micros())
    .bind(&policy.created_by)
    .bind(policy.updated_at.micros())
    .bind(&policy.updated_by)
    .bind(folded(policy.name.as_str()))
    .bind(policy.description.as_ref().map(|text| folded(text.as_str())))
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn update(db: &mut Sql, policy: &Policy) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE policies SET name = $3, description = $4, revision = $5, latest_version = $6, latest_version_id = $7, \
         latest_schema_version = $8, updated_at = $9, updated_by = $10, archived_at = $11, archived_by = $12, \
         name_folded = $13, description_folded = $14 WHERE zone_id = $1 AND id = $2",
    )
    .bind(policy.zone_id.to_string())
    .bind(policy.id.to_string())
    .bind(policy.name.as_str())
    .bind(policy.description.as_ref().map(Description::as_str))
    .bind(number(policy.revision)?)
    .bind(policy.latest_version.map(number).transpose()?)
    .bind(policy.latest_version_id.map(|id| id.to_string()))
    .bind(policy.latest_schema_version.as_ref().map(SchemaVersion::as_str))
    .bind(policy.updated_at.micros())
    .bind(&policy.updated_by)
    .bind(policy.archived.as_ref().map(|archived| archived.at.micros()))
    .bind(policy.archived.as_ref().map(|archived| &archived.by))
    .bind(folded(policy.name.as_str()))
    .bind(policy.description.as_ref().map(|text| folded(text.as_str())))
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}
