//! Tokens bound to users, and what was made for their bundles.

use std::sync::Arc;

use cedarkeep_model::{Digest, Policy, PolicySet, UserToken, ZoneId};

use super::{
    samples::{AWKWARD, archived, at, id, name, policy, policy_set},
    support::{commit, items, read, taken, walk, whole},
    world::{TARGET, World, world},
};
use crate::{ArchivedFilter, Store, Unique};

/// The token with this number, of the world's user.
pub(super) fn user_token(zone_id: ZoneId, number: u64) -> UserToken {
    UserToken {
        id: id(number),
        zone_id,
        user: TARGET.to_owned(),
        created_at: at(number.try_into().unwrap()),
        created_by: AWKWARD.to_owned(),
        expires_at: at(1_000),
    }
}

/// What is kept of the token with this number.
pub(super) fn token_sha256(number: u64) -> Digest {
    Digest::of(&number.to_be_bytes())
}

/// By id and by digest, expired or not.
pub async fn user_tokens_come_back_as_written(store: &Arc<dyn Store>) {
    let World { zone, user_token: first, .. } = world(store, 1).await;
    let second = UserToken { user: AWKWARD.to_owned(), expires_at: at(-1), ..user_token(zone.id, 2) };
    commit(store, async |to| to.insert_user_token(&second, token_sha256(2)).await.unwrap()).await;
    let mut from = read(store).await;
    for (number, token) in [(1, &first), (2, &second)] {
        assert_eq!(from.user_token(zone.id, token.id).await.unwrap().as_ref(), Some(token));
        let found = from.user_token_by_sha256(zone.id, token_sha256(number)).await.unwrap();
        assert_eq!(found.as_ref(), Some(token));
    }
    assert_eq!(from.user_token(zone.id, id(99)).await.unwrap(), None);
    assert_eq!(from.user_token_by_sha256(zone.id, token_sha256(99)).await.unwrap(), None);
    assert_eq!(from.count_user_tokens(zone.id).await.unwrap(), 2);
}

/// Two tokens of one zone are two.
pub async fn the_digest_of_a_user_token_is_its_own(store: &Arc<dyn Store>) {
    let World { zone, .. } = world(store, 1).await;
    let mut transaction = store.write().await.unwrap();
    let again = transaction.insert_user_token(&user_token(zone.id, 2), token_sha256(1)).await;
    assert_eq!(taken(again), Unique::Other);
    drop(transaction);
    let mut transaction = store.write().await.unwrap();
    let again = transaction.insert_user_token(&user_token(zone.id, 1), token_sha256(2)).await;
    assert_eq!(taken(again), Unique::Other);
}

