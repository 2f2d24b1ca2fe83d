//! The signing keys of a zone.

use cedarkeep_model::{PublicKey, SigningKey, ZoneId};
use cedarkeep_store::StoreError;

use super::{Sql, columns::Columns, engine::store_error, list::List, number};

pub(super) async fn list(db: &mut Sql, zone: ZoneId) -> Result<Vec<SigningKey>, StoreError> {
    let mut list = List::new("SELECT * FROM signing_keys WHERE zone_id = ");
    list.text(&zone).sql(" ORDER BY created_at, kid");
    list.all(db, |row| {
        let row = Columns(row);
        Ok(SigningKey {
            zone_id: row.parsed("zone_id")?,
            kid: row.text("kid")?,
            state: row.parsed("state")?,
            public: PublicKey { n: row.text("n")?, e: row.text("e")? },
            sealed_private: row.bytes("sealed_private")?,
            created_at: row.time("created_at")?,
            signs_from: row.time("signs_from")?,
            revoked_seq: row.number_or_null("revoked_seq")?,
        })
    })
    .await
}

pub(super) async fn insert(db: &mut Sql, key: &SigningKey) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO signing_keys (zone_id, kid, state, n, e, sealed_private, created_at, signs_from, revoked_seq) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(key.zone_id.to_string())
    .bind(&key.kid)
    .bind(key.state.as_str())
    .bind(&key.public.n)
    .bind(&key.public.e)
    .bind(&key.sealed_private)
    .bind(key.created_at.micros())
    .bind(key.signs_from.micros())
    .bind(key.revoked_seq.map(number).transpose()?)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn update(db: &mut Sql, key: &SigningKey) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE signing_keys SET state = $3, sealed_private = $4, signs_from = $5, revoked_seq = $6 \
         WHERE zone_id = $1 AND kid = $2",
    )
    .bind(key.zone_id.to_string())
    .bind(&key.kid)
    .bind(key.state.as_str())
    .bind(&key.sealed_private)
    .bind(key.signs_from.micros())
    .bind(key.revoked_seq.map(number).transpose()?)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}
