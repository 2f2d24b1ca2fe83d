//! The log of decisions.

use std::sync::Arc;

use cedarkeep_model::{
    Digest, LoggedBody, LoggedDecision, LoggedScope, LoggedShadow, ScopeCombination, ScopeType, ShadowOutcome, ZoneId,
};

use super::{
    samples::{AWKWARD, at, id, zone},
    support::{commit, items, read, walk, whole},
};
use crate::{DecisionFilter, Store, StoreError};

/// One with every member set.
pub(super) fn decision(zone_id: ZoneId, number: u64) -> LoggedDecision {
    let scope = |scope_type: ScopeType, version| LoggedScope {
        scope_type,
        scope_target_id: AWKWARD.to_owned(),
        allowed: false,
        reason: Some("no_permit".to_owned()),
        policy_set_id: id(20),
        policy_set_version_id: id(version),
        version: u64::MAX,
        manifest_sha: Digest::of(b"manifest"),
    };
    let shadow = |outcome| LoggedShadow {
        scope_type: ScopeType::Resource,
        scope_target_id: AWKWARD.to_owned(),
        policy_set_id: id(20),
        policy_set_version_id: id(23),
        manifest_sha: Digest::of(b"shadow"),
        outcome,
    };
    let said = ShadowOutcome::Said { allowed: true, reason: None, diverged: true };
    LoggedDecision {
        zone_id,
        decision_id: id(number),
        at: at(110),
        allowed: false,
        reason: Some("no_permit".to_owned()),
        revision: 5,
        principal: format!("User::\"{AWKWARD}\""),
        action: "Action::\"read\"".to_owned(),
        resource: format!("Doc::\"{}\"", AWKWARD.repeat(200)),
        session: Some(AWKWARD.to_owned()),
        body: LoggedBody {
            combination: ScopeCombination::Union,
            scopes: vec![scope(ScopeType::Zone, 21), scope(ScopeType::User, 22)],
            shadow: vec![shadow(said), shadow(ShadowOutcome::Failed("integrity_error".to_owned()))],
        },
    }
}

/// One with as little as there can be.
fn bare(zone_id: ZoneId, number: u64) -> LoggedDecision {
    let mut decision = decision(zone_id, number);
    decision.allowed = true;
    decision.reason = None;
    decision.session = None;
    decision.body.scopes.clear();
    decision.body.shadow.clear();
    decision
}

async fn zones(store: &Arc<dyn Store>) {
    commit(store, async |to| {
        to.insert_zone(&zone(1), b"key").await.unwrap();
        to.insert_zone(&zone(2), b"key").await.unwrap();
    })
    .await;
}

/// Whatever they say, none of them too; and a second time, which is not one.
pub async fn logged_decisions_come_back_as_written(store: &Arc<dyn Store>) {
    zones(store).await;
    let (zone, other) = (id(1), id(2));
    let (full, empty, foreign) = (decision(zone, 1), bare(zone, 2), bare(other, 1));
    commit(store, async |to| {
        to.insert_decisions(&[full.clone(), empty.clone(), foreign.clone()]).await.unwrap();
        to.insert_decisions(&[]).await.unwrap();
    })
    .await;
    commit(store, async |to| to.insert_decisions(&[bare(zone, 1), bare(zone, 3)]).await.unwrap()).await;
    let mut from = read(store).await;
    assert_eq!(from.decision(zone, full.decision_id).await.unwrap().as_ref(), Some(&full));
    assert_eq!(from.decision(other, full.decision_id).await.unwrap(), Some(foreign));
    assert_eq!(from.decision(zone, id(9)).await.unwrap(), None);
    let all = items(from.decisions(zone, &DecisionFilter::default(), &whole()).await.unwrap());
    assert_eq!(all, [full, empty, bare(zone, 3)]);
}

/// PostgreSQL cannot keep it, so nobody does; nor looks for it.
pub async fn logged_decisions_hold_no_nul(store: &Arc<dyn Store>) {
    zones(store).await;
    let full = decision(id(1), 1);
    for with_nul in [
        LoggedDecision { principal: "\0".to_owned(), ..full.clone() },
        LoggedDecision { action: "\0".to_owned(), ..full.clone() },
        LoggedDecision { resource: "\0".to_owned(), ..full.clone() },
        LoggedDecision { session: Some("\0".to_owned()), ..full },
    ] {
        let refused = store.write().await.unwrap().insert_decisions(&[with_nul]).await;
        assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
    }
    let filter = DecisionFilter { principal: Some("\0".to_owned()), ..DecisionFilter::default() };
    let refused = read(store).await.decisions(id(1), &filter, &whole()).await;
    assert!(matches!(refused, Err(StoreError::Refused(_))), "{refused:?}");
}

/// By time, then by id.
pub async fn logged_decisions_are_listed_through_windows(store: &Arc<dyn Store>) {
    zones(store).await;
    let zone = id(1);
    let order = [(3, 1), (7, 1), (2, 2), (1, 3), (5, 3)];
    let written: Vec<_> =
        order.map(|(number, seconds)| LoggedDecision { at: at(seconds), ..decision(zone, number) }).into();
    commit(store, async |to| to.insert_decisions(&written).await.unwrap()).await;
    let name = |decision: &LoggedDecision| decision.decision_id.to_string();
    let expected: Vec<_> = written.iter().map(name).collect();
    let filter = DecisionFilter::default();
    let list = async |window| read(store).await.decisions(zone, &filter, &window).await.unwrap();
    walk(&expected, name, list).await;
}

