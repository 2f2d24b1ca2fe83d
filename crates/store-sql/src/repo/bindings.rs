//! Bindings: the rows that say what decides.

use cedarkeep_model::{Binding, BindingId, BindingMode, PolicyId, PolicySetId, PolicyVersionId, ScopeType, ZoneId};
use cedarkeep_store::{BindingFilter, Position, Slice, StoreError, Window, ZoneState};

use super::{
    Row, Sql,
    columns::Columns,
    engine::store_error,
    events, given_key,
    list::{Keys, List},
    number, zones,
};

const SELECT: &str = "SELECT b.*, v.version, v.manifest_sha FROM bindings b \
     JOIN policy_set_versions v ON v.zone_id = b.zone_id AND v.id = b.policy_set_version_id WHERE b.zone_id = ";

fn binding(row: &Row) -> Result<Binding, StoreError> {
    let row = Columns(row);
    Ok(Binding {
        id: row.parsed("id")?,
        zone_id: row.parsed("zone_id")?,
        mode: row.parsed("mode")?,
        scope_type: row.parsed("scope_type")?,
        scope_target_id: row.text("scope_target_id")?,
        policy_set_id: row.parsed("policy_set_id")?,
        policy_set_version_id: row.parsed("policy_set_version_id")?,
        version: row.number("version")?,
        manifest_sha: row.parsed("manifest_sha")?,
        revision: row.number("revision")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
    })
}

pub(super) async fn get(db: &mut Sql, zone: ZoneId, id: BindingId) -> Result<Option<Binding>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).sql(" AND b.id = ").text(&id);
    Ok(list.all(db, binding).await?.pop())
}

pub(super) async fn slot(
    db: &mut Sql,
    zone: ZoneId,
    scope: ScopeType,
    target: &str,
    mode: BindingMode,
) -> Result<Option<Binding>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).sql(" AND b.scope_type = ").text(&scope).sql(" AND b.scope_target_id = ").text(target);
    list.sql(" AND b.mode = ").text(&mode);
    Ok(list.all(db, binding).await?.pop())
}

fn filtered(mut list: List, zone: ZoneId, filter: &BindingFilter) -> List {
    list.living(zone);
    if !filter.policy_set_ids.is_empty() {
        list.one_of("b.policy_set_id", &filter.policy_set_ids);
    }
    if !filter.modes.is_empty() {
        list.one_of("b.mode", &filter.modes);
    }
    if !filter.scope_types.is_empty() {
        list.one_of("b.scope_type", &filter.scope_types);
    }
    if !filter.scope_target_ids.is_empty() {
        list.one_of("b.scope_target_id", &filter.scope_target_ids);
    }
    list
}

pub(super) async fn list(
    db: &mut Sql,
    zone: ZoneId,
    filter: &BindingFilter,
    window: &Window,
) -> Result<Slice<Binding>, StoreError> {
    let positioned = |row: &Row| {
        let binding = binding(row)?;
        Ok((Position { rank: 0, at: binding.created_at.micros(), id: binding.id.to_string() }, binding))
    };
    let list = filtered(List::new(SELECT), zone, filter);
    list.slice(db, Keys::created("b.created_at", "b.id"), window, positioned).await
}

pub(super) async fn count(db: &mut Sql, zone: ZoneId, filter: &BindingFilter) -> Result<u64, StoreError> {
    filtered(List::new("SELECT COUNT(*) FROM bindings b WHERE b.zone_id = "), zone, filter).count(db).await
}

pub(super) async fn of_set(db: &mut Sql, zone: ZoneId, set: PolicySetId) -> Result<Vec<Binding>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).sql(" AND b.policy_set_id = ").text(&set).sql(" ORDER BY b.revision, b.id");
    list.all(db, binding).await
}

pub(super) async fn of_policy_version(
    db: &mut Sql,
    zone: ZoneId,
    id: PolicyVersionId,
) -> Result<Vec<Binding>, StoreError> {
    let mut list = List::new(
        "SELECT b.*, v.version, v.manifest_sha FROM policy_set_version_entries e \
         JOIN bindings b ON b.zone_id = e.zone_id AND b.policy_set_version_id = e.policy_set_version_id \
         JOIN policy_set_versions v ON v.zone_id = b.zone_id AND v.id = b.policy_set_version_id WHERE e.zone_id = ",
    );
    list.living(zone).sql(" AND e.policy_version_id = ").text(&id).sql(" ORDER BY b.revision, b.id");
    list.all(db, binding).await
}

