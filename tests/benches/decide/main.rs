//! What a decision costs in process, beside the plain call of Cedar's authorizer with the same policies, entities and
//! requests; and what it costs to compile and to publish a set again in which one policy has changed.
//!
//! `cargo bench -p cedarkeep-tests --bench decide`; `SIZES` says how many statements the sets have (100, 1,000, 10,000 and
//! 100,000 unless said). Take the ratios: machines are noisy.

mod republish;
mod served;
mod sets;

use std::{env, hint::black_box};

use cedar_policy::Authorizer;
use cedarkeep_cedar::{InlineEntities, Passing};
use cedarkeep_model::ForbidErrorRule;
use cedarkeep_tests::workload::Workload;
use criterion::{Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

use crate::sets::{Bed, Turns};

fn sizes() -> Vec<usize> {
    let sizes = env::var("SIZES").unwrap_or_else(|_| "100,1000,10000,100000".to_owned());
    sizes.split(',').map(|size| size.parse().expect("SIZES are numbers")).collect()
}

fn decide(c: &mut Criterion) {
    for size in sizes() {
        let bed = Bed::of(Workload::of(size));
        let mut group = c.benchmark_group(format!("decide/{size}"));
        group.sample_size(if size > 1_000 { 10 } else { 50 });

        let (policies, entities, requests) = bed.plain();
        let (authorizer, mut turns) = (Authorizer::new(), Turns::of(&requests));
        group.bench_function("floor_plain_cedar_call", |b| {
            b.iter(|| authorizer.is_authorized(black_box(turns.next()), &policies, &entities));
        });
        let facts = bed.facts();
        let mut turns = Turns::of(&facts);
        group.bench_function("cedar_in_this_crate", |b| {
            b.iter(|| bed.set.decide_plainly(black_box(turns.next()), ForbidErrorRule::Deny).unwrap());
        });
        group.sample_size(50);
        let mut turns = Turns::of(&facts);
        group.bench_function("index", |b| {
            b.iter(|| decided(bed.set.decide_in_passing(black_box(turns.next()), ForbidErrorRule::Deny)));
        });
        let (requests, none) = (bed.requests(), InlineEntities::default());
        let mut turns = Turns::of(&requests);
        group.bench_function("read_and_index", |b| {
            b.iter(|| {
                let facts = bed.ground.read_here(black_box(turns.next()), &none).unwrap();
                decided(bed.set.decide_in_passing(&facts, ForbidErrorRule::Deny))
            });
        });
        group.finish();
        drop((policies, entities, facts, bed));
        served::authorize(c, &Runtime::new().unwrap(), size);
    }
}

fn decided(passing: Passing) -> impl Sized {
    match passing {
        Passing::Decided(decision, seen) => (decision, seen),
        other => panic!("{other:?}"),
    }
}

criterion_group!(benches, decide, republish::republish);
criterion_main!(benches);
