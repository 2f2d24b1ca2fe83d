//! Policy set versions, their manifests, attestations and archive state.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use cedarkeep_model::{
    Archived, AttestationStatement, Envelope, Manifest, PolicySetId, PolicySetVersion, PolicySetVersionId,
    PolicyVersionId, SetVersionRecord, ZoneId,
};
use cedarkeep_store::{ArchivedFilter, AttestationRecord, Position, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::{Columns, damaged},
    engine::store_error,
    list::{Keys, List},
    number, to_json,
};

const SELECT: &str = "SELECT v.*, x.archived_at, x.archived_by, n.payload, n.seq AS attestations, \
     CAST(CASE WHEN EXISTS (SELECT 1 FROM bindings b WHERE b.zone_id = v.zone_id AND b.policy_set_version_id = v.id \
        AND b.mode = 'active') THEN 1 ELSE 0 END AS BIGINT) AS active \
     FROM policy_set_versions v \
     JOIN attestations n ON n.zone_id = v.zone_id AND n.policy_set_version_id = v.id AND n.seq = (SELECT MAX(m.seq) \
        FROM attestations m WHERE m.zone_id = v.zone_id AND m.policy_set_version_id = v.id) \
     LEFT JOIN policy_set_version_archives x ON x.zone_id = v.zone_id AND x.policy_set_version_id = v.id \
     WHERE v.zone_id = ";

fn record(row: &Columns<'_>) -> Result<SetVersionRecord, StoreError> {
    Ok(SetVersionRecord {
        id: row.parsed("id")?,
        zone_id: row.parsed("zone_id")?,
        policy_set_id: row.parsed("policy_set_id")?,
        version: row.number("version")?,
        owner_type: row.parsed("owner_type")?,
        scope_type: row.parsed("scope_type")?,
        schema_version: row.checked("schema_version")?,
        schema_sha: row.parsed("schema_sha")?,
        manifest: row.json("manifest")?,
        manifest_sha: row.parsed("manifest_sha")?,
        texts_sha: row.parsed("texts_sha")?,
        validation: row.parsed("validation")?,
        cedar_version: row.text("cedar_version")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
    })
}

/// The statement is read from the signed payload itself; there is no second copy that could say something else.
fn statement(payload: &str) -> Result<AttestationStatement, StoreError> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).map_err(|_| damaged("payload"))?;
    serde_json::from_slice(&bytes).map_err(|_| damaged("payload"))
}

fn version(row: &Row) -> Result<PolicySetVersion, StoreError> {
    let row = Columns(row);
    Ok(PolicySetVersion {
        record: record(&row)?,
        attestation: statement(&row.text("payload")?)?,
        attestations: row.number("attestations")?,
        active: row.flag("active")?,
        archived: row.archived()?,
    })
}

fn positioned(row: &Row) -> Result<(Position, PolicySetVersion), StoreError> {
    let version = version(row)?;
    let (at, id) = (version.record.created_at.micros(), version.record.id.to_string());
    Ok((Position { rank: 0, at, id }, version))
}

pub(super) async fn get(
    db: &mut Sql,
    zone: ZoneId,
    set: PolicySetId,
    id: PolicySetVersionId,
) -> Result<Option<PolicySetVersion>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).sql(" AND v.id = ").text(&id).sql(" AND v.policy_set_id = ").text(&set);
    Ok(list.all(db, version).await?.pop())
}

pub(super) async fn set_of(
    db: &mut Sql,
    zone: ZoneId,
    id: PolicySetVersionId,
) -> Result<Option<PolicySetId>, StoreError> {
    let mut list = List::new("SELECT policy_set_id FROM policy_set_versions WHERE zone_id = ");
    list.living(zone).sql(" AND id = ").text(&id);
    Ok(list.all(db, |row| Columns(row).parsed("policy_set_id")).await?.pop())
}

pub(super) async fn list(
    db: &mut Sql,
    zone: ZoneId,
    set: PolicySetId,
    archived: ArchivedFilter,
    window: &Window,
) -> Result<Slice<PolicySetVersion>, StoreError> {
    let mut list = List::new(SELECT);
    list.living(zone).sql(" AND v.policy_set_id = ").text(&set).archived("x.archived_at", archived);
    list.slice(db, Keys::created("v.created_at", "v.id"), window, positioned).await
}

pub(super) async fn count(
    db: &mut Sql,
    zone: ZoneId,
    set: PolicySetId,
    archived: ArchivedFilter,
) -> Result<u64, StoreError> {
    let mut list = List::new(
        "SELECT COUNT(*) FROM policy_set_versions v LEFT JOIN policy_set_version_archives x \
         ON x.zone_id = v.zone_id AND x.policy_set_version_id = v.id WHERE v.zone_id = ",
    );
    list.living(zone).sql(" AND v.policy_set_id = ").text(&set).archived("x.archived_at", archived);
    list.count(db).await
}

