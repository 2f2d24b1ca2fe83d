//! Verifiers that keep a key set for as long as they may never meet an attestation that they cannot verify.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use cedarkeep_attest::{Jwks, verify_envelope};
use cedarkeep_model::{Clock as _, PolicySetVersionId, Timestamp};
use cedarkeep_tests::{in_process::InProcess, random::Random};
use tokio::task::yield_now;

use crate::support::{Published, assert_sound, finish, fresh_ground, jwks, progress, publish, states};

const VERIFIERS: u64 = 50;
const ROTATIONS: usize = 20;
/// `max-age` of the key set, in seconds.
const MAX_AGE: i64 = 300;

/// What the verifiers share.
struct Field {
    it: InProcess,
    set: Published,
    versions: Mutex<Vec<PolicySetVersionId>>,
    over: AtomicBool,
    /// How often each has verified.
    verified: Vec<AtomicU64>,
    /// How often a key set was fetched.
    fetched: AtomicU64,
}

/// Verifies whatever is the newest attestation of some version, on and on.
async fn verify(field: Arc<Field>, number: u64) {
    let mut random = Random::new(0x00c0_ffee_0000_0001 + number);
    let mut held: Option<(Timestamp, Jwks)> = None;
    while !field.over.load(Ordering::Relaxed) {
        let version = *random.of(&field.versions.lock().unwrap());
        let (call, Published { zone, set, .. }) = (InProcess::call(), &field.set);
        let envelope = field.it.service.attestation(&call, *zone, *set, version).await.unwrap();
        // Only now it matters how old the key set is: the attestation cannot be newer than this moment.
        let now = field.it.clock.now();
        let fresh = held.take().filter(|(since, _)| now < since.plus_seconds(MAX_AGE));
        let keys = if let Some(fresh) = fresh {
            fresh
        } else {
            field.fetched.fetch_add(1, Ordering::Relaxed);
            (now, jwks(&field.it, *zone).await)
        };
        let (_, jwks) = held.insert(keys);
        verify_envelope(&serde_json::to_vec(&envelope).unwrap(), jwks).unwrap();
        field.verified[usize::try_from(number).unwrap()].fetch_add(1, Ordering::Relaxed);
        yield_now().await;
    }
}

impl Field {
    /// Waits until every verifier has verified once more.
    async fn everybody_verifies(&self, tasks: &[tokio::task::JoinHandle<()>]) {
        let before: Vec<_> = self.verified.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let all = || self.verified.iter().zip(&before).all(|(now, before)| now.load(Ordering::Relaxed) > *before);
        while !all() {
            assert!(!tasks.iter().any(tokio::task::JoinHandle::is_finished), "a verification has failed");
            yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_verifiers_live_through_twenty_rotations() {
    let it = fresh_ground().open().await;
    let set = publish(&it, 8).await;
    let field = Arc::new(Field {
        versions: Mutex::new(set.versions.clone()),
        over: AtomicBool::new(false),
        verified: (0..VERIFIERS).map(|_| AtomicU64::new(0)).collect(),
        fetched: AtomicU64::new(0),
        it,
        set,
    });
    let tasks: Vec<_> = (0..VERIFIERS).map(|number| tokio::spawn(verify(Arc::clone(&field), number))).collect();
    for rotation in 0..ROTATIONS {
        field.everybody_verifies(&tasks).await;
        let key = field.it.service.rotate_key(&InProcess::call(), field.set.zone, None).await.unwrap();
        // The clock passes the time in steps that differ, so that key sets of every age are about when the key signs.
        let step = 100 + 13 * i64::try_from(rotation).unwrap();
        while field.it.clock.now() < key.signs_from {
            field.everybody_verifies(&tasks).await;
            field.it.clock.advance(step);
        }
        if rotation % 2 == 0 {
            // Here a publisher, and not the worker, lets the key sign.
            let version = field.set.publish_more(&field.it).await;
            field.versions.lock().unwrap().push(version);
        }
        while field.it.service.work_once().await {
            yield_now().await;
        }
    }
    field.everybody_verifies(&tasks).await;
    field.over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    let Field { it, set, .. } = &*field;
    finish(&it.service).await;
    assert_eq!(progress(it, set.zone).await, (18, 18, vec![]));
    assert_eq!(states(it, set.zone).await.len(), ROTATIONS + 1);
    let versions = field.versions.lock().unwrap().clone();
    for version in versions {
        set.statements(it, version).await;
    }
    assert_sound(&it.store).await;
    let verified: u64 = field.verified.iter().map(|count| count.load(Ordering::Relaxed)).sum();
    let fetched = field.fetched.load(Ordering::Relaxed);
    println!("{verified} verifications with {fetched} key sets");
    assert!(fetched < verified, "nobody has kept a key set");
}
