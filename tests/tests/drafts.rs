//! Drafts under concurrency: one publication a draft, no saved word lost, and events that account for all of it.

use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{Name, PolicyDraft, PolicyId, PolicySetId, ScopeType, ZoneId};
use cedarkeep_service::{ArchivedFilter, Code, GivenPolicy, NewPolicyDraft, NewSetDraft, PageRequest, Service, fsck};
use cedarkeep_tests::in_process::{InProcess, entries, schema_version};

const ROUNDS: usize = 40;

/// Different content for every number.
fn text(number: usize) -> String {
    format!("permit (principal == User::\"{number}\", action, resource);")
}

fn policy_draft(number: usize) -> NewPolicyDraft {
    NewPolicyDraft {
        schema_version: Some(schema_version()),
        given: Some(GivenPolicy::Text(text(number))),
        base_version_id: None,
    }
}

async fn save(service: &Service, zone: ZoneId, policy: PolicyId, number: usize) -> PolicyDraft {
    let call = InProcess::call();
    service.save_policy_draft(&call, zone, policy, policy_draft(number)).await.unwrap().object.draft
}

/// The texts of all versions, oldest first.
async fn published(it: &InProcess, zone: ZoneId, policy: PolicyId) -> Vec<String> {
    let (mut texts, mut before) = (Vec::new(), None);
    loop {
        let page = PageRequest { limit: Some(100), after: before, ..PageRequest::default() };
        let page =
            it.service.policy_versions(&InProcess::call(), zone, policy, ArchivedFilter::Any, page).await.unwrap();
        texts.extend(page.items.into_iter().map(|version| version.cedar_raw.unwrap()));
        before = page.after_cursor;
        if before.is_none() {
            texts.reverse();
            return texts;
        }
    }
}

async fn draft_text(it: &InProcess, zone: ZoneId, policy: PolicyId) -> Option<String> {
    match it.service.policy_draft(&InProcess::call(), zone, policy).await {
        Ok(state) => state.cedar_raw,
        Err(error) => {
            assert_eq!(error.code(), Code::NotFound);
            None
        }
    }
}

