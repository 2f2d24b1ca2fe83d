//! The verification itself: one step after the other, each on what the ones before have established.

use cedarkeep_attest::Trust;
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::AttestationStatement;

use crate::{
    Evidence, Report, attestations,
    case::Case,
    content,
    report::{Found, Outcome, STEPS, held},
    zone,
};

/// Verifies an export, of a version or of a whole zone, with the keys that the auditor trusts. Needs no server and no network. Blocks for the work on the
/// pool: not for async workers.
#[must_use]
pub fn verify(evidence: &Evidence, trust: &Trust, pool: &CedarPool) -> Report {
    if evidence.is_of_zone() {
        return zone::verify(evidence, trust, pool);
    }
    let mut report = Report::new(&STEPS);
    enter_trust(trust, &mut report);
    if let Some((case, statement)) = attested(evidence, trust, &mut report) {
        compare_content(&case, &statement, pool, &mut report);
    }
    report
}

/// The step that says which keys are trusted.
pub(crate) fn enter_trust(trust: &Trust, report: &mut Report) {
    if trust.is_nothing() {
        report.set("trust", Outcome::NotDone("no key was named as trusted".to_owned()), None);
    } else {
        report.set("trust", Outcome::Held, Some(describe(trust)));
    }
}

/// The step that says whether what was signed by this key counts.
pub(crate) fn enter_authentication(trust: &Trust, kid: &str, report: &mut Report) {
    if trust.is_nothing() {
        report.set("authentication", Outcome::NotDone("no key was named as trusted".to_owned()), None);
    } else {
        report.authenticated = report.enter("authentication", authentication(trust, kid)).is_some();
    }
}

/// The steps up to a statement that the newest attestation makes about the version in question.
fn attested<'a>(
    evidence: &'a Evidence,
    trust: &Trust,
    report: &mut Report,
) -> Option<(Case<'a>, AttestationStatement)> {
    let case = report.enter("form", Case::read(evidence))?;
    let jwks = report.enter("keys", attestations::keys(&case))?;
    let statements = report.enter("signatures", attestations::signatures(&case, &jwks))?;
    let statement = report.enter("chain", attestations::chain(&case, &statements))?;
    enter_authentication(trust, &statement.key_id, report);
    report.enter("subject", content::subject(&case, &statement))?;
    Some((case, statement))
}

/// The steps that compare the content; Cedar reads it only when every digest holds.
fn compare_content(case: &Case<'_>, statement: &AttestationStatement, pool: &CedarPool, report: &mut Report) {
    let manifest = report.enter("manifest", content::manifest(case, statement));
    let schema = report.enter("schema", content::schema(case, statement));
    let policies = report.enter("policies", content::policies(case, statement));
    if manifest.and(schema).and(policies).is_some() {
        report.enter("parsing", content::parsing(case, pool));
    }
}

fn authentication(trust: &Trust, kid: &str) -> Result<Found<()>, String> {
    if trust.trusts(kid) { Ok(held((), kid)) } else { Err(format!("it is signed by {kid}, which is not trusted")) }
}

fn describe(trust: &Trust) -> String {
    match trust {
        Trust::Nothing => "none".to_owned(),
        Trust::Kids(kids) => kids.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
        Trust::AllOf(jwks) => jwks.kids().collect::<Vec<_>>().join(", "),
    }
}
