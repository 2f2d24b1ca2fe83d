//! The log of decisions: what stands in it, what does not, and that no decision ever waits for it.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

use cedarkeep_model::{
    BindingMode, DecisionLogMode, LoggedDecision, PolicySetVersionId, ScopeType, ShadowOutcome, ZoneId,
};
use cedarkeep_service::{
    Code, Decision, DecisionAnswer, DecisionBatch, DecisionFilter, DecisionRequest, PageRequest, Question,
    SettingsPatch, Uid, ZonePatch,
};
use cedarkeep_store::{Direction, Order, Window};
use cedarkeep_tests::{
    home::Engine,
    in_process::{InProcess, reading, uid},
};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use serde_json::json;
use sqlx::{Connection as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};

const ALICE: &str = "permit (principal == User::\"alice\", action, resource);";

/// A version of a new set for this scope with one policy, bound.
async fn bound(
    it: &InProcess,
    zone: ZoneId,
    scope: ScopeType,
    mode: BindingMode,
    target: Option<&str>,
    text: &str,
) -> PolicySetVersionId {
    let policy = it.policy(zone, &format!("{scope} {mode}")).await;
    let pinned = it.version(zone, policy, text).await;
    let set = it.set(zone, &format!("{scope} {mode}"), scope).await;
    let version = it.set_version(zone, set, &[pinned]).await.record.id;
    it.service.bind(&InProcess::call(), zone, version, mode, target.map(ToOwned::to_owned)).await.unwrap();
    version
}

async fn set(it: &InProcess, zone: ZoneId, settings: SettingsPatch) {
    let patch = ZonePatch { settings, ..ZonePatch::default() };
    it.service.update_zone(&InProcess::call(), zone, patch).await.unwrap();
}

/// A zone in which Alice may do anything and whose decisions are logged in this way.
async fn logging(it: &InProcess, decision_log: DecisionLogMode) -> ZoneId {
    let zone = it.zone().await.id;
    bound(it, zone, ScopeType::Zone, BindingMode::Active, None, ALICE).await;
    set(it, zone, SettingsPatch { decision_log: Some(decision_log), ..SettingsPatch::default() }).await;
    zone
}

async fn decide(it: &InProcess, zone: ZoneId, request: DecisionRequest) -> DecisionAnswer {
    it.service.authorize(&InProcess::call(), zone, request).await.unwrap()
}

/// The newest of the log, at most a hundred.
async fn log(it: &InProcess, zone: ZoneId) -> Vec<LoggedDecision> {
    let page = PageRequest { limit: Some(100), ..PageRequest::default() };
    it.service.decisions(&InProcess::call(), zone, DecisionFilter::default(), page).await.unwrap().items
}

/// How many there are.
async fn count(it: &InProcess, zone: ZoneId) -> usize {
    let _written = log(it, zone).await;
    let window = Window { order: Order::Asc, start: None, direction: Direction::Forward, limit: 100_000 };
    let all = it.store.read().await.unwrap().decisions(zone, &DecisionFilter::default(), &window).await.unwrap();
    all.items.len()
}

#[tokio::test]
async fn off_logs_nothing() {
    let it = InProcess::start().await;
    let zone = it.zone().await;
    assert_eq!(zone.settings.decision_log, DecisionLogMode::Off);
    let zone = logging(&it, DecisionLogMode::Off).await;
    let answer = decide(&it, zone, reading("User::\"alice\"")).await;
    assert_eq!(log(&it, zone).await, []);
    let missing = it.service.decision(&InProcess::call(), zone, answer.decision_id).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
}

#[tokio::test]
async fn all_logs_each_decision_as_it_was_answered() {
    let it = InProcess::start().await;
    let zone = logging(&it, DecisionLogMode::All).await;
    let shadow = "forbid (principal, action, resource);";
    let shadow = bound(&it, zone, ScopeType::User, BindingMode::Shadow, Some("User::\"alice\""), shadow).await;
    let session = "permit (principal, action == Action::\"read\", resource);";
    bound(&it, zone, ScopeType::Session, BindingMode::Active, Some("s-1"), session).await;

    let alice = DecisionRequest { session: Some("s-1".to_owned()), explain: true, ..reading("User::\"alice\"") };
    let allowed = decide(&it, zone, alice).await;
    let denied = decide(&it, zone, reading("User::\"it's \\\"bob\\\"\"")).await;
    let [bob, alice] = <[LoggedDecision; 2]>::try_from(log(&it, zone).await).unwrap();

    assert_eq!((alice.decision_id, alice.at, alice.allowed), (allowed.decision_id, allowed.evaluated_at, true));
    assert_eq!((alice.revision, alice.reason.as_deref()), (allowed.revision, None));
    assert_eq!((alice.principal.as_str(), alice.action.as_str()), ("User::\"alice\"", "Action::\"read\""));
    assert_eq!((alice.resource.as_str(), alice.session.as_deref()), ("Doc::\"1\"", Some("s-1")));
    let slots: Vec<_> = alice.body.scopes.iter().map(|scope| (scope.scope_type, scope.manifest_sha)).collect();
    assert_eq!(slots, allowed.scopes.iter().map(|scope| (scope.scope_type, scope.manifest_sha)).collect::<Vec<_>>());
    assert_eq!(slots.len(), 2);
    let beside = &alice.body.shadow[0];
    let said = ShadowOutcome::Said { allowed: false, reason: Some("forbidden".to_owned()), diverged: true };
    assert_eq!((beside.policy_set_version_id, &beside.outcome), (shadow, &said));

    assert_eq!((bob.decision_id, bob.allowed, bob.reason.as_deref()), (denied.decision_id, false, Some("no_permit")));
    assert_eq!((bob.principal.parse::<Uid>().unwrap().id(), bob.session), ("it's \"bob\"", None));
    let found = it.service.decision(&InProcess::call(), zone, denied.decision_id).await.unwrap();
    assert_eq!(found.body.scopes[0].reason.as_deref(), Some("no_permit"));
}

