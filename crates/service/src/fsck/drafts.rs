//! Drafts: which ones the events say that there are, and whether they are those that are stored.

use std::collections::BTreeMap;

use cedarkeep_model::{Digest, Event, EventKind, PolicyId, PolicySetId, Zone, canonical_digest};
use cedarkeep_store::{Read, StoreError};
use serde::Deserialize;

use super::Report;

/// The event that last wrote a draft, and the digest of what it wrote, if anything.
type Last = (u64, Option<Digest>);

/// What the events say.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    policies: BTreeMap<PolicyId, Last>,
    sets: BTreeMap<PolicySetId, Last>,
}

#[derive(Deserialize)]
struct PolicyDraftEvent {
    policy_id: PolicyId,
    sha256: Option<Digest>,
}

#[derive(Deserialize)]
struct SetDraftEvent {
    policy_set_id: PolicySetId,
    entries_sha256: Option<Digest>,
}

impl Drafts {
    /// Follows one event about a draft.
    pub(super) fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event.kind {
            EventKind::PolicyDraftSaved => {
                let PolicyDraftEvent { policy_id, sha256 } = event.read_body()?;
                self.policies.insert(policy_id, (event.seq, sha256));
            }
            EventKind::PolicyDraftDeleted => {
                let PolicyDraftEvent { policy_id, .. } = event.read_body()?;
                self.policies.remove(&policy_id);
            }
            EventKind::SetDraftSaved => {
                let SetDraftEvent { policy_set_id, entries_sha256 } = event.read_body()?;
                self.sets.insert(policy_set_id, (event.seq, entries_sha256));
            }
            EventKind::SetDraftDeleted => {
                let SetDraftEvent { policy_set_id, .. } = event.read_body()?;
                self.sets.remove(&policy_set_id);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Compares what the events say with what is stored.
pub(super) async fn compare(
    read: &mut dyn Read,
    zone: &Zone,
    said: &Drafts,
    report: &mut Report,
) -> Result<(), StoreError> {
    let mut policies = BTreeMap::new();
    for id in read.policies_with_draft(zone.id).await? {
        if let Some(draft) = read.policy_draft(zone.id, id).await? {
            let digest = draft.content.map(|content| Digest::of(content.body.as_bytes()));
            policies.insert(id, (draft.revision, digest));
        }
    }
    if policies != said.policies {
        report.problem(zone.id, "the drafts of policies are not those that the events lead to");
    }
    let mut sets = BTreeMap::new();
    for id in read.sets_with_draft(zone.id).await? {
        if let Some(draft) = read.set_draft(zone.id, id).await? {
            sets.insert(id, (draft.revision, canonical_digest(&draft.entries).ok()));
        }
    }
    if sets != said.sets {
        report.problem(zone.id, "the drafts of policy sets are not those that the events lead to");
    }
    Ok(())
}
