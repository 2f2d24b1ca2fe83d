//! Random sequences of publish, bind, promote, unbind, archive, draft and rotate against a small reference model: every
//! answer and the state after every sequence are those of the model, and the store is sound. `SEQUENCES` says how many
//! of 100 steps (40 unless said; the full figure is 1,000).

mod model;
mod world;

use std::env;

use cedarkeep_tests::{home::Engine, random::Random};
use model::{Model, Step};
use world::World;

/// Steps a sequence.
const STEPS: usize = 100;

fn sequences() -> u64 {
    env::var("SEQUENCES").map_or(40, |sequences| sequences.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_does_what_the_model_does() {
    let mut refused = 0;
    for sequence in 1..=sequences() {
        let mut random = Random::new(sequence);
        let mut world = World::new(Engine::chosen()).await;
        let mut model = Model::default();
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..STEPS {
            let step = model.draw(&mut random);
            steps.push(step.clone());
            let expected = model.apply(&step);
            let found = world.apply(&step).await;
            assert_eq!(found, expected, "sequence {sequence}, last of {steps:#?}");
            refused += usize::from(expected.is_err());
        }
        assert_eq!(world.state().await, model.state(), "sequence {sequence}: {steps:#?}");
        world.check().await;
    }
    assert!(refused > 0, "nothing was ever refused: nothing was tested");
}

/// To the last id, digest and signature: the worlds count their ids and their time alike, so even these are the same, as
/// long as a step asks for the same on both.
#[tokio::test(flavor = "multi_thread")]
async fn sqlite_and_postgres_answer_alike() {
    let mut told = 0;
    for sequence in 1..=sequences() {
        let mut random = Random::new(0x00c0_ffee_0000_0000 + sequence);
        let (mut sqlite, mut postgres) = (World::new(Engine::Sqlite).await, World::new(Engine::Postgres).await);
        let mut model = Model::default();
        for number in 0..STEPS {
            let step = model.draw(&mut random);
            let (one, other) = (sqlite.apply(&step).await, postgres.apply(&step).await);
            assert_eq!(one, other, "sequence {sequence}, step {number}: {step:?}");
            // Only so that the next step makes sense.
            let _ = model.apply(&step);
        }
        let (one, other) = (sqlite.transcript().await, postgres.transcript().await);
        for (one, other) in one.iter().zip(&other) {
            assert_eq!(one, other, "sequence {sequence}");
        }
        assert_eq!(one.len(), other.len(), "sequence {sequence}");
        assert_eq!(sqlite.state().await, postgres.state().await, "sequence {sequence}");
        postgres.check().await;
        told += one.len();
    }
    assert!(told > 0, "nothing was compared");
}
