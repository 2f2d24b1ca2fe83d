//! Looking at a set version before it is signed again: everything is recomputed and compared with what was published.

use std::{collections::HashSet, mem};

use cedarkeep_cedar::{CedarPool, PoolError, check_content, load_schema};
use cedarkeep_model::{
    Digest, Envelope, PolicySchema, PolicySetId, PolicySetVersion, PolicySetVersionId, PolicyVersion, SetVersionRecord,
    SetVersions, ZoneId,
};
use cedarkeep_store::{AttestationRecord, Direction, Order, Position, ReSignJob, Read, StoreError, Window};
use serde_json::{Value, json};

use crate::{
    Code, Error,
    chain::Chain,
    keys::KnownKeys,
    publish_set::pinned_version,
    recompute::{same_as_attested, same_as_pinned, same_as_published},
};

/// How many policies Cedar reads at a stretch: decisions wait for the same threads.
const STRETCH: usize = 64;

/// What a worker remembers of a zone from one version to the next. It can be lost at any time.
#[derive(Default)]
pub(crate) struct Run {
    chain: Chain,
    published: SetVersions,
    /// What of the content was recomputed and found right, by the digest of its stored form.
    right: HashSet<Digest>,
    /// The last version that was looked at, and for the sake of which key.
    at: Option<(ReSignJob, Position)>,
}

/// A version that was looked at.
#[derive(Clone)]
pub(super) struct Examined {
    pub(super) set: PolicySetId,
    pub(super) id: PolicySetVersionId,
    /// The number of its newest attestation and that itself, when they could be read.
    pub(super) newest: Option<(u64, Envelope)>,
    /// The version, or what is wrong with it.
    pub(super) verdict: Result<PolicySetVersion, String>,
}

/// Why a version was not found to be what was published.
enum Doubt {
    /// It is something else.
    Found(String),
    /// It could not be looked at.
    Failed(Error),
}

impl From<StoreError> for Doubt {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Damaged(what) => Self::Found(what),
            other => Self::Failed(other.into()),
        }
    }
}

