//! What a verification says of the export of a zone.

use cedarkeep_attest::Trust;
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{BindingMode, EventKind};
use cedarkeep_verify::{Evidence, Outcome, Report, verify};
use serde_json::json;

use crate::{
    common::{POOL, Story},
    world::World,
};

/// The steps that failed, each with its reasons.
fn failed(report: &Report) -> Vec<(&'static str, String)> {
    let failure = |step: &cedarkeep_verify::Step| match &step.outcome {
        Outcome::Failed(reason) => Some((step.name, reason.clone())),
        _ => None,
    };
    report.steps.iter().filter_map(failure).collect()
}

/// The only step that fails, and why.
fn only(world: &World, change: impl FnOnce(&mut cedarkeep_verify::ZoneParts)) -> (&'static str, String) {
    let mut parts = world.parts();
    change(&mut parts);
    let report = verify(&Evidence::of_zone(parts, &POOL).unwrap(), &world.trust(), &POOL);
    let mut failed = failed(&report);
    assert_eq!(failed.len(), 1, "{failed:#?}");
    failed.remove(0)
}

#[test]
fn every_step_of_a_sound_zone_holds() {
    let world = World::sample();
    let report = verify(&world.evidence(), &Trust::Kids(Story::kids(&[1])), &POOL);
    assert!(report.ok(), "{report:#?}");
    assert_eq!(report.steps.len(), 14);
    let keys = report.steps.iter().find(|step| step.name == "keys").unwrap();
    assert!(keys.checked.contains("key_revoked") && keys.checked.contains("by event 21"), "{}", keys.checked);
    let fresh = verify(&World::new(1).evidence(), &Trust::Kids(Story::kids(&[1])), &POOL);
    assert!(fresh.ok(), "a zone without versions: {fresh:#?}");
}

#[test]
fn a_zone_survives_the_disk() {
    let (folder, world) = (tempfile::tempdir().unwrap(), World::sample());
    world.evidence().write_dir(folder.path()).unwrap();
    let read = Evidence::read_dir(folder.path()).unwrap();
    assert!(read.is_of_zone() && verify(&read, &world.trust(), &POOL).ok());
    assert!(read.files().keys().all(|name| cedarkeep_verify::belongs(name)));
}

#[test]
fn only_a_trusted_key_under_the_head_authenticates() {
    let world = World::sample();
    for trust in [Trust::Nothing, Trust::Kids(Story::kids(&[3, 2]))] {
        let report = verify(&world.evidence(), &trust, &POOL);
        assert!(!report.ok() && !report.authenticated, "{report:#?}");
        let parsing = report.steps.last().unwrap();
        assert_eq!(parsing.outcome, Outcome::Held, "what it says is looked at all the same");
    }
    let untrusted = verify(&world.evidence(), &Trust::Nothing, &POOL);
    assert_eq!(untrusted.summary(), "self-consistent, not authenticated");
}

#[test]
fn what_a_revoked_key_signed_last_is_key_revoked() {
    let mut world = World::new(3);
    let policy = world.policy("permit (principal, action, resource);");
    world.version(&[&policy]);
    let trust = Trust::Kids(Story::kids(&[1, 3]));
    // A rotation that signs nothing again, and then the revocation.
    let mut bare = world.clone();
    world.rotate(1);
    world.revoke(0);
    for event in world.events.iter().skip(bare.events.len()) {
        if event.kind != EventKind::SetVersionReSigned {
            bare.record(event.kind, event.body.clone());
        }
    }
    bare.keys.clone_from(&world.keys);
    bare.keys[0].1.revoked_seq = bare.events.last().map(|revoked| revoked.seq);
    let report = verify(&bare.evidence(), &trust, &POOL);
    let failed = failed(&report);
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert!(failed[0].0 == "signatures" && failed[0].1.contains("key_revoked"), "{failed:#?}");
}

