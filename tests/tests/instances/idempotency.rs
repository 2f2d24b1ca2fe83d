//! The same request, sent to two instances at once, is one request.

use cedarkeep_model::{Digest, Name};
use cedarkeep_service::{Call, Code, Error, Idempotency, NewPolicy, NewZone, Service, SettingsPatch};
use cedarkeep_tests::{home::Engine, in_process::InProcess};

const ROUNDS: usize = 20;

/// A call with this key.
fn call(key: &str, body: &str) -> Call {
    let idempotency =
        Idempotency { route: "POST /things".to_owned(), key: key.to_owned(), body_sha: Digest::of(body.as_bytes()) };
    Call { idempotency: Some(idempotency), ..InProcess::call() }
}

/// Sends it to both at once; what both answer.
async fn both<T: PartialEq + std::fmt::Debug>(
    services: [&Service; 2],
    send: impl AsyncFn(&Service) -> Result<T, Error>,
) -> T {
    let (first, second) = tokio::join!(send(services[0]), send(services[1]));
    let (first, second) = (first.unwrap(), second.unwrap());
    assert_eq!(first, second);
    first
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_what_is_sent_to_two_instances_is_done_once() {
    let one = InProcess::on(Engine::Postgres).await;
    let other = one.beside().await;
    let services = [&one.service, &other.service];
    let zone = one.zone().await.id;
    // What stands in the way of the second may be found before its transaction.
    let rotate = async |service: &Service| service.rotate_key(&call("rotate", "a"), zone, None).await;
    both(services, rotate).await;
    for round in 0..ROUNDS {
        let name = format!("policy {round}");
        let policy = NewPolicy { name: Name::new(&name).unwrap(), description: None };
        let create = async |service: &Service| service.create_policy(&call(&name, "a"), zone, policy.clone()).await;
        both(services, create).await;
        let different = other.service.create_policy(&call(&name, "b"), zone, policy.clone()).await;
        assert_eq!(different.unwrap_err().code(), Code::IdempotencyMismatch);

        // Of zones there could be two: nothing but the key says that they are one.
        let zone = NewZone {
            name: Name::new(&name).unwrap(),
            slug: None,
            description: None,
            organization_id: None,
            settings: SettingsPatch::default(),
        };
        let key = format!("zone {round}");
        both(services, async |service: &Service| service.create_zone(&call(&key, "a"), zone.clone()).await).await;
    }
    let count = |table: &str| one.home().psql(&format!("SELECT COUNT(*) FROM {table}"));
    assert_eq!(count("policies"), ROUNDS.to_string());
    assert_eq!(count("zones"), (ROUNDS + 1).to_string());
    assert_eq!(count("signing_keys"), (ROUNDS + 2).to_string());
}
