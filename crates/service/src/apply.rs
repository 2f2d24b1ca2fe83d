//! Publishing everything at once: new policies, new versions, the set version that pins them and its binding, in one
//! transaction. Any failure leaves nothing.

mod plan;

use std::sync::Arc;

use cedarkeep_model::{
    Binding, BindingMode, Description, Name, PolicyId, PolicySetId, PolicySetState, PolicySetVersion, PolicyVersion,
    PolicyVersionId, SchemaVersion, ScopeType, ZoneId,
};
use serde::{Deserialize, Serialize};

pub(crate) use self::plan::Plan;
use self::plan::Planned;
use crate::{
    Call, Code, Error, GivenPolicy, Published, Service, Warning,
    bind::{self, NewBinding},
    policies, policy_sets, publish, publish_set,
    transact::Tx,
};

/// What a manifest entry of an apply asks for.
#[derive(Debug, Clone)]
pub enum ApplyEntry {
    /// A policy of the zone in this version; the newest when none is named.
    Pinned {
        /// The policy.
        policy_id: PolicyId,
        /// The version.
        policy_version_id: Option<PolicyVersionId>,
    },
    /// A policy of the zone with this content.
    Content {
        /// The policy.
        policy_id: PolicyId,
        /// The content; a version that has it already is reused.
        given: GivenPolicy,
    },
    /// A policy that is not there yet.
    New {
        /// Its name.
        name: Name,
        /// What it is for.
        description: Option<Description>,
        /// The content of its first version.
        given: GivenPolicy,
    },
}

/// A manifest with the content that it needs.
#[derive(Debug, Clone)]
pub struct Apply {
    /// The entries.
    pub entries: Vec<ApplyEntry>,
    /// The schema version; the zone's default when absent.
    pub schema_version: Option<SchemaVersion>,
    /// The slot to point at the version, if one.
    pub activate: Option<Activate>,
    /// Only says what would change.
    pub dry_run: bool,
}

/// The slot that an apply points at its version.
#[derive(Debug, Clone)]
pub struct Activate {
    /// Whether the version decides there or is only observed.
    pub mode: BindingMode,
    /// The slot's target; the zone for zone sets when absent.
    pub scope_target_id: Option<String>,
}

/// The set that an apply is for.
#[derive(Debug, Clone)]
pub enum ApplyTo {
    /// One that is there.
    Existing(PolicySetId),
    /// One that is made with it.
    New {
        /// Its name.
        name: Name,
        /// Its scope.
        scope: ScopeType,
    },
}

/// What an apply does to one policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAction {
    /// Makes the policy and its first version.
    CreatedPolicy,
    /// Publishes a version.
    CreatedVersion,
    /// Pins what the set's newest version pins already, or what is published already.
    Reused,
    /// Pins another version than the set's newest version does.
    Repinned,
    /// No longer pins the policy.
    Dropped,
}

/// One change of an apply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// What happens.
    pub action: ChangeAction,
    /// The policy's name.
    pub name: String,
    /// The policy; absent in a dry run that would make it.
    pub policy_id: Option<PolicyId>,
    /// The version; absent in a dry run that would publish it, and for a policy that is dropped.
    pub policy_version_id: Option<PolicyVersionId>,
}

/// What an apply did, or would do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Applied {
    /// The set, with its bindings as they are now.
    pub set: Option<PolicySetState>,
    /// The set version; absent in a dry run.
    pub version: Option<PolicySetVersion>,
    /// Whether the set version is new.
    pub created: bool,
    /// The binding that it was given.
    pub binding: Option<Binding>,
    /// Policy by policy.
    pub changes: Vec<Change>,
    /// What the caller should know.
    pub warnings: Vec<Warning>,
}

/// How often a plan is made anew when the zone changes under it.
const TRIES: usize = 5;

impl Service {
    /// Applies a manifest to a set, making the set first when it is a new one.
    ///
    /// # Errors
    /// Those of every step; nothing is left of an apply that fails.
    pub async fn apply(&self, call: &Call, zone: ZoneId, to: ApplyTo, apply: Apply) -> Result<Applied, Error> {
        self.once(call, async {
            for _ in 0..TRIES {
                let plan = self.plan(call, zone, &to, &apply).await?;
                if apply.dry_run {
                    return Ok(plan.dry());
                }
                if let Some(applied) = self.carry_out(call, zone, &to, &apply, plan).await? {
                    return Ok(applied);
                }
            }
            let message = "the policies changed while the manifest was being applied; try again";
            Err(Error::new(Code::Unavailable, message))
        })
        .await
    }

