//! Files that somebody who knows the format has changed, with every checksum right: what they hold is checked too.

use cedarkeep_attest::MasterKey;
use cedarkeep_cedar::CedarPool;
use cedarkeep_service::transfer::restore;
use cedarkeep_tests::home::{Engine, Home};
use serde_json::{Value, json};

use crate::support::{Files, Furnished, close, forge, furnished, is_empty, lines, member};

/// The place of the first line of this kind for which this holds.
fn place(lines: &[String], kind: &str, holds: impl Fn(&Value) -> bool) -> usize {
    let found = lines.iter().position(|line| {
        let (name, value) = member(line);
        name == kind && holds(&value)
    });
    found.unwrap_or_else(|| panic!("there is no such {kind}"))
}

/// Changes one line.
fn changed(lines: &[String], kind: &str, holds: impl Fn(&Value) -> bool, change: impl Fn(&mut Value)) -> Vec<String> {
    let (mut lines, at) = (lines.to_vec(), place(lines, kind, holds));
    let (name, mut value) = member(&lines[at]);
    change(&mut value);
    lines[at] = forge(&name, &value);
    lines
}

fn without(lines: &[String], kind: &str, holds: impl Fn(&Value) -> bool) -> Vec<String> {
    let (mut lines, at) = (lines.to_vec(), place(lines, kind, holds));
    lines.remove(at);
    lines
}

