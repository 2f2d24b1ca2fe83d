//! Publishing policy set versions: pin, check, sign, write, all or nothing.

use std::{sync::Arc, time::Instant};

use cedarkeep_attest::Signer;
use cedarkeep_cedar::{CompiledSet, Compiler, Pinned};
use cedarkeep_model::{
    AttestationStatement, AttestationStatus, Digest, EventKind, Manifest, ManifestEntry, NewEntry, OwnerType,
    PolicySchema, PolicySet, PolicySetId, PolicySetVersion, PolicySetVersionId, PolicyVersion, STATEMENT_TYPE,
    SchemaVersion, SetVersionRecord, TextDigest, ValidationMode, ZoneId, texts_digest,
};
use cedarkeep_store::AttestationRecord;
use serde_json::json;

use crate::{
    Call, Code, Error, Published, Service, Warning, keys,
    pin::{pin, refuse_archived_policies},
    policies, policy_sets,
    publish::{cedar_error, open_schema, validate},
    signing_keys,
    transact::Tx,
};

/// A set version whose content is checked, before it has a number.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) schema: PolicySchema,
    pub(crate) manifest: Manifest,
    pub(crate) manifest_sha: Digest,
    pub(crate) texts_sha: Digest,
    pub(crate) validation: ValidationMode,
    pub(crate) compiled: Arc<CompiledSet>,
}

impl Service {
    /// Publishes an immutable, attested version of a policy set. What is already the newest version is answered as it
    /// is.
    ///
    /// # Errors
    /// `not_found`, `platform_owned`, `policy_set_archived`, `manifest_empty`, `manifest_duplicate_policy`,
    /// `policy_version_not_found`, `version_archived`, `policy_archived`, `sha_mismatch`, `schema_version_*`,
    /// `schema_validation_failed`.
    pub async fn publish_set_version(
        &self,
        call: &Call,
        zone: ZoneId,
        set: PolicySetId,
        schema_version: SchemaVersion,
        entries: Vec<NewEntry>,
    ) -> Result<Published<PolicySetVersion>, Error> {
        self.once(call, async {
            let prepared = self.prepare_set_version(zone, set, &schema_version, &entries).await?;
            let condition = call.clone();
            self.transact(call, move |tx| Box::pin(insert(tx, condition, zone, set, prepared))).await
        })
        .await
    }

    /// Pins the entries, checks them and prepares the version.
    pub(crate) async fn prepare_set_version(
        &self,
        zone: ZoneId,
        set: PolicySetId,
        schema_version: &SchemaVersion,
        entries: &[NewEntry],
    ) -> Result<Prepared, Error> {
        let (mut store, owner) = self.living(zone).await?;
        let state = store.policy_set(zone, set).await?.ok_or_else(|| Error::not_found("policy set"))?;
        policies::customer_owned(state.set.owner_type)?;
        policy_sets::living_set(&state.set)?;
        let schema = open_schema(&mut *store, zone, schema_version.as_str()).await?;
        let pinned = pin(&mut *store, zone, &schema, entries).await?;
        self.signer(&mut *store, zone).await?;
        // The connection goes back before the work that takes its time.
        drop(store);
        self.prepare(schema, pinned, owner.settings.validation_mode).await
    }

    /// Everything about a set version that takes long, outside of any transaction.
    pub(crate) async fn prepare(
        &self,
        schema: PolicySchema,
        pinned: Vec<PolicyVersion>,
        validation: ValidationMode,
    ) -> Result<Prepared, Error> {
        let (zone, compiler) = (schema.zone_id, Arc::clone(&self.0.compiler));
        let work = move || {
            let manifest = manifest(&pinned)?;
            let manifest_sha = manifest.sha()?;
            let texts_sha = texts_digest(pinned.iter().map(text_digest).collect())?;
            let pinned: Vec<_> = pinned.into_iter().map(pinned_version).collect();
            if validation == ValidationMode::Strict {
                validate(&compiler, &pinned, &schema)?;
            }
            let set = Arc::new(compile(&compiler, &pinned, &schema)?);
            Ok(Prepared { schema, manifest, manifest_sha, texts_sha, validation, compiled: set })
        };
        self.run_in_turn(zone, work).await?
    }
}

/// How long sets took to compile, in seconds, whether to be published or to decide.
pub const COMPILE_METRIC: &str = "cedarkeep_compile_seconds";

