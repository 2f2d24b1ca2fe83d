//! Users: which tokens and bundles the events say that there are, and whether they are those that are stored.

use std::collections::BTreeMap;

use cedarkeep_model::{Event, EventKind, PolicyId, PolicySetId, Timestamp, UserTokenId, Zone};
use cedarkeep_store::{ArchivedFilter, Read, StoreError};
use serde::Deserialize;

use super::Report;
use crate::chain::Pages;

/// What the events say.
#[derive(Debug, Default)]
pub(super) struct Users {
    tokens: BTreeMap<UserTokenId, (String, Timestamp)>,
    bundle_sets: BTreeMap<PolicySetId, String>,
    bundle_policies: BTreeMap<PolicyId, String>,
}

#[derive(Deserialize)]
struct TokenEvent {
    user_token_id: UserTokenId,
    user: String,
    expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
struct BundleEvent {
    user: String,
    policy_set_id: PolicySetId,
    policy_ids: Vec<PolicyId>,
}

impl Users {
    /// Follows one event about a user.
    pub(super) fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event.kind {
            EventKind::UserTokenCreated | EventKind::UserTokenDeleted => {
                let TokenEvent { user_token_id, user, expires_at } = event.read_body()?;
                match expires_at {
                    Some(expires_at) => self.tokens.insert(user_token_id, (user, expires_at)),
                    None => self.tokens.remove(&user_token_id),
                };
            }
            EventKind::UserBundleMade => {
                let BundleEvent { user, policy_set_id, policy_ids } = event.read_body()?;
                self.bundle_policies.extend(policy_ids.into_iter().map(|id| (id, user.clone())));
                self.bundle_sets.insert(policy_set_id, user);
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
    said: &Users,
    report: &mut Report,
) -> Result<(), StoreError> {
    let (mut tokens, mut pages) = (BTreeMap::new(), Pages::new());
    while let Some(window) = pages.next_window() {
        let slice = read.user_tokens(zone.id, &window).await?;
        tokens.extend(pages.take(slice).into_iter().map(|token| (token.id, (token.user, token.expires_at))));
    }
    if tokens != said.tokens {
        report.problem(zone.id, "the users' tokens are not those that the events lead to");
    }
    let sets = read.bundle_sets(zone.id, None, ArchivedFilter::Any).await?;
    let policies = read.bundle_policies(zone.id, None, ArchivedFilter::Any).await?;
    if BTreeMap::from_iter(sets) != said.bundle_sets || BTreeMap::from_iter(policies) != said.bundle_policies {
        report.problem(zone.id, "the users' bundles are not those that the events lead to");
    }
    Ok(())
}
