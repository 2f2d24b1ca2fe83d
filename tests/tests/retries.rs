//! A change that loses to another transaction is tried again, some times.

use cedarkeep_model::Name;
use cedarkeep_service::{Code, NewPolicy};
use cedarkeep_tests::{home::Engine, in_process::InProcess};

/// Has PostgreSQL tell the first so many changes of policies that another transaction has won. What a sequence has
/// counted no rollback takes back.
fn losing(times: u32) -> String {
    format!(
        "CREATE SEQUENCE tries; \
         CREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
         IF nextval('tries') <= {times} THEN RAISE EXCEPTION 'lost' USING ERRCODE = 'deadlock_detected'; END IF; \
         RETURN NEW; END $$; \
         CREATE TRIGGER lose BEFORE INSERT ON policies FOR EACH ROW EXECUTE FUNCTION lose()"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgres_a_change_that_loses_is_tried_again_and_then_given_up() {
    for (times, tries) in [(4, 5), (100, 5)] {
        let it = InProcess::on(Engine::Postgres).await;
        let zone = it.zone().await.id;
        let before = it.store.read().await.unwrap().count_events(zone).await.unwrap();
        it.home().psql(&losing(times));
        let new = NewPolicy { name: Name::new("policy").unwrap(), description: None };
        let made = it.service.create_policy(&InProcess::call(), zone, new).await;
        assert_eq!(
            made.map(|_| ()).map_err(|error| error.code()),
            if times == 4 { Ok(()) } else { Err(Code::Unavailable) }
        );
        assert_eq!(it.home().psql("SELECT last_value FROM tries"), tries.to_string());
        let after = it.store.read().await.unwrap().count_events(zone).await.unwrap();
        assert_eq!(after - before, u64::from(times == 4), "what lost left nothing behind");
    }
}
