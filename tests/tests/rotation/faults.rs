//! Work that is broken off at any moment goes on where it was.

use std::{future::pending, time::Duration};

use cedarkeep_tests::{home::Engine, in_process::InProcess, random::Random};
use tokio::{
    runtime::{Builder, Runtime},
    task::yield_now,
    time::sleep,
};

use crate::support::{
    Published, assert_no_repeats, assert_sound, finish, fresh_ground, jwks, keys, progress, publish, signing,
};

const KILLS: u64 = 50;
const LIVING: u64 = 16;

fn runtime() -> Runtime {
    Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// Lets a worker work on a runtime of its own until it has done so much and a moment more, and takes the runtime away
/// under it, transactions and all.
fn work_and_die(server: &Runtime, it: &InProcess, set: &Published, most: u64, moment: Duration) {
    let (service, store, zone) = (it.service.clone(), it.store.clone(), set.zone);
    let done = server.spawn(async move {
        let mut read = store.read().await.unwrap();
        let begun = read.count_events(zone).await.unwrap();
        while read.count_events(zone).await.unwrap() < begun + most
            && !read.zones_with_key_work().await.unwrap().is_empty()
        {
            yield_now().await;
        }
        // The moment of the kill is what is random here; nothing is waited for.
        sleep(moment).await;
    });
    let worker = runtime();
    worker.block_on(async {
        tokio::select! {
            () = service.run_jobs(pending()) => unreachable!("nobody stops it"),
            done = done => done.unwrap(),
        }
    });
    drop(worker);
}

/// Every tenth time the whole server goes, its store and its writer with it. On PostgreSQL it goes every time: connections
/// that the dead worker had opened died with its runtime, as they do with a process.
#[test]
fn fifty_kills_leave_nothing_unsigned_and_nothing_signed_twice() {
    let ground = fresh_ground();
    // A fixed seed makes a run repeatable but for the machine's own timing.
    let mut random = Random::new(0x00c0_ffee_8765_4321);
    let mut server = runtime();
    let (mut it, set) = server.block_on(async {
        let it = ground.open().await;
        let set = publish(&it, usize::try_from(LIVING).unwrap() + 3).await;
        for archived in &set.versions[..3] {
            set.archive(&it, *archived).await;
        }
        (it, set)
    });
    let (mut jobs, mut interrupted) = (0, 0);
    for kill in 1..=KILLS {
        if server.block_on(begin(&it, &set, jobs)) {
            jobs += 1;
        }
        let moment = Duration::from_micros(random.below(5_000));
        work_and_die(&server, &it, &set, random.below(5), moment);
        if kill % 10 == 0 || Engine::chosen() == Engine::Postgres {
            drop(it);
            drop(server);
            server = runtime();
            it = server.block_on(ground.open());
            // The claims of the dead worker pass.
            it.clock.advance(30);
        }
        server.block_on(check(&it, &set));
        interrupted += u64::from(server.block_on(busy(&it)));
    }
    server.block_on(async {
        finish(&it.service).await;
        let (total, done, refused) = progress(&it, set.zone).await;
        assert!(total == done && refused.is_empty() && done >= LIVING, "{total} {done} {refused:?}");
        check(&it, &set).await;
    });
    println!("{KILLS} kills during {jobs} jobs, {interrupted} of them with work left");
    assert!(jobs > 1 && interrupted > 1, "{jobs} jobs, {interrupted} interrupted");
}

async fn busy(it: &InProcess) -> bool {
    !it.store.read().await.unwrap().zones_with_key_work().await.unwrap().is_empty()
}

/// Asks for a rotation, and every third time for a revocation, unless something is still being done.
async fn begin(it: &InProcess, set: &Published, jobs: u64) -> bool {
    if busy(it).await {
        return false;
    }
    if jobs % 3 == 2 {
        let signing = signing(it, set.zone).await;
        set.revoke(it, &signing).await;
    } else {
        set.rotate(it, 0).await;
    }
    true
}

/// No version is without an attestation that is good now, none was signed twice by one key, and everything is sound.
async fn check(it: &InProcess, set: &Published) {
    // What the dead worker had asked to be committed may be on its way; a commit of ours comes after it.
    it.store.write().await.unwrap().commit().await.unwrap();
    let published = jwks(it, set.zone).await;
    for version in &set.versions {
        assert_no_repeats(&set.signers(&it.store, *version).await);
        set.verified(it, *version, &published).await.pop().unwrap().unwrap();
    }
    assert_sound(&it.store).await;
    assert_eq!(keys(it, set.zone).await.re_signing.problem, None);
}