    async fn carry_out(
        &self,
        call: &Call,
        zone: ZoneId,
        to: &ApplyTo,
        apply: &Apply,
        plan: Plan,
    ) -> Result<Option<Applied>, Error> {
        let (condition, to, activate) = (call.clone(), to.clone(), apply.activate.clone());
        let done = self.transact(call, move |tx| Box::pin(carry_out(tx, condition, zone, to, activate, plan))).await;
        match done {
            Err(error) if is_outdated(&error) => Ok(None),
            other => other.map(Some),
        }
    }
}

/// Said inside a transaction that is then rolled back; never seen by a caller.
const OUTDATED: &str = "the plan is outdated";

/// What a transaction says that finds another state than its plan was made for.
pub(crate) fn outdated() -> Error {
    Error::new(Code::Unavailable, OUTDATED)
}

/// Whether it said so.
pub(crate) fn is_outdated(error: &Error) -> bool {
    error.code() == Code::Unavailable && error.message() == OUTDATED
}

/// Does what the plan says.
pub(crate) async fn carry_out(
    tx: &mut Tx,
    call: Call,
    zone: ZoneId,
    to: ApplyTo,
    activate: Option<Activate>,
    plan: Plan,
) -> Result<Applied, Error> {
    let set = match to {
        ApplyTo::Existing(set) => policy_sets::changeable(tx, &call, zone, set).await?.set,
        ApplyTo::New { name, scope } => policy_sets::create(tx, zone, name, scope).await?.set,
    };
    if set.latest_version_id != plan.latest_version_id {
        return Err(outdated());
    }
    // The condition is on the set, and was checked; what follows changes it.
    let call = Call { if_match: None, ..call };
    for planned in plan.entries {
        write(tx, &call, zone, planned, &plan.prepared.schema.version).await?;
    }
    let Published { object: version, created, warnings } =
        publish_set::insert(tx, call.clone(), zone, set.id, plan.prepared).await?;
    let binding = match activate {
        Some(Activate { mode, scope_target_id: target }) => {
            let new = NewBinding { set: set.id, version: version.record.id, mode, target };
            Some(bind::bind(tx, zone, new).await?)
        }
        None => None,
    };
    let version = tx.store.set_version(zone, set.id, version.record.id).await?;
    let set = tx.store.policy_set(zone, set.id).await?;
    Ok(Applied { set, version, created, binding, changes: plan.changes, warnings })
}

/// Writes what a planned entry needs that is not there yet.
async fn write(
    tx: &mut Tx,
    call: &Call,
    zone: ZoneId,
    planned: Planned,
    schema_version: &SchemaVersion,
) -> Result<(), Error> {
    let Planned { policy, new_policy, version, new_content } = planned;
    if let Some(new) = new_policy {
        policies::create_as(tx, zone, new, policy).await?;
    }
    let Some((content, after)) = new_content else { return Ok(()) };
    let known = policies::changeable(tx, call, zone, policy).await?;
    policies::living_policy(&known)?;
    if known.latest_version_id != after {
        return Err(outdated());
    }
    publish::write(tx, known, schema_version.clone(), content, version).await.map(|_: PolicyVersion| ())
}

impl Plan {
    /// What the plan would do.
    fn dry(self) -> Applied {
        let made: Vec<_> = self.entries.iter().filter(|entry| entry.new_policy.is_some()).map(|e| e.policy).collect();
        let published: Vec<_> =
            self.entries.iter().filter(|entry| entry.new_content.is_some()).map(|e| e.version).collect();
        let hide = |mut change: Change| {
            change.policy_id = change.policy_id.filter(|id| !made.contains(id));
            change.policy_version_id = change.policy_version_id.filter(|id| !published.contains(id));
            change
        };
        let changes = self.changes.into_iter().map(hide).collect();
        let warnings = publish_set::warnings(&Arc::clone(&self.prepared.compiled));
        Applied { set: None, version: None, created: false, binding: None, changes, warnings }
    }
}
