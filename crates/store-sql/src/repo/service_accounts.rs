//! Service accounts, and the roles that they hold.

use cedarkeep_model::{Description, OrganizationId, RoleGrant, ServiceAccount, ServiceAccountId};
use cedarkeep_store::{Position, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::Columns,
    engine::store_error,
    given,
    list::{Keys, List},
    number,
};

fn account(row: &Row) -> Result<ServiceAccount, StoreError> {
    let row = Columns(row);
    Ok(ServiceAccount {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        name: row.checked("name")?,
        description: row.checked_or_null("description")?,
        owner: row.text_or_null("owner")?,
        object_revision: row.number("object_revision")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        updated_at: row.time("updated_at")?,
    })
}

pub(super) async fn get(db: &mut Sql, id: ServiceAccountId) -> Result<Option<ServiceAccount>, StoreError> {
    let mut list = List::new("SELECT * FROM service_accounts WHERE id = ");
    list.text(&id);
    Ok(list.all(db, account).await?.pop())
}

pub(super) async fn list(
    db: &mut Sql,
    organization: OrganizationId,
    window: &Window,
) -> Result<Slice<ServiceAccount>, StoreError> {
    let positioned = |row: &Row| {
        let account = account(row)?;
        Ok((Position { rank: 0, at: account.created_at.micros(), id: account.id.to_string() }, account))
    };
    let mut list = List::new("SELECT * FROM service_accounts WHERE organization_id = ");
    list.text(&organization);
    list.slice(db, Keys::created("created_at", "id"), window, positioned).await
}

pub(super) async fn count(db: &mut Sql, organization: OrganizationId) -> Result<u64, StoreError> {
    let mut list = List::new("SELECT COUNT(*) FROM service_accounts WHERE organization_id = ");
    list.text(&organization);
    list.count(db).await
}

pub(super) async fn insert(db: &mut Sql, account: &ServiceAccount) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO service_accounts (organization_id, id, name, description, owner, object_revision, created_at, \
         created_by, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(account.organization_id.to_string())
    .bind(account.id.to_string())
    .bind(account.name.as_str())
    .bind(account.description.as_ref().map(Description::as_str))
    .bind(account.owner.as_deref().map(given).transpose()?)
    .bind(number(account.object_revision)?)
    .bind(account.created_at.micros())
    .bind(&account.created_by)
    .bind(account.updated_at.micros())
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn update(db: &mut Sql, account: &ServiceAccount) -> Result<(), StoreError> {
    sqlx::query(
        "UPDATE service_accounts SET name = $3, description = $4, owner = $5, object_revision = $6, updated_at = $7 \
         WHERE organization_id = $1 AND id = $2",
    )
    .bind(account.organization_id.to_string())
    .bind(account.id.to_string())
    .bind(account.name.as_str())
    .bind(account.description.as_ref().map(Description::as_str))
    .bind(account.owner.as_deref().map(given).transpose()?)
    .bind(number(account.object_revision)?)
    .bind(account.updated_at.micros())
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn delete(db: &mut Sql, organization: OrganizationId, id: ServiceAccountId) -> Result<(), StoreError> {
    const STATEMENTS: [&str; 3] = [
        "DELETE FROM role_grants WHERE organization_id = $1 AND service_account_id = $2",
        "DELETE FROM credentials WHERE organization_id = $1 AND service_account_id = $2",
        "DELETE FROM service_accounts WHERE organization_id = $1 AND id = $2",
    ];
    for sql in STATEMENTS {
        let done = sqlx::query(sql).bind(organization.to_string()).bind(id.to_string()).execute(&mut *db).await;
        done.map_err(store_error)?;
    }
    Ok(())
}

pub(super) async fn grants(
    db: &mut Sql,
    organization: OrganizationId,
    account: ServiceAccountId,
) -> Result<Vec<RoleGrant>, StoreError> {
    let mut list = List::new("SELECT zone_id, role FROM role_grants WHERE organization_id = ");
    list.text(&organization).sql(" AND service_account_id = ").text(&account).sql(" ORDER BY zone_id, role");
    list.all(db, |row| {
        let row = Columns(row);
        let zone_id = if row.text("zone_id")?.is_empty() { None } else { Some(row.parsed("zone_id")?) };
        Ok(RoleGrant { role: row.parsed("role")?, zone_id })
    })
    .await
}

pub(super) async fn replace_grants(
    db: &mut Sql,
    organization: OrganizationId,
    account: ServiceAccountId,
    grants: &[RoleGrant],
) -> Result<(), StoreError> {
    let sql = "DELETE FROM role_grants WHERE organization_id = $1 AND service_account_id = $2";
    let done = sqlx::query(sql).bind(organization.to_string()).bind(account.to_string()).execute(&mut *db).await;
    done.map_err(store_error)?;
    let sql = "INSERT INTO role_grants (organization_id, service_account_id, zone_id, role) VALUES ($1, $2, $3, $4)";
    for grant in grants {
        sqlx::query(sql)
            .bind(organization.to_string())
            .bind(account.to_string())
            .bind(grant.zone_id.map(|zone| zone.to_string()).unwrap_or_default())
            .bind(grant.role.as_str())
            .execute(&mut *db)
            .await
            .map_err(store_error)?;
    }
    Ok(())
}
