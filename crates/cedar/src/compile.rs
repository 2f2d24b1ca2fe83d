//! A policy set ready to decide.

use std::collections::{BTreeMap, HashMap};

use cedar_policy::{Policy, PolicyId as CedarId, PolicySet, PolicySetError};
use cedarkeep_model::{Digest, PolicyId, PolicyVersionId};

use crate::{
    content::{Pinned, Statements, statement_order},
    error::{CedarError, Finding},
    evaluate::Effect,
    schema::Schema,
};

/// Measured: what Cedar and the member table keep for a policy of any size.
const BYTES_A_POLICY: usize = 2 << 10;

/// Measured: what Cedar keeps for one byte of text (the text itself, the tree and its source positions).
const BYTES_A_BYTE: usize = 30;

/// The policies of a set version's manifest and the schema that the version pins, immutable and ready to decide.
#[derive(Debug)]
pub struct CompiledSet {
    pub(crate) policies: PolicySet,
    pub(crate) schema: Schema,
    members: HashMap<CedarId, Member>,
    has_permit: bool,
    bytes: usize,
}

/// One policy that can decide: a static policy or a template link of a pinned version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The policy.
    pub policy_id: PolicyId,
    /// The pinned version.
    pub policy_version_id: PolicyVersionId,
    /// The policy's name.
    pub name: String,
    /// The Cedar id within the version.
    pub cedar_id: String,
    /// What it does when it applies.
    pub effect: Effect,
    /// Its annotations; one without a value has the empty string.
    pub annotations: BTreeMap<String, String>,
    /// Its place: by manifest entry, then by id within the version.
    pub(crate) place: usize,
}

impl CompiledSet {
    /// The policy behind a Cedar id of this set.
    pub(crate) fn member(&self, id: &CedarId) -> Option<&Member> {
        self.members.get(id)
    }

    /// Every policy that can decide, in no particular order.
    pub fn members(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// Whether any policy permits; a set without one denies everything in its slot.
    #[must_use]
    pub fn has_permit(&self) -> bool {
        self.has_permit
    }

    /// About how much memory it holds, in bytes, for caches that are bounded by bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The digest of its schema.
    #[must_use]
    pub fn schema_sha(&self) -> Digest {
        self.schema.sha()
    }
}

/// Compiles a manifest's policies. Runs on the [pool](crate::CedarPool).
///
/// Each version is read from the form it came in and its content digest is recomputed: what does not have the digest
/// that the manifest names never decides.
pub fn compile(policies: &[Pinned], schema: Schema) -> Result<CompiledSet, CedarError> {
    let mut compiled = CompiledSet {
        policies: PolicySet::new(),
        bytes: schema.bytes(),
        schema,
        members: HashMap::new(),
        has_permit: false,
    };
    for pinned in policies {
        let read = Statements::pinned(pinned)?;
        add(&mut compiled, pinned, &read)?;
        let text = pinned.cedar_raw.as_ref().map_or(pinned.cedar_json.len(), String::len);
        compiled.bytes += text * BYTES_A_BYTE;
    }
    compiled.bytes += compiled.members.len() * BYTES_A_POLICY;
    Ok(compiled)
}

/// Adds one version. Its statements keep their ids behind the policy's id, so that versions cannot collide.
fn add(compiled: &mut CompiledSet, pinned: &Pinned, read: &Statements) -> Result<(), CedarError> {
    let apart = |id: &CedarId| CedarId::new(format!("{}/{id}", pinned.policy_id));
    for template in read.set.templates() {
        compiled.policies.add_template(template.new_id(apart(template.id()))).map_err(refused)?;
    }
    let mut policies: Vec<&Policy> = read.set.policies().collect();
    policies.sort_by(|a, b| statement_order(a.id().as_ref()).cmp(&statement_order(b.id().as_ref())));
    for policy in policies {
        let id = apart(policy.id());
        let added = match (policy.template_id(), policy.template_links()) {
            (Some(template), Some(values)) => compiled.policies.link(apart(template), id.clone(), values),
            _ => compiled.policies.add(policy.new_id(id.clone())),
        };
        added.map_err(refused)?;
        let effect = Effect::from(policy.effect());
        compiled.has_permit |= effect == Effect::Permit;
        let member = Member {
            policy_id: pinned.policy_id,
            policy_version_id: pinned.policy_version_id,
            name: pinned.name.clone(),
            cedar_id: policy.id().to_string(),
            effect,
            annotations: policy.annotations().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            place: compiled.members.len(),
        };
        compiled.members.insert(id, member);
    }
    Ok(())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn refused(error: PolicySetError) -> CedarError {
    CedarError::invalid(Finding::from_cedar(&error, None))
}

#[cfg(test)]
mod tests;
