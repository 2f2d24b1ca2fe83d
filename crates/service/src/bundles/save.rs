//! Giving an edited bundle back.

use std::collections::{BTreeMap, HashSet};

use cedarkeep_bundle::{Bundle, BundleError, BundleManifest, KnownPolicy, NewPolicy, PolicyEntry, Stem};
use cedarkeep_model::{Binding, PolicyId, ScopeType};
use cedarkeep_store::{ArchivedFilter, Read};

use super::{Change, TRIES, UserBundle, gave_up, names::Names, owner, plan_anew, standing};
use crate::{Apply, ApplyEntry, ApplyTo, Call, Code, Error, GivenPolicy, Service, User, keys::broken_off};

/// What the policy set of a bundle is called that was not made from a default.
const SET_NAME: &str = "Bundle";

impl Service {
    /// Makes what the archive holds the bundle of the calling user: a changed text is a new version, a new policy is
    /// made, what the manifest does not list is no longer in it. All in one transaction, or nothing.
    ///
    /// # Errors
    /// `forbidden` for whoever is no user; `bundle_invalid` for everything that is wrong with the archive;
    /// `precondition_failed`; `slot_taken`; `policy_version_not_found` for a policy that is none of this bundle's; else as
    /// [`Service::apply`].
    pub async fn save_user_bundle(
        &self,
        call: &Call,
        archive: impl AsRef<[u8]> + Send + 'static,
    ) -> Result<UserBundle, Error> {
        let owner = owner(call)?;
        let read = move || cedarkeep_bundle::decode(archive.as_ref());
        let bundle = tokio::task::spawn_blocking(read).await.map_err(broken_off)?.map_err(|error| invalid(&error))?;
        let given = Given::new(bundle, &owner)?;
        for _ in 0..TRIES {
            match self.save(call, &owner, &given).await {
                Err(error) if plan_anew(&error) => {}
                saved => return self.bundle_file(self.read().await?, &owner, &saved?).await,
            }
        }
        Err(gave_up())
    }

    async fn save(&self, call: &Call, owner: &User, given: &Given) -> Result<Binding, Error> {
        let (mut store, _) = self.living(owner.zone).await?;
        let standing = standing(&mut *store, owner).await?;
        // Whoever holds one connection and waits for another keeps it from others who do the same.
        drop(store);
        self.check_replacing(call, owner, standing.as_ref()).await?;
        let mut store = self.read().await?;
        let mut names = Names::new(self, owner);
        let entries = given.entries(&mut *store, owner, &mut names).await?;
        let to = match &standing {
            Some(binding) => ApplyTo::Existing(binding.policy_set_id),
            None => ApplyTo::New { name: names.set(&mut *store, SET_NAME).await?, scope: ScopeType::User },
        };
        drop(store);
        let schema_version = Some(given.manifest.schema.version.clone());
        let apply = Apply { entries, schema_version, activate: None, dry_run: false };
        let call = call.unconditional();
        let plan = self.plan(&call, owner.zone, &to, &apply).await?;
        let change = Change { to, plan, planned_for: standing };
        let (as_caller, owner) = (call.clone(), owner.clone());
        self.transact(&call, move |tx| Box::pin(change.carry_out(tx, as_caller, owner))).await
    }

    /// Whether the bundle still is what the caller saw. Only a call that asks pays for writing it out.
    pub(super) async fn check_replacing(
        &self,
        call: &Call,
        owner: &User,
        standing: Option<&Binding>,
    ) -> Result<(), Error> {
        if call.if_match.is_none() && call.if_none_match.is_none() {
            return Ok(());
        }
        let etag = match standing {
            Some(binding) => Some(self.bundle_file(self.read().await?, owner, binding).await?.etag),
            None => None,
        };
        call.check_replacing(etag.as_deref())
    }
}

fn invalid(error: &BundleError) -> Error {
    Error::new(Code::BundleInvalid, error.to_string())
}

/// What was given.
struct Given {
    manifest: BundleManifest,
    texts: BTreeMap<Stem, String>,
}

impl Given {
    /// A bundle that says whose it is must be the caller's.
    fn new(bundle: Bundle, owner: &User) -> Result<Self, Error> {
        let (manifest, _, texts) = bundle.into_parts();
        let foreign = |member: &str| {
            let message =
                format!("manifest.json: {member} is another than the caller's; this is somebody else's bundle");
            Err(Error::new(Code::BundleInvalid, message))
        };
        if manifest.zone_id.is_some_and(|zone| zone != owner.zone) {
            return foreign("zone_id");
        }
        if manifest.user.as_ref().is_some_and(|user| *user != owner.uid) {
            return foreign("user");
        }
        Ok(Self { manifest, texts })
    }

    /// What is to be applied. A policy that was not made for this user's bundle is not there for it.
    async fn entries(
        &self,
        store: &mut dyn Read,
        owner: &User,
        names: &mut Names<'_>,
    ) -> Result<Vec<ApplyEntry>, Error> {
        let own = store.bundle_policies(owner.zone, Some(&owner.uid), ArchivedFilter::Living).await?;
        let own: HashSet<_> = own.into_iter().map(|(policy, _)| policy).collect();
        let mut entries = Vec::new();
        for entry in &self.manifest.policies {
            let given = GivenPolicy::Text(self.texts.get(&entry.file()).cloned().unwrap_or_default());
            entries.push(match entry {
                PolicyEntry::Known(KnownPolicy { policy_id, .. }) if own.contains(policy_id) => {
                    ApplyEntry::Content { policy_id: *policy_id, given }
                }
                PolicyEntry::Known(KnownPolicy { policy_id, .. }) => return Err(not_own(*policy_id)),
                PolicyEntry::New(NewPolicy { file, name, description }) => {
                    let base = name.as_ref().map_or(file.as_str(), |name| name.as_str());
                    let name = names.policy(store, base).await?;
                    ApplyEntry::New { name, description: description.clone(), given }
                }
            });
        }
        Ok(entries)
    }
}

fn not_own(id: PolicyId) -> Error {
    let message = format!("this user's bundle has no policy {id}; to add one, list it as new_policy");
    Error::new(Code::PolicyVersionNotFound, message).with_detail("policy_id", id.to_string())
}