/// For good, and no other.
pub async fn a_user_token_can_be_taken_back(store: &Arc<dyn Store>) {
    let (one, two) = (world(store, 1).await, world(store, 2).await);
    let other = user_token(one.zone.id, 2);
    commit(store, async |to| {
        to.insert_user_token(&other, token_sha256(2)).await.unwrap();
        to.delete_user_token(one.zone.id, one.user_token.id).await.unwrap();
        to.delete_user_token(one.zone.id, id(99)).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.user_token(one.zone.id, one.user_token.id).await.unwrap(), None);
    assert_eq!(from.user_token_by_sha256(one.zone.id, token_sha256(1)).await.unwrap(), None);
    assert_eq!(items(from.user_tokens(one.zone.id, &whole()).await.unwrap()), [other]);
    let found = from.user_token_by_sha256(two.zone.id, token_sha256(1)).await.unwrap();
    assert_eq!(found, Some(two.user_token));
}

/// By creation, then by id.
pub async fn user_tokens_are_listed_through_windows(store: &Arc<dyn Store>) {
    let World { zone, .. } = world(store, 1).await;
    commit(store, async |to| {
        for number in 2..8 {
            let token = UserToken { created_at: at((number / 2).try_into().unwrap()), ..user_token(zone.id, number) };
            to.insert_user_token(&token, token_sha256(number)).await.unwrap();
        }
    })
    .await;
    let expected: Vec<_> = (1..8).map(|number| user_token(zone.id, number).id.to_string()).collect();
    let list = async |window| read(store).await.user_tokens(zone.id, &window).await.unwrap();
    walk(&expected, |token: &UserToken| token.id.to_string(), list).await;
}

/// The living, the archived or both, of one user or of everybody, by id.
pub async fn bundles_say_what_was_made_for_whom(store: &Arc<dyn Store>) {
    let World { zone, set, policy: first, .. } = world(store, 1).await;
    let (sets, policies) = ([3, 4].map(|n| policy_set(zone.id, n)), [3, 4].map(|n| policy(zone.id, n)));
    commit(store, async |to| {
        for ((set, policy), user) in sets.iter().zip(&policies).zip([TARGET, AWKWARD]) {
            to.insert_policy_set(set).await.unwrap();
            to.insert_bundle_set(zone.id, user, set.id).await.unwrap();
            to.insert_policy(policy).await.unwrap();
            to.insert_bundle_policy(zone.id, user, policy.id).await.unwrap();
        }
        to.update_policy_set(&PolicySet { archived: Some(archived(9)), ..sets[0].clone() }).await.unwrap();
        to.update_policy(&Policy { archived: Some(archived(9)), ..policies[0].clone() }).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    let every = [(0, TARGET), (1, TARGET), (2, AWKWARD)];
    for (user, filter, expected) in [
        (None, ArchivedFilter::Any, &every[..]),
        (None, ArchivedFilter::Living, &[every[0], every[2]]),
        (Some(TARGET), ArchivedFilter::Any, &every[..2]),
        (Some(TARGET), ArchivedFilter::Living, &every[..1]),
        (Some(TARGET), ArchivedFilter::Only, &every[1..2]),
        (Some(AWKWARD), ArchivedFilter::Living, &every[2..]),
        (Some("nobody"), ArchivedFilter::Any, &[]),
    ] {
        let made = from.bundle_sets(zone.id, user, filter).await.unwrap();
        let ids = [set.id, sets[0].id, sets[1].id];
        let named: Vec<_> =
            expected.iter().filter_map(|(index, user)| Some((*ids.get(*index)?, (*user).to_owned()))).collect();
        assert_eq!(made, named, "{user:?} {filter:?}");
        let made = from.bundle_policies(zone.id, user, filter).await.unwrap();
        let ids = [first.id, policies[0].id, policies[1].id];
        let named: Vec<_> =
            expected.iter().filter_map(|(index, user)| Some((*ids.get(*index)?, (*user).to_owned()))).collect();
        assert_eq!(made, named, "{user:?} {filter:?}");
    }
}

/// And it must be there.
pub async fn a_thing_is_made_for_one_user(store: &Arc<dyn Store>) {
    let World { zone, set, policy, .. } = world(store, 1).await;
    let again = store.write().await.unwrap().insert_bundle_set(zone.id, AWKWARD, set.id).await;
    assert_eq!(taken(again), Unique::Other);
    let again = store.write().await.unwrap().insert_bundle_policy(zone.id, AWKWARD, policy.id).await;
    assert_eq!(taken(again), Unique::Other);
    assert!(store.write().await.unwrap().insert_bundle_set(zone.id, AWKWARD, id(99)).await.is_err());
    assert!(store.write().await.unwrap().insert_bundle_policy(zone.id, AWKWARD, id(99)).await.is_err());
}

/// The living one, letter for letter.
pub async fn a_policy_is_found_by_its_name(store: &Arc<dyn Store>) {
    let World { zone, policy: first, .. } = world(store, 1).await;
    world(store, 2).await;
    let mut from = read(store).await;
    assert_eq!(from.policy_named(zone.id, &first.name).await.unwrap(), Some(first.id));
    assert_eq!(from.policy_named(zone.id, &name("nobody's")).await.unwrap(), None);
    commit(store, async |to| {
        to.update_policy(&Policy { archived: Some(archived(9)), ..first.clone() }).await.unwrap();
    })
    .await;
    assert_eq!(from.policy_named(zone.id, &first.name).await.unwrap(), None);
}
