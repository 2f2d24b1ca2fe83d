//! The entities of a zone in memory and in the store: what one says the other says too, after a restart, beside another
//! instance, under concurrency, with a hundred thousand of them, and when somebody has changed what is stored.

use cedarkeep_cedar::CedarPool;
use cedarkeep_model::ZoneId;
use cedarkeep_service::{Code, EntitiesChanged, Error, PageRequest, PutMode, Service, SettingsPatch, ZonePatch, fsck};
use cedarkeep_tests::in_process::InProcess;
use serde_json::{Value, json};

/// A zone whose default schema is that of the tests.
async fn zone(it: &InProcess) -> ZoneId {
    let zone = it.zone().await.id;
    it.service.set_default_schema(&InProcess::call(), zone, "test").await.unwrap();
    zone
}

/// One in which nothing is checked, so that groups may stand in groups.
async fn loose_zone(it: &InProcess) -> ZoneId {
    let zone = zone(it).await;
    let settings = SettingsPatch { validate_requests: Some(false), ..SettingsPatch::default() };
    let patch = ZonePatch { settings, ..ZonePatch::default() };
    it.service.update_zone(&InProcess::call(), zone, patch).await.unwrap();
    zone
}

fn user(number: usize, level: usize) -> Value {
    let group = json!({"type": "Group", "id": (number % 100).to_string()});
    json!({"uid": {"type": "User", "id": format!("{number:06}")}, "attrs": {"level": level}, "parents": [group]})
}

fn group(id: impl std::fmt::Display, parents: &[&str]) -> Value {
    let parents: Vec<_> = parents.iter().map(|id| json!({"type": "Group", "id": id})).collect();
    json!({"uid": {"type": "Group", "id": id.to_string()}, "attrs": {}, "parents": parents})
}

async fn put(service: &Service, zone: ZoneId, mode: PutMode, entities: Vec<Value>) -> Result<EntitiesChanged, Error> {
    service.put_entities(&InProcess::call(), zone, mode, entities).await
}

async fn upsert(service: &Service, zone: ZoneId, entities: Vec<Value>) -> EntitiesChanged {
    put(service, zone, PutMode::Upsert, entities).await.unwrap()
}

fn counts(changed: EntitiesChanged) -> [u64; 4] {
    [changed.upserted, changed.deleted, changed.unchanged, changed.total]
}

async fn problems(it: &InProcess) -> Vec<String> {
    fsck::check(&*it.store, &CedarPool::new(1).unwrap()).await.unwrap().problems
}

