//! What one instance changes the others are told of, without looking.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use cedarkeep_model::Name;
use cedarkeep_service::{Code, Decision, PolicyPatch};
use cedarkeep_tests::{home::Engine, in_process::InProcess};

use tokio::runtime::Handle;

use crate::support::{activate, ask, decide, follow, until};

/// So seldom that a case is over before: what is seen meanwhile was told.
const SELDOM: Duration = Duration::from_hours(1);

const LISTENERS: &str = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'";

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_changes_are_told() {
    let one = InProcess::on(Engine::Postgres).await;
    let other = one.beside().await;
    let zone = one.zone().await.id;
    assert_eq!(decide(&other.service, zone, None).await.unwrap().0, Decision::Deny);
    let follower = follow(&other, SELDOM);
    until("it listens", async || one.home().psql(&format!("SELECT COUNT(*) {LISTENERS}")) == "1");

    let policy = activate(&one, zone).await;
    let allowed = async || decide(&other.service, zone, None).await.unwrap().0 == Decision::Allow;
    until("a change of revision", allowed);

    let name = || ask(&other.service, zone, None);
    let named = async |wanted: &str| {
        let scopes = name().await.unwrap().scopes;
        scopes[0].determining_policies.as_ref().unwrap()[0].name == wanted
    };
    assert!(named("policy").await);
    let patch = PolicyPatch { name: Some(Name::new("renamed").unwrap()), description: None };
    one.service.update_policy(&InProcess::call(), zone, policy, patch).await.unwrap();
    until("a change of a name, at the same revision", async || named("renamed").await);

    let token = "a-token-that-the-other-instance-does-not-know-yet";
    one.service.set_admin_token(token).await.unwrap();
    until("a change of the token", async || other.service.authenticate(token).await.is_ok());

    one.service.delete_zone(&InProcess::call(), zone).await.unwrap();
    until("the end of a zone", async || decide(&other.service, zone, None).await == Err(Code::NotFound));
    follower.abort();
}

/// What was told meanwhile is made up for by a look.
#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_listener_that_is_cut_off_listens_again() {
    let one = InProcess::on(Engine::Postgres).await;
    let other = one.beside().await;
    let zone = one.zone().await.id;
    assert_eq!(decide(&other.service, zone, None).await.unwrap().0, Decision::Deny);
    let follower = follow(&other, SELDOM);
    let listens = async || one.home().psql(&format!("SELECT COUNT(*) {LISTENERS}")) == "1";
    until("it listens", listens);
    // Cut off again and again while it happens, it is not told of all of it.
    let over = AtomicBool::new(false);
    tokio::task::block_in_place(|| {
        thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    one.home().psql(&format!("SELECT pg_terminate_backend(pid) {LISTENERS}"));
                }
            });
            Handle::current().block_on(activate(&one, zone));
            over.store(true, Ordering::Relaxed);
        });
    });
    until("it listens again", listens);
    until("what it was not told", async || decide(&other.service, zone, None).await.unwrap().0 == Decision::Allow);
    follower.abort();
}
