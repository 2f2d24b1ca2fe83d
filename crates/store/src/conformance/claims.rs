//! Claims on jobs.

use std::sync::Arc;

use super::{
    samples::at,
    support::{commit, taken_over},
};
use crate::{JobClaim, Store};

/// A claim of this holder on the job `sweep`.
fn claim(holder: &str, from: i64, until: i64) -> JobClaim {
    JobClaim { job: "sweep".to_owned(), holder: holder.to_owned(), from: at(from), until: at(until) }
}

/// Until it has passed; the holder may claim it on.
pub async fn a_job_is_one_holders_at_a_time(store: &Arc<dyn Store>) {
    assert!(taken_over(store, claim("one", 0, 10)).await);
    assert!(!taken_over(store, claim("two", 5, 15)).await, "it stands");
    assert!(taken_over(store, claim("one", 5, 15)).await, "claimed on");
    assert!(!taken_over(store, claim("two", 14, 24)).await, "it stands as it was claimed on");
    let other = JobClaim { job: "keys".to_owned(), ..claim("two", 14, 24) };
    assert!(taken_over(store, other).await, "another job");
    assert!(taken_over(store, claim("two", 15, 25)).await, "it has passed");
    assert!(!taken_over(store, claim("one", 16, 26)).await);
}

/// By its holder alone.
pub async fn a_job_can_be_released(store: &Arc<dyn Store>) {
    assert!(taken_over(store, claim("one", 0, 10)).await);
    commit(store, async |to| to.release("sweep", "two").await.unwrap()).await;
    assert!(!taken_over(store, claim("two", 1, 11)).await);
    commit(store, async |to| to.release("sweep", "one").await.unwrap()).await;
    assert!(taken_over(store, claim("two", 1, 11)).await);
}

/// Or a clock that went wrong for a moment would keep a job from everybody for years.
pub async fn a_claim_from_far_in_the_future_does_not_stand(store: &Arc<dyn Store>) {
    assert!(taken_over(store, claim("one", 10, 20)).await);
    assert!(!taken_over(store, claim("two", 0, 10)).await, "clocks differ a little");
    assert!(taken_over(store, claim("one", 1_000, 1_010)).await);
    assert!(taken_over(store, claim("two", 0, 10)).await);
}

/// Whoever claims does not know yet who will be first.
pub async fn one_of_many_claims_a_job(store: &Arc<dyn Store>) {
    let mut claims = tokio::task::JoinSet::new();
    for number in 0..16 {
        let store = Arc::clone(store);
        claims.spawn(async move { taken_over(&store, claim(&number.to_string(), 0, 10)).await });
    }
    assert_eq!(claims.join_all().await.into_iter().filter(|mine| *mine).count(), 1);
}
