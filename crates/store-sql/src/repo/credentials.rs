//! What service accounts prove themselves with.

use cedarkeep_model::{Credential, CredentialId, Description, Digest, OrganizationId, ServiceAccountId, Timestamp};
use cedarkeep_store::{Position, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::Columns,
    engine::store_error,
    list::{Keys, List},
    number,
};

fn credential(row: &Row) -> Result<Credential, StoreError> {
    let row = Columns(row);
    Ok(Credential {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        service_account_id: row.parsed("service_account_id")?,
        kind: row.parsed("kind")?,
        name: row.checked("name")?,
        description: row.checked_or_null("description")?,
        object_revision: row.number("object_revision")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        expires_at: row.time_or_null("expires_at")?,
        last_used_at: row.time_or_null("last_used_at")?,
    })
}

pub(super) async fn get(db: &mut Sql, id: CredentialId) -> Result<Option<(Credential, Digest)>, StoreError> {
    let mut list = List::new("SELECT * FROM credentials WHERE id = ");
    list.text(&id);
    Ok(list.all(db, |row| Ok((credential(row)?, Columns(row).parsed("secret_mac")?))).await?.pop())
}

pub(super) async fn list(
    db: &mut Sql,
    organization: OrganizationId,
    account: ServiceAccountId,
    window: &Window,
) -> Result<Slice<Credential>, StoreError> {
    let positioned = |row: &Row| {
        let credential = credential(row)?;
        Ok((Position { rank: 0, at: credential.created_at.micros(), id: credential.id.to_string() }, credential))
    };
    let mut list = List::new("SELECT * FROM credentials WHERE organization_id = ");
    list.text(&organization).sql(" AND service_account_id = ").text(&account);
    list.slice(db, Keys::created("created_at", "id"), window, positioned).await
}

pub(super) async fn count(
    db: &mut Sql,
    organization: OrganizationId,
    account: ServiceAccountId,
) -> Result<u64, StoreError> {
    let mut list = List::new("SELECT COUNT(*) FROM credentials WHERE organization_id = ");
    list.text(&organization).sql(" AND service_account_id = ").text(&account);
    list.count(db).await
}

pub(super) async fn insert(db: &mut Sql, credential: &Credential, secret_mac: Digest) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO credentials (organization_id, service_account_id, id, kind, secret_mac, name, description, \
         object_revision, created_at, created_by, expires_at, last_used_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
    )
    .bind(credential.organization_id.to_string())
    .bind(credential.service_account_id.to_string())
    .bind(credential.id.to_string())
    .bind(credential.kind.as_str())
    .bind(secret_mac.to_string())
    .bind(credential.name.as_str())
    .bind(credential.description.as_ref().map(Description::as_str))
    .bind(number(credential.object_revision)?)
    .bind(credential.created_at.micros())
    .bind(&credential.created_by)
    .bind(credential.expires_at.map(Timestamp::micros))
    .bind(credential.last_used_at.map(Timestamp::micros))
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn update(db: &mut Sql, credential: &Credential) -> Result<(), StoreError> {
    sqlx::query("UPDATE credentials SET name = $2, description = $3, object_revision = $4 WHERE id = $1")
        .bind(credential.id.to_string())
        .bind(credential.name.as_str())
        .bind(credential.description.as_ref().map(Description::as_str))
        .bind(number(credential.object_revision)?)
        .execute(db)
        .await
        .map(|_| ())
        .map_err(store_error)
}

pub(super) async fn used(db: &mut Sql, id: CredentialId, at: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE credentials SET last_used_at = $2 WHERE id = $1";
    sqlx::query(sql).bind(id.to_string()).bind(at.micros()).execute(db).await.map(|_| ()).map_err(store_error)
}

pub(super) async fn delete(
    db: &mut Sql,
    organization: OrganizationId,
    account: ServiceAccountId,
    id: CredentialId,
) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM credentials WHERE organization_id = $1 AND service_account_id = $2 AND id = $3")
        .bind(organization.to_string())
        .bind(account.to_string())
        .bind(id.to_string())
        .execute(db)
        .await
        .map(|_| ())
        .map_err(store_error)
}
