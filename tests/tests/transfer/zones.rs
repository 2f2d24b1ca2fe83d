//! One zone, from one installation to another with a master key of its own.

use std::path::{Path, PathBuf};

use cedarkeep_model::{KeyState, ZoneId};
use cedarkeep_tests::{
    home::{Engine, Home},
    server::{FIXTURE_TOKEN, Server, run},
    until::{PATIENCE, until},
};
use serde_json::{Value, json};

use crate::support::{Files, Furnished, MASTER, cedarkeep, close, done, forge, furnished, lines, member, rows, text};

/// Another master key. Test fixture, guards nothing.
const OTHER_MASTER: &str = "0909090909090909090909090909090909090909090909090909090909090909";

/// An installation with zones of its own and another master key.
struct Elsewhere(Home);

impl Elsewhere {
    fn new(engine: Engine) -> Self {
        let it = Self(Home::on(engine));
        let (status, said) = it.serve().stop();
        assert!(status.success(), "{said}");
        it
    }

    fn serve(&self) -> Server {
        let mut command = cedarkeep(&self.0, ["serve", "--listen", "127.0.0.1:0"]);
        Server::start(command.arg("--log=error").env("CEDARKEEP_MASTER_KEY", OTHER_MASTER))
    }

    /// Runs `import` with these arguments.
    fn import(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = cedarkeep(&self.0, ["import"]);
        let said = run(command.args(arguments).env("CEDARKEEP_MASTER_KEY", OTHER_MASTER));
        if said.code == Some(0) { Ok(said.out) } else { Err(said.err) }
    }

    async fn has(&self, zone: ZoneId) -> bool {
        let store = self.0.open().await;
        let mut read = store.read().await.unwrap();
        let of =
            cedarkeep_store::Rows { kind: cedarkeep_store::RowKind::Zone, zone: Some(zone), after: None, limit: 1 };
        let found = !read.rows(&of).await.unwrap().is_empty();
        drop(read);
        store.close().await;
        found
    }
}

/// Every key of a zone, by state.
async fn kids(furnished: &Furnished, states: &[KeyState]) -> Vec<String> {
    let keys = furnished.it.store.read().await.unwrap().signing_keys(furnished.zone).await.unwrap();
    keys.into_iter().filter(|key| states.contains(&key.state)).map(|key| key.kid).collect()
}

/// What is exported, and the arguments that name every key that signed.
async fn exported(files: &Files) -> (Furnished, PathBuf, Vec<String>) {
    let furnished = furnished(Engine::Sqlite).await;
    let path = files.path("zone");
    let said = done(furnished.it.home(), ["export", &furnished.zone.to_string(), text(&path), "--decisions"]);
    assert!(said.out.contains("private keys are left out"), "{}", said.out);
    let trusted = kids(&furnished, &[KeyState::Signing, KeyState::Retired]).await;
    assert_eq!(trusted.len(), 2);
    let arguments = trusted.into_iter().flat_map(|kid| ["--trust-kid".to_owned(), kid]).collect();
    (furnished, path, arguments)
}

fn with<'a>(path: &'a Path, trust: &'a [String]) -> Vec<&'a str> {
    [text(path)].into_iter().chain(trust.iter().map(String::as_str)).collect()
}

fn decide(server: &Server, zone: ZoneId) -> Value {
    let body = json!({"principal": "User::\"alice\"", "action": "Action::\"read\"", "resource": "Doc::\"1\""});
    server.client().must("POST", &format!("/zones/{zone}/authorize"), &body)
}

/// It decides as before, keeps every byte, is signed again by a key of its own, and is sound.
async fn a_zone_moves_to(engine: Engine) {
    let files = Files::new();
    let (furnished, path, trust) = exported(&files).await;
    assert!(rows(&path).iter().all(|line| {
        let (_, row) = member(line);
        ["data_key", "sealed_private"].iter().all(|secret| row.get(*secret).is_none_or(|sealed| sealed == ""))
    }));
    let elsewhere = Elsewhere::new(engine);
    let said = elsewhere.import(&with(&path, &trust)).unwrap();
    assert!(said.contains("From now on key") && said.contains("clean"), "{said}");
    done(&elsewhere.0, ["fsck"]);
    check_what_came(&files, &elsewhere, &path, &["zone"]);
    let server = elsewhere.serve();
    let decision = decide(&server, furnished.zone);
    assert_eq!(decision["decision"], json!("allow"), "{decision}");
    let (zone, set) = (furnished.zone, furnished.set);
    let attestations = format!("/zones/{zone}/policy-sets/{set}/versions/{}/attestations", furnished.versions[1]);
    let signed_again = || {
        let (status, answer) = server.get(&format!("/zones/{zone}/signing-keys"), FIXTURE_TOKEN);
        assert_eq!(status, 200, "{answer}");
        answer["re_signing"]["done"] == answer["re_signing"]["total"]
    };
    until(PATIENCE, "it is signed again", signed_again);
    let (status, answer) = server.get(&attestations, FIXTURE_TOKEN);
    assert_eq!((status, answer["items"].as_array().map(Vec::len)), (200, Some(4)), "{answer}");
    assert!(server.stop().0.success());
    done(&elsewhere.0, ["fsck"]);
    // Deciding went on, and was counted; what was logged long ago was forgotten.
    let again = check_what_came(&files, &elsewhere, &path, &["zone", "divergence_total", "decision"]);
    assert!(again.iter().any(|kind| kind == "policy_set_version.re_signed"));
}

