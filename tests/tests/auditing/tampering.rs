//! What somebody who owns the database changes is named.

use crate::support::{Audited, report};

/// A zone with an earlier export, changed like this while its server was down; what an audit names.
async fn found(sql: &[&str]) -> Vec<String> {
    let mut zone = Audited::new();
    let (since, kid) = (zone.exported("since"), zone.kid());
    let sql: Vec<String> = sql.iter().map(|sql| (*sql).to_owned()).collect();
    zone.tampered(&sql).await;
    let (code, audit) = report(&mut zone.audit(&since, &[&kid]));
    assert_eq!((code, &audit["verdict"]), (2, &"differs".into()), "{audit}");
    let differences = audit["differences"].as_array().unwrap();
    let line = |difference: &serde_json::Value| {
        format!("{}: {}", difference["about"].as_str().unwrap(), difference["what"].as_str().unwrap())
    };
    differences.iter().map(line).collect()
}

fn names(found: &[String], what: &str) {
    assert!(found.iter().any(|line| line.contains(what)), "{what} is not among {found:#?}");
}

#[tokio::test]
async fn an_edited_event_is_named() {
    let found = found(&["UPDATE events SET actor = 'somebody' WHERE seq = 5"]).await;
    names(&found, "events: event 5 (");
    names(&found, "was rewritten");
    names(&found, "event 5 does not have its digest");
}

#[tokio::test]
async fn a_removed_event_is_named() {
    let found = found(&["DELETE FROM events WHERE seq = 5"]).await;
    names(&found, "is no longer there");
    names(&found, "event 6 stands where event 5 should");
}

#[tokio::test]
async fn an_edited_text_is_named() {
    let found = found(&["UPDATE policy_versions SET cedar_raw = replace(cedar_raw, 'ü', 'u')"]).await;
    names(&found, "policies: the text of policy version");
    names(&found, "texts_sha");
}

#[tokio::test]
async fn a_binding_that_points_elsewhere_is_named() {
    let other = "(SELECT min(id) FROM policy_set_versions)";
    let found = found(&[&format!("UPDATE bindings SET policy_set_version_id = {other} WHERE mode = 'shadow'")]).await;
    names(&found, "bindings: the shadow slot of zone");
}

#[tokio::test]
async fn a_removed_binding_is_named() {
    let found = found(&["DELETE FROM bindings WHERE scope_type = 'session'"]).await;
    names(&found, "bindings: the active slot of session s-1 is empty");
}

#[tokio::test]
async fn a_removed_attestation_is_named() {
    let found = found(&["UPDATE attestations SET signature = replace(signature, substr(signature, 9, 1), '_')"]).await;
    names(&found, "attestations: attestation 0001 of policy set version");
    names(&found, "the signature does not verify");
}