/// What each forgery is, what it must be refused for, and the lines.
#[expect(clippy::too_many_lines, reason = "it is a list")]
fn forgeries(furnished: &Furnished, whole: &[String]) -> Vec<(&'static str, &'static str, Vec<String>)> {
    let (zone, deleted) = (furnished.zone.to_string(), furnished.deleted.to_string());
    let here = |value: &Value| value["zone_id"] == json!(zone);
    let tombstone = |value: &Value| value["zone_id"] == json!(deleted);
    let set = |name: &'static str, to: Value| move |value: &mut Value| value[name] = to.clone();
    let [old, new] = furnished.versions;
    vec![
        (
            "a text",
            "policy version",
            changed(whole, "policy_version", here, set("cedar_raw", json!("permit (principal, action, resource);"))),
        ),
        ("a digest", "policy version", changed(whole, "policy_version", here, set("sha", json!("0".repeat(64))))),
        ("a schema", "schema version", changed(whole, "schema", here, set("cedar_schema_json", json!("{}")))),
        (
            "a manifest",
            "manifest",
            changed(whole, "policy_set_version", here, set("manifest", json!("{\"entries\":[]}"))),
        ),
        (
            "a binding",
            "bindings",
            changed(
                whole,
                "binding",
                |value| here(value) && value["policy_set_version_id"] == json!(new),
                set("policy_set_version_id", json!(old)),
            ),
        ),
        ("a binding less", "bindings", without(whole, "binding", here)),
        (
            "a signature",
            "attestation",
            changed(whole, "attestation", here, |value| {
                let other = value["signature"].as_str().unwrap().chars().rev().collect::<String>();
                value["signature"] = json!(other);
            }),
        ),
        (
            "an attestation less",
            "attestations",
            without(whole, "attestation", |value| here(value) && value["seq"] == json!(2)),
        ),
        (
            "the state of a key",
            "signing keys",
            changed(
                whole,
                "signing_key",
                |value| here(value) && value["state"] == json!("revoked"),
                set("state", json!("retired")),
            ),
        ),
        (
            "a private key",
            "private half",
            changed(
                whole,
                "signing_key",
                |value| here(value) && value["state"] == json!("signing"),
                set("sealed_private", json!("AAAA")),
            ),
        ),
        (
            "a data key",
            "data key",
            changed(whole, "zone", |value| value["id"] == json!(zone), set("data_key", json!("AAAA"))),
        ),
        ("an event", "digest", changed(whole, "event", here, set("actor", json!("somebody")))),
        ("an event less", "event", without(whole, "event", |value| here(value) && value["seq"] == json!(5))),
        (
            "the last event less",
            "event number",
            without(whole, "event", |value| here(value) && value["kind"] == json!("zone.updated")),
        ),
        (
            "an entity",
            "entit",
            changed(
                whole,
                "entity",
                |value| here(value) && value["entity_id"] == json!("alice"),
                set("body", json!("{}")),
            ),
        ),
        (
            "an entity less",
            "entities",
            without(whole, "entity", |value| here(value) && value["entity_id"] == json!("alice")),
        ),
        (
            "a draft",
            "drafts",
            changed(whole, "policy_draft", here, set("content", json!("permit (principal, action, resource);"))),
        ),
        ("a token", "tokens", changed(whole, "user_token", here, set("user_uid", json!("User::\"eve\"")))),
        ("a name", "policies", changed(whole, "policy", here, set("name", json!("another")))),
        (
            "settings",
            "settings",
            changed(
                whole,
                "zone",
                |value| value["id"] == json!(zone),
                |value| {
                    let settings = value["settings"]
                        .as_str()
                        .unwrap()
                        .replace("\"on_forbid_error\":\"deny\"", "\"on_forbid_error\":\"cedar\"");
                    value["settings"] = json!(settings);
                },
            ),
        ),
        ("an archive less", "policy version", without(whole, "policy_version_archive", here)),
        (
            "a policy back from the archive",
            "archived",
            changed(
                whole,
                "policy",
                |value| here(value) && value["archived_at"].is_i64(),
                |value| {
                    value["archived_at"] = Value::Null;
                    value["archived_by"] = Value::Null;
                },
            ),
        ),
        (
            "an event of a tombstone",
            "deleted zone",
            changed(whole, "event", tombstone, set("actor", json!("somebody"))),
        ),
        (
            "an attestation of a tombstone",
            "deleted zone",
            changed(whole, "attestation", tombstone, set("payload", json!("e30"))),
        ),
        (
            "a deletion taken back",
            "",
            changed(whole, "zone", |value| value["id"] == json!(deleted), set("deleted_at", Value::Null)),
        ),
        ("a zone deleted", "", changed(whole, "zone", |value| value["id"] == json!(zone), set("deleted_at", json!(1)))),
        ("a row of another zone", "another zone", changed(whole, "entity", here, set("zone_id", json!(deleted)))),
        ("a slug twice", "", changed(whole, "zone", |value| value["id"] == json!(zone), set("slug", json!("test-2")))),
        (
            "another format version",
            "format version 2",
            changed(whole, "header", |_| true, set("format_version", json!(2))),
        ),
        ("another format", "header", changed(whole, "header", |_| true, set("format", json!("tar")))),
        ("one zone", "import", changed(whole, "header", |_| true, set("contents", json!("zone")))),
        ("no master key", "master key", without(whole, "meta", |value| value["key"] == json!("master_key_check"))),
        ("a store that is read-only", "no backup holds", {
            let (mut lines, at) = (whole.to_vec(), place(whole, "organization", |_| true));
            lines.insert(at, forge("meta", &json!({"key": "read_only", "value": ""})));
            lines
        }),
        ("another member", "not written as", changed(whole, "event", here, set("more", json!(1)))),
        ("another type", "not of its type", changed(whole, "event", here, set("seq", json!("1")))),
        ("another kind", "no rows of the kind", {
            let (mut lines, at) = (whole.to_vec(), place(whole, "event", here));
            lines.insert(at, forge("secret", &json!({})));
            lines
        }),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_forgery_is_taken_in() {
    let files = Files::new();
    let furnished = furnished(Engine::Sqlite).await;
    let whole = lines(&files.backup(furnished.it.home(), "backup"));
    let forged = forgeries(&furnished, &whole);
    let home = Home::on(Engine::Sqlite);
    let (store, cedar, master) = (home.open().await, CedarPool::new(1).unwrap(), MasterKey::from_bytes([7; 32]));
    for (what, reason, lines) in forged {
        assert_ne!(lines, whole, "{what}");
        let bytes = close(lines).concat();
        let taken = restore(&*store, &master, &cedar, &mut bytes.as_bytes(), &mut |_| {}).await;
        let Err(error) = taken else { panic!("{what}: {taken:?}") };
        assert!(error.to_string().contains(reason), "{what}: {error}");
    }
    store.close().await;
    assert!(is_empty(&home).await);
    // That each was refused for what was forged, and not for how.
    let store = home.open().await;
    let bytes = close(whole).concat();
    restore(&*store, &master, &cedar, &mut bytes.as_bytes(), &mut |_| {}).await.unwrap();
    store.close().await;
}