pub(super) async fn all(db: &mut Sql, zone: ZoneId) -> Result<Vec<(PolicySetId, PolicySetVersionId)>, StoreError> {
    let mut list = List::new("SELECT policy_set_id, id FROM policy_set_versions WHERE zone_id = ");
    list.living(zone).sql(" ORDER BY created_at, id");
    list.all(db, |row| Ok((Columns(row).parsed("policy_set_id")?, Columns(row).parsed("id")?))).await
}

pub(super) async fn pinning(
    db: &mut Sql,
    zone: ZoneId,
    id: PolicyVersionId,
) -> Result<Vec<SetVersionRecord>, StoreError> {
    let mut list = List::new(
        "SELECT v.* FROM policy_set_version_entries e \
         JOIN policy_set_versions v ON v.zone_id = e.zone_id AND v.id = e.policy_set_version_id \
         WHERE NOT EXISTS (SELECT 1 FROM policy_set_version_archives x WHERE x.zone_id = v.zone_id \
            AND x.policy_set_version_id = v.id) AND e.zone_id = ",
    );
    list.living(zone).sql(" AND e.policy_version_id = ").text(&id);
    list.sql(" ORDER BY v.created_at DESC, v.id DESC LIMIT 100");
    list.all(db, |row| record(&Columns(row))).await
}

pub(super) async fn insert(db: &mut Sql, version: &SetVersionRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_set_versions (zone_id, id, policy_set_id, version, owner_type, scope_type, schema_version, \
         schema_sha, manifest_sha, texts_sha, validation, cedar_version, created_at, created_by, manifest) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
    )
    .bind(version.zone_id.to_string())
    .bind(version.id.to_string())
    .bind(version.policy_set_id.to_string())
    .bind(number(version.version)?)
    .bind(version.owner_type.as_str())
    .bind(version.scope_type.as_str())
    .bind(version.schema_version.as_str())
    .bind(version.schema_sha.to_string())
    .bind(version.manifest_sha.to_string())
    .bind(version.texts_sha.to_string())
    .bind(version.validation.as_str())
    .bind(&version.cedar_version)
    .bind(version.created_at.micros())
    .bind(&version.created_by)
    .bind(to_json(&version.manifest)?)
    .execute(&mut *db)
    .await
    .map_err(store_error)?;
    insert_entries(db, (&version.zone_id.to_string(), &version.id.to_string()), &version.manifest).await
}

/// Writes the manifest once more, a row an entry.
pub(super) async fn insert_entries(
    db: &mut Sql,
    (zone, version): (&str, &str),
    manifest: &Manifest,
) -> Result<(), StoreError> {
    let mut list = List::new(
        "INSERT INTO policy_set_version_entries (zone_id, policy_set_version_id, policy_id, policy_version_id) SELECT ",
    );
    list.text(zone).sql(", ").text(version);
    list.sql(", entry.value ->> 'policy_id', entry.value ->> 'policy_version_id' FROM ");
    list.objects(manifest.entries())?.sql(" AS entry");
    list.execute(db).await
}

pub(super) async fn archive(
    db: &mut Sql,
    zone: ZoneId,
    id: PolicySetVersionId,
    archived: &Archived,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO policy_set_version_archives (zone_id, policy_set_version_id, archived_at, archived_by) \
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

pub(super) async fn attestations(
    db: &mut Sql,
    zone: ZoneId,
    id: PolicySetVersionId,
) -> Result<Vec<AttestationRecord>, StoreError> {
    let mut list = List::new("SELECT * FROM attestations WHERE zone_id = ");
    list.text(&zone).sql(" AND policy_set_version_id = ").text(&id).sql(" ORDER BY seq");
    list.all(db, |row| {
        let row = Columns(row);
        Ok(AttestationRecord {
            zone_id: row.parsed("zone_id")?,
            policy_set_version_id: row.parsed("policy_set_version_id")?,
            seq: row.number("seq")?,
            status: row.parsed("status")?,
            kid: row.text("kid")?,
            envelope: Envelope {
                payload: row.text("payload")?,
                protected: row.text("protected")?,
                signature: row.text("signature")?,
            },
            created_at: row.time("created_at")?,
        })
    })
    .await
}

pub(super) async fn insert_attestation(db: &mut Sql, attestation: &AttestationRecord) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO attestations (zone_id, policy_set_version_id, seq, status, kid, protected, payload, signature, \
         created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(attestation.zone_id.to_string())
    .bind(attestation.policy_set_version_id.to_string())
    .bind(number(attestation.seq)?)
    .bind(attestation.status.as_str())
    .bind(&attestation.kid)
    .bind(&attestation.envelope.protected)
    .bind(&attestation.envelope.payload)
    .bind(&attestation.envelope.signature)
    .bind(attestation.created_at.micros())
    .execute(db)
    .await
    .map(|_| ())
    .map_err(store_error)
}
