//! Schema versions: the content that never changes, and the state beside it.

use cedarkeep_model::{PolicySchema, Timestamp, ZoneId};
use cedarkeep_store::{Position, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::Columns,
    engine::store_error,
    given,
    list::{Keys, List},
    number,
};

const SELECT: &str = "SELECT p.*, t.status, t.revision, t.updated_at, t.deprecated_at, t.archived_at, \
     CAST(CASE WHEN z.default_schema_version = p.version THEN 1 ELSE 0 END AS BIGINT) AS is_default \
     FROM policy_schemas p \
     JOIN policy_schema_states t ON t.zone_id = p.zone_id AND t.version = p.version \
     JOIN zones z ON z.id = p.zone_id \
     WHERE p.zone_id = ";

fn schema(row: &Row) -> Result<PolicySchema, StoreError> {
    let row = Columns(row);
    Ok(PolicySchema {
        zone_id: row.parsed("zone_id")?,
        version: row.checked("version")?,
        owner_type: row.parsed("owner_type")?,
        cedar_schema: row.text("cedar_schema")?,
        cedar_schema_json: row.text("cedar_schema_json")?,
        schema_sha: row.parsed("schema_sha")?,
        status: row.parsed("status")?,
        is_default: row.flag("is_default")?,
        revision: row.number("revision")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        updated_at: row.time("updated_at")?,
        deprecated_at: row.time_or_null("deprecated_at")?,
        archived_at: row.time_or_null("archived_at")?,
    })
}

fn positioned(row: &Row) -> Result<(Position, PolicySchema), StoreError> {
    let schema = schema(row)?;
    Ok((Position { rank: 0, at: schema.created_at.micros(), id: schema.version.to_string() }, schema))
}

pub(super) async fn get(db: &mut Sql, zone: ZoneId, version: &str) -> Result<Option<PolicySchema>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).sql(" AND p.version = ").text(version);
    Ok(list.all(db, schema).await?.pop())
}

fn by_default(list: &mut List, zone: ZoneId, is_default: Option<bool>) {
    list.living(zone);
    match is_default {
        Some(true) => list.sql(" AND p.version = z.default_schema_version"),
        Some(false) => list.sql(" AND p.version <> z.default_schema_version"),
        None => list,
    };
}

pub(super) async fn list(
    db: &mut Sql,
    zone: ZoneId,
    is_default: Option<bool>,
    window: &Window,
) -> Result<Slice<PolicySchema>, StoreError> {
    let mut list = List::new(SELECT);
    by_default(&mut list, zone, is_default);
    list.slice(db, Keys::created("p.created_at", "p.version"), window, positioned).await
}

pub(super) async fn count(db: &mut Sql, zone: ZoneId, is_default: Option<bool>) -> Result<u64, StoreError> {
    let mut list =
        List::new("SELECT COUNT(*) FROM policy_schemas p JOIN zones z ON z.id = p.zone_id WHERE p.zone_id = ");
    by_default(&mut list, zone, is_default);
    list.count(db).await
}

pub(super) async fn insert(db: &mut Sql, schema: &PolicySchema) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_schemas (zone_id, version, owner_type, cedar_schema, cedar_schema_json, schema_sha, \
         created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(schema.zone_id.to_string())
    .bind(schema.version.as_str())
    .bind(schema.owner_type.as_str())
    .bind(given(&schema.cedar_schema)?)
    .bind(&schema.cedar_schema_json)
    .bind(schema.schema_sha.to_string())
    .bind(schema.created_at.micros())
    .bind(&schema.created_by)
    .execute(&mut *db)
    .await
    .map_err(store_error)?;
    sqlx::query(
        "INSERT INTO policy_schema_states (zone_id, version, status, revision, updated_at, deprecated_at, archived_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(schema.zone_id.to_string())
    .bind(schema.version.as_str())
    .bind(schema.status.as_str())
    .bind(number(schema.revision)?)
    .bind(schema.updated_at.micros())
    .bind(schema.deprecated_at.map(Timestamp::micros))
    .bind(schema.archived_at.map(Timestamp::micros))
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn update(db: &mut Sql, schema: &PolicySchema) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE policy_schema_states SET status = $3, revision = $4, updated_at = $5, deprecated_at = $6, \
         archived_at = $7 WHERE zone_id = $1 AND version = $2",
    )
    .bind(schema.zone_id.to_string())
    .bind(schema.version.as_str())
    .bind(schema.status.as_str())
    .bind(number(schema.revision)?)
    .bind(schema.updated_at.micros())
    .bind(schema.deprecated_at.map(Timestamp::micros))
    .bind(schema.archived_at.map(Timestamp::micros))
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}