/// Compiles a set; on the Cedar pool.
pub(crate) fn compile(compiler: &Compiler, pinned: &[Pinned], schema: &PolicySchema) -> Result<CompiledSet, Error> {
    let begun = Instant::now();
    let loaded = compiler.schema(&schema.cedar_schema_json, schema.schema_sha);
    let set = loaded.and_then(|loaded| compiler.compile(pinned, loaded)).map_err(|error| cedar_error(&error))?;
    metrics::histogram!(COMPILE_METRIC).record(begun.elapsed().as_secs_f64());
    Ok(set)
}

/// A stored version as the Cedar room takes it.
pub(crate) fn pinned_version(version: PolicyVersion) -> Pinned {
    Pinned {
        policy_id: version.policy_id,
        policy_version_id: version.id,
        name: String::new(),
        origin: version.origin,
        cedar_raw: version.cedar_raw,
        cedar_json: version.cedar_json,
        sha: version.sha,
    }
}

pub(crate) fn text_digest(version: &PolicyVersion) -> TextDigest {
    let sha256 = version.cedar_raw.as_ref().map(|text| Digest::of(text.as_bytes()));
    TextDigest { policy_version_id: version.id, sha256 }
}

pub(crate) fn manifest(pinned: &[PolicyVersion]) -> Result<Manifest, Error> {
    let entry = |version: &PolicyVersion| ManifestEntry {
        policy_id: version.policy_id,
        policy_version_id: version.id,
        sha: version.sha,
    };
    Manifest::new(pinned.iter().map(entry).collect())
        .map_err(|error| Error::new(Code::ManifestDuplicatePolicy, error.to_string()))
}

/// Takes the next number, signs and writes, unless the content is the newest version already.
pub(crate) async fn insert(
    tx: &mut Tx,
    call: Call,
    zone: ZoneId,
    set: PolicySetId,
    prepared: Prepared,
) -> Result<Published<PolicySetVersion>, Error> {
    let mut set = policy_sets::changeable(tx, &call, zone, set).await?.set;
    policy_sets::living_set(&set)?;
    recheck(tx, zone, &prepared).await?;
    let warnings = warnings(&prepared.compiled);
    if let Some(newest) = newest(tx, &set).await?
        && newest.record.manifest_sha == prepared.manifest_sha
        && newest.record.schema_version == prepared.schema.version
        && newest.archived.is_none()
    {
        return Ok(Published { object: newest, created: false, warnings });
    }
    let record = record(tx, &set, &prepared);
    tx.store.insert_set_version(&record).await?;
    let statement = attest(tx, &record).await?;
    set.latest_version = Some(record.version);
    set.latest_version_id = Some(record.id);
    policy_sets::touch(tx, &mut set);
    tx.store.update_policy_set(&set).await?;
    tx.event(zone, EventKind::SetVersionCreated, event_body(&record, &statement)).await?;
    tx.service.0.compiled.put(record.manifest_sha, record.schema_sha, Arc::clone(&prepared.compiled)).await;
    let object = PolicySetVersion { record, attestation: statement, attestations: 1, active: false, archived: None };
    Ok(Published { object, created: true, warnings })
}

/// What may have changed since the content was checked: versions and policies archived, the schema version closed.
async fn recheck(tx: &mut Tx, zone: ZoneId, prepared: &Prepared) -> Result<(), Error> {
    let schema = open_schema(&mut *tx.store, zone, prepared.schema.version.as_str()).await?;
    let entry = |entry: &ManifestEntry| NewEntry {
        policy_id: entry.policy_id,
        policy_version_id: entry.policy_version_id,
        sha: Some(entry.sha),
    };
    let entries: Vec<_> = prepared.manifest.entries().iter().map(entry).collect();
    let ids: Vec<_> = entries.iter().map(|entry| entry.policy_version_id).collect();
    if let Some(id) = tx.store.first_archived_version(zone, &ids).await? {
        let message = format!("policy version {id} is archived; pin a living one");
        return Err(Error::new(Code::VersionArchived, message).with_detail("policy_version_id", id.to_string()));
    }
    debug_assert_eq!(schema.schema_sha, prepared.schema.schema_sha, "schema versions are immutable");
    refuse_archived_policies(&mut *tx.store, zone, &entries).await
}

