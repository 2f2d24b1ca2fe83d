//! Fetching a bundle, and making it from the zone's default set for a user who has none.

use cedarkeep_bundle::MAX_EXPANDED_BYTES;
use cedarkeep_model::{Binding, Policy, PolicySetVersion, ScopeType, Zone};
use cedarkeep_store::{ArchivedFilter, Direction, Order, PolicyFilter, Read, Window};

use super::{
    Change, TRIES, UserBundle,
    file::{text, versions},
    gave_up,
    names::Names,
    no_default, owner, plan_anew, standing,
};
use crate::{Apply, ApplyEntry, ApplyTo, Call, Code, Error, GivenPolicy, Service, User, policies::first_only};

/// What a policy adds to an archive beside its text, at most: its header, its padding and its entry in the manifest.
const OVERHEAD: usize = 2 << 10;

impl Service {
    /// The bundle of the calling user. For a user whose slot is empty it is made: the policies of the zone's default set
    /// are forked into policies of this user, and a set of them is bound to the user's slot.
    ///
    /// # Errors
    /// `forbidden` for whoever is no user; `not_found` when there is nothing to make it from; `slot_taken`.
    pub async fn user_bundle(&self, call: &Call) -> Result<UserBundle, Error> {
        let owner = owner(call)?;
        for _ in 0..TRIES {
            let (mut store, zone) = self.living(owner.zone).await?;
            if let Some(binding) = standing(&mut *store, &owner).await? {
                return self.bundle_file(store, &owner, &binding).await;
            }
            match self.seed(call, &owner, store, &zone).await {
                Err(error) if plan_anew(&error) => {}
                seeded => return self.bundle_file(self.read().await?, &owner, &seeded?).await,
            }
        }
        Err(gave_up())
    }

    async fn seed(&self, call: &Call, owner: &User, mut store: Box<dyn Read>, zone: &Zone) -> Result<Binding, Error> {
        let default = default_version(&mut *store, zone).await?.ok_or_else(|| no_default(zone.id))?;
        let mut names = Names::new(self, owner);
        let entries = forks(&mut *store, owner, &default, &mut names).await?;
        let set = store.policy_set(zone.id, default.record.policy_set_id).await?.ok_or_else(|| no_default(zone.id))?;
        let name = names.set(&mut *store, set.set.name.as_str()).await?;
        drop(store);
        let to = ApplyTo::New { name, scope: ScopeType::User };
        let schema_version = Some(default.record.schema_version);
        let apply = Apply { entries, schema_version, activate: None, dry_run: false };
        let call = call.unconditional();
        let plan = self.plan(&call, owner.zone, &to, &apply).await?;
        let change = Change { to, plan, planned_for: None };
        let (as_caller, owner) = (call.clone(), owner.clone());
        self.transact(&call, move |tx| Box::pin(change.carry_out(tx, as_caller, owner))).await
    }
}

/// The newest living version of the zone's default set.
async fn default_version(store: &mut dyn Read, zone: &Zone) -> Result<Option<PolicySetVersion>, Error> {
    let Some(set) = zone.settings.user_default_policy_set_id else { return Ok(None) };
    let state = store.policy_set(zone.id, set).await?;
    if state.is_none_or(|state| state.set.archived.is_some()) {
        return Ok(None);
    }
    let newest = Window { order: Order::Desc, ..first_only() };
    let mut slice = store.set_versions(zone.id, set, ArchivedFilter::Living, &newest).await?;
    Ok(slice.items.pop().map(|(_, version)| version))
}

/// The policies of the default set as new policies of the user.
async fn forks(
    store: &mut dyn Read,
    owner: &User,
    default: &PolicySetVersion,
    names: &mut Names<'_>,
) -> Result<Vec<ApplyEntry>, Error> {
    let mut versions = versions(store, owner, &default.record).await?;
    let (mut entries, mut size) = (Vec::new(), 0_usize);
    for policy in policies(store, owner, default).await? {
        let pinned = default.record.manifest.entries().iter().find(|entry| entry.policy_id == policy.id);
        let version = pinned.and_then(|entry| versions.remove(&entry.policy_version_id));
        let gone = || Error::new(Code::IntegrityError, "the default set pins a version that is not there");
        let text = text(version.ok_or_else(gone)?)?;
        size = size.saturating_add(text.len()).saturating_add(OVERHEAD);
        let name = names.policy(store, policy.name.as_str()).await?;
        entries.push(ApplyEntry::New { name, description: policy.description, given: GivenPolicy::Text(text) });
    }
    if size > MAX_EXPANDED_BYTES {
        let message = format!("the zone's default set is larger than a bundle, {} MiB", MAX_EXPANDED_BYTES >> 20);
        return Err(Error::new(Code::TooLarge, message));
    }
    Ok(entries)
}

/// The policies that a set version pins, oldest first.
async fn policies(store: &mut dyn Read, owner: &User, version: &PolicySetVersion) -> Result<Vec<Policy>, Error> {
    let ids: Vec<_> = version.record.manifest.entries().iter().map(|entry| entry.policy_id).collect();
    let limit = u32::try_from(ids.len()).unwrap_or(u32::MAX);
    let filter = PolicyFilter { ids: Some(ids), archived: ArchivedFilter::Any, ..PolicyFilter::default() };
    let whole = Window { order: Order::Asc, start: None, direction: Direction::Forward, limit };
    let slice = store.policies(owner.zone, &filter, &whole).await?;
    Ok(slice.items.into_iter().map(|(_, policy)| policy).collect())
}
