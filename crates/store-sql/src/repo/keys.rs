//! The signing keys of a zone.

use cedarkeep_model::{PublicKey, RevokeRequest, SigningKey, Timestamp, ZoneId};
use cedarkeep_store::StoreError;

use super::{Row, Sql, columns::Columns, engine::store_error, list::List, number};

fn key(row: &Row) -> Result<SigningKey, StoreError> {
    let row = Columns(row);
    let (at, by) = (row.time_or_null("revoke_requested_at")?, row.text_or_null("revoke_requested_by")?);
    Ok(SigningKey {
        zone_id: row.parsed("zone_id")?,
        kid: row.text("kid")?,
        state: row.parsed("state")?,
        public: PublicKey { n: row.text("n")?, e: row.text("e")? },
        sealed_private: row.bytes("sealed_private")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        signs_from: row.time("signs_from")?,
        re_signed_at: row.time_or_null("re_signed_at")?,
        revoke_requested: at.zip(by).map(|(at, by)| RevokeRequest { at, by }),
        revoked_seq: row.number_or_null("revoked_seq")?,
    })
}

pub(super) async fn list(db: &mut Sql, zone: ZoneId) -> Result<Vec<SigningKey>, StoreError> {
    let mut list = List::new("SELECT * FROM signing_keys WHERE zone_id = ");
    list.text(&zone).sql(" ORDER BY created_at, kid");
    list.all(db, key).await
}

pub(super) async fn insert(db: &mut Sql, key: &SigningKey) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO signing_keys (zone_id, kid, state, n, e, sealed_private, created_at, created_by, signs_from, \
         re_signed_at, revoke_requested_at, revoke_requested_by, revoked_seq) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(key.zone_id.to_string())
    .bind(&key.kid)
    .bind(key.state.as_str())
    .bind(&key.public.n)
    .bind(&key.public.e)
    .bind(&key.sealed_private)
    .bind(key.created_at.micros())
    .bind(&key.created_by)
    .bind(key.signs_from.micros())
    .bind(key.re_signed_at.map(Timestamp::micros))
    .bind(key.revoke_requested.as_ref().map(|request| request.at.micros()))
    .bind(key.revoke_requested.as_ref().map(|request| request.by.as_str()))
    .bind(key.revoked_seq.map(number).transpose()?)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn update(db: &mut Sql, key: &SigningKey) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE signing_keys SET state = $3, sealed_private = $4, signs_from = $5, re_signed_at = $6, \
         revoke_requested_at = $7, revoke_requested_by = $8, revoked_seq = $9 WHERE zone_id = $1 AND kid = $2",
    )
    .bind(key.zone_id.to_string())
    .bind(&key.kid)
    .bind(key.state.as_str())
    .bind(&key.sealed_private)
    .bind(key.signs_from.micros())
    .bind(key.re_signed_at.map(Timestamp::micros))
    .bind(key.revoke_requested.as_ref().map(|request| request.at.micros()))
    .bind(key.revoke_requested.as_ref().map(|request| request.by.as_str()))
    .bind(key.revoked_seq.map(number).transpose()?)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}
