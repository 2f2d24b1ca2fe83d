//! Publishing policy versions.

use std::sync::Arc;

use cedarkeep_cedar::{CedarError, Compiler, Finding, Findings, Given, Pinned, PolicyContent};
use cedarkeep_model::{
    Binding, EventKind, OwnerType, Policy, PolicyId, PolicySchema, PolicyVersion, PolicyVersionId, SchemaStatus,
    SchemaVersion, SetVersionRecord, ValidationMode, ZoneId,
};
use cedarkeep_store::{ArchivedFilter, Read};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{Call, Code, Error, Page, PageRequest, Service, page::Cursors, policies, transact::Tx};

/// The content of a policy version as it comes.
#[derive(Debug, Clone)]
pub enum GivenPolicy {
    /// Cedar text.
    Text(String),
    /// Cedar policy-set JSON.
    Json(Value),
}

impl GivenPolicy {
    /// Reads it; on the Cedar pool.
    pub(crate) fn read(&self) -> Result<PolicyContent, CedarError> {
        match self {
            Self::Text(text) => cedarkeep_cedar::read_policy(Given::Text(text)),
            Self::Json(json) => cedarkeep_cedar::read_policy(Given::Json(json)),
        }
    }
}

/// Something that does not stop the operation, but that the caller should know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warning {
    /// Which warning.
    pub code: String,
    /// What it means.
    pub message: String,
}

/// What was published, or found published already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published<T> {
    /// The version.
    pub object: T,
    /// Whether it is new.
    pub created: bool,
    /// What the caller should know.
    pub warnings: Vec<Warning>,
}

/// Who uses a policy version.
#[derive(Debug, Clone)]
pub struct Usage {
    /// The living set versions that pin it, newest first, at most 100.
    pub set_versions: Vec<SetVersionRecord>,
    /// The bindings of such versions.
    pub bindings: Vec<Binding>,
}

impl Service {
    /// Publishes an immutable version of a policy. What is already the newest version is answered as it is.
    ///
    /// # Errors
    /// `not_found`, `platform_owned`, `policy_archived`, `schema_version_not_found`, `schema_version_archived`,
    /// `missing_cedar_content`, `invalid_cedar`, `schema_validation_failed`.
    pub async fn publish_policy_version(
        &self,
        call: &Call,
        zone: ZoneId,
        policy: PolicyId,
        schema_version: SchemaVersion,
        given: GivenPolicy,
    ) -> Result<Published<PolicyVersion>, Error> {
        self.once(call, async {
            let content = self.prepare_version(zone, policy, &schema_version, given).await?;
            let condition = call.clone();
            self.transact(call, move |tx| Box::pin(insert(tx, condition, zone, policy, schema_version, content))).await
        })
        .await
    }

    /// Everything about a policy version that takes long, outside of any transaction.
    pub(crate) async fn prepare_version(
        &self,
        zone: ZoneId,
        policy: PolicyId,
        schema_version: &SchemaVersion,
        given: GivenPolicy,
    ) -> Result<PolicyContent, Error> {
        let (mut store, owner) = self.living(zone).await?;
        let known = store.policy(zone, policy).await?.ok_or_else(|| Error::not_found("policy"))?;
        policies::customer_owned(known.owner_type)?;
        policies::living_policy(&known)?;
        let schema = open_schema(&mut *store, zone, schema_version.as_str()).await?;
        // The connection goes back before the work that takes its time.
        drop(store);
        self.read_policy(known, given, schema, owner.settings.validation_mode).await
    }

    /// Reads the content, and validates it when the zone wants that.
    pub(crate) async fn read_policy(
        &self,
        policy: Policy,
        given: GivenPolicy,
        schema: PolicySchema,
        mode: ValidationMode,
    ) -> Result<PolicyContent, Error> {
        let (zone, compiler) = (policy.zone_id, Arc::clone(&self.0.compiler));
        let work = move || {
            let content = given.read().map_err(|error| cedar_error(&error))?;
            if mode == ValidationMode::Strict {
                validate(&compiler, &[pin_content(&policy, &content)], &schema)?;
            }
            Ok(content)
        };
        self.run_in_turn(zone, work).await?
    }