async fn newest(tx: &mut Tx, set: &PolicySet) -> Result<Option<PolicySetVersion>, Error> {
    match set.latest_version_id {
        Some(id) => Ok(tx.store.set_version(set.zone_id, set.id, id).await?),
        None => Ok(None),
    }
}

fn record(tx: &Tx, set: &PolicySet, prepared: &Prepared) -> SetVersionRecord {
    SetVersionRecord {
        id: PolicySetVersionId::new(tx.service.0.ids.next()),
        zone_id: set.zone_id,
        policy_set_id: set.id,
        version: set.latest_version.unwrap_or(0) + 1,
        owner_type: OwnerType::Customer,
        scope_type: set.scope_type,
        schema_version: prepared.schema.version.clone(),
        schema_sha: prepared.schema.schema_sha,
        manifest: prepared.manifest.clone(),
        manifest_sha: prepared.manifest_sha,
        texts_sha: prepared.texts_sha,
        validation: prepared.validation,
        cedar_version: cedarkeep_cedar::cedar_version().to_owned(),
        created_at: tx.now,
        created_by: tx.actor.clone(),
    }
}

/// Signs the first attestation of a version and writes it beside the version.
async fn attest(tx: &mut Tx, record: &SetVersionRecord) -> Result<AttestationStatement, Error> {
    let signer = signing_keys::signer(tx, record.zone_id).await?;
    let statement = statement(tx, record, &signer);
    add_attestation(tx, signer, 1, statement.clone()).await?;
    Ok(statement)
}

/// What is stated of a version when it is created.
pub(crate) fn statement(tx: &Tx, record: &SetVersionRecord, signer: &Signer) -> AttestationStatement {
    AttestationStatement {
        v: 1,
        r#type: STATEMENT_TYPE.to_owned(),
        zone_id: record.zone_id,
        policy_set_id: record.policy_set_id,
        policy_set_version: record.version,
        manifest_sha: record.manifest_sha,
        status: AttestationStatus::Created,
        attested_at: tx.now,
        attested_by: tx.actor.clone(),
        key_id: signer.kid().to_owned(),
        policy_set_version_id: record.id,
        scope_type: record.scope_type,
        schema_version: record.schema_version.clone(),
        schema_sha: record.schema_sha,
        validation: record.validation,
        cedar_version: record.cedar_version.clone(),
        texts_sha: record.texts_sha,
        prev_sha256: None,
        created_at: None,
        created_by: None,
    }
}

/// Signs a statement and writes it as the attestation of this number.
pub(crate) async fn add_attestation(
    tx: &mut Tx,
    signer: Arc<Signer>,
    seq: u64,
    statement: AttestationStatement,
) -> Result<(), Error> {
    let attestation = AttestationRecord {
        zone_id: statement.zone_id,
        policy_set_version_id: statement.policy_set_version_id,
        seq,
        status: statement.status,
        kid: statement.key_id.clone(),
        envelope: keys::sign(signer, statement).await?,
        created_at: tx.now,
    };
    Ok(tx.store.insert_attestation(&attestation).await?)
}

fn event_body(record: &SetVersionRecord, statement: &AttestationStatement) -> serde_json::Value {
    json!({
        "policy_set_id": record.policy_set_id, "policy_set_version_id": record.id, "version": record.version,
        "manifest_sha": record.manifest_sha, "schema_version": record.schema_version, "schema_sha": record.schema_sha,
        "texts_sha": record.texts_sha, "validation": record.validation, "kid": statement.key_id,
        "scope_type": record.scope_type, "cedar_version": record.cedar_version,
    })
}

/// What a caller should know about a set that it publishes or binds.
pub(crate) fn warnings(compiled: &CompiledSet) -> Vec<Warning> {
    let warning = |code: &str, message: String| Warning { code: code.to_owned(), message };
    let mut warnings = Vec::new();
    if !compiled.has_permit() {
        let message = "no policy of this set permits anything: bound to a slot, it denies every request there";
        warnings.push(warning("no_permit", message.to_owned()));
    }
    let open = compiled.open_statements();
    if open > OPEN_STATEMENTS {
        let message = format!(
            "{open} statements name neither a principal, an action nor a resource in their scope, so every decision \
             evaluates all of them; name one (`principal in …`, `action == …`, `resource is …`) where you can"
        );
        warnings.push(warning("open_scopes", message));
    }
    warnings
}

/// So many statements with an open scope are worth a warning: together they cost what a whole decision costs otherwise.
const OPEN_STATEMENTS: usize = 100;
