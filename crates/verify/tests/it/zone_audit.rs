//! A zone against an earlier export of it.

use cedarkeep_attest::Trust;
use cedarkeep_model::{BindingMode, canonical_bytes};
use cedarkeep_verify::{Audit, Verdict, audit};

use crate::{
    common::{POOL, Story},
    world::World,
};

fn compared(before: &World, now: &World) -> Audit {
    audit(&before.evidence(), &now.evidence(), &now.trust(), &POOL)
}

/// What differs, as `about: what`.
fn differences(audit: &Audit) -> Vec<String> {
    assert_eq!(audit.verdict(), Verdict::Differs);
    audit.differences.iter().map(|difference| format!("{}: {}", difference.about, difference.what)).collect()
}

/// The sample, and what became of it.
fn later() -> (World, World) {
    let before = World::sample();
    let mut now = before.clone();
    let more = now.policy("permit (principal, action, resource) when { context has mfa && context.mfa };");
    let version = now.version(&[&more]);
    now.bind(&version, BindingMode::Active);
    now.rotate(2);
    (before, now)
}

#[test]
fn what_only_grew_is_as_it_must_be() {
    let (before, now) = later();
    let same = compared(&before, &before);
    assert_eq!(same.verdict(), Verdict::Held, "{same:#?}");
    assert_eq!(same.since, ["no event since event 24"]);
    let grown = compared(&before, &now);
    assert_eq!(grown.verdict(), Verdict::Held, "{grown:#?}");
    let json = serde_json::to_value(&grown).unwrap();
    assert_eq!((&json["verdict"], &json["now"]["ok"]), (&"held".into(), &true.into()), "{json}");
    assert!(grown.since[0].ends_with(" events since event 24"), "{:?}", grown.since);
}

#[test]
fn a_new_key_is_trusted_only_when_it_is_named() {
    let (before, now) = later();
    let found = audit(&before.evidence(), &now.evidence(), &Trust::Kids(Story::kids(&[1])), &POOL);
    assert_eq!(found.verdict(), Verdict::NotVerified, "{found:#?}");
    assert!(found.differences.is_empty() && found.before.ok());
}

#[test]
fn a_history_that_the_server_itself_rewrote_is_found() {
    let (before, mut now) = later();
    now.chain_again(|seq, event| {
        if seq == 4 {
            event.actor = "somebody else".to_owned();
        }
    });
    // Its chain is whole and its head signed: only who kept the earlier export can tell.
    let found = differences(&compared(&before, &now));
    assert!(found[0].starts_with("events: event 4 (policy.created) was rewritten"), "{found:#?}");
    assert_eq!(found.len(), 21, "each event after it was rewritten too: {found:#?}");
}

#[test]
fn a_zone_that_was_set_back_is_found() {
    let (before, now) = later();
    let found = differences(&audit(&now.evidence(), &before.evidence(), &now.trust(), &POOL));
    assert!(found.iter().any(|what| what.contains("is no longer there")), "{found:#?}");
    assert!(found.iter().any(|what| what.starts_with("versions: the manifest")), "{found:#?}");
    assert!(found.iter().any(|what| what.starts_with("keys: key")), "{found:#?}");
}

#[test]
fn each_file_that_was_rewritten_is_named() {
    let (before, now) = later();
    let (earlier, evidence) = (before.evidence(), now.evidence());
    for path in earlier.files().keys().filter(|path| path.contains('/')) {
        let mut files = evidence.files().clone();
        files.insert(path.clone(), b"{}".to_vec());
        let found = audit(&earlier, &cedarkeep_verify::Evidence::new(files.clone()), &now.trust(), &POOL);
        let found = differences(&found);
        assert!(found[0].contains("was rewritten") && found[0].contains(path.as_str()), "{found:#?}");
        files.remove(path);
        let found = audit(&earlier, &cedarkeep_verify::Evidence::new(files), &now.trust(), &POOL);
        let found = differences(&found);
        assert!(found[0].contains("is no longer there") && found[0].contains(path.as_str()), "{found:#?}");
    }
}

#[test]
fn what_is_new_must_be_accounted_for() {
    let (before, mut now) = later();
    now.bindings.values_mut().for_each(|binding| binding.created_by = "eve".to_owned());
    let found = differences(&compared(&before, &now));
    assert!(found.len() == 1 && found[0].starts_with("bindings: the active slot"), "{found:#?}");
}

#[test]
fn nothing_is_compared_with_what_does_not_hold_or_is_no_zone() {
    let (before, now) = later();
    let mut files = before.evidence().files().clone();
    files.insert("zone.json".to_owned(), canonical_bytes(&serde_json::json!({})).unwrap());
    let broken = audit(&cedarkeep_verify::Evidence::new(files), &now.evidence(), &now.trust(), &POOL);
    assert_eq!(broken.verdict(), Verdict::NotVerified);
    let version = Story::usual().evidence();
    let other = audit(&version, &now.evidence(), &Trust::Kids(Story::kids(&[1, 2])), &POOL);
    assert_eq!(other.verdict(), Verdict::Differs, "{other:#?}");
}