#[tokio::test]
async fn every_decision_of_a_batch_is_logged_and_what_is_none_is_not() {
    let it = InProcess::start().await;
    let zone = logging(&it, DecisionLogMode::All).await;
    let question = |action: &str| Question {
        principal: uid("User::\"alice\""),
        action: uid(action),
        resource: uid("Doc::\"1\""),
        context: json!({}),
        session: None,
    };
    let batch = DecisionBatch {
        questions: ["Action::\"read\"", "Action::\"nonsense\"", "Action::\"write\""].map(|a| Ok(question(a))).into(),
        entities: json!([]),
        explain: false,
        at_least_revision: None,
    };
    let answers = it.service.authorize_batch(&InProcess::call(), zone, batch).await.unwrap();
    let decided: Vec<_> = answers.iter().flatten().map(|answer| answer.decision_id).collect();
    assert_eq!(decided.len(), 2);
    let logged: Vec<_> = log(&it, zone).await.iter().rev().map(|decision| decision.decision_id).collect();
    assert_eq!(logged, decided);
}

#[tokio::test]
async fn what_may_be_secret_is_not_logged() {
    let it = InProcess::start().await;
    let zone = logging(&it, DecisionLogMode::All).await;
    set(&it, zone, SettingsPatch { validate_requests: Some(false), ..SettingsPatch::default() }).await;
    let mut request = reading("User::\"alice\"");
    request.context = json!({"password": "in-the-context-8a41"});
    request.entities = json!([{"uid": {"type": "User", "id": "alice"}, "attrs": {"level": 1, "x": "in-an-entity-8a41"}, "parents": []}]);
    request.session = Some("a\0session-8a41".to_owned());
    let answer = decide(&it, zone, request).await;
    let [logged] = <[LoggedDecision; 1]>::try_from(log(&it, zone).await).unwrap();
    assert_eq!((answer.decision, logged.session.as_deref()), (Decision::Allow, Some("a\u{fffd}session-8a41")));
    it.service.close().await;
    assert!(it.home().holds("session-8a41"), "the log is looked at");
    assert!(!it.home().holds("in-the-context-8a41") && !it.home().holds("in-an-entity-8a41"));
}

#[tokio::test]
async fn a_sample_is_about_as_large_as_it_should_be() {
    let it = InProcess::start().await;
    let zone = logging(&it, DecisionLogMode::Sampled).await;
    let sample = |percent| SettingsPatch { decision_log_sample_percent: Some(percent), ..SettingsPatch::default() };
    for (percent, expected) in [(10, 150..=250), (100, 2_150..=2_250)] {
        set(&it, zone, sample(percent)).await;
        for _ in 0..2_000 {
            decide(&it, zone, reading("User::\"alice\"")).await;
        }
        let logged = count(&it, zone).await;
        assert!(expected.contains(&logged), "{percent}: {logged}");
    }
}

#[tokio::test]
async fn settings_that_make_no_sense_are_refused() {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    let percent = |percent| SettingsPatch { decision_log_sample_percent: Some(percent), ..SettingsPatch::default() };
    let days = |days| SettingsPatch { decision_log_retention_days: Some(days), ..SettingsPatch::default() };
    for settings in [percent(0), percent(101), days(0), days(3_651)] {
        let patch = ZonePatch { settings, ..ZonePatch::default() };
        let refused = it.service.update_zone(&InProcess::call(), zone, patch).await.unwrap_err();
        assert_eq!(refused.code(), Code::BadRequest);
    }
    for settings in [percent(1), percent(100), days(1), days(3_650)] {
        set(&it, zone, settings).await;
    }
}

