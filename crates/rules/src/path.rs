//! Paths, and patterns of paths.
//!
//! `app/*` matches `app/../admin`, and whoever resolves that path later has left `app`. So a path has one spelling here:
//! segments between single slashes, none empty, none `.` or `..`, no escapes, printable ASCII.

use std::fmt;

/// The longest path and pattern.
pub const MAX_PATH_BYTES: usize = 1_024;

/// The most stars in a pattern.
pub const MAX_STARS: usize = 16;

/// Why a text is no path or no pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Nothing.
    #[error("must not be empty")]
    Empty,
    /// Too long.
    #[error("must have at most {MAX_PATH_BYTES} bytes")]
    TooLong,
    /// Not printable ASCII.
    #[error("must be printable ASCII: other characters have several spellings")]
    Unprintable,
    /// An escape.
    #[error("must not contain `%` or `\\`: write the path itself, without escapes, with `/` between its segments")]
    Escape,
    /// An empty segment.
    #[error("has an empty segment: write it without a slash at either end and with one slash between segments")]
    EmptySegment,
    /// A segment that leads elsewhere.
    #[error("has a segment `.` or `..`: write the path that it leads to")]
    DotSegment,
    /// Stars beside each other.
    #[error("has `**`: one `*` already stands for any characters, slashes too")]
    StarBesideStar,
    /// Too many stars.
    #[error("has more than {MAX_STARS} `*`")]
    TooManyStars,
}

/// The path of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessPath(String);

/// Which paths a rule is about. `*` stands for any characters, none and `/` among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern(String);

impl AccessPath {
    /// Checks a path.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidPath> {
        let text = text.into();
        check(&text)?;
        Ok(Self(text))
    }

    /// The path.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PathPattern {
    /// Checks a pattern.
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidPath> {
        let text = text.into();
        check(&text)?;
        if text.contains("**") {
            return Err(InvalidPath::StarBesideStar);
        }
        if text.matches('*').count() > MAX_STARS {
            return Err(InvalidPath::TooManyStars);
        }
        Ok(Self(text))
    }

    /// The pattern.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What every path that it matches begins with.
    pub(crate) fn beginning(&self) -> &str {
        self.0.split('*').next().unwrap_or_default()
    }

    /// Whether it matches every path.
    pub(crate) fn is_any(&self) -> bool {
        self.0 == "*"
    }
}

impl fmt::Display for AccessPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn check(text: &str) -> Result<(), InvalidPath> {
    if text.is_empty() {
        return Err(InvalidPath::Empty);
    }
    if text.len() > MAX_PATH_BYTES {
        return Err(InvalidPath::TooLong);
    }
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(InvalidPath::Unprintable);
    }
    if text.contains(['%', '\\']) {
        return Err(InvalidPath::Escape);
    }
    for segment in text.split('/') {
        match segment {
            "" => return Err(InvalidPath::EmptySegment),
            "." | ".." => return Err(InvalidPath::DotSegment),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_spelling() {
        for path in ["a", "prod/db/password", "a b/c.d", "..a/b..", "a/*/b"] {
            assert!(AccessPath::new(path).is_ok(), "{path}");
        }
        for (path, why) in [
            ("", InvalidPath::Empty),
            ("/a", InvalidPath::EmptySegment),
            ("a/", InvalidPath::EmptySegment),
            ("a//b", InvalidPath::EmptySegment),
            (".", InvalidPath::DotSegment),
            ("app/../admin", InvalidPath::DotSegment),
            ("app/./admin", InvalidPath::DotSegment),
            ("app/%2e%2e/admin", InvalidPath::Escape),
            ("app\\..\\admin", InvalidPath::Escape),
            ("app/\u{ff0e}\u{ff0e}/admin", InvalidPath::Unprintable),
            ("a\nb", InvalidPath::Unprintable),
        ] {
            assert_eq!(AccessPath::new(path), Err(why), "{path}");
            assert_eq!(PathPattern::new(path), Err(why), "{path}");
        }
        assert_eq!(AccessPath::new("a".repeat(1_025)), Err(InvalidPath::TooLong));
    }

    #[test]
    fn a_pattern_has_few_stars() {
        assert!(PathPattern::new("*").is_ok_and(|pattern| pattern.is_any()));
        assert!(PathPattern::new("prod/*/db-*").is_ok());
        assert_eq!(PathPattern::new("a/**"), Err(InvalidPath::StarBesideStar));
        assert_eq!(PathPattern::new("*".repeat(1_000)), Err(InvalidPath::StarBesideStar));
        assert!(PathPattern::new("a*".repeat(16)).is_ok());
        assert_eq!(PathPattern::new("a*".repeat(17)), Err(InvalidPath::TooManyStars));
    }
}
