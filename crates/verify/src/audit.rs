//! Comparing a zone with an earlier export of it.
//!
//! What was published never changes, so whatever the earlier export holds must be in the zone now, byte for byte; what is
//! new must be accounted for by new events, which the verification of the zone as it is now shows.

mod compare;

use cedarkeep_cedar::CedarPool;
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{
    Evidence, Outcome, Report, Trust, verify,
    zone::{AUTHENTICATION, TRUST, ZoneCase},
};

/// What a comparison found.
#[derive(Debug)]
pub struct Audit {
    /// The verification of the earlier export.
    pub before: Report,
    /// The verification of the zone as it is now.
    pub now: Report,
    /// What was rewritten, and what is not accounted for.
    pub differences: Vec<Difference>,
    /// What has come since, and what an auditor should know.
    pub since: Vec<String>,
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What it is about.
    pub about: &'static str,
    /// What it is.
    pub what: String,
}

/// How a comparison ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Nothing was rewritten, and everything new is accounted for.
    Held,
    /// Something was rewritten or is not accounted for.
    Differs,
    /// The earlier export does not verify, or nothing says who signed the zone as it is now.
    NotVerified,
}

impl Audit {
    /// How it ended.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match (self.before.ok(), self.differences.is_empty(), self.now.ok()) {
            (true, true, true) => Verdict::Held,
            (true, false, _) => Verdict::Differs,
            _ => Verdict::NotVerified,
        }
    }

    /// One line that says it all.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        match self.verdict() {
            Verdict::Held => "nothing was rewritten, and everything new is accounted for",
            Verdict::Differs => "the zone is not what it must be since the earlier export",
            Verdict::NotVerified if !self.before.ok() => "the earlier export does not verify, so nothing was compared",
            Verdict::NotVerified => "nothing was rewritten, but who signed the zone as it is now is not authenticated",
        }
    }
}

/// Verifies an earlier export of a zone and the zone as it is now, and compares the two. Blocks for the work on the pool:
/// not for async workers.
#[must_use]
pub fn audit(before: &Evidence, now: &Evidence, trust: &Trust, pool: &CedarPool) -> Audit {
    let mut audit = Audit {
        before: verify(before, trust, pool),
        now: verify(now, trust, pool),
        differences: Vec::new(),
        since: Vec::new(),
    };
    // Without an earlier export that holds there is nothing to compare with.
    if audit.before.ok() {
        match ZoneCase::read(before) {
            Ok(case) => {
                let compared = compare::compare(&case.into_found(), now);
                (audit.differences, audit.since) = (compared.differences, compared.since);
            }
            // It holds, so it is of a single version.
            Err(what) => audit.differences.push(Difference { about: "zone", what }),
        }
        audit.differences.extend(unaccounted(&audit.now));
    }
    audit
}

/// What does not hold of the zone as it is now. Who signed it is another question.
fn unaccounted(now: &Report) -> Vec<Difference> {
    let mut differences = Vec::new();
    for step in now.steps.iter().filter(|step| ![TRUST, AUTHENTICATION].contains(&step.name)) {
        if let Outcome::Failed(reasons) = &step.outcome {
            let difference = |reason: &str| Difference { about: step.name, what: reason.to_owned() };
            differences.extend(reasons.lines().map(difference));
        }
    }
    differences
}

impl Serialize for Audit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut audit = serializer.serialize_struct("Audit", 6)?;
        audit.serialize_field("verdict", &self.verdict())?;
        audit.serialize_field("summary", self.summary())?;
        audit.serialize_field("differences", &self.differences)?;
        audit.serialize_field("since", &self.since)?;
        audit.serialize_field("before", &self.before)?;
        audit.serialize_field("now", &self.now)?;
        audit.end()
    }
}
