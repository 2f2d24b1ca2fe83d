//! The names of the files of a bundle.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{MAX_MANIFEST_BYTES, MAX_POLICY_BYTES, MAX_SCHEMA_BYTES};

/// The folder of the policies, as some programs put it into an archive.
pub(crate) const FOLDER: [&[u8]; 2] = [b"policies", b"policies/"];

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Member {
    /// What the bundle holds.
    Manifest,
    /// The text of one policy.
    Policy(Stem),
    /// The schema that the policies are validated against.
    Schema,
}

impl Member {
    /// The file of this path; there is no other spelling of it.
    pub(crate) fn at(path: &[u8]) -> Option<Self> {
        match std::str::from_utf8(path).ok()? {
            "manifest.json" => Some(Self::Manifest),
            "schema.cedarschema" => Some(Self::Schema),
            other => {
                let stem = other.strip_prefix("policies/")?.strip_suffix(".cedar")?;
                Stem::new(stem).ok().map(Self::Policy)
            }
        }
    }

    /// The most bytes that it may have.
    pub(crate) const fn max_bytes(&self) -> usize {
        match self {
            Self::Manifest => MAX_MANIFEST_BYTES,
            Self::Policy(_) => MAX_POLICY_BYTES,
            Self::Schema => MAX_SCHEMA_BYTES,
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifest => f.write_str("manifest.json"),
            Self::Policy(stem) => write!(f, "policies/{stem}.cedar"),
            Self::Schema => f.write_str("schema.cedarschema"),
        }
    }
}

/// The name of a policy's file without its ending: a policy id, or a name that the user chose for a new policy. 1 to 64
/// of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`, beginning with a letter or digit, so that it is a plain file name
/// everywhere.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Stem(String);

/// The text cannot name a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a file name is 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit")]
pub struct InvalidStem;

impl Stem {
    /// Checks the text and takes it over.
    ///
    /// # Errors
    /// When it is not of the alphabet, too long, or empty.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidStem> {
        let text = text.into();
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        let begins_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if text.len() <= 64 && begins_well && text.chars().all(plain) { Ok(Self(text)) } else { Err(InvalidStem) }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<cedarkeep_model::PolicyId> for Stem {
    fn from(id: cedarkeep_model::PolicyId) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for Stem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Stem {
    type Error = InvalidStem;

    fn try_from(text: String) -> Result<Self, InvalidStem> {
        Self::new(text)
    }
}

impl From<Stem> for String {
    fn from(stem: Stem) -> Self {
        stem.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_has_one_path() {
        for path in ["manifest.json", "schema.cedarschema", "policies/a.cedar", "policies/A-1_b.c.cedar"] {
            assert_eq!(Member::at(path.as_bytes()).unwrap().to_string(), path);
        }
        let long = format!("policies/{}.cedar", "a".repeat(65));
        for path in [
            "",
            "manifest.JSON",
            "./manifest.json",
            "/manifest.json",
            "policies/.cedar",
            "policies/..cedar",
            "policies/../a.cedar",
            "policies/a/b.cedar",
            "policies//a.cedar",
            "policies/a.cedar/",
            "policies\\a.cedar",
            "policies/a\\b.cedar",
            "policies/-a.cedar",
            "policies/a b.cedar",
            "policies/ä.cedar",
            "policies/a.txt",
            "policies/a.cedar\n",
            "Policies/a.cedar",
            long.as_str(),
        ] {
            assert_eq!(Member::at(path.as_bytes()), None, "{path}");
        }
        assert_eq!(Member::at(b"policies/\xff.cedar"), None);
    }
}