    /// A version of a policy, archived or not.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn policy_version(
        &self,
        _call: &Call,
        zone: ZoneId,
        policy: PolicyId,
        id: PolicyVersionId,
    ) -> Result<PolicyVersion, Error> {
        let (mut store, _) = self.living(zone).await?;
        let version = store.policy_version(zone, policy, id).await?;
        version.ok_or_else(|| Error::not_found("policy version"))
    }

    /// The versions of a policy by creation.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn policy_versions(
        &self,
        _call: &Call,
        zone: ZoneId,
        policy: PolicyId,
        archived: ArchivedFilter,
        page: PageRequest,
    ) -> Result<Page<PolicyVersion>, Error> {
        let listing = self.listing(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/policies/{policy}/versions"), &archived);
        let window = cursors.window(&page)?;
        let about = (&window, page.total_count);
        let (slice, total) = listing
            .ask(&about, move |store, (window, counted)| {
                Box::pin(async move {
                    store.policy(zone, policy).await?.ok_or_else(|| Error::not_found("policy"))?;
                    let slice = store.policy_versions(zone, policy, archived, window).await?;
                    let total =
                        if *counted { Some(store.count_policy_versions(zone, policy, archived).await?) } else { None };
                    Ok((slice, total))
                })
            })
            .await?;
        cursors.page(&window, slice, total, content_size)
    }

    /// Who uses a policy version.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn policy_version_usage(
        &self,
        call: &Call,
        zone: ZoneId,
        policy: PolicyId,
        id: PolicyVersionId,
    ) -> Result<Usage, Error> {
        self.policy_version(call, zone, policy, id).await?;
        let cedarkeep_store::Usage { set_versions, bindings } = self.read().await?.usage(zone, id).await?;
        Ok(Usage { set_versions, bindings })
    }
}

/// How many bytes of content a policy version brings into a page.
pub(crate) fn content_size(version: &PolicyVersion) -> usize {
    version.cedar_json.len() + version.cedar_raw.as_ref().map_or(0, String::len)
}

/// The schema version to publish against: there, and not archived.
pub(crate) async fn open_schema(store: &mut dyn Read, zone: ZoneId, version: &str) -> Result<PolicySchema, Error> {
    let Some(schema) = store.schema(zone, version).await? else {
        let message = format!("the zone has no schema version {version:?}; list them under policy-schemas");
        return Err(Error::new(Code::SchemaVersionNotFound, message));
    };
    if schema.status == SchemaStatus::Archived {
        let message = format!("schema version {version:?} is archived and takes no new versions; name another");
        return Err(Error::new(Code::SchemaVersionArchived, message));
    }
    Ok(schema)
}

/// Content as the Cedar room takes it, before it is a version.
pub(crate) fn pin_content(policy: &Policy, content: &PolicyContent) -> Pinned {
    Pinned {
        policy_id: policy.id,
        policy_version_id: PolicyVersionId::new(policy.id.uuid()),
        name: policy.name.to_string(),
        origin: content.origin,
        cedar_raw: content.cedar_raw.clone(),
        cedar_json: content.cedar_json.clone(),
        sha: content.sha,
    }
}

/// Validates in strict mode; on the Cedar pool.
pub(crate) fn validate(compiler: &Compiler, policies: &[Pinned], schema: &PolicySchema) -> Result<(), Error> {
    let findings = findings(compiler, policies, schema).map_err(|error| cedar_error(&error))?;
    if findings.errors.is_empty() { Ok(()) } else { Err(invalid(schema, &findings)) }
}

/// What validation in strict mode finds; on the Cedar pool.
pub(crate) fn findings(
    compiler: &Compiler,
    policies: &[Pinned],
    schema: &PolicySchema,
) -> Result<Findings, CedarError> {
    let loaded = compiler.schema(&schema.cedar_schema_json, schema.schema_sha)?;
    compiler.validate(policies, &loaded)
}

