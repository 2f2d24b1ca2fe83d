//! What a verification says of exports that are as they should be, and of those that lack what makes them proof.

use crate::common::{POOL, Story, key};
use cedarkeep_attest::{Jwks, Trust};
use cedarkeep_verify::{Evidence, Outcome, Report, verify};

fn outcome<'a>(report: &'a Report, name: &str) -> &'a Outcome {
    &report.steps.iter().find(|step| step.name == name).unwrap().outcome
}

fn trusting(keys: &[usize]) -> Trust {
    Trust::Kids(Story::kids(keys))
}

#[test]
fn every_step_of_a_sound_export_holds() {
    let evidence = Story::usual().evidence();
    let fetched = Jwks::from_keys(&[(key(2).public, key(2).kid)]).unwrap();
    for trust in [trusting(&[2]), trusting(&[1, 2, 3]), Trust::AllOf(fetched)] {
        let report = verify(&evidence, &trust, &POOL);
        assert!(report.ok(), "{report:#?}");
    }
}

#[test]
fn without_trust_from_outside_nothing_is_authenticated() {
    let evidence = Story::usual().evidence();
    for trust in [Trust::Nothing, trusting(&[])] {
        let report = verify(&evidence, &trust, &POOL);
        assert!(!report.ok() && !report.authenticated);
        assert_eq!(report.summary(), "self-consistent, not authenticated");
        assert!(matches!(outcome(&report, "authentication"), Outcome::NotDone(_)));
        assert_eq!(outcome(&report, "parsing"), &Outcome::Held);
    }
}

#[test]
fn an_export_forged_whole_counts_only_if_its_key_is_trusted() {
    let forged = Story { signers: vec![5], revoked: vec![] }.evidence();
    let report = verify(&forged, &trusting(&[1, 2]), &POOL);
    assert!(!report.ok() && !report.authenticated);
    assert!(matches!(outcome(&report, "authentication"), Outcome::Failed(_)));
    assert_eq!(outcome(&report, "signatures"), &Outcome::Held, "it is consistent in itself");
    assert!(verify(&forged, &trusting(&[5]), &POOL).ok());
}

#[test]
fn trust_in_an_older_key_does_not_reach_what_a_newer_one_signed() {
    let report = verify(&Story::usual().evidence(), &trusting(&[1]), &POOL);
    assert!(matches!(outcome(&report, "authentication"), Outcome::Failed(_)));
}

#[test]
fn what_a_revoked_key_signed_may_stand_before_good_ones_but_not_last() {
    let before = Story { signers: vec![1, 2], revoked: vec![1] }.evidence();
    assert!(before.file("revoked.json").is_some());
    let report = verify(&before, &trusting(&[2]), &POOL);
    assert!(report.ok(), "{report:#?}");
    assert!(report.steps.iter().any(|step| step.checked.contains("key_revoked")));

    let last = Story { signers: vec![1, 2], revoked: vec![2] }.evidence();
    let report = verify(&last, &trusting(&[1, 2]), &POOL);
    let Outcome::Failed(reason) = outcome(&report, "signatures") else { panic!("{report:#?}") };
    assert!(reason.contains("key_revoked"), "{reason}");
}

#[test]
fn an_export_survives_the_disk_and_its_report_is_json() {
    let folder = tempfile::tempdir().unwrap();
    let evidence = Story::usual().evidence();
    evidence.write_dir(folder.path()).unwrap();
    let report = verify(&Evidence::read_dir(folder.path()).unwrap(), &trusting(&[2]), &POOL);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["ok"], true);
    assert_eq!(json["steps"][0]["outcome"]["result"], "held");
}

#[test]
fn a_deep_text_is_exported_and_verified_though_its_json_is_beyond_common_readers() {
    let terms = vec!["resource.size == 1"; 90].join(" || ");
    let content = crate::common::read(Some(&format!("permit (principal, action, resource) when {{ {terms} }};")), None);
    assert!(serde_json::from_str::<serde_json::Value>(&content.cedar_json).is_err(), "it must be that deep");
    let evidence = Story::usual().evidence_with(vec![content]);
    let report = verify(&evidence, &trusting(&[2]), &POOL);
    assert!(report.ok(), "{report:#?}");
}
