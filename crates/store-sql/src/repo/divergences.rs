//! Where shadows would have decided otherwise.

use cedarkeep_model::{Divergence, DivergenceTotal, PolicySetVersionId, ZoneId};
use cedarkeep_store::{Position, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::Columns,
    engine::store_error,
    list::{Keys, List},
    number,
};

fn divergence(row: &Row) -> Result<(Position, Divergence), StoreError> {
    let row = Columns(row);
    let divergence = Divergence {
        zone_id: row.parsed("zone_id")?,
        decision_id: row.parsed("decision_id")?,
        at: row.time("at")?,
        scope_type: row.parsed("scope_type")?,
        scope_target_id: row.text("scope_target_id")?,
        active_version_id: row.parsed_or_null("active_version_id")?,
        shadow_version_id: row.parsed("shadow_version_id")?,
        active_allowed: row.flag("active_allowed")?,
        shadow_allowed: row.flag("shadow_allowed")?,
        principal: row.text("principal")?,
        action: row.text("action")?,
        resource: row.text("resource")?,
    };
    let id = format!("{}/{}", divergence.decision_id, divergence.scope_type);
    Ok((Position { rank: 0, at: divergence.at.micros(), id }, divergence))
}

pub(super) async fn list(
    db: &mut Sql,
    zone: ZoneId,
    shadow: Option<PolicySetVersionId>,
    window: &Window,
) -> Result<Slice<Divergence>, StoreError> {
    let mut list = List::new("SELECT * FROM shadow_divergences WHERE zone_id = ");
    list.living(zone);
    if let Some(shadow) = shadow {
        list.sql(" AND shadow_version_id = ").text(&shadow);
    }
    list.slice(db, Keys::created("at", "(decision_id || '/' || scope_type)"), window, divergence).await
}

pub(super) async fn totals(db: &mut Sql, zone: ZoneId) -> Result<Vec<DivergenceTotal>, StoreError> {
    let mut list = List::new("SELECT * FROM shadow_divergence_totals WHERE zone_id = ");
    list.living(zone).sql(" ORDER BY shadow_version_id");
    list.all(db, |row| {
        let row = Columns(row);
        Ok(DivergenceTotal {
            shadow_version_id: row.parsed("shadow_version_id")?,
            observed: row.number("observed")?,
            diverged: row.number("diverged")?,
            would_allow: row.number("would_allow")?,
            failed: row.number("failed")?,
        })
    })
    .await
}

pub(super) async fn insert(db: &mut Sql, divergence: &Divergence) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO shadow_divergences (zone_id, decision_id, scope_type, at, scope_target_id, active_version_id, \
         shadow_version_id, active_allowed, shadow_allowed, principal, action, resource) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(divergence.zone_id.to_string())
    .bind(divergence.decision_id.to_string())
    .bind(divergence.scope_type.as_str())
    .bind(divergence.at.micros())
    .bind(&divergence.scope_target_id)
    .bind(divergence.active_version_id.map(|id| id.to_string()))
    .bind(divergence.shadow_version_id.to_string())
    .bind(i64::from(divergence.active_allowed))
    .bind(i64::from(divergence.shadow_allowed))
    .bind(&divergence.principal)
    .bind(&divergence.action)
    .bind(&divergence.resource)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn add_total(db: &mut Sql, zone: ZoneId, total: &DivergenceTotal) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO shadow_divergence_totals (zone_id, shadow_version_id, observed, diverged, would_allow, failed) \
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (zone_id, shadow_version_id) DO UPDATE SET \
         observed = shadow_divergence_totals.observed + excluded.observed, \
         diverged = shadow_divergence_totals.diverged + excluded.diverged, \
         would_allow = shadow_divergence_totals.would_allow + excluded.would_allow, \
         failed = shadow_divergence_totals.failed + excluded.failed",
    )
    .bind(zone.to_string())
    .bind(total.shadow_version_id.to_string())
    .bind(number(total.observed)?)
    .bind(number(total.diverged)?)
    .bind(number(total.would_allow)?)
    .bind(number(total.failed)?)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

/// Forgets what is older than the last one to be kept.
pub(super) async fn forget(db: &mut Sql, zone: ZoneId, kept: u32) -> Result<(), StoreError> {
    let mut list = List::new("DELETE FROM shadow_divergences WHERE zone_id = ");
    list.text(&zone);
    if let Some(last) = kept.checked_sub(1) {
        list.sql(" AND at < (SELECT at FROM shadow_divergences WHERE zone_id = ").text(&zone);
        list.sql(" ORDER BY at DESC LIMIT 1 OFFSET ").number(i64::from(last)).sql(")");
    }
    list.execute(db).await
}