/// What was exported is there byte for byte, but for the keys, which only verify, and these kinds; the kinds of all events.
fn check_what_came(files: &Files, elsewhere: &Elsewhere, path: &Path, but: &[&str]) -> Vec<String> {
    let zone = member(&rows(path)[0]).1["id"].as_str().unwrap().to_owned();
    let again = files.path("again");
    done(&elsewhere.0, ["export", &zone, text(&again), "--decisions", "--force"]);
    let kept: std::collections::BTreeSet<_> = rows(&again).into_iter().collect();
    for line in rows(path) {
        let (kind, mut row) = member(&line);
        match kind.as_str() {
            kind if but.contains(&kind) => {}
            "signing_key" => {
                if row["state"] != "revoked" {
                    row["state"] = json!("retired");
                }
                assert!(kept.contains(&forge(&kind, &row)), "{line}");
            }
            _ => assert!(kept.contains(&line), "{line}"),
        }
    }
    let events = kept.iter().map(|line| member(line)).filter(|(kind, _)| kind == "event");
    let kinds: Vec<_> = events.map(|(_, event)| event["kind"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds.iter().filter(|kind| *kind == "zone.imported").count(), 1);
    kinds
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_moves_to_sqlite() {
    a_zone_moves_to(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_moves_to_postgres() {
    a_zone_moves_to(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_trusted_keys_are_believed() {
    let files = Files::new();
    let (furnished, path, trust) = exported(&files).await;
    let elsewhere = Elsewhere::new(Engine::Sqlite);
    let said = elsewhere.import(&[text(&path)]).unwrap_err();
    for kid in kids(&furnished, KeyState::ALL).await {
        assert!(said.contains(&kid), "{said}");
    }
    let said = elsewhere.import(&with(&path, &trust[..2])).unwrap_err();
    assert!(said.contains(&trust[3]) && !said.contains(&trust[1]), "{said}");
    assert!(!elsewhere.has(furnished.zone).await);
    // A key set is as good as the ids of the keys in it.
    let jwks = files.path("jwks.json");
    std::fs::write(&jwks, furnished.it.service.jwks(furnished.zone).await.unwrap()).unwrap();
    elsewhere.import(&[text(&path), "--jwks", text(&jwks)]).unwrap();
    assert!(elsewhere.has(furnished.zone).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_that_is_here_is_not_touched() {
    let files = Files::new();
    let (furnished, path, trust) = exported(&files).await;
    let elsewhere = Elsewhere::new(Engine::Sqlite);
    elsewhere.import(&with(&path, &trust)).unwrap();
    let before = rows(&files.backup(&elsewhere.0, "before"));
    let said = elsewhere.import(&with(&path, &trust)).unwrap_err();
    assert!(said.contains("is here already"), "{said}");
    assert_eq!(rows(&files.backup(&elsewhere.0, "after")), before);
    // Nor is one that was deleted made anew, and a slug belongs to one.
    let said = run(&mut {
        let mut command = cedarkeep(furnished.it.home(), ["import", text(&path)]);
        command.args(&trust).env("CEDARKEEP_MASTER_KEY", MASTER);
        command
    });
    assert!(said.code == Some(1) && said.err.contains("is here already"), "{}", said.err);
    let zone = furnished.zone.to_string();
    let renamed: Vec<_> = lines(&path).iter().map(|line| line.replace(&zone, &zone.replace("8000", "8001"))).collect();
    let resealed = renamed.iter().map(|line| {
        let (kind, value) = member(line);
        forge(&kind, &value)
    });
    let other = files.write("other", &close(resealed.collect()));
    let said = elsewhere.import(&with(&other, &trust)).unwrap_err();
    assert!(said.contains("slug"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_zone_is_not_taken_in() {
    let files = Files::new();
    let (furnished, path, trust) = exported(&files).await;
    let whole = lines(&path);
    let elsewhere = Elsewhere::new(Engine::Sqlite);
    let change = |kind: &str, name: &str, to: Value| -> Vec<String> {
        let mut done = false;
        let changed = whole.iter().map(|line| match member(line) {
            (found, mut value) if found == kind && !done && value[name] != to => {
                done = true;
                value[name] = to.clone();
                forge(&found, &value)
            }
            _ => line.clone(),
        });
        let changed = close(changed.collect());
        assert!(done);
        changed
    };
    for (what, reason, lines) in [
        (
            "a text",
            "policy version",
            change("policy_version", "cedar_raw", json!("permit (principal, action, resource);")),
        ),
        ("a binding", "bindings", change("binding", "policy_set_version_id", json!(furnished.versions[0]))),
        ("a key", "", change("signing_key", "n", json!("AQAB"))),
        ("a private key", "without its private half", change("signing_key", "sealed_private", json!("AQAB"))),
        ("a data key", "without its data key", change("zone", "data_key", json!("AQAB"))),
        ("a tombstone", "while it lives", change("zone", "deleted_at", json!(1))),
        ("a whole store", "restore", change("header", "contents", json!("backup"))),
    ] {
        let path = files.write("forged", &lines);
        let said = elsewhere.import(&with(&path, &trust)).unwrap_err();
        assert!(said.contains(reason), "{what}: {said}");
        assert!(!elsewhere.has(furnished.zone).await, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_is_a_url_or_a_zone() {
    let furnished = furnished(Engine::Sqlite).await;
    let (home, files) = (furnished.it.home(), Files::new());
    let target = files.path("target");
    let said = |source: &str| crate::support::failed(home, ["export", source, text(&target)]);
    assert!(said("nothing").contains("the id of a zone"));
    assert!(said(&furnished.deleted.to_string()).contains("there is no zone"));
    assert!(!target.exists());
}
