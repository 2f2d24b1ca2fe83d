//! Set versions that are to be signed again, and those that were refused.

use std::slice;

use cedarkeep_model::{PolicySetId, PolicySetVersionId, Timestamp, ZoneId};
use cedarkeep_store::{Position, ReSignJob, ReSignRefusal, SignedVersions, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::Columns,
    engine::store_error,
    list::{Keys, List},
};

/// Each set version with its newest attestation.
macro_rules! newest {
    ($select:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM policy_set_versions v \
             JOIN attestations n ON n.zone_id = v.zone_id AND n.policy_set_version_id = v.id AND n.seq = (SELECT \
                MAX(m.seq) FROM attestations m WHERE m.zone_id = v.zone_id AND m.policy_set_version_id = v.id) \
             WHERE v.zone_id = "
        )
    };
}

/// The condition is word for word that of the index `signing_keys_work`.
pub(super) async fn zones(db: &mut Sql) -> Result<Vec<(ZoneId, Timestamp)>, StoreError> {
    let list = List::new(
        "SELECT k.zone_id, MIN(CASE WHEN k.state = 'pending' THEN k.signs_from ELSE k.created_at END) AS due \
         FROM signing_keys k JOIN zones z ON z.id = k.zone_id AND z.deleted_at IS NULL \
         WHERE (k.state = 'pending' OR (k.state = 'signing' AND k.re_signed_at IS NULL) \
            OR (k.state = 'retired' AND k.revoke_requested_at IS NOT NULL)) \
         GROUP BY k.zone_id ORDER BY due, k.zone_id",
    );
    list.all(db, |row| Ok((Columns(row).parsed("zone_id")?, Columns(row).time("due")?))).await
}

fn of_jobs(select: &'static str, zone: ZoneId, jobs: &[ReSignJob]) -> List {
    let mut list = List::new(select);
    list.living(zone).sql(" AND (FALSE");
    for job in jobs {
        match job {
            ReSignJob::With(kid) => list.sql(" OR (n.kid <> ").text(kid).sql(
                " AND NOT EXISTS (SELECT 1 FROM policy_set_version_archives x WHERE x.zone_id = v.zone_id \
                    AND x.policy_set_version_id = v.id))",
            ),
            ReSignJob::AwayFrom(kid) => list.sql(" OR n.kid = ").text(kid),
        };
    }
    let kids: Vec<_> = jobs.iter().map(ReSignJob::kid).collect();
    list.sql(
        ") AND NOT EXISTS (SELECT 1 FROM re_sign_refusals r WHERE r.zone_id = v.zone_id \
            AND r.policy_set_version_id = v.id",
    );
    list.one_of("r.kid", &kids).sql(")");
    list
}

fn positioned(row: &Row) -> Result<(Position, (PolicySetId, PolicySetVersionId)), StoreError> {
    let row = Columns(row);
    let (set, id): (_, PolicySetVersionId) = (row.parsed("policy_set_id")?, row.parsed("id")?);
    Ok((Position { rank: 0, at: 0, id: id.to_string() }, (set, id)))
}

pub(super) async fn list(
    db: &mut Sql,
    zone: ZoneId,
    job: &ReSignJob,
    window: &Window,
) -> Result<Slice<(PolicySetId, PolicySetVersionId)>, StoreError> {
    let keys = Keys { rank: None, at: None, id: Some("v.id") };
    of_jobs(newest!("v.id, v.policy_set_id"), zone, slice::from_ref(job)).slice(db, keys, window, positioned).await
}

pub(super) async fn count(db: &mut Sql, zone: ZoneId, jobs: &[ReSignJob]) -> Result<u64, StoreError> {
    of_jobs(newest!("COUNT(*)"), zone, jobs).count(db).await
}

pub(super) async fn signed(db: &mut Sql, zone: ZoneId, kid: &str) -> Result<SignedVersions, StoreError> {
    let mut ever = List::new("SELECT COUNT(DISTINCT policy_set_version_id) FROM attestations WHERE zone_id = ");
    ever.living(zone).sql(" AND kid = ").text(kid);
    let mut newest = List::new(newest!("COUNT(*)"));
    newest.living(zone).sql(" AND n.kid = ").text(kid);
    Ok(SignedVersions { ever: ever.count(db).await?, newest: newest.count(db).await? })
}

pub(super) async fn refusals(db: &mut Sql, zone: ZoneId) -> Result<Vec<ReSignRefusal>, StoreError> {
    let mut list = List::new(
        "SELECT r.* FROM re_sign_refusals r \
         JOIN signing_keys k ON k.zone_id = r.zone_id AND k.kid = r.kid \
         JOIN attestations n ON n.zone_id = r.zone_id AND n.policy_set_version_id = r.policy_set_version_id \
            AND n.seq = (SELECT MAX(m.seq) FROM attestations m WHERE m.zone_id = r.zone_id \
               AND m.policy_set_version_id = r.policy_set_version_id) \
         WHERE (n.kid = r.kid) <> (k.state = 'signing') AND r.zone_id = ",
    );
    list.living(zone).sql(" ORDER BY r.policy_set_version_id, r.kid");
    list.all(db, |row| {
        let row = Columns(row);
        Ok(ReSignRefusal {
            zone_id: row.parsed("zone_id")?,
            kid: row.text("kid")?,
            policy_set_version_id: row.parsed("policy_set_version_id")?,
            reason: row.text("reason")?,
            refused_at: row.time("refused_at")?,
        })
    })
    .await
}

pub(super) async fn refuse(db: &mut Sql, refusal: &ReSignRefusal) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO re_sign_refusals (zone_id, kid, policy_set_version_id, reason, refused_at) \
         VALUES ($1, $2, $3, $4, $5)",
    )
    .bind(refusal.zone_id.to_string())
    .bind(&refusal.kid)
    .bind(refusal.policy_set_version_id.to_string())
    .bind(&refusal.reason)
    .bind(refusal.refused_at.micros())
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}
