//! `serve --with-example`, as somebody sees it who has just built it.

use std::fs;

use cedarkeep_attest::base64url;
use cedarkeep_tests::server::{Server, serve};

use crate::{Example, json, shell};

#[test]
fn the_three_commands_work_as_they_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    // A path that a shell would take apart if it were not quoted.
    let example = Example::start(&folder.path().join("it's $HOME & more"));
    let [decide, attestation, verify] = &example.commands;

    let decision = json(&shell(decide).out);
    assert_eq!(decision["decision"], "allow", "{decision}");
    let slot = &decision["scopes"][0];
    assert_eq!(slot["determining_policies"][0]["annotations"]["id"], "agents-look-for-their-person", "{decision}");

    let envelope = json(&shell(attestation).out);
    let statement = base64url::decode_strict(envelope["payload"].as_str().unwrap()).unwrap();
    let statement = json(&String::from_utf8(statement).unwrap());
    assert_eq!(statement["manifest_sha"], slot["manifest_sha"], "what decided is what was attested");
    assert_eq!(statement["key_id"], example.kid());

    let verified = shell(verify);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.out.ends_with("verified: self-consistent and authenticated\n"), "{}", verified.out);
    let other = shell(&verify.replace(example.kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    assert_eq!(other.code, Some(1), "{other:?}");
}

#[test]
fn the_policies_of_the_example_tell_cases_apart() {
    let folder = tempfile::tempdir().unwrap();
    let example = Example::start(folder.path());
    let request = folder.path().join("example-decision.json");
    let given = json(&fs::read_to_string(&request).unwrap());
    let decide = |principal: &str, action: &str, context: serde_json::Value| {
        let mut changed = given.clone();
        changed["principal"] = serde_json::from_str(principal).unwrap();
        changed["action"]["id"] = action.into();
        changed["context"] = context;
        fs::write(&request, changed.to_string()).unwrap();
        let answer = json(&shell(&example.commands[0]).out);
        let id = answer["scopes"][0]["determining_policies"][0]["annotations"]["id"].as_str().unwrap_or("").to_owned();
        (answer["decision"].as_str().unwrap().to_owned(), id)
    };
    let bruno = r#"{"type": "Harbour::User", "id": "bruno"}"#;
    let alice = r#"{"type": "Harbour::User", "id": "alice"}"#;
    let agent = r#"{"type": "Harbour::Agent", "id": "minutes"}"#;
    let mfa = serde_json::json!({"mfa": true});
    for (principal, action, context, decision, policy) in [
        (bruno, "share", mfa.clone(), "allow", "owners-may-do-anything"),
        (bruno, "publish", mfa.clone(), "deny", "confidential-is-never-published"),
        (bruno, "read", serde_json::json!({"mfa": false}), "deny", "confidential-takes-a-second-factor"),
        (alice, "edit", mfa.clone(), "allow", "teams-work-on-their-documents"),
        (alice, "share", mfa.clone(), "deny", ""),
        (agent, "comment", mfa.clone(), "deny", ""),
        (agent, "share", mfa, "deny", "agents-ask-before-handing-on"),
    ] {
        assert_eq!(
            decide(principal, action, context),
            (decision.to_owned(), policy.to_owned()),
            "{principal} {action}"
        );
    }
}

#[test]
fn what_was_made_is_there_after_a_restart_and_not_made_twice() {
    let folder = tempfile::tempdir().unwrap();
    let example = Example::start(folder.path());
    let (token, decide) = (example.token.clone(), example.commands[0].clone());
    let (old_url, zones) = (example.server.url.clone(), example.server.get("/zones", &token).1);
    example.server.kill();

    let again = Server::start(serve(folder.path()).arg("--with-example"));
    assert_eq!(again.next_line(), "");
    assert_eq!(again.next_line(), "The store has zones already, so no example was made.");
    let ids = |list: &serde_json::Value| list["items"][0]["id"].clone();
    let now = again.get("/zones", &token).1;
    assert_eq!((now["items"].as_array().unwrap().len(), ids(&now)), (1, ids(&zones)));
    assert_eq!(json(&shell(&decide.replace(&old_url, &again.url)).out)["decision"], "allow");
    assert_eq!(again.stop().0.code(), Some(0));
}
