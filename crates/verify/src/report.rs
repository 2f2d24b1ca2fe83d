//! What a verification did, step by step.

use serde::{Serialize, Serializer, ser::SerializeStruct};

/// How a step ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "result", content = "reason")]
pub enum Outcome {
    /// Everything that the step checks holds.
    Held,
    /// Something does not hold; the reason says what.
    Failed(String),
    /// The step was not done; the reason says why.
    NotDone(String),
}

/// One step of a verification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its name.
    pub name: &'static str,
    /// What was checked (or would have been).
    pub checked: String,
    /// With what result.
    pub outcome: Outcome,
}

/// What a verification did. Everything must have held for [`Report::ok`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// Whether the newest attestation was signed by a key that is trusted from outside.
    pub authenticated: bool,
}

/// The most reasons that a step gives.
const MOST_REASONS: usize = 100;

/// The steps of the verification of a version, and what each checks.
pub(crate) const STEPS: [(&str, &str); 11] = [
    ("trust", "keys that are trusted from outside of the export"),
    ("form", "no file that is not known, every JSON file in canonical form (RFC 8785)"),
    ("keys", "the key set: RSA keys for RS256, at least 2048 bits, each named by its thumbprint (RFC 7638)"),
    ("signatures", "each attestation: its header, its key, the signature over protected.payload, the statement's form"),
    ("chain", "created first, each later attestation names the digest of the one before and says the same"),
    ("authentication", "the newest attestation is signed by a trusted key"),
    ("subject", "the statement is about the version that is asked about"),
    ("manifest", "the manifest digest, recomputed"),
    ("schema", "the schema digest, recomputed"),
    ("policies", "the content digest of each policy, and the digest over all texts, recomputed"),
    ("parsing", "Cedar reads the schema; each policy, from its text if it has one, gives its content digest"),
];

impl Report {
    /// A report in which no step is done yet.
    pub(crate) fn new(steps: &[(&'static str, &str)]) -> Self {
        let not_done = || Outcome::NotDone("an earlier step did not hold".to_owned());
        let step =
            |(name, checked): &(&'static str, &str)| Step { name, checked: (*checked).to_owned(), outcome: not_done() };
        Self { steps: steps.iter().map(step).collect(), authenticated: false }
    }

    /// Whether every step held, the authentication among them.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.authenticated && self.steps.iter().all(|step| step.outcome == Outcome::Held)
    }

    /// One line that says it all.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        let failed = !self.unrefuted();
        match (self.ok(), failed, self.authenticated) {
            (true, _, _) => "verified: self-consistent and authenticated",
            (false, false, false) => "self-consistent, not authenticated",
            _ => "not verified",
        }
    }

    /// Enters the result of a step and hands on what it found.
    pub(crate) fn enter<T>(&mut self, name: &str, result: Result<Found<T>, String>) -> Option<T> {
        match result {
            Ok(Found { found, detail }) => {
                self.set(name, Outcome::Held, Some(detail));
                Some(found)
            }
            Err(reason) => {
                self.set(name, Outcome::Failed(reason), None);
                None
            }
        }
    }

    /// Whether no step has failed so far.
    pub(crate) fn unrefuted(&self) -> bool {
        !self.steps.iter().any(|step| matches!(step.outcome, Outcome::Failed(_)))
    }

    pub(crate) fn set(&mut self, name: &str, outcome: Outcome, detail: Option<String>) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.name == name) {
            step.outcome = outcome;
            if let Some(detail) = detail {
                step.checked = format!("{}: {detail}", step.checked);
            }
        }
    }
}

/// What a step that held has found, and what to add to its description.
pub(crate) struct Found<T> {
    found: T,
    detail: String,
}

/// A step that held and found this.
pub(crate) fn held<T>(found: T, detail: impl Into<String>) -> Found<T> {
    Found { found, detail: detail.into() }
}

/// A step that held when there is nothing wrong, else all that is wrong, a line each.
pub(crate) fn settled<T>(found: T, problems: &[String], detail: impl Into<String>) -> Result<Found<T>, String> {
    if problems.is_empty() {
        return Ok(held(found, detail));
    }
    let mut reasons: Vec<&str> = problems.iter().take(MOST_REASONS).map(String::as_str).collect();
    let more = format!("and {} more", problems.len().saturating_sub(MOST_REASONS));
    if problems.len() > MOST_REASONS {
        reasons.push(&more);
    }
    Err(reasons.join("\n"))
}

impl<T> Found<T> {
    /// What was found.
    pub(crate) fn into_found(self) -> T {
        self.found
    }
}

impl Serialize for Report {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut report = serializer.serialize_struct("Report", 4)?;
        report.serialize_field("ok", &self.ok())?;
        report.serialize_field("authenticated", &self.authenticated)?;
        report.serialize_field("summary", self.summary())?;
        report.serialize_field("steps", &self.steps)?;
        report.end()
    }
}
