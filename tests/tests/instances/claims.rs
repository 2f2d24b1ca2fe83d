//! One instance at a time does the work of the background, and another takes it over.

use std::future::pending;

use cedarkeep_model::{DecisionLogMode, ZoneId};
use cedarkeep_service::{SettingsPatch, ZonePatch};
use cedarkeep_tests::{
    home::Engine,
    in_process::{InProcess, entries, schema_version},
};

use crate::support::{decide, until};

const VERSIONS: usize = 6;

/// A zone with versions that are to be signed again.
async fn with_work(it: &InProcess) -> ZoneId {
    let zone = it.zone().await.id;
    let set = it.set(zone, "set", cedarkeep_model::ScopeType::Zone).await;
    let policy = it.policy(zone, "policy").await;
    for number in 0..VERSIONS {
        let version =
            it.version(zone, policy, &format!("permit (principal == User::\"{number}\", action, resource);")).await;
        let call = InProcess::call();
        it.service.publish_set_version(&call, zone, set, schema_version(), entries(&[version])).await.unwrap();
    }
    it.service.rotate_key(&InProcess::call(), zone, Some(0)).await.unwrap();
    zone
}

async fn done(it: &InProcess, zone: ZoneId) -> u64 {
    it.service.signing_keys(&InProcess::call(), zone).await.unwrap().re_signing.done
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_one_instance_works_and_when_it_is_gone_another_does() {
    let one = InProcess::on(Engine::Postgres).await;
    let other = one.beside().await;
    let zone = with_work(&one).await;
    assert!(one.service.work_once().await);
    assert!(!other.service.work_once().await, "the other one is at it");
    assert!(one.service.work_once().await);
    assert_eq!((done(&one, zone).await, one.home().psql("SELECT COUNT(*) FROM job_claims").as_str()), (2, "1"));

    // It dies, and nobody knows.
    drop(one.service);
    assert!(!other.service.work_once().await);
    other.clock.advance(30);
    while other.service.work_once().await {}
    assert_eq!(done(&other, zone).await, u64::try_from(VERSIONS).unwrap());
}

/// One that is stopped leaves nothing to be waited for, and two that work at once do everything once.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_workers_that_stop_release_what_is_theirs() {
    let one = InProcess::on(Engine::Postgres).await;
    let other = one.beside().await;
    let zone = with_work(&one).await;
    assert!(one.service.work_once().await);
    one.service.run_jobs(async {}).await;
    assert_eq!(one.home().psql("SELECT COUNT(*) FROM job_claims"), "0");
    let workers = [&one, &other].map(|it| {
        let service = it.service.clone();
        tokio::spawn(async move { service.run_jobs(pending()).await })
    });
    until("all of it is done", async || done(&other, zone).await == u64::try_from(VERSIONS).unwrap());
    for worker in workers {
        worker.abort();
    }
    let repeated = "SELECT COUNT(*) FROM (SELECT 1 FROM attestations GROUP BY policy_set_version_id, kid \
        HAVING COUNT(*) > 1) AS repeated";
    assert_eq!(one.home().psql(repeated), "0", "nothing is signed twice by a key");
}

/// Nothing of the log is forgotten by two at once either.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_one_instance_forgets_logged_decisions() {
    let one = InProcess::on(Engine::Postgres).await;
    let zone = one.zone().await.id;
    let settings = SettingsPatch { decision_log: Some(DecisionLogMode::All), ..SettingsPatch::default() };
    let patch = ZonePatch { settings, ..ZonePatch::default() };
    one.service.update_zone(&InProcess::call(), zone, patch).await.unwrap();
    decide(&one.service, zone, None).await.unwrap();
    let logged = || one.home().psql("SELECT COUNT(*) FROM decisions");
    until("it is logged", async || logged() == "1");
    one.clock.advance(31 * 24 * 60 * 60);
    let until_soon = one.service.now().plus_seconds(10).micros();
    one.home().psql(&format!("INSERT INTO job_claims VALUES ('retention of decisions', 'another', {until_soon})"));
    assert!(!one.service.work_once().await);
    assert_eq!(logged(), "1", "another instance is at it");
    // What was looked for just now is looked for again in a minute.
    one.clock.advance(61);
    assert!(!one.service.work_once().await);
    assert_eq!(logged(), "0", "the claim of the other has passed");
}
