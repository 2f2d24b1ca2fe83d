//! Names, descriptions, slugs and schema versions: text with a length and an alphabet.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a text cannot be a name, a description, a slug or a schema version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing but white space.
    #[error("must not be empty")]
    Empty,
    /// More characters than allowed.
    #[error("must have at most {max} characters, has {found}")]
    TooLong {
        /// The limit in characters (Unicode scalar values).
        max: usize,
        /// What was found.
        found: usize,
    },
    /// Control characters or HTML tags.
    #[error("must not contain control characters or HTML tags")]
    Markup,
    /// White space at an end.
    #[error("must not begin or end with white space")]
    Padded,
    /// Characters outside the alphabet.
    #[error("must be 1 to {max} of the characters {alphabet}, beginning with a letter or digit")]
    Alphabet {
        /// The limit in characters.
        max: usize,
        /// The allowed characters.
        alphabet: &'static str,
    },
}

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks the text and takes it over.
            ///
            /// # Errors
            /// With the rule that the text breaks.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                let check: fn(&str) -> Result<(), InvalidName> = $check;
                check(&text)?;
                Ok(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidName;

            fn try_from(text: String) -> Result<Self, InvalidName> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }
    };
}

text!(
    /// The name of a zone, a policy or a policy set: 1 to 200 characters, no control characters, no HTML tags.
    Name,
    |text| {
        if text.trim().is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.trim() != text {
            return Err(InvalidName::Padded);
        }
        check_prose(text, 200)
    }
);

text!(
    /// A description: up to 2,000 characters, no control characters but line breaks and tabs, no HTML tags.
    Description,
    |text| check_prose(text, 2_000)
);

text!(
    /// A URL-safe name of a zone: 1 to 63 of `a-z`, `0-9` and `-`, beginning with a letter or digit.
    Slug,
    |text| check_alphabet(text, 63, "a-z 0-9 -", |c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
);

text!(
    /// The version of a policy schema, such as `2026-03-16`: 1 to 64 of `A-Z`, `a-z`, `0-9`, `.`, `_` and `-`.
    SchemaVersion,
    |text| check_alphabet(text, 64, "A-Z a-z 0-9 . _ -", |c| c.is_ascii_alphanumeric() || ".-_".contains(c))
);

impl Slug {
    /// A slug made from a name: its ASCII letters and digits in lower case, everything else one hyphen; `zone` when
    /// nothing is left.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let mut slug = String::new();
        for c in name.chars().take(200) {
            if c.is_ascii_alphanumeric() {
                slug.push(c.to_ascii_lowercase());
            } else if !slug.is_empty() && !slug.ends_with('-') {
                slug.push('-');
            }
        }
        let slug: String = slug.chars().take(50).collect();
        let slug = slug.trim_matches('-');
        Self(if slug.is_empty() { "zone" } else { slug }.to_owned())
    }

    /// The same slug with a number behind it, for when the first choice is taken.
    #[must_use]
    pub fn numbered(&self, number: u32) -> Self {
        Self(format!("{}-{number}", self.0))
    }
}

fn check_prose(text: &str, max: usize) -> Result<(), InvalidName> {
    let found = text.chars().count();
    if found > max {
        return Err(InvalidName::TooLong { max, found });
    }
    let control = text.chars().any(|c| c.is_control() && !"\n\r\t".contains(c));
    if control || has_tag(text) { Err(InvalidName::Markup) } else { Ok(()) }
}

/// Whether something that a browser could take for a tag stands in the text: `<` before a letter, `/` or `!`.
fn has_tag(text: &str) -> bool {
    text.split('<').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!'))
}

fn check_alphabet(
    text: &str,
    max: usize,
    alphabet: &'static str,
    allowed: fn(char) -> bool,
) -> Result<(), InvalidName> {
    let starts_well = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    if text.len() <= max && starts_well && text.chars().all(allowed) {
        Ok(())
    } else {
        Err(InvalidName::Alphabet { max, alphabet })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_prose_of_bounded_length() {
        assert!(Name::new("Ümläute & <3 hearts").is_ok());
        assert_eq!(Name::new("  "), Err(InvalidName::Empty));
        assert_eq!(Name::new(" a"), Err(InvalidName::Padded));
        assert_eq!(Name::new("a".repeat(201)), Err(InvalidName::TooLong { max: 200, found: 201 }));
        assert_eq!(Name::new("<script>"), Err(InvalidName::Markup));
        assert_eq!(Name::new("a\u{0}b"), Err(InvalidName::Markup));
        assert!(Description::new("two\nlines").is_ok());
    }

    #[test]
    fn a_slug_can_be_made_from_any_name() {
        for (name, slug) in [("Acme Corp.", "acme-corp"), ("日本", "zone"), ("--a--b--", "a-b")] {
            assert_eq!(Slug::from_name(name).as_str(), slug);
            assert!(Slug::new(Slug::from_name(name).as_str()).is_ok());
        }
        assert!(Slug::new("-a").is_err() && Slug::new("A").is_err() && Slug::new("").is_err());
    }
}
