//! Policy sets, each with its most recent active and shadow binding.

use cedarkeep_model::{BoundVersion, Name, PolicySet, PolicySetId, PolicySetState, ZoneId};
use cedarkeep_store::{PolicySetFilter, Position, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::Columns,
    engine::store_error,
    list::{Keys, List, folded},
    number,
};

const SELECT: &str = "SELECT s.*, \
     a.policy_set_version_id AS active_id, a.scope_target_id AS active_target, av.version AS active_version, \
     h.policy_set_version_id AS shadow_id, h.scope_target_id AS shadow_target, hv.version AS shadow_version \
     FROM policy_sets s \
     LEFT JOIN bindings a ON a.zone_id = s.zone_id AND a.id = (SELECT b.id FROM bindings b \
        WHERE b.zone_id = s.zone_id AND b.policy_set_id = s.id AND b.mode = 'active' \
        ORDER BY b.revision DESC, b.id DESC LIMIT 1) \
     LEFT JOIN policy_set_versions av ON av.zone_id = a.zone_id AND av.id = a.policy_set_version_id \
     LEFT JOIN bindings h ON h.zone_id = s.zone_id AND h.id = (SELECT b.id FROM bindings b \
        WHERE b.zone_id = s.zone_id AND b.policy_set_id = s.id AND b.mode = 'shadow' \
        ORDER BY b.revision DESC, b.id DESC LIMIT 1) \
     LEFT JOIN policy_set_versions hv ON hv.zone_id = h.zone_id AND hv.id = h.policy_set_version_id \
     WHERE s.zone_id = ";

/// 1 for a set with an active binding, else 0.
const RANK: &str = "(CASE WHEN EXISTS (SELECT 1 FROM bindings b WHERE b.zone_id = s.zone_id AND b.policy_set_id = s.id \
     AND b.mode = 'active') THEN 1 ELSE 0 END)";

fn state(row: &Row) -> Result<PolicySetState, StoreError> {
    let row = Columns(row);
    let set = PolicySet {
        id: row.parsed("id")?,
        zone_id: row.parsed("zone_id")?,
        name: row.checked("name")?,
        owner_type: row.parsed("owner_type")?,
        scope_type: row.parsed("scope_type")?,
        revision: row.number("revision")?,
        latest_version: row.number_or_null("latest_version")?,
        latest_version_id: row.parsed_or_null("latest_version_id")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        updated_at: row.time("updated_at")?,
        updated_by: row.text_or_null("updated_by")?,
        archived: row.archived()?,
    };
    Ok(PolicySetState {
        set,
        active: bound(&row, "active_id", "active_version", "active_target")?,
        shadow: bound(&row, "shadow_id", "shadow_version", "shadow_target")?,
    })
}

fn bound(
    row: &Columns<'_>,
    id: &'static str,
    version: &'static str,
    target: &'static str,
) -> Result<Option<BoundVersion>, StoreError> {
    Ok(match (row.parsed_or_null(id)?, row.number_or_null(version)?, row.text_or_null(target)?) {
        (Some(version_id), Some(version), Some(scope_target_id)) => {
            Some(BoundVersion { version_id, version, scope_target_id })
        }
        _ => None,
    })
}

fn positioned(row: &Row, by_status: bool) -> Result<(Position, PolicySetState), StoreError> {
    let state = state(row)?;
    let rank = i64::from(by_status && state.active.is_some());
    Ok((Position { rank, at: state.set.created_at.micros(), id: state.set.id.to_string() }, state))
}

pub(super) async fn get(db: &mut Sql, zone: ZoneId, id: PolicySetId) -> Result<Option<PolicySetState>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).sql(" AND s.id = ").text(&id);
    Ok(list.all(db, state).await?.pop())
}

pub(super) async fn named(db: &mut Sql, zone: ZoneId, name: &Name) -> Result<Option<PolicySetId>, StoreError> {
    let mut list = List::new("SELECT id FROM policy_sets WHERE archived_at IS NULL AND zone_id = ");
    list.living(zone).sql(" AND name = ").text(name);
    Ok(list.all(db, |row| Columns(row).parsed("id")).await?.pop())
}

fn filter_by(list: &mut List, zone: ZoneId, filter: &PolicySetFilter) {
    list.living(zone).archived("s.archived_at", filter.archived);
    if !filter.owner_types.is_empty() {
        list.one_of("s.owner_type", &filter.owner_types);
    }
    if !filter.scope_types.is_empty() {
        list.one_of("s.scope_type", &filter.scope_types);
    }
    match filter.active {
        Some(true) => list.sql(" AND ").sql(RANK).sql(" = 1"),
        Some(false) => list.sql(" AND ").sql(RANK).sql(" = 0"),
        None => list,
    };
    list.contains(&["s.name_folded"], &filter.query).contains(&["s.name_folded"], &filter.query_name);
}

pub(super) async fn list(
    db: &mut Sql,
    zone: ZoneId,
    filter: &PolicySetFilter,
    window: &Window,
) -> Result<Slice<PolicySetState>, StoreError> {
    let mut list = List::new(SELECT);
    filter_by(&mut list, zone, filter);
    let mut keys = Keys::created("s.created_at", "s.id");
    keys.rank = filter.by_status.then_some(RANK);
    list.slice(db, keys, window, |row| positioned(row, filter.by_status)).await
}

pub(super) async fn count(db: &mut Sql, zone: ZoneId, filter: &PolicySetFilter) -> Result<u64, StoreError> {
    let mut list = List::new("SELECT COUNT(*) FROM policy_sets s WHERE s.zone_id = ");
    filter_by(&mut list, zone, filter);
    list.count(db).await
}

pub(super) async fn insert(db: &mut Sql, set: &PolicySet) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_sets (zone_id, id, name, owner_type, scope_type, revision, latest_version, \
         latest_version_id, created_at, created_by, updated_at, updated_by, name_folded) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(set.zone_id.to_string())
    .bind(set.id.to_string())
    .bind(set.name.as_str())
    .bind(set.owner_type.as_str())
    .bind(set.scope_type.as_str())
    .bind(number(set.revision)?)
    .bind(set.latest_version.map(number).transpose()?)
    .bind(set.latest_version_id.map(|id| id.to_string()))
    .bind(set.created_at.micros())
    .bind(&set.created_by)
    .bind(set.updated_at.micros())
    .bind(&set.updated_by)
    .bind(folded(set.name.as_str()))
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn update(db: &mut Sql, set: &PolicySet) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE policy_sets SET name = $3, revision = $4, latest_version = $5, latest_version_id = $6, updated_at = $7, \
         updated_by = $8, archived_at = $9, archived_by = $10, name_folded = $11 WHERE zone_id = $1 AND id = $2",
    )
    .bind(set.zone_id.to_string())
    .bind(set.id.to_string())
    .bind(set.name.as_str())
    .bind(number(set.revision)?)
    .bind(set.latest_version.map(number).transpose()?)
    .bind(set.latest_version_id.map(|id| id.to_string()))
    .bind(set.updated_at.micros())
    .bind(&set.updated_by)
    .bind(set.archived.as_ref().map(|archived| archived.at.micros()))
    .bind(set.archived.as_ref().map(|archived| &archived.by))
    .bind(folded(set.name.as_str()))
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}
