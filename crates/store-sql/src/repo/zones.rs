//! Zones, and the values of the whole installation.

use cedarkeep_model::{Description, Timestamp, Zone, ZoneId};
use cedarkeep_store::{Position, Slice, StoreError, Window, ZoneFilter};
use sqlx::Row as _;

use super::{
    Row, Sql,
    columns::Columns,
    engine::{FOR_UPDATE, store_error},
    entities,
    list::{Keys, List},
    number, to_json,
};

pub(super) fn zone(row: &Row) -> Result<Zone, StoreError> {
    let row = Columns(row);
    Ok(Zone {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        slug: row.checked("slug")?,
        name: row.checked("name")?,
        description: row.checked_or_null("description")?,
        owner_type: row.parsed("owner_type")?,
        settings: row.json("settings")?,
        default_schema_version: row.checked("default_schema_version")?,
        object_revision: row.number("object_revision")?,
        revision: row.number("revision")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        updated_at: row.time("updated_at")?,
    })
}

fn positioned(row: &Row) -> Result<(Position, Zone), StoreError> {
    let zone = zone(row)?;
    Ok((Position { rank: 0, at: zone.created_at.micros(), id: zone.id.to_string() }, zone))
}

pub(super) async fn meta(db: &mut Sql, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let row = sqlx::query("SELECT value FROM meta WHERE key = $1").bind(key).fetch_optional(db).await;
    row.map_err(store_error)?.map(|row| Columns(&row).bytes("value")).transpose()
}

pub(super) async fn put_meta(db: &mut Sql, key: &str, value: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO meta (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    sqlx::query(sql).bind(key).bind(value).execute(db).await.map(|_| ()).map_err(store_error)
}

pub(super) async fn get(db: &mut Sql, id: ZoneId) -> Result<Option<Zone>, StoreError> {
    let sql = "SELECT * FROM zones WHERE id = $1 AND deleted_at IS NULL";
    let row = sqlx::query(sql).bind(id.to_string()).fetch_optional(db).await.map_err(store_error)?;
    row.as_ref().map(zone).transpose()
}

pub(super) async fn lock(db: &mut Sql, id: ZoneId) -> Result<Option<Zone>, StoreError> {
    let sql = format!("SELECT * FROM zones WHERE id = $1 AND deleted_at IS NULL{FOR_UPDATE}");
    let row = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id.to_string()).fetch_optional(db).await;
    row.map_err(store_error)?.as_ref().map(zone).transpose()
}

fn filtered(select: &'static str, filter: &ZoneFilter) -> List {
    let mut list = List::new(select);
    if let Some(slug) = &filter.slug {
        list.sql(" AND slug = ").text(slug);
    }
    if let Some(organization) = &filter.organization_id {
        list.sql(" AND organization_id = ").text(organization);
    }
    if let Some((organizations, zones)) = &filter.within {
        list.either("organization_id", organizations, "id", zones);
    }
    list
}

pub(super) async fn list(db: &mut Sql, filter: &ZoneFilter, window: &Window) -> Result<Slice<Zone>, StoreError> {
    filtered("SELECT * FROM zones WHERE deleted_at IS NULL", filter)
        .slice(db, Keys::created("created_at", "id"), window, positioned)
        .await
}

pub(super) async fn count(db: &mut Sql, filter: &ZoneFilter) -> Result<u64, StoreError> {
    filtered("SELECT COUNT(*) FROM zones WHERE deleted_at IS NULL", filter).count(db).await
}

pub(super) async fn revisions(db: &mut Sql) -> Result<Vec<(ZoneId, u64)>, StoreError> {
    let rows = sqlx::query("SELECT id, revision FROM zones WHERE deleted_at IS NULL").fetch_all(db).await;
    let revision = |row: &Row| Ok((Columns(row).parsed("id")?, Columns(row).number("revision")?));
    rows.map_err(store_error)?.iter().map(revision).collect()
}

pub(super) async fn insert(db: &mut Sql, zone: &Zone, data_key: &[u8]) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO zones (id, organization_id, slug, name, description, owner_type, settings, \
         default_schema_version, object_revision, revision, event_seq, event_sha256, data_key, created_at, created_by, \
         updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, NULL, $11, $12, $13, $14)",
    )
    .bind(zone.id.to_string())
    .bind(zone.organization_id.to_string())
    .bind(zone.slug.as_str())
    .bind(zone.name.as_str())
    .bind(zone.description.as_ref().map(Description::as_str))
    .bind(zone.owner_type.as_str())
    .bind(to_json(&zone.settings)?)
    .bind(zone.default_schema_version.as_str())
    .bind(number(zone.object_revision)?)
    .bind(number(zone.revision)?)
    .bind(data_key)
    .bind(zone.created_at.micros())
    .bind(&zone.created_by)
    .bind(zone.updated_at.micros())
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn update(db: &mut Sql, zone: &Zone) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE zones SET slug = $2, name = $3, description = $4, settings = $5, default_schema_version = $6, \
         object_revision = $7, updated_at = $8 WHERE id = $1",
    )
    .bind(zone.id.to_string())
    .bind(zone.slug.as_str())
    .bind(zone.name.as_str())
    .bind(zone.description.as_ref().map(Description::as_str))
    .bind(to_json(&zone.settings)?)
    .bind(zone.default_schema_version.as_str())
    .bind(number(zone.object_revision)?)
    .bind(zone.updated_at.micros())
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn bump_revision(db: &mut Sql, id: ZoneId) -> Result<u64, StoreError> {
    let sql = "UPDATE zones SET revision = revision + 1 WHERE id = $1 RETURNING revision";
    let row = sqlx::query(sql).bind(id.to_string()).fetch_one(db).await.map_err(store_error)?;
    Columns(&row).number("revision")
}

pub(super) async fn delete(db: &mut Sql, id: ZoneId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE zones SET deleted_at = $2 WHERE id = $1";
    sqlx::query(sql).bind(id.to_string()).bind(at.micros()).execute(&mut *db).await.map_err(store_error)?;
    let sql = "DELETE FROM role_grants WHERE zone_id = $1";
    sqlx::query(sql).bind(id.to_string()).execute(&mut *db).await.map_err(store_error)?;
    entities::forget(db, id).await
}

pub(super) async fn data_key(db: &mut Sql, id: ZoneId) -> Result<Option<Vec<u8>>, StoreError> {
    let sql = "SELECT data_key FROM zones WHERE id = $1 AND deleted_at IS NULL";
    let row = sqlx::query(sql).bind(id.to_string()).fetch_optional(db).await.map_err(store_error)?;
    row.map(|row| row.try_get("data_key").map_err(store_error)).transpose()
}
