//! What is found in a repository.

use cedarkeep_cedar as cedar;
use serde::Serialize;

use crate::layout::Source;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It cannot be published.
    Error,
    /// It can, and is probably not meant so.
    Warning,
}

/// Declares the rules with their names and what they say.
macro_rules! rules {
    ($($member:ident => $name:literal, $says:literal;)+) => {
        /// What a finding is about.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Rule {
            $(#[doc = $says] $member),+
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &'static [Self] = &[$(Self::$member),+];

            /// Its name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$member => $name),+ }
            }

            /// What it says, in a sentence.
            #[must_use]
            pub const fn says(self) -> &'static str {
                match self { $(Self::$member => $says),+ }
            }
        }
    };
}

rules! {
    Settings => "settings", "cedarkeep.toml has the keys and values that it may have.";
    Layout => "layout", "Every file of the repository has a place in it and can be read.";
    Syntax => "syntax", "A policy is valid Cedar.";
    Name => "name", "Each policy has a name of its own.";
    Schema => "schema", "The schema is a valid Cedar schema.";
    Validation => "validation", "A policy fits the schema, in Cedar's strict mode.";
    Suspicious => "suspicious", "Cedar's validator has no doubts about a policy.";
    Entities => "entities", "The entities are Cedar entity JSON and fit the schema.";
    TestFile => "test-file", "A file of tests has the form that `cedar run-tests` takes.";
    NoPermit => "no-permit", "At least one policy permits something.";
    SameContent => "same-content", "No two policies say the same.";
    SameId => "same-id", "No two statements have the same @id.";
    UnlinkedTemplate => "unlinked-template", "No statement has a slot that nothing fills.";
}

/// Something that is wrong, or looks so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about.
    pub rule: Rule,
    /// The file, relative to the repository, with slashes.
    pub file: String,
    /// Line, from 1.
    pub line: Option<u32>,
    /// Column, from 1, counted in characters.
    pub column: Option<u32>,
    /// What is wrong and, where known, what would be right.
    pub message: String,
    /// The line of the file.
    #[serde(skip)]
    pub excerpt: Option<String>,
}

impl Finding {
    /// An error in a file as a whole.
    pub(crate) fn error(rule: Rule, file: &str, message: impl Into<String>) -> Self {
        let (file, message) = (file.to_owned(), message.into());
        Self { severity: Severity::Error, rule, file, line: None, column: None, message, excerpt: None }
    }

    /// A warning about a file as a whole.
    pub(crate) fn warning(rule: Rule, file: &str, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, file, message) }
    }

    /// The same, with its place in the text of the file.
    pub(crate) fn at(self, text: &str, line: u32, column: u32) -> Self {
        let index = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
        let excerpt = text.lines().nth(index).map(str::to_owned);
        Self { line: Some(line), column: Some(column), excerpt, ..self }
    }

    /// What Cedar found in a file.
    pub(crate) fn from_cedar(rule: Rule, source: &Source, found: &cedar::Finding) -> Self {
        let finding = Self::error(rule, &source.path, &found.message);
        match (found.line, found.column) {
            (Some(line), Some(column)) => finding.at(&source.text, line, column),
            _ => finding,
        }
    }

    /// What a reader of JSON found in a file.
    pub(crate) fn from_json(rule: Rule, source: &Source, error: &serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let whole = error.to_string();
        let message = whole.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&whole);
        let finding = Self::error(rule, &source.path, message);
        if line == 0 {
            return finding;
        }
        // The reader counts bytes.
        let before = source.text.split('\n').nth(line - 1).unwrap_or_default().as_bytes();
        let before = before.get(..column.saturating_sub(1)).unwrap_or(before);
        let column = String::from_utf8_lossy(before).chars().count() + 1;
        let place = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        finding.at(&source.text, place(line), place(column))
    }
}

/// Everything that stopped Cedar from reading a file.
pub(crate) fn of_cedar_error(rule: Rule, source: &Source, error: &cedar::CedarError) -> Vec<Finding> {
    match error {
        cedar::CedarError::Invalid { findings } => {
            findings.iter().map(|found| Finding::from_cedar(rule, source, found)).collect()
        }
        other => vec![Finding::error(rule, &source.path, other.to_string())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_called_the_same_everywhere() {
        for rule in Rule::ALL {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
        }
    }

    #[test]
    fn a_finding_in_json_says_its_place_once() {
        let source = Source { path: "entities.json".into(), text: "[\n\"ü\",]".into() };
        let error = serde_json::from_str::<serde_json::Value>(&source.text).unwrap_err();
        let finding = Finding::from_json(Rule::Entities, &source, &error);
        assert_eq!((finding.line, finding.column, finding.excerpt.as_deref()), (Some(2), Some(5), Some("\"ü\",]")));
        assert!(!finding.message.contains("line"), "{}", finding.message);
    }
}