#[test]
fn what_the_server_says_beside_its_events_is_found() {
    let world = World::sample();
    let (step, why) = only(&world, |parts| parts.bindings.clear());
    assert!(step == "bindings" && why.contains("is empty"), "{why}");
    let (step, why) = only(&world, |parts| {
        parts.bindings[0].bound.policy_set_version_id = parts.versions[0].policy_set_version_id;
    });
    assert!(step == "bindings" && why.contains("the events lead to"), "{why}");
    let (step, why) = only(&world, |parts| parts.bindings[0].created_by = "eve".to_owned());
    assert!(step == "bindings" && why.contains("not as its event tells"), "{why}");
    let (step, why) = only(&world, |parts| parts.keys[0].revoked_seq = None);
    assert!(step == "keys" && why.contains("revoked"), "{why}");
    let (step, why) = only(&world, |parts| parts.versions[0].attestations.truncate(1));
    assert!(step == "form" && why.contains("0002.json is missing"), "{why}");
    let (step, why) = only(&world, |parts| drop(parts.versions.remove(1)));
    assert!(step == "form" && why.contains("manifests/"), "{why}");
    let (step, why) = only(&world, |parts| {
        parts.policies[0].cedar_raw = parts.policies[0].cedar_raw.as_ref().map(|text| text.replace('\u{fc}', "u"));
    });
    assert!(step == "policies" && why.lines().count() == 3, "every version that pins it is named: {why}");
    let mut older = world.clone();
    older.events.pop();
    let (step, why) = only(&world, |parts| parts.head = older.head());
    assert!(step == "head" && why.contains("not the newest"), "{why}");
}

#[test]
fn a_chain_that_is_broken_is_named_where_it_is() {
    let world = World::sample();
    let evidence = |events| Evidence::of_zone(cedarkeep_verify::ZoneParts { events, ..world.parts() }, &POOL).unwrap();
    let reasons = |events| {
        let report = verify(&evidence(events), &world.trust(), &POOL);
        let failed = failed(&report);
        failed.iter().find(|(step, _)| *step == "events").unwrap_or_else(|| panic!("{failed:#?}")).1.clone()
    };
    let mut without = world.events.clone();
    without.remove(4);
    assert!(reasons(without).contains("event 6 stands where event 5 should"));
    let mut edited = world.events.clone();
    edited[4].actor = "eve".to_owned();
    assert_eq!(reasons(edited), "event 5 does not have its digest");
    let mut exchanged = world.events.clone();
    exchanged.swap(6, 7);
    assert!(reasons(exchanged).contains("stands where"));
}

#[test]
fn an_event_that_does_not_fit_those_before_it_is_named_though_its_digests_are_right() {
    let mut world = World::sample();
    let bound = world.bindings.values().next().unwrap().bound.clone();
    world.record(EventKind::Unbound, json!({"from": bound, "to": null, "revision": 9}));
    world.bindings.clear();
    assert!(verify(&world.evidence(), &world.trust(), &POOL).ok());
    let seq = world.record(EventKind::Unbound, json!({"from": bound, "to": null, "revision": 9}));
    let failed = failed(&verify(&world.evidence(), &world.trust(), &POOL));
    assert_eq!(failed.len(), 1, "{failed:#?}");
    assert!(failed[0].0 == "events" && failed[0].1.contains(&format!("event {seq}")), "{failed:#?}");
}

#[test]
fn a_deep_text_is_verified_though_its_json_is_beyond_common_readers() {
    let pool = CedarPool::new(1).unwrap();
    let mut world = World::new(1);
    let terms = vec!["resource.size == 1"; 90].join(" || ");
    let deep = world.policy(&format!("permit (principal, action, resource) when {{ {terms} }};"));
    let version = world.version(&[&deep]);
    world.bind(&version, BindingMode::Active);
    let report = verify(&world.evidence(), &world.trust(), &pool);
    assert!(report.ok(), "{report:#?}");
}
