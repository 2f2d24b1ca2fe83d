//! What publishing costs, beside the bare operations it cannot do without: SHA-256 and an RSA signature.
//!
//! `cargo bench -p cedarkeep-tests --bench publish`. Take the ratios: machines are noisy.

use std::{cell::Cell, hint::black_box, time::Duration};

use cedarkeep_attest::{KeyPair, Signer};
use cedarkeep_cedar::{CedarPool, Given};
use cedarkeep_model::{Digest, PolicyVersion, ScopeType};
use cedarkeep_service::{Config, GivenPolicy};
use cedarkeep_tests::in_process::{InProcess, entries, fixture_keys, schema_version};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;

fn policy(number: usize) -> String {
    format!(
        "// Who may read what user {number} owns.\n@id(\"read-{number}\")\npermit (\n  principal == User::\"u{number}\",\n  \
         action == Action::\"read\",\n  resource\n) when {{ resource.level <= principal.level && resource.owner == \
         principal }};\n"
    )
}

fn floors(c: &mut Criterion) {
    let mut group = c.benchmark_group("floor");
    let text = policy(1);
    group.bench_function("sha256_of_a_policy", |b| b.iter(|| Digest::of(black_box(text.as_bytes()))));
    let pem = fixture_keys(3072).remove(0);
    let key = openssl::pkey::PKey::private_key_from_pem(pem.as_bytes()).unwrap();
    group.bench_function("rsa3072_signature", |b| {
        b.iter(|| {
            let mut signer = openssl::sign::Signer::new(openssl::hash::MessageDigest::sha256(), &key).unwrap();
            signer.sign_oneshot_to_vec(black_box(text.as_bytes())).unwrap()
        });
    });
    group.finish();
}

fn digest(c: &mut Criterion) {
    let pool = CedarPool::new(1).unwrap();
    let text = policy(1);
    c.bench_function("digest_of_a_policy_text", |b| {
        b.iter(|| {
            let text = text.clone();
            pool.run_blocking(move || cedarkeep_cedar::read_policy(Given::Text(&text)).unwrap().sha).unwrap()
        });
    });
}

fn sign(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let statement = runtime.block_on(async {
        let it = InProcess::start().await;
        let zone = it.zone().await.id;
        let version = one_version(&it, zone).await;
        let set = it.set(zone, "set", ScopeType::Zone).await;
        it.set_version(zone, set, &[version]).await.attestation
    });
    let pair = KeyPair::from_pem(fixture_keys(3072).remove(0).as_bytes()).unwrap();
    let signer = Signer::new(&pair).unwrap();
    let mut statement = statement;
    statement.key_id.clone_from(&pair.kid);
    c.bench_function("sign_a_statement", |b| b.iter(|| signer.sign(black_box(&statement)).unwrap()));
}

async fn one_version(it: &InProcess, zone: cedarkeep_model::ZoneId) -> PolicyVersion {
    let policy_id = it.policy(zone, "policy").await;
    it.version(zone, policy_id, &policy(0)).await
}

fn publish_policy_version(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let it = runtime.block_on(InProcess::with(3072, Config::default()));
    let zone = runtime.block_on(it.zone()).id;
    let policy_id = runtime.block_on(it.policy(zone, "policy"));
    let number = Cell::new(0);
    c.bench_function("publish_a_policy_version", |b| {
        b.iter_batched(
            || {
                number.set(number.get() + 1);
                policy(number.get())
            },
            |text| {
                let call = InProcess::call();
                let given = GivenPolicy::Text(text);
                let publish = it.service.publish_policy_version(&call, zone, policy_id, schema_version(), given);
                assert!(runtime.block_on(publish).unwrap().created);
            },
            BatchSize::PerIteration,
        );
    });
}

fn publish_set_version(c: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let it = runtime.block_on(InProcess::with(3072, Config::default()));
    let zone = runtime.block_on(it.zone()).id;
    let mut group = c.benchmark_group("publish_a_set_version");
    group.sample_size(20).measurement_time(Duration::from_secs(10));
    for size in [1, 100, 1_000] {
        let (set, pinned) = runtime.block_on(prepare(&it, zone, size));
        // Two versions of the first policy take turns, so that no version is the newest one again.
        let turn = Cell::new(0);
        group.bench_function(size.to_string(), |b| {
            b.iter(|| {
                turn.set(1 - turn.get());
                let call = InProcess::call();
                let entries = entries(&pinned[turn.get()]);
                let publish = it.service.publish_set_version(&call, zone, set, schema_version(), entries);
                assert!(runtime.block_on(publish).unwrap().created);
            });
        });
    }
    group.finish();
}

async fn prepare(
    it: &InProcess,
    zone: cedarkeep_model::ZoneId,
    size: usize,
) -> (cedarkeep_model::PolicySetId, [Vec<PolicyVersion>; 2]) {
    let mut pinned = Vec::with_capacity(size);
    for number in 0..size {
        let id = it.policy(zone, &format!("policy {number} of {size}")).await;
        pinned.push(it.version(zone, id, &policy(number)).await);
    }
    let mut other = pinned.clone();
    other[0] = it.version(zone, pinned[0].policy_id, &policy(size)).await;
    (it.set(zone, &format!("set of {size}"), ScopeType::Zone).await, [pinned, other])
}

criterion_group!(benches, floors, digest, sign, publish_policy_version, publish_set_version);
criterion_main!(benches);
