//! Drafts of policies: written without being right, published in one step.

mod review;

use cedarkeep_cedar::{MAX_POLICY_BYTES, PolicyContent};
use cedarkeep_model::{
    Digest, DraftContent, EventKind, Origin, Policy, PolicyDraft, PolicyId, PolicyVersion, PolicyVersionId,
    SchemaVersion, Zone, ZoneId, json,
};
use cedarkeep_store::Read;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use self::review::DraftWarning;
pub(crate) use self::review::schema_to_be;
use crate::{Call, Code, Error, GivenPolicy, Published, Service, policies, publish, transact::Tx};

/// A draft as it is to be.
#[derive(Debug, Clone, Default)]
pub struct NewPolicyDraft {
    /// The schema version; that of the base when absent, else the zone's default.
    pub schema_version: Option<SchemaVersion>,
    /// The content; that of the base when absent.
    pub given: Option<GivenPolicy>,
    /// The version of this policy that it begins from.
    pub base_version_id: Option<PolicyVersionId>,
}

/// A draft with what would stop its publication at this moment.
#[derive(Debug, Clone)]
pub struct PolicyDraftState {
    /// The draft.
    pub draft: PolicyDraft,
    /// Its text: as it came, or what says exactly the same as its JSON.
    pub cedar_raw: Option<String>,
    /// Its JSON: Cedar's own where Cedar can read it, else as it came, if it came as JSON.
    pub cedar_json: Option<String>,
    /// What would stop its publication.
    pub warnings: Vec<DraftWarning>,
}

/// What was written.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Saved<T> {
    /// It.
    pub object: T,
    /// Whether it was not there before.
    pub created: bool,
}

/// What became of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End<V> {
    /// Thrown away.
    Deleted,
    /// It is this version now.
    Published(V),
    /// What it was a draft of is archived.
    Archived,
}

impl<V> End<V> {
    pub(crate) const fn as_str(&self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Published(_) => "published",
            Self::Archived => "archived",
        }
    }

    pub(crate) fn version(self) -> Option<V> {
        if let Self::Published(version) = self { Some(version) } else { None }
    }
}

impl Service {
    /// The draft of a policy.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn policy_draft(&self, _call: &Call, zone: ZoneId, policy: PolicyId) -> Result<PolicyDraftState, Error> {
        let (mut store, owner) = self.living(zone).await?;
        let known = store.policy(zone, policy).await?.ok_or_else(|| Error::not_found("policy"))?;
        let draft = store.policy_draft(zone, policy).await?.ok_or_else(no_draft)?;
        self.review_policy_draft(store, &owner, known, draft).await
    }

    /// Writes the draft of a policy, in place of what it was. It need not be right, it must only be of a size and form
    /// that can be kept.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `platform_owned`, `policy_archived`, `policy_version_not_found` for a base
    /// that is no version of this policy, `too_large`, `invalid_json` for JSON nested too deeply.
    pub async fn save_policy_draft(
        &self,
        call: &Call,
        zone: ZoneId,
        policy: PolicyId,
        new: NewPolicyDraft,
    ) -> Result<Saved<PolicyDraftState>, Error> {
        let (mut store, owner) = self.living(zone).await?;
        let known = store.policy(zone, policy).await?.ok_or_else(|| Error::not_found("policy"))?;
        open_to_drafts(&known)?;
        let filled = fill(&mut *store, &owner, policy, new).await?;
        drop(store);
        let condition = call.clone();
        let Saved { object, created } =
            self.transact(call, move |tx| Box::pin(save(tx, condition, zone, policy, filled))).await?;
        let object = self.review_policy_draft(self.read().await?, &owner, known, object).await?;
        Ok(Saved { object, created })
    }

    /// Throws the draft of a policy away, and answers what it was.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `platform_owned`.
    pub async fn delete_policy_draft(
        &self,
        call: &Call,
        zone: ZoneId,
        policy: PolicyId,
    ) -> Result<PolicyDraftState, Error> {
        let condition = call.clone();
        let (known, draft) = self.transact(call, move |tx| Box::pin(delete(tx, condition, zone, policy))).await?;
        let (store, owner) = self.living(zone).await?;
        self.review_policy_draft(store, &owner, known, draft).await
    }

    /// Publishes the draft of a policy as its next version and ends the draft, in one step; a draft that cannot be
    /// published is left as it is.
    ///
    /// # Errors
    /// Those of [`Service::publish_policy_version`]; `precondition_failed` when the draft is not the one expected, or
    /// is written, published or thrown away at the same time.
    pub async fn publish_policy_draft(
        &self,
        call: &Call,
        zone: ZoneId,
        policy: PolicyId,
    ) -> Result<Published<PolicyVersion>, Error> {
        self.once(call, async {
            let (mut store, _) = self.living(zone).await?;
            let known = store.policy(zone, policy).await?.ok_or_else(|| Error::not_found("policy"))?;
            open_to_drafts(&known)?;
            let draft = store.policy_draft(zone, policy).await?.ok_or_else(no_draft)?;
            drop(store);
            call.check(&draft.etag())?;
            let given = given(draft.content.as_ref())?;
            let content = self.prepare_version(zone, policy, &draft.schema_version, given).await?;
            let unconditional = call.unconditional();
            self.transact(call, move |tx| Box::pin(publish(tx, unconditional, draft, content))).await
        })
        .await
    }
}

