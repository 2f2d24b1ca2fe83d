//! Policy versions, their archive state, and who uses them.

use std::collections::HashSet;

use cedarkeep_model::{Archived, Digest, PolicyId, PolicySetVersionId, PolicyVersion, PolicyVersionId, ZoneId};
use cedarkeep_store::{ArchivedFilter, Position, Slice, StoreError, Usage, VersionHead, Window};

use super::{
    Row, Sql, bindings,
    columns::Columns,
    engine::store_error,
    given,
    list::{Keys, List},
    number, set_versions,
};

const SELECT: &str = "SELECT v.*, x.archived_at, x.archived_by FROM policy_versions v \
     LEFT JOIN policy_version_archives x ON x.zone_id = v.zone_id AND x.policy_version_id = v.id WHERE v.zone_id = ";

fn version(row: &Row) -> Result<PolicyVersion, StoreError> {
    let row = Columns(row);
    Ok(PolicyVersion {
        id: row.parsed("id")?,
        zone_id: row.parsed("zone_id")?,
        policy_id: row.parsed("policy_id")?,
        version: row.number("version")?,
        owner_type: row.parsed("owner_type")?,
        schema_version: row.checked("schema_version")?,
        sha: row.parsed("sha")?,
        origin: row.parsed("origin")?,
        cedar_raw: row.text_or_null("cedar_raw")?,
        cedar_json: row.text("cedar_json")?,
        permits: row.number("permits")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        archived: row.archived()?,
    })
}

fn by_creation(row: &Row) -> Result<(Position, PolicyVersion), StoreError> {
    let version = version(row)?;
    Ok((Position { rank: 0, at: version.created_at.micros(), id: version.id.to_string() }, version))
}

fn by_policy(row: &Row) -> Result<(Position, PolicyVersion), StoreError> {
    let version = version(row)?;
    Ok((Position { rank: 0, at: 0, id: version.policy_id.to_string() }, version))
}

pub(super) async fn get(
    db: &mut Sql,
    zone: ZoneId,
    policy: PolicyId,
    id: PolicyVersionId,
) -> Result<Option<PolicyVersion>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).sql(" AND v.id = ").text(&id).sql(" AND v.policy_id = ").text(&policy);
    Ok(list.all(db, version).await?.pop())
}

pub(super) async fn list(
    db: &mut Sql,
    zone: ZoneId,
    policy: PolicyId,
    archived: ArchivedFilter,
    window: &Window,
) -> Result<Slice<PolicyVersion>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).sql(" AND v.policy_id = ").text(&policy).archived("x.archived_at", archived);
    list.slice(db, Keys::created("v.created_at", "v.id"), window, by_creation).await
}

pub(super) async fn count(
    db: &mut Sql,
    zone: ZoneId,
    policy: PolicyId,
    archived: ArchivedFilter,
) -> Result<u64, StoreError> {
    let mut list = List::new(
        "SELECT COUNT(*) FROM policy_versions v LEFT JOIN policy_version_archives x \
         ON x.zone_id = v.zone_id AND x.policy_version_id = v.id WHERE v.zone_id = ",
    );
    list.living(zone).sql(" AND v.policy_id = ").text(&policy).archived("x.archived_at", archived);
    list.count(db).await
}

pub(super) async fn by_id(
    db: &mut Sql,
    zone: ZoneId,
    ids: &[PolicyVersionId],
) -> Result<Vec<PolicyVersion>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).one_of("v.id", ids);
    list.all(db, version).await
}

pub(super) async fn heads(db: &mut Sql, zone: ZoneId, ids: &[PolicyVersionId]) -> Result<Vec<VersionHead>, StoreError> {
    let mut list = List::new(
        "SELECT v.id, v.policy_id, v.schema_version, v.sha, v.created_by, p.archived_at AS policy_archived_at, x.archived_at \
         FROM policy_versions v JOIN policies p ON p.zone_id = v.zone_id AND p.id = v.policy_id \
         LEFT JOIN policy_version_archives x ON x.zone_id = v.zone_id AND x.policy_version_id = v.id WHERE v.zone_id = ",
    );
    list.living(zone).one_of("v.id", ids);
    list.all(db, |row| {
        let row = Columns(row);
        Ok(VersionHead {
            id: row.parsed("id")?,
            policy_id: row.parsed("policy_id")?,
            schema_version: row.checked("schema_version")?,
            sha: row.parsed("sha")?,
            archived: row.time_or_null("archived_at")?.is_some(),
            policy_archived: row.time_or_null("policy_archived_at")?.is_some(),
            created_by: row.text("created_by")?,
        })
    })
    .await
}