async fn clean(it: &InProcess) {
    let pool = CedarPool::new(1).unwrap();
    assert_eq!(fsck::check(&*it.store, &pool).await.unwrap().problems, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_draft_is_published_once() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let policy = it.policy(zone, "policy").await;
    for round in 0..ROUNDS {
        save(&it.service, zone, policy, round).await;
        let publish = || {
            let service = it.service.clone();
            tokio::spawn(async move { service.publish_policy_draft(&InProcess::call(), zone, policy).await })
        };
        let tasks = [publish(), publish(), publish()];
        let mut won = 0;
        for task in tasks {
            match task.await.unwrap() {
                Ok(published) => {
                    assert!(published.created);
                    won += 1;
                }
                Err(error) => {
                    assert!([Code::PreconditionFailed, Code::NotFound].contains(&error.code()), "{error}");
                }
            }
        }
        assert_eq!(won, 1, "round {round}");
        assert_eq!(draft_text(&it, zone, policy).await, None);
    }
    assert_eq!(published(&it, zone, policy).await, (0..ROUNDS).map(text).collect::<Vec<_>>());
    clean(&it).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_saved_while_a_draft_is_published_is_not_lost() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let policy = it.policy(zone, "policy").await;
    for round in 0..ROUNDS {
        let (old, new) = (2 * round, 2 * round + 1);
        save(&it.service, zone, policy, old).await;
        let (publishing, saving) = (it.service.clone(), it.service.clone());
        let publish =
            tokio::spawn(async move { publishing.publish_policy_draft(&InProcess::call(), zone, policy).await });
        let save = tokio::spawn(async move { save(&saving, zone, policy, new).await });
        let (publish, _) = (publish.await.unwrap(), save.await.unwrap());
        let (newest, draft) = (published(&it, zone, policy).await.pop(), draft_text(&it, zone, policy).await);
        match publish.map(|published| published.object.cedar_raw) {
            // The publication came first, and the draft was begun anew; or the saved draft was the one published.
            Ok(raw) if raw == Some(text(old)) => assert_eq!((newest, draft), (Some(text(old)), Some(text(new)))),
            Ok(raw) => assert_eq!((raw, newest, draft), (Some(text(new)), Some(text(new)), None)),
            Err(error) => {
                assert_eq!(error.code(), Code::PreconditionFailed, "{error}");
                assert_eq!(draft, Some(text(new)));
            }
        }
    }
    clean(&it).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_begins_a_draft() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let policy = it.policy(zone, "policy").await;
    let tasks: Vec<_> = (0..16)
        .map(|number| {
            let service = it.service.clone();
            tokio::spawn(async move {
                let mut call = InProcess::call();
                call.if_none_match = Some("*".to_owned());
                service.save_policy_draft(&call, zone, policy, policy_draft(number)).await
            })
        })
        .collect();
    let mut begun = Vec::new();
    for task in tasks {
        match task.await.unwrap() {
            Ok(saved) => begun.push(saved.object.cedar_raw),
            Err(error) => assert_eq!(error.code(), Code::PreconditionFailed),
        }
    }
    assert_eq!(begun, [draft_text(&it, zone, policy).await]);
}

/// A set draft that pins one version more every round.
async fn set_draft(it: &InProcess, zone: ZoneId, set: PolicySetId, round: usize) -> NewSetDraft {
    let policy = it.policy(zone, &format!("policy {round}")).await;
    let version = it.version(zone, policy, &text(round)).await;
    let new = NewSetDraft {
        entries: Some(entries(&[version])),
        schema_version: Some(schema_version()),
        name: Some(Name::new(format!("set {round}")).unwrap()),
        ..NewSetDraft::default()
    };
    it.service.save_set_draft(&InProcess::call(), zone, set, new.clone()).await.unwrap();
    new
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_draft_is_published_once_with_its_name() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let set = it.set(zone, "set", ScopeType::Zone).await;
    for round in 0..8 {
        set_draft(&it, zone, set, round).await;
        let publish = || {
            let service = it.service.clone();
            tokio::spawn(async move { service.publish_set_draft(&InProcess::call(), zone, set).await })
        };
        let outcomes = [publish(), publish()];
        let mut won = Vec::new();
        for task in outcomes {
            match task.await.unwrap() {
                Ok(published) => won.push(published.object.record.version),
                Err(error) => {
                    assert!([Code::PreconditionFailed, Code::NotFound].contains(&error.code()), "{error}");
                }
            }
        }
        assert_eq!(won, [u64::try_from(round).unwrap() + 1]);
        let state = it.service.policy_set(&InProcess::call(), zone, set).await.unwrap();
        assert_eq!(state.set.name.as_str(), format!("set {round}"));
    }
    clean(&it).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_taken_while_publishing_leaves_everything_as_it_was() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let set = it.set(zone, "ours", ScopeType::Zone).await;
    let new = set_draft(&it, zone, set, 0).await;
    it.set(zone, new.name.as_ref().unwrap().as_str(), ScopeType::Zone).await;
    let refused = it.service.publish_set_draft(&InProcess::call(), zone, set).await.unwrap_err();
    assert_eq!(refused.code(), Code::PolicySetNameConflict);
    let state = it.service.policy_set(&InProcess::call(), zone, set).await.unwrap();
    assert_eq!((state.set.name.as_str(), state.set.latest_version), ("ours", None));
    let draft = it.service.set_draft(&InProcess::call(), zone, set).await.unwrap();
    assert_eq!((Some(draft.draft.entries), draft.draft.name), (new.entries, new.name));
    clean(&it).await;
}

#[tokio::test]
async fn fsck_notices_a_draft_that_no_event_tells_of() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let policy = it.policy(zone, "policy").await;
    let draft = save(&it.service, zone, policy, 1).await;
    clean(&it).await;
    let store: &dyn cedarkeep_store::Store = &*it.store;
    let mut transaction = store.write().await.unwrap();
    transaction.put_policy_draft(&PolicyDraft { content: None, ..draft }).await.unwrap();
    transaction.commit().await.unwrap();
    let pool = CedarPool::new(1).unwrap();
    let problems = fsck::check(store, &pool).await.unwrap().problems;
    assert!(problems.iter().any(|problem| problem.contains("drafts of policies")), "{problems:?}");
}