fn invalid(schema: &PolicySchema, findings: &Findings) -> Error {
    let message = format!(
        "{} finding(s) against schema version {:?}; see notices for each with its place",
        findings.errors.len(),
        schema.version.as_str()
    );
    Error::new(Code::SchemaValidationFailed, message)
        .with_notices(notices(&findings.errors))
        .with_detail("errors", json!(findings.errors))
        .with_detail("warnings", json!(findings.warnings))
}

/// One line a finding: policy, line, column, message.
pub(crate) fn notices(findings: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        let policy = finding.cedar_id.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
        let place = match (finding.line, finding.column) {
            (Some(line), Some(column)) => format!("line {line}, column {column}: "),
            _ => String::new(),
        };
        format!("{policy}{place}{}", finding.message)
    };
    findings.iter().map(line).collect()
}

/// What the Cedar room says, as an error of the service.
pub(crate) fn cedar_error(error: &CedarError) -> Error {
    let message = error.to_string();
    match error {
        CedarError::MissingContent => Error::new(Code::MissingCedarContent, message),
        CedarError::Invalid { findings } => Error::new(Code::InvalidCedar, message)
            .with_notices(notices(findings))
            .with_detail("errors", json!(findings)),
        CedarError::TooLarge { .. } => Error::new(Code::TooLarge, message),
        CedarError::DigestMismatch { .. } => Error::new(Code::IntegrityError, message),
        _ => Error::new(Code::InvalidCedar, message),
    }
}

/// Takes the next number and writes the version, unless it is the newest already.
pub(crate) async fn insert(
    tx: &mut Tx,
    call: Call,
    zone: ZoneId,
    policy: PolicyId,
    schema_version: SchemaVersion,
    content: PolicyContent,
) -> Result<Published<PolicyVersion>, Error> {
    let policy = policies::changeable(tx, &call, zone, policy).await?;
    policies::living_policy(&policy)?;
    open_schema(&mut *tx.store, zone, schema_version.as_str()).await?;
    if let Some(newest) = newest(tx, &policy).await?
        && newest.sha == content.sha
        && newest.schema_version == schema_version
        && newest.origin == content.origin
        && newest.cedar_raw == content.cedar_raw
        && newest.archived.is_none()
    {
        return Ok(Published { object: newest, created: false, warnings: Vec::new() });
    }
    let id = PolicyVersionId::new(tx.service.0.ids.next());
    let object = write(tx, policy, schema_version, content, id).await?;
    Ok(Published { object, created: true, warnings: Vec::new() })
}

/// Writes a version under an id that was drawn before, as the policy's newest.
pub(crate) async fn write(
    tx: &mut Tx,
    mut policy: Policy,
    schema_version: SchemaVersion,
    content: PolicyContent,
    id: PolicyVersionId,
) -> Result<PolicyVersion, Error> {
    let zone = policy.zone_id;
    let version = PolicyVersion {
        id,
        zone_id: zone,
        policy_id: policy.id,
        version: policy.latest_version.unwrap_or(0) + 1,
        owner_type: OwnerType::Customer,
        schema_version: schema_version.clone(),
        sha: content.sha,
        origin: content.origin,
        cedar_raw: content.cedar_raw,
        cedar_json: content.cedar_json,
        permits: content.permits,
        created_at: tx.now,
        created_by: tx.actor.clone(),
        archived: None,
    };
    tx.store.insert_policy_version(&version).await?;
    policy.latest_version = Some(version.version);
    policy.latest_version_id = Some(version.id);
    policy.latest_schema_version = Some(schema_version);
    policies::touch(tx, &mut policy);
    tx.store.update_policy(&policy).await?;
    let body = json!({
        "policy_id": policy.id, "policy_version_id": version.id, "version": version.version, "sha": version.sha,
        "schema_version": version.schema_version, "origin": version.origin,
    });
    tx.event(zone, EventKind::PolicyVersionCreated, body).await?;
    Ok(version)
}

async fn newest(tx: &mut Tx, policy: &Policy) -> Result<Option<PolicyVersion>, Error> {
    match policy.latest_version_id {
        Some(id) => Ok(tx.store.policy_version(policy.zone_id, policy.id, id).await?),
        None => Ok(None),
    }
}