pub(super) async fn by_sha(
    db: &mut Sql,
    zone: ZoneId,
    policy: PolicyId,
    sha: Digest,
) -> Result<Vec<PolicyVersion>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).sql(" AND v.policy_id = ").text(&policy).sql(" AND v.sha = ").text(&sha);
    list.sql(" ORDER BY v.created_at DESC, v.id DESC LIMIT 20");
    list.all(db, version).await
}

pub(super) async fn first_archived(
    db: &mut Sql,
    zone: ZoneId,
    ids: &[PolicyVersionId],
) -> Result<Option<PolicyVersionId>, StoreError> {
    let mut list = List::new("SELECT policy_version_id FROM policy_version_archives WHERE zone_id = ");
    list.living(zone).one_of("policy_version_id", ids);
    let archived = list.all(db, |row| Columns(row).parsed("policy_version_id")).await?;
    let archived: HashSet<PolicyVersionId> = archived.into_iter().collect();
    Ok(ids.iter().copied().find(|id| archived.contains(id)))
}

pub(super) async fn of_set_version(
    db: &mut Sql,
    zone: ZoneId,
    id: PolicySetVersionId,
    by_created_at: bool,
    window: &Window,
) -> Result<Slice<PolicyVersion>, StoreError> {
    let mut list = List::new(
        "SELECT v.*, x.archived_at, x.archived_by FROM policy_set_version_entries e \
         JOIN policy_versions v ON v.zone_id = e.zone_id AND v.id = e.policy_version_id \
         LEFT JOIN policy_version_archives x ON x.zone_id = v.zone_id AND x.policy_version_id = v.id \
         WHERE e.zone_id = ",
    );
    list.living(zone).sql(" AND e.policy_set_version_id = ").text(&id);
    if by_created_at {
        list.slice(db, Keys::created("v.created_at", "v.id"), window, by_creation).await
    } else {
        list.slice(db, Keys { rank: None, at: None, id: Some("e.policy_id") }, window, by_policy).await
    }
}

pub(super) async fn usage(db: &mut Sql, zone: ZoneId, id: PolicyVersionId) -> Result<Usage, StoreError> {
    Ok(Usage {
        set_versions: set_versions::pinning(db, zone, id).await?,
        bindings: bindings::of_policy_version(db, zone, id).await?,
    })
}

pub(super) async fn insert(db: &mut Sql, version: &PolicyVersion) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_versions (zone_id, id, policy_id, version, owner_type, schema_version, sha, origin, permits, \
         created_at, created_by, cedar_raw, cedar_json) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
    )
    .bind(version.zone_id.to_string())
    .bind(version.id.to_string())
    .bind(version.policy_id.to_string())
    .bind(number(version.version)?)
    .bind(version.owner_type.as_str())
    .bind(version.schema_version.as_str())
    .bind(version.sha.to_string())
    .bind(version.origin.as_str())
    .bind(number(version.permits)?)
    .bind(version.created_at.micros())
    .bind(&version.created_by)
    .bind(version.cedar_raw.as_deref().map(given).transpose()?)
    .bind(&version.cedar_json)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}

pub(super) async fn archive(
    db: &mut Sql,
    zone: ZoneId,
    id: PolicyVersionId,
    archived: &Archived,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_version_archives (zone_id, policy_version_id, archived_at, archived_by) \
         VALUES ($1, $2, $3, $4)",
    )
    .bind(zone.to_string())
    .bind(id.to_string())
    .bind(archived.at.micros())
    .bind(&archived.by)
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}
