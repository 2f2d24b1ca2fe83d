//! What would stop the publication of a policy set draft, and the policy versions that it pins.

use std::collections::HashMap;

use cedarkeep_model::{
    NewEntry, PolicySetDraft, PolicySetId, PolicyVersion, PolicyVersionId, SchemaVersion, Zone, ZoneId,
};
use cedarkeep_store::{Direction, Order, Position, Read, Slice, VersionHead, Window};

use crate::{
    Call, Code, Error, Page, PageRequest, Service,
    drafts::schema_to_be,
    page::Cursors,
    pin::{self, Fault},
    publish::content_size,
};

use super::SetDraftState;

/// Something that would stop the publication of a policy set draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetDraftWarning {
    /// What it is about, as the API spells it.
    pub kind: &'static str,
    /// What is wrong.
    pub message: String,
    /// The entry that it is about, if one.
    pub entry: Option<NewEntry>,
    /// Where they differ: the schema version of the draft and that of the policy version.
    pub schema_versions: Option<(SchemaVersion, SchemaVersion)>,
}

impl SetDraftWarning {
    fn about(entry: Option<&NewEntry>, error: &Error) -> Self {
        let (kind, message) = (error.code().as_str(), error.message().to_owned());
        Self { kind, message, entry: entry.cloned(), schema_versions: None }
    }

    fn of(fault: Fault, entry: &NewEntry, draft: &SchemaVersion) -> Self {
        let warning = Self::about(Some(entry), &fault.error(entry, draft));
        match fault {
            Fault::Archived => {
                Self { kind: "policy_version_archived", message: "policy version is archived".to_owned(), ..warning }
            }
            Fault::OtherSchema(policy) => {
                let (theirs, ours) = (policy.as_str(), draft.as_str());
                let message = format!("validated against schema {theirs:?}, draft targets {ours:?}");
                Self { message, schema_versions: Some((draft.clone(), policy)), ..warning }
            }
            Fault::Unknown | Fault::OtherSha(_) | Fault::PolicyArchived => warning,
        }
    }
}

/// The versions that the entries name and the zone has, without their content.
async fn heads(
    store: &mut dyn Read,
    zone: ZoneId,
    entries: &[NewEntry],
) -> Result<HashMap<PolicyVersionId, VersionHead>, Error> {
    let ids: Vec<_> = entries.iter().map(|entry| entry.policy_version_id).collect();
    let heads = store.policy_version_heads(zone, &ids).await?;
    Ok(heads.into_iter().map(|head| (head.id, head)).collect())
}

/// Looks at a draft as publishing would, at this moment, short of reading the policies themselves: each was validated
/// when it was published.
pub(super) async fn review(
    store: &mut dyn Read,
    zone: &Zone,
    mut draft: PolicySetDraft,
) -> Result<SetDraftState, Error> {
    let mut warnings = Vec::new();
    if let Err(error) = schema_to_be(store, zone, draft.schema_version.as_str()).await? {
        warnings.push(SetDraftWarning::about(None, &error));
    }
    warnings.extend(name_taken(store, &draft).await?);
    if draft.entries.is_empty() {
        warnings.push(SetDraftWarning::about(None, &pin::empty()));
    }
    let twice = |entry| SetDraftWarning::about(Some(entry), &pin::duplicate(entry));
    warnings.extend(pin::duplicates(&draft.entries).map(twice));
    let heads = heads(store, zone.id, &draft.entries).await?;
    for entry in &draft.entries {
        let faults = pin::faults(entry, heads.get(&entry.policy_version_id), &draft.schema_version);
        warnings.extend(faults.into_iter().map(|fault| SetDraftWarning::of(fault, entry, &draft.schema_version)));
    }
    for entry in &mut draft.entries {
        let known = heads.get(&entry.policy_version_id).filter(|head| head.policy_id == entry.policy_id);
        entry.sha = known.map(|head| head.sha).or(entry.sha);
    }
    Ok(SetDraftState { draft, warnings })
}

async fn name_taken(store: &mut dyn Read, draft: &PolicySetDraft) -> Result<Option<SetDraftWarning>, Error> {
    let Some(name) = &draft.name else { return Ok(None) };
    let holder = store.policy_set_named(draft.zone_id, name).await?;
    Ok(holder.filter(|holder| *holder != draft.policy_set_id).map(|holder| {
        let message = format!("policy set {holder} has the name that this draft would give; choose another");
        SetDraftWarning::about(None, &Error::new(Code::PolicySetNameConflict, message))
    }))
}

impl Service {
    /// The policy versions that the draft of a set pins, by `policy_id`, ascending unless asked otherwise; entries that
    /// name what the zone does not have are left out.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn set_draft_policies(
        &self,
        _call: &Call,
        zone: ZoneId,
        set: PolicySetId,
        page: PageRequest,
    ) -> Result<Page<PolicyVersion>, Error> {
        let (mut store, _) = self.living(zone).await?;
        let draft = super::standing(&mut *store, zone, set).await?;
        let list = format!("{zone}/policy-sets/{set}/draft/policies");
        let cursors = Cursors::new(&self.0.cursor_key, &list, &());
        let window = cursors.window(&page)?;
        let heads = heads(&mut *store, zone, &draft.entries).await?;
        let pinned = positions(&draft.entries, &heads);
        let total = u64::try_from(pinned.len()).unwrap_or(u64::MAX);
        let Slice { items, more } = through(pinned, &window);
        let ids: Vec<_> = items.iter().map(|(_, id)| *id).collect();
        let versions = store.policy_versions_by_id(zone, &ids).await?;
        let mut versions: HashMap<_, _> = versions.into_iter().map(|version| (version.id, version)).collect();
        let items = items.into_iter().filter_map(|(at, id)| Some((at, versions.remove(&id)?))).collect();
        cursors.page(&window, Slice { items, more }, page.total_count.then_some(total), content_size)
    }
}

/// The entries that name a version of the zone, each once, by policy and then version.
fn positions(entries: &[NewEntry], heads: &HashMap<PolicyVersionId, VersionHead>) -> Vec<(Position, PolicyVersionId)> {
    let known =
        |entry: &&NewEntry| heads.get(&entry.policy_version_id).is_some_and(|head| head.policy_id == entry.policy_id);
    let mut keys: Vec<_> =
        entries.iter().filter(known).map(|entry| (entry.policy_id, entry.policy_version_id)).collect();
    keys.sort_unstable();
    keys.dedup();
    let position = |(policy, version)| (Position { rank: 0, at: 0, id: format!("{policy}/{version}") }, version);
    keys.into_iter().map(position).collect()
}

/// What a window shows of a list that is in ascending order.
fn through<T>(mut ascending: Vec<(Position, T)>, window: &Window) -> Slice<T> {
    let descending = window.order == Order::Desc;
    let towards_the_end = descending == (window.direction == Direction::Backward);
    if let Some(start) = &window.start {
        ascending.retain(|(at, _)| if towards_the_end { at.id > start.id } else { at.id < start.id });
    }
    let most = usize::try_from(window.limit).unwrap_or(usize::MAX);
    let surplus = ascending.len().saturating_sub(most);
    if towards_the_end {
        ascending.truncate(most);
    } else {
        ascending.drain(..surplus);
    }
    if descending {
        ascending.reverse();
    }
    Slice { items: ascending, more: surplus > 0 }
}
