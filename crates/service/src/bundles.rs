//! Bundles: the policies of one user as one file, to be fetched, edited and given back.
//!
//! A user's bundle shows what is bound to the user's slot. It touches only policy sets and policies that it made for
//! this user itself; a slot that somebody else filled is none of its business.

mod file;
mod names;
mod reset;
mod save;
mod seed;

use cedarkeep_model::{Binding, BindingMode, EventKind, PolicyId, ScopeType, ZoneId};
use cedarkeep_store::{ArchivedFilter, Read};
use serde_json::json;

pub use self::file::UserBundle;
use crate::{
    Activate, ApplyTo, Call, ChangeAction, Code, Error, PrincipalKind, User,
    apply::{self, Plan},
    transact::Tx,
};

/// The media type of a bundle.
pub const BUNDLE_TYPE: &str = cedarkeep_bundle::MEDIA_TYPE;

/// How often a change is planned anew when what it was planned for changes under it.
const TRIES: usize = 5;

/// The user that calls.
fn owner(call: &Call) -> Result<User, Error> {
    match &call.principal.kind {
        PrincipalKind::User(user) => Ok(user.clone()),
        PrincipalKind::Administrator | PrincipalKind::ServiceAccount(_) => {
            Err(Error::new(Code::Forbidden, "a bundle belongs to a user, and this caller is none"))
        }
    }
}

/// What stands in the user's slot; it must be of a set that was made for the user's bundle.
async fn standing(store: &mut dyn Read, owner: &User) -> Result<Option<Binding>, Error> {
    let slot = store.slot(owner.zone, ScopeType::User, &owner.uid, BindingMode::Active).await?;
    let Some(binding) = slot else { return Ok(None) };
    let made = store.bundle_sets(owner.zone, Some(&owner.uid), ArchivedFilter::Any).await?;
    if made.iter().any(|(set, _)| *set == binding.policy_set_id) {
        return Ok(Some(binding));
    }
    let message = "an administrator has bound a policy set to this user, which no bundle shows or replaces";
    Err(Error::new(Code::SlotTaken, message).with_detail("binding_id", binding.id.to_string()))
}

/// In a transaction: what stands in the slot is what stood there when the change was planned.
async fn still_stands(tx: &mut Tx, owner: &User, planned_for: Option<&Binding>) -> Result<(), Error> {
    tx.zone(owner.zone).await?;
    let now = standing(&mut *tx.store, owner).await?;
    if now.as_ref().map(|binding| binding.id) == planned_for.map(|binding| binding.id) {
        return Ok(());
    }
    Err(apply::outdated())
}

/// What is done to a bundle's policies, set and slot in one transaction.
#[derive(Clone)]
struct Change {
    to: ApplyTo,
    plan: Plan,
    planned_for: Option<Binding>,
}

impl Change {
    /// Does it, and records what was made for the user.
    async fn carry_out(self, tx: &mut Tx, call: Call, owner: User) -> Result<Binding, Error> {
        let Self { to, plan, planned_for } = self;
        still_stands(tx, &owner, planned_for.as_ref()).await?;
        let new_set = matches!(to, ApplyTo::New { .. });
        if new_set {
            reset::archive_unbound(tx, &owner).await?;
        }
        let activate = Activate { mode: BindingMode::Active, scope_target_id: Some(owner.uid.clone()) };
        let applied = apply::carry_out(tx, call, owner.zone, to, Some(activate), plan).await?;
        let binding = applied.binding.ok_or_else(|| Error::new(Code::Internal, "the bundle was not bound"))?;
        let created = applied.changes.into_iter().filter(|change| change.action == ChangeAction::CreatedPolicy);
        let policies: Vec<_> = created.filter_map(|change| change.policy_id).collect();
        if new_set {
            tx.store.insert_bundle_set(owner.zone, &owner.uid, binding.policy_set_id).await?;
        }
        for policy in &policies {
            tx.store.insert_bundle_policy(owner.zone, &owner.uid, *policy).await?;
        }
        if new_set || !policies.is_empty() {
            record(tx, &owner, &binding, &policies).await?;
        }
        Ok(binding)
    }
}

async fn record(tx: &mut Tx, owner: &User, binding: &Binding, policies: &[PolicyId]) -> Result<(), Error> {
    let body = json!({"user": owner.uid, "policy_set_id": binding.policy_set_id, "policy_ids": policies});
    tx.event(owner.zone, EventKind::UserBundleMade, body).await.map(|_| ())
}

/// Whether the change may succeed when it is planned anew: something has changed meanwhile, or has taken a name that
/// was free.
fn plan_anew(error: &Error) -> bool {
    apply::is_outdated(error) || matches!(error.code(), Code::PolicyNameConflict | Code::PolicySetNameConflict)
}

fn gave_up() -> Error {
    Error::new(Code::Unavailable, "the bundle changed while it was being worked on; try again")
}

/// A zone and a set or policy of it that the bundle needs are not there.
fn no_default(zone: ZoneId) -> Error {
    let message = "this user has no bundle, and the zone has no policy set to make one from: an administrator sets the \
                   zone's user_default_policy_set_id to a policy set with a living version, or the user puts a bundle \
                   of new policies";
    Error::new(Code::NotFound, message).with_detail("zone_id", zone.to_string())
}
