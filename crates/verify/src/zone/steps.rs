//! The verification of a whole zone: one step after the other. A step that does not hold does not end it, so that all
//! that is wrong is said; but Cedar reads nothing of which a digest does not hold.

use cedarkeep_cedar::CedarPool;

use super::{case::ZoneCase, keys, schema_path, versions};
use crate::{
    Evidence, Outcome, Report, Step, Trust,
    case::{PolicyFiles, at},
    content,
    report::{Found, settled},
    verify::{enter_authentication, enter_trust},
};

pub(crate) const TRUST: &str = "trust";
pub(crate) const AUTHENTICATION: &str = "authentication";

/// The steps, and what each checks.
const STEPS: [(&str, &str); 14] = [
    (TRUST, "keys that are trusted from outside of the export"),
    ("form", "the files that the events ask for and no other, each in canonical form (RFC 8785)"),
    ("events", "numbered without gaps, each with its digest and that of the one before, each fitting those before it"),
    (
        "keys",
        "RSA keys for RS256, at least 2048 bits, named by their thumbprints (RFC 7638), as the events tell of them",
    ),
    ("head", "the newest event, signed by the key that signs as of that event"),
    (AUTHENTICATION, "the head, and with it every event, is signed by a trusted key"),
    ("signatures", "each attestation: its header, its key, the signature over protected.payload, the statement's form"),
    ("chain", "created first, each later attestation names the digest of the one before and says the same"),
    ("versions", "each set version states what the events tell of it, and pins what they tell was published"),
    ("manifests", "the manifest digest of each version, recomputed"),
    ("schemas", "the schema digest of each version, recomputed"),
    ("policies", "the content digest of each policy, and for each version the digest over all texts, recomputed"),
    ("bindings", "what the slots point at, and did, is what the events lead to"),
    ("parsing", "Cedar reads each schema; each policy, from its text if it has one, gives its content digest"),
];

/// Verifies the export of a zone.
pub(crate) fn verify(evidence: &Evidence, trust: &Trust, pool: &CedarPool) -> Report {
    let mut report = Report::new(&STEPS);
    enter_trust(trust, &mut report);
    let Some(case) = report.enter("form", ZoneCase::read(evidence)) else { return report };
    report.enter("events", events(&case));
    if let Some(jwks) = report.enter("keys", keys::keys(&case)) {
        if let Some(head) = report.enter("head", keys::head(&case, &jwks)) {
            enter_authentication(trust, &head.key_id, &mut report);
        }
        versions::check(&case, &jwks, &mut report);
    }
    report.enter("bindings", super::bindings::bindings(&case));
    if content_holds(&report) {
        report.enter("parsing", parsing(&case, pool));
    }
    report
}

/// Whether nothing failed but what says who signed it.
fn content_holds(report: &Report) -> bool {
    let failed = |step: &Step| step.name != AUTHENTICATION && matches!(step.outcome, Outcome::Failed(_));
    !report.steps.iter().any(failed)
}

fn events(case: &ZoneCase<'_>) -> Result<Found<()>, String> {
    let mut problems = case.misfits.clone();
    let mut previous = None;
    for event in &case.events {
        problems.extend(event.follows(previous).err());
        if event.zone_id != case.zone {
            problems.push(format!("event {} is of another zone", event.seq));
        }
        previous = Some(event);
    }
    if case.events.first().is_none_or(|first| first.kind != cedarkeep_model::EventKind::ZoneCreated) {
        problems.push("the first event does not tell of the making of the zone".to_owned());
    }
    settled((), &problems, format!("{}", case.events.len()))
}

fn parsing(case: &ZoneCase<'_>, pool: &CedarPool) -> Result<Found<()>, String> {
    let mut problems = Vec::new();
    for sha in case.history.schemas.values() {
        problems.extend(at(&schema_path(*sha), content::readable(case.schema(*sha), pool)).err());
    }
    let pinned = case.pinned();
    for entry in pinned.values() {
        problems.extend(content::means_the_same(&PolicyFiles::of(case.evidence, entry), pool).err());
    }
    settled((), &problems, format!("{} schemas, {} policy versions", case.history.schemas.len(), pinned.len()))
}
