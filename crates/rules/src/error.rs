//! What is wrong with a document, and where.

use std::fmt;

/// Why a document is no rule policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {message}")]
pub struct InvalidRules {
    /// The member, as a path into the document: `rules[3].conditions.ip_ranges[0]`.
    pub place: String,
    /// The index of the rule, if it stands in one.
    pub rule: Option<usize>,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Where in a document something stands.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    path: String,
    rule: Option<usize>,
}

impl Place {
    /// The document itself.
    pub(crate) fn document() -> Self {
        Self { path: String::new(), rule: None }
    }

    /// A member of what stands here.
    pub(crate) fn member(&self, name: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("{}{dot}{name}", self.path), rule: self.rule }
    }

    /// An item of the list that stands here.
    pub(crate) fn item(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path), rule: self.rule }
    }

    /// A rule of the list that stands here.
    pub(crate) fn rule(&self, index: usize) -> Self {
        Self { rule: Some(index), ..self.item(index) }
    }

    /// What is wrong here.
    pub(crate) fn error(&self, message: impl Into<String>) -> InvalidRules {
        let place = if self.path.is_empty() { "the document".to_owned() } else { self.path.clone() };
        InvalidRules { place, rule: self.rule, message: message.into() }
    }

    /// What is wrong here, in the words of whoever looked.
    pub(crate) fn refuse<E: fmt::Display>(&self) -> impl Fn(E) -> InvalidRules + '_ {
        |error| self.error(error.to_string())
    }
}