/// How many entities the store has, counted there.
async fn stored(it: &InProcess, zone: ZoneId) -> u64 {
    let page = PageRequest { limit: Some(1), total_count: true, ..PageRequest::default() };
    it.service.entities(&InProcess::call(), zone, None, page).await.unwrap().page.total_count.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_put_is_there_after_a_restart() {
    let it = InProcess::start().await;
    let zone = zone(&it).await;
    let before = upsert(&it.service, zone, (0..300).map(|n| user(n, n)).collect()).await;
    assert_eq!(counts(before), [300, 0, 0, 300]);
    let it = it.restart().await;
    let again = upsert(&it.service, zone, (0..301).map(|n| user(n, if n == 7 { 0 } else { n })).collect()).await;
    assert_eq!(counts(again), [2, 0, 299, 301]);
    assert_eq!(again.revision, before.revision + 1);
    assert_eq!(stored(&it, zone).await, 301);
    assert_eq!(problems(&it).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_follow_one_another() {
    let it = InProcess::start().await;
    let zone = loose_zone(&it).await;
    let other = it.beside().await;
    for round in 0..10 {
        let (one, two) = if round % 2 == 0 { (&it, &other) } else { (&other, &it) };
        let given: Vec<_> = (0..50).map(|n| user(n, round)).collect();
        assert_eq!(counts(upsert(&one.service, zone, given.clone()).await), [50, 0, 0, 50], "round {round}");
        assert_eq!(counts(upsert(&two.service, zone, given).await), [0, 0, 50, 50], "round {round}");
    }
    upsert(&it.service, zone, vec![group("a", &["b"])]).await;
    let cycle = put(&other.service, zone, PutMode::Upsert, vec![group("b", &["a"])]).await.unwrap_err();
    assert_eq!(cycle.code(), Code::InvalidRequest);
    it.service.delete_entity(&InProcess::call(), zone, "Group", "a").await.unwrap();
    assert_eq!(counts(upsert(&other.service, zone, vec![group("b", &["a"])]).await), [1, 0, 0, 51]);
    assert_eq!(counts(put(&it.service, zone, PutMode::Replace, vec![user(0, 9)]).await.unwrap()), [0, 50, 1, 1]);
    assert_eq!(counts(other.service.delete_entities(&InProcess::call(), zone).await.unwrap()), [0, 1, 0, 0]);
    assert_eq!(counts(upsert(&it.service, zone, vec![user(0, 9)]).await), [1, 0, 0, 1]);
    assert_eq!(problems(&it).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hierarchy_is_held_over_many_calls() {
    let it = InProcess::start().await;
    let zone = loose_zone(&it).await;
    let link = |n: usize| group(n, &[&(n + 1).to_string()]);
    for n in (0..100).rev() {
        upsert(&it.service, zone, vec![link(n)]).await;
    }
    for entities in [vec![link(100)], vec![group(100, &["50"])], vec![group("x", &["0"])], vec![group(5, &["5"])]] {
        let refused = put(&it.service, zone, PutMode::Upsert, entities).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidRequest, "{refused}");
    }
    assert_eq!(stored(&it, zone).await, 100);
    // Turned around in one step.
    let turned = (1..100).map(|n| group(n, &[&(n - 1).to_string()])).chain([group(0, &[])]).collect();
    assert_eq!(counts(upsert(&it.service, zone, turned).await), [100, 0, 0, 100]);
    assert_eq!(problems(&it).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_at_the_same_time_are_all_there_in_the_end() {
    let it = InProcess::start().await;
    let zone = zone(&it).await;
    let other = it.beside().await;
    let tasks: Vec<_> = (0..8)
        .map(|writer| {
            let service = if writer % 2 == 0 { it.service.clone() } else { other.service.clone() };
            tokio::spawn(async move {
                for round in 0..10 {
                    let own = (0..5).map(|n| user(writer * 1_000 + n, round));
                    let shared = [user(999_999, writer * 100 + round)];
                    let changed = upsert(&service, zone, own.chain(shared).collect()).await;
                    assert_eq!(changed.upserted + changed.unchanged, 6);
                }
            })
        })
        .collect();
    let settings = it.service.clone();
    let restless = tokio::spawn(async move {
        for round in 0..20_u8 {
            let patch = SettingsPatch { divergence_sample_percent: Some(round), ..SettingsPatch::default() };
            let patch = ZonePatch { settings: patch, ..ZonePatch::default() };
            settings.update_zone(&InProcess::call(), zone, patch).await.unwrap();
        }
    });
    for task in tasks {
        task.await.unwrap();
    }
    restless.await.unwrap();
    for service in [&it.service, &other.service] {
        let last = (0..8).flat_map(|writer| (0..5).map(move |n| user(writer * 1_000 + n, 9))).collect();
        assert_eq!(counts(upsert(service, zone, last).await), [0, 0, 40, 41]);
    }
    assert_eq!(stored(&it, zone).await, 41);
    assert_eq!(problems(&it).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_tampered_with_is_not_used_and_is_found() {
    for (sql, used, found) in [
        (
            "UPDATE entities SET body = replace(body, '\"level\":1', '\"level\":9') WHERE entity_id = '000001'",
            true,
            "digest",
        ),
        ("UPDATE entities SET entity_id = 'stranger' WHERE entity_id = '000001'", true, "another uid"),
        ("DELETE FROM entities WHERE entity_id = '000001'", false, "do not follow those before"),
    ] {
        let it = InProcess::start().await;
        let zone = zone(&it).await;
        upsert(&it.service, zone, (0..3).map(|n| user(n, n)).collect()).await;
        assert_eq!(problems(&it).await, Vec::<String>::new());
        it.tamper(sql).await;
        let it = it.restart().await;
        let next = put(&it.service, zone, PutMode::Upsert, vec![user(7, 7)]).await;
        if used {
            assert_eq!(next.unwrap_err().code(), Code::IntegrityError, "{sql}");
        }
        let problems = problems(&it).await;
        assert!(problems.iter().any(|problem| problem.contains(found)), "{sql}: {problems:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_thousand_entities_fit_into_a_zone() {
    let it = InProcess::start().await;
    let zone = zone(&it).await;
    for block in 0..10_usize {
        let given = (0..10_000).map(|n| user(block * 10_000 + n, n)).collect();
        let changed = upsert(&it.service, zone, given).await;
        assert_eq!((changed.upserted, changed.total), (10_000, (block as u64 + 1) * 10_000));
    }
    // One more costs what one costs: a thousandth of what was put, in far less than a hundredth of the time.
    let begun = std::time::Instant::now();
    for n in 0..10 {
        assert_eq!(counts(upsert(&it.service, zone, vec![user(100_000 + n, 0)]).await)[0], 1);
    }
    let each = begun.elapsed() / 10;
    assert!(each < std::time::Duration::from_secs(1), "{each:?}");
    let it = it.restart().await;
    assert_eq!(counts(upsert(&it.service, zone, vec![user(99_999, 9_999), user(5, 0)]).await), [1, 0, 1, 100_010]);
    let page = PageRequest { limit: Some(2), order: cedarkeep_service::Order::Desc, ..PageRequest::default() };
    let page = it.service.entities(&InProcess::call(), zone, Some("User"), page).await.unwrap().page;
    assert_eq!(page.items.iter().map(|entity| entity.entity_id.as_str()).collect::<Vec<_>>(), ["100009", "100008"]);
    let gone = it.service.delete_entities(&InProcess::call(), zone).await.unwrap();
    assert_eq!(counts(gone), [0, 100_010, 0, 0]);
}
