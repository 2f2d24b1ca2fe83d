//! kill -9 of the real server while it signs again. `ROTATION_KILLS` says how often (5 unless said; the full figure is 50).

use std::{env, thread, time::Duration};

use cedarkeep_attest::envelope_statement;
use cedarkeep_model::Envelope;
use cedarkeep_tests::{
    home::Home,
    random::Random,
    server::{FIXTURE_TOKEN, Server, cedarkeep, run},
};
use serde_json::{Value, json};

use crate::support::assert_no_repeats;

const VERSIONS: usize = 30;

fn send(server: &Server, method: &str, path: &str, body: &Value) -> Value {
    server.client().must(method, path, body)
}

fn get(server: &Server, path: &str) -> Value {
    let (status, body) = server.get(path, FIXTURE_TOKEN);
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn text<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap_or_else(|| panic!("{member} of {object}"))
}

/// A zone with versions; its path and theirs.
fn publish(server: &Server) -> (String, Vec<String>) {
    let zone = format!("/zones/{}", text(&send(server, "POST", "/zones", &json!({"name": "Test"})), "id"));
    let policy = send(server, "POST", &format!("{zone}/policies"), &json!({"name": "policy"}));
    let set = send(server, "POST", &format!("{zone}/policy-sets"), &json!({"name": "set"}));
    let set = format!("{zone}/policy-sets/{}", text(&set, "id"));
    let versions = (0..VERSIONS).map(|number| {
        let content = json!({
            "schema_version": "2026-03-16",
            "cedar_raw": format!("permit (principal == Keycard::User::\"u{number}\", action, resource);"),
        });
        let id = text(&policy, "id");
        let version = send(server, "POST", &format!("{zone}/policies/{id}/versions"), &content);
        let entry = json!({"policy_id": id, "policy_version_id": text(&version, "id")});
        let manifest = json!({"schema_version": "2026-03-16", "manifest": {"entries": [entry]}});
        let version = send(server, "POST", &format!("{set}/versions"), &manifest);
        format!("{set}/versions/{}", text(&version, "id"))
    });
    let versions = versions.collect();
    (zone, versions)
}

fn unfinished(server: &Server, zone: &str) -> bool {
    let keys = get(server, &format!("{zone}/signing-keys"));
    let re_signing = &keys["re_signing"];
    assert_eq!((&re_signing["refused"], &re_signing["problem"]), (&json!([]), &Value::Null));
    let leaving = |key: &Value| key["revoke_requested_at"].is_string() && key["state"] != "revoked";
    re_signing["done"] != re_signing["total"] || keys["items"].as_array().unwrap().iter().any(leaving)
}

/// Every version has its attestations, each by another key.
fn check(server: &Server, versions: &[String]) {
    for path in versions {
        let all = get(server, &format!("{path}/attestations"));
        let envelopes: Vec<Envelope> = serde_json::from_value(all["items"].clone()).unwrap();
        let keys = envelopes.iter().map(|envelope| envelope_statement(envelope).unwrap().key_id);
        let keys: Vec<_> = keys.collect();
        assert!(!keys.is_empty(), "{path}");
        assert_no_repeats(&keys);
    }
}

/// An auditor who trusts the key that signs now finds everything in order, over the network and from an export.
fn verify(server: &Server, zone: &str, version: &str) {
    let keys = get(server, &format!("{zone}/signing-keys"));
    let signing = keys["items"].as_array().unwrap().iter().find(|key| key["state"] == "signing").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (url, export) = (format!("{}{version}", server.url), folder.path().to_str().unwrap());
    let exported = run(cedarkeep(["export", &url, export]).env("CEDARKEEP_TOKEN", FIXTURE_TOKEN));
    assert_eq!(exported.code, Some(0), "{}", exported.err);
    for evidence in [&url, export] {
        let arguments = ["verify", evidence, "--trust-kid", text(signing, "kid")];
        let verified = run(cedarkeep(arguments).env("CEDARKEEP_TOKEN", FIXTURE_TOKEN));
        assert_eq!(verified.code, Some(0), "{} {}", verified.out, verified.err);
        assert!(
            verified.out.contains("key_revoked"),
            "the first attestation proves nothing any more: {}",
            verified.out
        );
    }
}

#[test]
fn kill_9_while_signing_again() {
    let kills: u64 = env::var("ROTATION_KILLS").map_or(5, |kills| kills.parse().unwrap());
    let home = Home::default();
    let start = || Server::start(home.serve().env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN));
    // A fixed seed makes a run repeatable but for the machine's own timing.
    let mut random = Random::new(0x00c0_ffee_5555_aaaa);
    let mut server = start();
    let (zone, versions) = publish(&server);
    let keys = format!("{zone}/signing-keys");
    for _ in 0..kills {
        if !unfinished(&server, &zone) {
            send(&server, "POST", &keys, &json!({"publish_ahead_seconds": 0}));
        }
        // The moment of the kill is what is random here; nothing is waited for.
        thread::sleep(Duration::from_millis(random.below(150)));
        server.kill();
        server = start();
        check(&server, &versions);
    }
    let first = text(&get(&server, &keys)["items"][0], "kid").to_owned();
    send(&server, "DELETE", &format!("{keys}/{first}"), &json!({}));
    while unfinished(&server, &zone) {
        thread::yield_now();
    }
    check(&server, &versions);
    assert_eq!(get(&server, &keys)["items"][0]["state"], "revoked");
    verify(&server, &zone, &versions[0]);
    let (status, said) = server.stop();
    assert!(status.success(), "{said}");
    let fsck = run(&mut home.cedarkeep(["fsck", "--output", "json"]));
    assert_eq!(fsck.code, Some(0), "{} {}", fsck.out, fsck.err);
}