impl From<PoolError> for Doubt {
    fn from(error: PoolError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<String> for Doubt {
    fn from(found: String) -> Self {
        Self::Found(found)
    }
}

/// Recomputes everything about a version and compares it with what its events tell.
pub(super) async fn examine(
    cedar: &CedarPool,
    mut store: Box<dyn Read>,
    (zone, set, id): (ZoneId, PolicySetId, PolicySetVersionId),
    run: &mut Run,
) -> Result<Examined, Error> {
    let attestations = match store.attestations(zone, id).await {
        Ok(attestations) => Ok(attestations),
        Err(StoreError::Damaged(what)) => Err(what),
        Err(other) => return Err(other.into()),
    };
    let newest = attestations.as_ref().ok().and_then(|all| all.last());
    let newest = newest.map(|newest| (newest.seq, newest.envelope.clone()));
    // The events are read after what they are compared with, and so are the keys: neither can be too old.
    run.follow(&mut *store, zone).await?;
    let known = KnownKeys::new(&store.signing_keys(zone).await?)?;
    let compared = match attestations {
        Ok(attestations) => compare(cedar, store, (zone, set, id), &attestations, &known, run).await,
        Err(what) => Err(Doubt::Found(what)),
    };
    let verdict = match compared {
        Ok(version) => Ok(version),
        Err(Doubt::Found(what)) => Err(what),
        Err(Doubt::Failed(error)) => return Err(error),
    };
    Ok(Examined { set, id, newest, verdict })
}

async fn compare(
    cedar: &CedarPool,
    mut store: Box<dyn Read>,
    (zone, set, id): (ZoneId, PolicySetId, PolicySetVersionId),
    attestations: &[AttestationRecord],
    known: &KnownKeys,
    run: &mut Run,
) -> Result<PolicySetVersion, Doubt> {
    let version = store.set_version(zone, set, id).await?;
    let version = version.ok_or_else(|| "it is no longer there".to_owned())?;
    let (record, published) = (&version.record, run.published.get(id));
    same_as_published(record, published)?;
    same_as_attested(record, published, attestations, known)?;
    let schema = store.schema(zone, record.schema_version.as_str()).await?;
    let schema = schema.ok_or_else(|| "its schema is missing".to_owned())?;
    let ids: Vec<_> = record.manifest.entries().iter().map(|entry| entry.policy_version_id).collect();
    let pinned = store.policy_versions_by_id(zone, &ids).await?;
    // The connection goes back before the work that takes its time.
    drop(store);
    recompute(cedar, record.clone(), schema, pinned, run).await?;
    Ok(version)
}

/// Recomputes the manifest and the texts, and lets Cedar read the schema and every policy; each content once in a run.
async fn recompute(
    cedar: &CedarPool,
    record: SetVersionRecord,
    schema: PolicySchema,
    mut pinned: Vec<PolicyVersion>,
    run: &mut Run,
) -> Result<(), Doubt> {
    let mut right = mem::take(&mut run.right);
    let (known, mut pinned) = cedar
        .run(move || {
            same_as_pinned(&record, Some(&schema), &pinned)?;
            read_schema(&schema, &mut right)?;
            pinned.retain(|version| !right.contains(&form(version)));
            Ok::<_, String>((right, pinned))
        })
        .await??;
    run.right = known;
    while !pinned.is_empty() {
        let stretch = pinned.split_off(pinned.len().saturating_sub(STRETCH));
        let read = cedar.run(move || stretch.into_iter().map(read_policy).collect::<Result<Vec<_>, _>>()).await??;
        run.right.extend(read);
    }
    Ok(())
}

fn read_schema(schema: &PolicySchema, right: &mut HashSet<Digest>) -> Result<(), String> {
    let form = digest(&json!([schema.cedar_schema_json, schema.schema_sha]));
    if right.insert(form) {
        let read = load_schema(&schema.cedar_schema_json, schema.schema_sha);
        read.map(drop).map_err(|error| format!("schema version {}: {error}", schema.version))?;
    }
    Ok(())
}

fn read_policy(version: PolicyVersion) -> Result<Digest, String> {
    let (id, form) = (version.id, form(&version));
    let read = check_content(&pinned_version(version));
    read.map(|()| form).map_err(|error| format!("policy version {id}: {error}"))
}

/// By this the content of a policy version is known again, byte for byte.
fn form(version: &PolicyVersion) -> Digest {
    digest(&json!([version.origin, version.cedar_raw, version.cedar_json, version.sha]))
}

fn digest(stored: &Value) -> Digest {
    Digest::of(stored.to_string().as_bytes())
}

impl Run {
    /// The next version that is to be signed again. Whoever has come to the end looks once more from the beginning.
    pub(super) async fn next(
        &mut self,
        store: &mut dyn Read,
        zone: ZoneId,
        job: &ReSignJob,
    ) -> Result<Option<(PolicySetId, PolicySetVersionId)>, Error> {
        let mut start = self.at.take().filter(|(known, _)| known == job).map(|(_, position)| position);
        loop {
            let again = start.is_some();
            let window = Window { order: Order::Asc, start, direction: Direction::Forward, limit: 1 };
            let next = store.to_re_sign(zone, job, &window).await?.items.pop();
            match next {
                Some((position, version)) => {
                    self.at = Some((job.clone(), position));
                    return Ok(Some(version));
                }
                None if again => start = None,
                None => return Ok(None),
            }
        }
    }

    /// Follows the zone's events to their present end.
    async fn follow(&mut self, store: &mut dyn Read, zone: ZoneId) -> Result<(), Error> {
        let count = store.count_events(zone).await?;
        let published = &mut self.published;
        let mut problems = self.chain.advance(store, zone, |event| published.apply(event)).await?;
        if self.chain.seq() < count {
            problems.push("the last events are missing".to_owned());
        }
        let Some(problem) = problems.first() else { return Ok(()) };
        let message = format!(
            "nothing is signed again, because the zone's chain of events is damaged: {problem}; restore it from a \
             backup and run `cedarkeep fsck`"
        );
        Err(Error::new(Code::IntegrityError, message))
    }
}
