//! Claims on jobs.

use cedarkeep_store::{JobClaim, StoreError};

use super::{Sql, engine::store_error, given_key};

pub(super) async fn claim(db: &mut Sql, claim: &JobClaim) -> Result<bool, StoreError> {
    sqlx::query(
        "INSERT INTO job_claims (job, holder, claimed_until) VALUES ($1, $2, $3) ON CONFLICT (job) DO UPDATE \
         SET holder = excluded.holder, claimed_until = excluded.claimed_until WHERE job_claims.holder = excluded.holder \
         OR job_claims.claimed_until <= $4 OR job_claims.claimed_until > $5",
    )
    .bind(given_key(&claim.job)?)
    .bind(given_key(&claim.holder)?)
    .bind(claim.until.micros())
    .bind(claim.from.micros())
    .bind(claim.latest().micros())
    .execute(db)
    .await
    .map(|done| done.rows_affected() == 1)
    .map_err(store_error)
}

pub(super) async fn release(db: &mut Sql, job: &str, holder: &str) -> Result<(), StoreError> {
    let sql = "DELETE FROM job_claims WHERE job = $1 AND holder = $2";
    sqlx::query(sql).bind(given_key(job)?).bind(given_key(holder)?).execute(db).await.map(|_| ()).map_err(store_error)
}
