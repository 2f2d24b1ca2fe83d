//! Tokens bound to users, and what was made for their bundles.

use cedarkeep_model::{Digest, PolicyId, PolicySetId, UserToken, UserTokenId, ZoneId};
use cedarkeep_store::{ArchivedFilter, Position, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::Columns,
    engine::store_error,
    given_key,
    list::{Keys, List},
};

const TOKENS: &str = "SELECT * FROM user_tokens WHERE zone_id = ";

fn user_token(row: &Row) -> Result<UserToken, StoreError> {
    let row = Columns(row);
    Ok(UserToken {
        id: row.parsed("id")?,
        zone_id: row.parsed("zone_id")?,
        user: row.text("user_uid")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        expires_at: row.time("expires_at")?,
    })
}

pub(super) async fn token(db: &mut Sql, zone: ZoneId, id: UserTokenId) -> Result<Option<UserToken>, StoreError> {
    let mut list = List::new(TOKENS);
    list.living(zone).sql(" AND id = ").text(&id);
    Ok(list.all(db, user_token).await?.pop())
}

pub(super) async fn token_by_sha256(
    db: &mut Sql,
    zone: ZoneId,
    sha256: Digest,
) -> Result<Option<UserToken>, StoreError> {
    let mut list = List::new(TOKENS);
    list.living(zone).sql(" AND token_sha256 = ").text(&sha256);
    Ok(list.all(db, user_token).await?.pop())
}

pub(super) async fn tokens(db: &mut Sql, zone: ZoneId, window: &Window) -> Result<Slice<UserToken>, StoreError> {
    let positioned = |row: &Row| {
        let token = user_token(row)?;
        Ok((Position { rank: 0, at: token.created_at.micros(), id: token.id.to_string() }, token))
    };
    let mut list = List::new(TOKENS);
    list.living(zone);
    list.slice(db, Keys::created("created_at", "id"), window, positioned).await
}

pub(super) async fn count_tokens(db: &mut Sql, zone: ZoneId) -> Result<u64, StoreError> {
    let mut list = List::new("SELECT COUNT(*) FROM user_tokens WHERE zone_id = ");
    list.living(zone);
    list.count(db).await
}

pub(super) async fn insert_token(db: &mut Sql, token: &UserToken, sha256: Digest) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO user_tokens (zone_id, id, token_sha256, user_uid, created_at, created_by, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .bind(token.zone_id.to_string())
    .bind(token.id.to_string())
    .bind(sha256.to_string())
    .bind(given_key(&token.user)?)
    .bind(token.created_at.micros())
    .bind(&token.created_by)
    .bind(token.expires_at.micros())
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn delete_token(db: &mut Sql, zone: ZoneId, id: UserTokenId) -> Result<(), StoreError> {
    let sql = "DELETE FROM user_tokens WHERE zone_id = $1 AND id = $2";
    sqlx::query(sql).bind(zone.to_string()).bind(id.to_string()).execute(db).await.map(|_| ()).map_err(store_error)
}

pub(super) async fn bundle_sets(
    db: &mut Sql,
    zone: ZoneId,
    user: Option<&str>,
    archived: ArchivedFilter,
) -> Result<Vec<(PolicySetId, String)>, StoreError> {
    let mut list = List::new(
        "SELECT m.policy_set_id, m.user_uid FROM user_bundle_sets m \
         JOIN policy_sets o ON o.zone_id = m.zone_id AND o.id = m.policy_set_id WHERE m.zone_id = ",
    );
    made_for(&mut list, zone, user, archived);
    list.sql(" ORDER BY m.policy_set_id");
    list.all(db, |row| Ok((Columns(row).parsed("policy_set_id")?, Columns(row).text("user_uid")?))).await
}

pub(super) async fn bundle_policies(
    db: &mut Sql,
    zone: ZoneId,
    user: Option<&str>,
    archived: ArchivedFilter,
) -> Result<Vec<(PolicyId, String)>, StoreError> {
    let mut list = List::new(
        "SELECT m.policy_id, m.user_uid FROM user_bundle_policies m \
         JOIN policies o ON o.zone_id = m.zone_id AND o.id = m.policy_id WHERE m.zone_id = ",
    );
    made_for(&mut list, zone, user, archived);
    list.sql(" ORDER BY m.policy_id");
    list.all(db, |row| Ok((Columns(row).parsed("policy_id")?, Columns(row).text("user_uid")?))).await
}

fn made_for(list: &mut List, zone: ZoneId, user: Option<&str>, archived: ArchivedFilter) {
    list.living(zone).archived("o.archived_at", archived);
    if let Some(user) = user {
        list.sql(" AND m.user_uid = ").text(user);
    }
}

pub(super) async fn insert_bundle_set(
    db: &mut Sql,
    zone: ZoneId,
    user: &str,
    set: PolicySetId,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO user_bundle_sets (zone_id, policy_set_id, user_uid) VALUES ($1, $2, $3)";
    let done = sqlx::query(sql).bind(zone.to_string()).bind(set.to_string()).bind(user).execute(db).await;
    done.map(|_| ()).map_err(store_error)
}

pub(super) async fn insert_bundle_policy(
    db: &mut Sql,
    zone: ZoneId,
    user: &str,
    policy: PolicyId,
) -> Result<(), StoreError> {
    let sql = "INSERT INTO user_bundle_policies (zone_id, policy_id, user_uid) VALUES ($1, $2, $3)";
    let done = sqlx::query(sql).bind(zone.to_string()).bind(policy.to_string()).bind(user).execute(db).await;
    done.map(|_| ()).map_err(store_error)
}