pub(crate) fn no_draft() -> Error {
    Error::not_found("draft: the policy has none")
}

/// What was read is no longer what stands there.
pub(crate) fn changed_meanwhile() -> Error {
    let message = "the draft was written, published or thrown away meanwhile; read it again";
    Error::new(Code::PreconditionFailed, message)
}

fn open_to_drafts(policy: &Policy) -> Result<(), Error> {
    policies::customer_owned(policy.owner_type)?;
    policies::living_policy(policy)
}

/// A base that the object of the draft does not have.
pub(crate) fn no_base(id: impl std::fmt::Display) -> Error {
    let message = format!("base_version_id: there is no version {id} to begin from");
    Error::new(Code::PolicyVersionNotFound, message).with_detail("base_version_id", id.to_string())
}

/// What a draft will hold.
#[derive(Clone)]
struct Filled {
    schema_version: SchemaVersion,
    content: Option<DraftContent>,
    base_version_id: Option<PolicyVersionId>,
}

/// Takes from the base, and from the zone, what the caller leaves open.
async fn fill(store: &mut dyn Read, zone: &Zone, policy: PolicyId, new: NewPolicyDraft) -> Result<Filled, Error> {
    let NewPolicyDraft { schema_version, given, base_version_id } = new;
    let base = match base_version_id {
        Some(id) => Some(store.policy_version(zone.id, policy, id).await?.ok_or_else(|| no_base(id))?),
        None => None,
    };
    let content = given.map(DraftContent::from);
    if let Some(content) = &content {
        check_limits(content)?;
    }
    let base_schema = base.as_ref().map(|base| base.schema_version.clone());
    Ok(Filled {
        schema_version: schema_version.or(base_schema).unwrap_or_else(|| zone.default_schema_version.clone()),
        content: content.or_else(|| base.map(content_of)),
        base_version_id,
    })
}

impl From<GivenPolicy> for DraftContent {
    fn from(given: GivenPolicy) -> Self {
        match given {
            GivenPolicy::Text(body) => Self { origin: Origin::Text, body },
            GivenPolicy::Json(json) => Self { origin: Origin::Json, body: json.to_string() },
        }
    }
}

/// The content of a version in the form in which it came.
fn content_of(version: PolicyVersion) -> DraftContent {
    match (version.origin, version.cedar_raw) {
        (Origin::Text, Some(body)) => DraftContent { origin: Origin::Text, body },
        _ => DraftContent { origin: Origin::Json, body: version.cedar_json },
    }
}

/// A draft may be wrong, but it must be possible to keep it and to read it again.
fn check_limits(content: &DraftContent) -> Result<(), Error> {
    let bytes = content.body.len();
    if bytes > MAX_POLICY_BYTES {
        let message = format!("{bytes} bytes of policy; at most {MAX_POLICY_BYTES} make one version");
        return Err(Error::new(Code::TooLarge, message));
    }
    if content.origin == Origin::Json {
        json::parse(content.body.as_bytes()).map_err(|error| Error::new(Code::InvalidJson, error.to_string()))?;
    }
    Ok(())
}

