//! Publishing a set again in which one policy has changed, beside building it anew.

use std::{cell::Cell, sync::Arc};

use cedarkeep_cedar::{CedarPool, Compiler};
use cedarkeep_tests::{in_process::InProcess, workload::Workload};
use criterion::{BatchSize, Criterion};
use tokio::runtime::Runtime;

use crate::{
    served::{Asked, Zone},
    sets::{pinned, schema, version},
};

pub(crate) fn republish(c: &mut Criterion) {
    let size = crate::sizes().into_iter().filter(|size| *size <= 10_000).max().unwrap_or(10_000);
    let workload = Workload::of(size);
    compile(c, workload);
    publish(c, workload);
}

/// The first statement with a text that no version had before.
fn changed(workload: Workload, number: usize) -> String {
    workload.statement(0).replace("resource.level <=", &format!("resource.level + {number} <="))
}

fn compile(c: &mut Criterion, workload: Workload) {
    let pool = CedarPool::new(1).unwrap();
    let (all, schema) = pool.run_blocking(move || (Arc::new(pinned(workload)), schema())).unwrap();
    let mut group = c.benchmark_group(format!("compile/{}", workload.statements));
    group.sample_size(10);
    group.bench_function("anew", |b| {
        b.iter_with_large_drop(|| {
            let (all, schema) = (Arc::clone(&all), schema.clone());
            pool.run_blocking(move || Compiler::new(0).compile(&all, schema).unwrap()).unwrap()
        });
    });
    let compiler = Arc::new(Compiler::new(0));
    // The version before is alive as long as the next one is compiled.
    let before = {
        let (compiler, all, schema) = (Arc::clone(&compiler), Arc::clone(&all), schema.clone());
        pool.run_blocking(move || compiler.compile(&all, schema).unwrap()).unwrap()
    };
    let number = Cell::new(0);
    group.bench_function("one_changed", |b| {
        b.iter_batched(
            || {
                number.set(number.get() + 1);
                let (mut next, text) = ((*all).clone(), changed(workload, number.get()));
                next[0] = pool.run_blocking(move || version(0, &text)).unwrap();
                next
            },
            |next| {
                let (compiler, schema) = (Arc::clone(&compiler), schema.clone());
                // What is compiled is dropped outside of what is measured.
                pool.run_blocking(move || (compiler.compile(&next, schema).unwrap(), next)).unwrap()
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
    drop(before);
}

/// From the call that publishes and binds to the first decision by what was published.
fn publish(c: &mut Criterion, workload: Workload) {
    let runtime = Runtime::new().unwrap();
    let it = runtime.block_on(InProcess::start());
    let zone = runtime.block_on(Zone::make(&it, workload));
    runtime.block_on(zone.fill(&it, workload));
    let questions = workload.questions(100);
    let other = questions.iter().find(|question| !workload.meets_first(question)).unwrap();
    let asked = Asked::of(workload, other);
    let number = Cell::new(0);
    let text = || {
        number.set(number.get() + 1);
        changed(workload, number.get())
    };
    let until_it_decides = async |it: &InProcess, text| {
        zone.change_first(it, text).await;
        asked.ask(it, zone.id).await;
    };
    let mut group = c.benchmark_group(format!("publish_until_it_decides/{}", workload.statements));
    group.sample_size(10);
    group.bench_function("one_changed", |b| {
        b.iter_batched(text, |text| runtime.block_on(until_it_decides(&it, text)), BatchSize::PerIteration);
    });
    group.bench_function("by_a_process_that_knows_none_of_it", |b| {
        b.iter_batched(
            || (runtime.block_on(it.beside()), text()),
            |(beside, text)| {
                runtime.block_on(until_it_decides(&beside, text));
                beside
            },
            BatchSize::PerIteration,
        );
    });
    group.finish();
}
