//! Throwing a bundle away.

use cedarkeep_model::{BindingMode, ScopeType};
use cedarkeep_store::ArchivedFilter;

use super::{TRIES, gave_up, owner, standing, still_stands};
use crate::{Call, Code, Error, Service, User, apply::is_outdated, bind, policies, policy_sets, transact::Tx};

impl Service {
    /// Empties the calling user's slot and archives what was made for the user's bundle, save what is bound elsewhere.
    /// The next fetch makes the bundle from the default again. Nothing happens when there is no bundle.
    ///
    /// # Errors
    /// `forbidden` for whoever is no user; `precondition_failed`; `slot_taken`.
    pub async fn reset_user_bundle(&self, call: &Call) -> Result<(), Error> {
        let owner = owner(call)?;
        for _ in 0..TRIES {
            let (mut store, _) = self.living(owner.zone).await?;
            let planned_for = standing(&mut *store, &owner).await?;
            drop(store);
            self.check_replacing(call, &owner, planned_for.as_ref()).await?;
            let owner = owner.clone();
            let work = async move |tx: &mut Tx| {
                still_stands(tx, &owner, planned_for.as_ref()).await?;
                reset(tx, &owner).await
            };
            match self.transact(call, move |tx| Box::pin(async move { work(tx).await })).await {
                Err(error) if is_outdated(&error) => {}
                done => return done,
            }
        }
        Err(gave_up())
    }
}

async fn reset(tx: &mut Tx, owner: &User) -> Result<(), Error> {
    let made = tx.store.bundle_sets(owner.zone, Some(&owner.uid), ArchivedFilter::Any).await?;
    for mode in BindingMode::ALL {
        let slot = tx.store.slot(owner.zone, ScopeType::User, &owner.uid, *mode).await?;
        if let Some(binding) = slot.filter(|binding| made.iter().any(|(set, _)| *set == binding.policy_set_id)) {
            bind::unbind(tx, &binding).await?;
        }
    }
    archive_unbound(tx, owner).await
}

/// Archives the sets and policies that were made for the user's bundle and decide nowhere.
pub(super) async fn archive_unbound(tx: &mut Tx, owner: &User) -> Result<(), Error> {
    let quiet = Call::by(crate::Principal::user(owner.clone()));
    let (zone, user) = (owner.zone, Some(owner.uid.as_str()));
    for (set, _) in tx.store.bundle_sets(zone, user, ArchivedFilter::Living).await? {
        if tx.store.bindings_of_set(zone, set).await?.is_empty() {
            policy_sets::archive(tx, quiet.clone(), zone, set).await?;
        }
    }
    for (policy, _) in tx.store.bundle_policies(zone, user, ArchivedFilter::Living).await? {
        match policies::archive(tx, quiet.clone(), zone, policy).await {
            Err(error) if error.code() == Code::VersionBound => {}
            archived => drop(archived?),
        }
    }
    Ok(())
}
