//! What can go wrong, in words that help whoever wrote the policy.

use cedar_policy::ffi::DetailedError;
use cedarkeep_model::{Digest, PolicyId};
use serde::Serialize;

/// A content with thousands of faults is told about the first so many.
pub const MAX_FINDINGS: usize = 100;

/// Findings quote what they complain about; a quote can be as long as the policy.
const MAX_MESSAGE_BYTES: usize = 2_000;

/// One fault or remark, as Cedar or a guard found it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The policy it stands in, where several were looked at.
    pub policy_id: Option<PolicyId>,
    /// The Cedar id of the statement within its version (`policy0`, …), where it is known.
    pub cedar_id: Option<String>,
    /// What is wrong and, where known, what would be right.
    pub message: String,
    /// Line in the text, from 1.
    pub line: Option<u32>,
    /// Column in the text, from 1, counted in characters.
    pub column: Option<u32>,
}

/// What validation found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// What stops publishing.
    pub errors: Vec<Finding>,
    /// What does not.
    pub warnings: Vec<Finding>,
}

/// Why content or a schema is not acceptable.
#[derive(Debug, thiserror::Error)]
pub enum CedarError {
    /// No statement at all.
    #[error("there is no Cedar policy in it: write at least one permit or forbid statement")]
    MissingContent,
    /// It is not Cedar, or not a schema.
    #[error("not valid Cedar: {}", summary(.findings))]
    Invalid {
        /// What is wrong, at most [`MAX_FINDINGS`].
        findings: Vec<Finding>,
    },
    /// Deeper or heavier than what the server evaluates.
    #[error("too deep: {0}")]
    TooDeep(String),
    /// The key that digests use for large integers stands in it.
    #[error("the key `__long` is reserved: rename the attribute or record member of that name")]
    ReservedKey,
    /// Over a size limit.
    #[error("too large: {0}")]
    TooLarge(String),
    /// Stored content does not have the digest that it was published under.
    #[error("the content has the digest {found}, not {expected}")]
    DigestMismatch {
        /// The digest it was published under.
        expected: Digest,
        /// The digest it has.
        found: Digest,
    },
    /// Content that was accepted once cannot be read any more.
    #[error("unreadable: {0}")]
    Unreadable(String),
}

/// Why a request has no decision.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// The request or its entities do not fit the schema or a limit; the caller's fault.
    #[error("the request is not acceptable: {}", summary(.0))]
    InvalidRequest(Vec<Finding>),
    /// Cedar ran out of stack in a policy and would have skipped it. Never a decision: the policy may be a `forbid`.
    #[error("the evaluation of a policy reached Cedar's recursion limit")]
    RecursionLimit,
}

impl Finding {
    /// A finding with nothing but a message.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { policy_id: None, cedar_id: None, message: shortened(message.into()), line: None, column: None }
    }

    /// A finding at a byte offset of a text.
    pub(crate) fn at(text: &str, offset: usize, message: impl Into<String>) -> Self {
        let (line, column) = position(text, offset);
        Self { line: Some(line), column: Some(column), ..Self::new(message) }
    }

    /// What Cedar says, with the position if there is a text that Cedar read.
    pub(crate) fn from_cedar(error: impl Into<DetailedError>, text: Option<&str>) -> Self {
        let error = error.into();
        let message = match error.help {
            Some(help) => format!("{} ({help})", error.message),
            None => error.message,
        };
        match (text, error.source_locations.first()) {
            (Some(text), Some(label)) => Self::at(text, label.loc.start, message),
            _ => Self::new(message),
        }
    }
}

impl CedarError {
    /// One finding.
    pub(crate) fn invalid(finding: Finding) -> Self {
        Self::Invalid { findings: vec![finding] }
    }
}

impl EvaluateError {
    /// One finding.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::InvalidRequest(vec![Finding::new(message)])
    }
}

/// Line and column, from 1, of a byte offset. Columns count characters.
#[must_use]
pub fn position(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    (u32::try_from(line).unwrap_or(u32::MAX), u32::try_from(column).unwrap_or(u32::MAX))
}

fn shortened(mut message: String) -> String {
    if message.len() > MAX_MESSAGE_BYTES {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE_BYTES));
        message.push('…');
    }
    message
}

fn summary(findings: &[Finding]) -> String {
    let Some(first) = findings.first() else { return "no details".to_owned() };
    let place = match (first.line, first.column) {
        (Some(line), Some(column)) => format!("line {line}, column {column}: "),
        _ => String::new(),
    };
    match findings.len() {
        1 => format!("{place}{}", first.message),
        more => format!("{place}{} (and {} more)", first.message, more - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_lines_and_characters_from_one() {
        let text = "aé\nbü(";
        assert_eq!(position(text, 0), (1, 1));
        assert_eq!(position(text, text.len() - 1), (2, 3));
        assert_eq!(position(text, 10_000), (2, 4));
    }

    #[test]
    fn a_message_does_not_grow_with_what_it_quotes() {
        let finding = Finding::new("ü".repeat(1_000_000));
        assert!(finding.message.len() <= MAX_MESSAGE_BYTES + 3);
    }
}