pub(super) async fn pinning_policy(
    db: &mut Sql,
    zone: ZoneId,
    policy: PolicyId,
) -> Result<Option<Binding>, StoreError> {
    let mut list = List::new(
        "SELECT b.*, v.version, v.manifest_sha FROM bindings b \
         JOIN policy_set_version_entries e ON e.zone_id = b.zone_id \
            AND e.policy_set_version_id = b.policy_set_version_id \
         JOIN policy_set_versions v ON v.zone_id = b.zone_id AND v.id = b.policy_set_version_id WHERE b.zone_id = ",
    );
    list.living(zone).sql(" AND e.policy_id = ").text(&policy).sql(" ORDER BY b.revision, b.id LIMIT 1");
    Ok(list.all(db, binding).await?.pop())
}

/// One statement, so that revision and bindings are of one moment.
pub(super) async fn zone_state(db: &mut Sql, zone: ZoneId) -> Result<Option<ZoneState>, StoreError> {
    let sql = "SELECT z.*, b.id AS binding_id, b.mode, b.scope_type, b.scope_target_id, b.policy_set_id, \
         b.policy_set_version_id, b.revision AS bound_revision, b.created_at AS bound_at, b.created_by AS bound_by, \
         v.version, v.manifest_sha FROM zones z LEFT JOIN bindings b ON b.zone_id = z.id \
         LEFT JOIN policy_set_versions v ON v.zone_id = b.zone_id AND v.id = b.policy_set_version_id \
         WHERE z.id = $1 AND z.deleted_at IS NULL ORDER BY b.revision, b.id";
    let rows = sqlx::query(sql).bind(zone.to_string()).fetch_all(db).await.map_err(store_error)?;
    let Some(first) = rows.first() else { return Ok(None) };
    let (zone, newest) = (zones::zone(first)?, events::mark(first)?);
    let bindings = rows.iter().filter_map(|row| joined(zone.id, row).transpose()).collect::<Result<_, _>>()?;
    Ok(Some(ZoneState { zone, bindings, newest }))
}

fn joined(zone_id: ZoneId, row: &Row) -> Result<Option<Binding>, StoreError> {
    let row = Columns(row);
    let Some(id) = row.parsed_or_null("binding_id")? else { return Ok(None) };
    Ok(Some(Binding {
        id,
        zone_id,
        mode: row.parsed("mode")?,
        scope_type: row.parsed("scope_type")?,
        scope_target_id: row.text("scope_target_id")?,
        policy_set_id: row.parsed("policy_set_id")?,
        policy_set_version_id: row.parsed("policy_set_version_id")?,
        version: row.number("version")?,
        manifest_sha: row.parsed("manifest_sha")?,
        revision: row.number("bound_revision")?,
        created_at: row.time("bound_at")?,
        created_by: row.text("bound_by")?,
    }))
}

pub(super) async fn bind(db: &mut Sql, binding: &Binding) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM bindings WHERE zone_id = $1 AND scope_type = $2 AND scope_target_id = $3 AND mode = $4")
        .bind(binding.zone_id.to_string())
        .bind(binding.scope_type.as_str())
        .bind(&binding.scope_target_id)
        .bind(binding.mode.as_str())
        .execute(&mut *db)
        .await
        .map_err(store_error)?;
    sqlx::query(
        "INSERT INTO bindings (zone_id, id, mode, scope_type, scope_target_id, policy_set_id, policy_set_version_id, \
         revision, created_at, created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(binding.zone_id.to_string())
    .bind(binding.id.to_string())
    .bind(binding.mode.as_str())
    .bind(binding.scope_type.as_str())
    .bind(given_key(&binding.scope_target_id)?)
    .bind(binding.policy_set_id.to_string())
    .bind(binding.policy_set_version_id.to_string())
    .bind(number(binding.revision)?)
    .bind(binding.created_at.micros())
    .bind(&binding.created_by)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn unbind(db: &mut Sql, zone: ZoneId, id: BindingId) -> Result<(), StoreError> {
    let sql = "DELETE FROM bindings WHERE zone_id = $1 AND id = $2";
    let done = sqlx::query(sql).bind(zone.to_string()).bind(id.to_string()).execute(db).await;
    done.map(|_| ()).map_err(store_error)
}