/// Each filter for itself and all together; texts exactly, whatever stands in them.
pub async fn logged_decisions_are_filtered(store: &Arc<dyn Store>) {
    zones(store).await;
    let zone = id(1);
    let allowed = LoggedDecision { at: at(1), principal: "User::\"a\"".to_owned(), ..bare(zone, 1) };
    let written = LoggedDecision { at: at(2), action: "Action::\"write\"".to_owned(), ..decision(zone, 2) };
    let elsewhere = LoggedDecision { at: at(3), resource: "Doc::\"%\"".to_owned(), ..decision(zone, 3) };
    let logged = [allowed.clone(), written.clone(), elsewhere.clone()];
    commit(store, async |to| to.insert_decisions(&logged).await.unwrap()).await;
    let none = DecisionFilter::default;
    let principal = Some(written.principal.clone());
    for (filter, expected) in [
        (none(), vec![1, 2, 3]),
        (DecisionFilter { allowed: Some(true), ..none() }, vec![1]),
        (DecisionFilter { allowed: Some(false), ..none() }, vec![2, 3]),
        (DecisionFilter { principal: principal.clone(), ..none() }, vec![2, 3]),
        (DecisionFilter { principal: Some("User::\"A\"".to_owned()), ..none() }, vec![]),
        (DecisionFilter { action: Some(written.action.clone()), ..none() }, vec![2]),
        (DecisionFilter { resource: Some(elsewhere.resource.clone()), ..none() }, vec![3]),
        (DecisionFilter { resource: Some(written.resource.clone()), ..none() }, vec![1, 2]),
        (DecisionFilter { policy_set_version_id: Some(id(21)), ..none() }, vec![2, 3]),
        (DecisionFilter { policy_set_version_id: Some(id(22)), ..none() }, vec![2, 3]),
        (DecisionFilter { policy_set_version_id: Some(id(23)), ..none() }, vec![]),
        (DecisionFilter { from: Some(at(2)), ..none() }, vec![2, 3]),
        (DecisionFilter { to: Some(at(2)), ..none() }, vec![1]),
        (DecisionFilter { from: Some(at(2)), to: Some(at(3)), ..none() }, vec![2]),
        (DecisionFilter { from: Some(at(3)), to: Some(at(2)), ..none() }, vec![]),
        (
            DecisionFilter {
                allowed: Some(false),
                principal,
                action: Some(written.action.clone()),
                resource: Some(written.resource.clone()),
                policy_set_version_id: Some(id(21)),
                from: Some(at(2)),
                to: Some(at(3)),
            },
            vec![2],
        ),
    ] {
        let found = items(read(store).await.decisions(zone, &filter, &whole()).await.unwrap());
        let found: Vec<_> = found.iter().map(|decision| decision.decision_id).collect();
        assert_eq!(found, expected.into_iter().map(id).collect::<Vec<_>>(), "{filter:?}");
    }
}

/// The oldest first, at most so many at once; other zones keep theirs.
pub async fn old_logged_decisions_are_forgotten(store: &Arc<dyn Store>) {
    zones(store).await;
    let (zone, other) = (id(1), id(2));
    let mut logged: Vec<_> =
        (1..=5).map(|number| LoggedDecision { at: at(10 - number), ..bare(zone, number.unsigned_abs()) }).collect();
    logged.push(LoggedDecision { at: at(0), ..bare(other, 1) });
    commit(store, async |to| to.insert_decisions(&logged).await.unwrap()).await;
    for (before, most, forgotten, left) in
        [(5, 9, 0, &[5, 4, 3, 2, 1][..]), (8, 2, 2, &[3, 2, 1]), (8, 2, 1, &[2, 1]), (8, 2, 0, &[2, 1])]
    {
        let done = commit(store, async |to| to.forget_decisions(zone, at(before), most).await.unwrap()).await;
        let all = items(read(store).await.decisions(zone, &DecisionFilter::default(), &whole()).await.unwrap());
        let ids: Vec<_> = all.iter().map(|decision| decision.decision_id).collect();
        assert_eq!((done, ids), (forgotten, left.iter().map(|number| id(*number)).collect::<Vec<_>>()));
    }
    assert!(read(store).await.decision(other, id(1)).await.unwrap().is_some());
}

/// Deleted zones too: what was logged in them is hidden at once, and forgotten after.
pub async fn zones_with_logged_decisions_are_found(store: &Arc<dyn Store>) {
    zones(store).await;
    let logged = [
        LoggedDecision { at: at(2), ..bare(id(1), 1) },
        LoggedDecision { at: at(3), ..bare(id(1), 2) },
        LoggedDecision { at: at(1), ..bare(id(2), 1) },
    ];
    assert_eq!(read(store).await.next_logged_zone(None).await.unwrap(), None);
    commit(store, async |to| {
        to.insert_zone(&zone(3), b"key").await.unwrap();
        to.insert_decisions(&logged).await.unwrap();
        to.delete_zone(id(2), at(90)).await.unwrap();
    })
    .await;
    let mut from = read(store).await;
    assert_eq!(from.next_logged_zone(None).await.unwrap(), Some((id(1), at(2))));
    assert_eq!(from.next_logged_zone(Some(id(1))).await.unwrap(), Some((id(2), at(1))));
    assert_eq!(from.next_logged_zone(Some(id(2))).await.unwrap(), None);
    assert_eq!(from.decision(id(2), id(1)).await.unwrap(), None);
    assert_eq!(commit(store, async |to| to.forget_decisions(id(2), at(2), 9).await.unwrap()).await, 1);
    assert_eq!(read(store).await.next_logged_zone(Some(id(1))).await.unwrap(), None);
}