/// The content as publishing takes it.
pub(crate) fn given(content: Option<&DraftContent>) -> Result<GivenPolicy, Error> {
    let damaged = |error: json::InvalidJson| {
        Error::new(Code::IntegrityError, "the draft cannot be read again").with_source(error)
    };
    match content {
        None => Ok(GivenPolicy::Text(String::new())),
        Some(DraftContent { origin: Origin::Text, body }) => Ok(GivenPolicy::Text(body.clone())),
        Some(DraftContent { origin: Origin::Json, body }) => {
            json::parse(body.as_bytes()).map(GivenPolicy::Json).map_err(damaged)
        }
    }
}

async fn save(
    tx: &mut Tx,
    call: Call,
    zone: ZoneId,
    policy: PolicyId,
    filled: Filled,
) -> Result<Saved<PolicyDraft>, Error> {
    let known = policies::changeable(tx, &call.unconditional(), zone, policy).await?;
    policies::living_policy(&known)?;
    let former = tx.store.policy_draft(zone, policy).await?;
    call.check_replacing(former.as_ref().map(PolicyDraft::etag).as_deref())?;
    let Filled { schema_version, content, base_version_id } = filled;
    let same = |former: &PolicyDraft| {
        (&former.schema_version, &former.content, former.base_version_id)
            == (&schema_version, &content, base_version_id)
    };
    let begun = match former {
        Some(former) if same(&former) => return Ok(Saved { object: former, created: false }),
        Some(former) => Some((former.created_at, former.created_by)),
        None => None,
    };
    let body = json!({
        "policy_id": policy, "schema_version": schema_version, "base_version_id": base_version_id,
        "origin": content.as_ref().map(|content| content.origin),
        "bytes": content.as_ref().map_or(0, |content| content.body.len()),
        "sha256": content.as_ref().map(|content| Digest::of(content.body.as_bytes())),
    });
    let revision = tx.event(zone, EventKind::PolicyDraftSaved, body).await?;
    let created = begun.is_none();
    let (created_at, created_by) = begun.unwrap_or_else(|| (tx.now, tx.actor.clone()));
    let (updated_at, updated_by) = (tx.now, tx.actor.clone());
    let object = PolicyDraft {
        zone_id: zone,
        policy_id: policy,
        schema_version,
        content,
        base_version_id,
        revision,
        created_at,
        created_by,
        updated_at,
        updated_by,
    };
    tx.store.put_policy_draft(&object).await?;
    Ok(Saved { object, created })
}

async fn delete(tx: &mut Tx, call: Call, zone: ZoneId, policy: PolicyId) -> Result<(Policy, PolicyDraft), Error> {
    let known = policies::changeable(tx, &call.unconditional(), zone, policy).await?;
    let draft = tx.store.policy_draft(zone, policy).await?.ok_or_else(no_draft)?;
    call.check(&draft.etag())?;
    discard(tx, zone, policy, End::Deleted).await?;
    Ok((known, draft))
}

async fn publish(
    tx: &mut Tx,
    call: Call,
    draft: PolicyDraft,
    content: PolicyContent,
) -> Result<Published<PolicyVersion>, Error> {
    let (zone, policy) = (draft.zone_id, draft.policy_id);
    tx.zone(zone).await?;
    let standing = tx.store.policy_draft(zone, policy).await?;
    if standing.is_none_or(|standing| standing.revision != draft.revision) {
        return Err(changed_meanwhile());
    }
    let published = publish::insert(tx, call, zone, policy, draft.schema_version, content).await?;
    discard(tx, zone, policy, End::Published(published.object.id)).await?;
    Ok(published)
}

/// Ends the draft of a policy, if it has one.
pub(crate) async fn discard(
    tx: &mut Tx,
    zone: ZoneId,
    policy: PolicyId,
    end: End<PolicyVersionId>,
) -> Result<(), Error> {
    let Some(draft) = tx.store.policy_draft(zone, policy).await? else { return Ok(()) };
    tx.store.delete_policy_draft(zone, policy).await?;
    let body = json!({
        "policy_id": policy, "saved_seq": draft.revision, "reason": end.as_str(), "policy_version_id": end.version(),
    });
    tx.event(zone, EventKind::PolicyDraftDeleted, body).await.map(|_| ())
}