#[tokio::test]
async fn decisions_are_forgotten_in_time_and_in_bites() {
    let it = InProcess::start().await;
    let zone = logging(&it, DecisionLogMode::All).await;
    let other = logging(&it, DecisionLogMode::All).await;
    decide(&it, zone, reading("User::\"alice\"")).await;
    decide(&it, other, reading("User::\"alice\"")).await;
    let [sample] = <[LoggedDecision; 1]>::try_from(log(&it, zone).await).unwrap();
    let more: Vec<_> = (0..2_500)
        .map(|_| LoggedDecision { decision_id: it.service.new_request_id().parse().unwrap(), ..sample.clone() })
        .collect();
    let mut tx = it.store.write().await.unwrap();
    tx.insert_decisions(&more).await.unwrap();
    tx.commit().await.unwrap();

    let month = 30 * 24 * 60 * 60;
    assert!(!it.service.work_once().await);
    it.clock.advance(month - 60 * 60);
    assert!(!it.service.work_once().await);
    assert_eq!(count(&it, zone).await, 2_501);
    set(&it, other, SettingsPatch { decision_log_retention_days: Some(31), ..SettingsPatch::default() }).await;
    it.clock.advance(2 * 60 * 60);
    decide(&it, zone, reading("User::\"alice\"")).await;
    for left in [1_502, 502] {
        assert!(it.service.work_once().await, "there is more to do");
        assert_eq!(count(&it, zone).await, left);
    }
    assert!(!it.service.work_once().await);
    assert_eq!((count(&it, zone).await, count(&it, other).await), (1, 1));

    it.service.delete_zone(&InProcess::call(), zone).await.unwrap();
    let gone = it.service.decision(&InProcess::call(), zone, sample.decision_id).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    it.clock.advance(60);
    assert!(!it.service.work_once().await);
    let mut store = it.store.read().await.unwrap();
    let left = store.next_logged_zone(None).await.unwrap().map(|(left, _)| left);
    assert_eq!(left, Some(other), "nothing of a deleted zone is left");
}

#[tokio::test]
async fn a_restart_keeps_the_log() {
    let it = InProcess::start().await;
    let zone = logging(&it, DecisionLogMode::All).await;
    let mut decided = Vec::new();
    for _ in 0..50 {
        decided.push(decide(&it, zone, reading("User::\"alice\"")).await.decision_id);
    }
    let again = it.restart().await;
    let logged: Vec<_> = log(&again, zone).await.iter().rev().map(|decision| decision.decision_id).collect();
    assert_eq!(logged, decided, "what waited was written before the end");
}

fn recorder() -> &'static PrometheusHandle {
    static RECORDER: OnceLock<PrometheusHandle> = OnceLock::new();
    RECORDER.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap())
}

/// How many decisions were dropped because the queue was full.
fn dropped() -> usize {
    let metrics = recorder().render();
    let line =
        metrics.lines().find_map(|line| line.strip_prefix("cedarkeep_decision_log_dropped_total{reason=\"full\"} "));
    line.map_or(0, |number| number.parse().unwrap())
}

/// Somebody else writes to the database and does not come to an end.
async fn block(it: &InProcess) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(it.home().folder().join("cedarkeep.db"));
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    other
}

/// Waits until so many decisions stand in the log.
async fn wait_for(it: &InProcess, zone: ZoneId, expected: usize) {
    let begun = Instant::now();
    loop {
        let logged = count(it, zone).await;
        assert!(logged <= expected, "{logged} logged, {expected} expected");
        if logged == expected {
            return;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{logged} logged, {expected} expected");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_does_not_answer_delays_no_decision() {
    const DECISIONS: usize = 20_000;
    let before = dropped();
    let it = InProcess::on(Engine::Sqlite).await;
    let zone = logging(&it, DecisionLogMode::All).await;
    decide(&it, zone, reading("User::\"alice\"")).await;

    let mut other = block(&it).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..DECISIONS {
        let begun = Instant::now();
        assert_eq!(decide(&it, zone, reading("User::\"alice\"")).await.decision, Decision::Allow);
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(2), "a decision took {slowest:?}");
    let full = dropped() - before;
    assert!((9_000..DECISIONS).contains(&full), "{full} dropped");
    other.execute("ROLLBACK").await.unwrap();
    wait_for(&it, zone, 1 + DECISIONS - full).await;

    // Few, but of a megabyte each: what waits is bounded by bytes too.
    other.execute("BEGIN IMMEDIATE").await.unwrap();
    let large = format!("User::\"{}\"", "a".repeat(1 << 20));
    for _ in 0..100 {
        assert_eq!(decide(&it, zone, reading(&large)).await.decision, Decision::Deny);
    }
    let heavy = dropped() - before - full;
    assert!((68..100).contains(&heavy), "{heavy} dropped");
    other.execute("ROLLBACK").await.unwrap();
    wait_for(&it, zone, 1 + DECISIONS - full + 100 - heavy).await;
    let filter = DecisionFilter { principal: Some(large), ..DecisionFilter::default() };
    let found = it.service.decisions(&InProcess::call(), zone, filter, PageRequest::default()).await.unwrap();
    assert!(!found.items.is_empty() && found.items.len() <= 8, "a page is bounded by bytes");
}
