//! Findings and tests in words.

use std::{env, fmt::Write as _, path::Path};

use cedarkeep_repo::{Check, Finding, Severity, TestRun};

use crate::output;

/// How much of a line is shown around a place in it.
const MAX_EXCERPT_CHARS: usize = 110;

/// Whether the text is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// A person looks at a terminal and wants it.
    Coloured,
    /// Nobody does.
    Plain,
}

impl Paint {
    /// Colours for a terminal, unless `NO_COLOR` says otherwise (<https://no-color.org>).
    fn settled() -> Self {
        let wanted = env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        if output::is_terminal() && wanted { Self::Coloured } else { Self::Plain }
    }

    fn paint(self, colour: &str, text: &str) -> String {
        match self {
            Self::Coloured => format!("\u{1b}[{colour}m{text}\u{1b}[0m"),
            Self::Plain => text.to_owned(),
        }
    }
}

/// What checking found, and how many findings that is.
pub(super) fn check(folder: &Path, check: &Check, policies: usize) -> String {
    let mut text = findings(folder, &check.findings, Paint::settled());
    if !text.is_empty() {
        text.push('\n');
    }
    let (errors, warnings) = (check.count(Severity::Error), check.count(Severity::Warning));
    if errors + warnings > 0 {
        let _ = write!(text, "{}, {}", counted(errors, "error"), counted(warnings, "warning"));
    } else {
        let tests = check.ready.as_ref().map_or(0, |ready| ready.cases.len());
        let policies = if policies == 1 { "1 policy".to_owned() } else { format!("{policies} policies") };
        let _ = write!(text, "checked {policies} and {}: nothing to say", counted(tests, "test"));
    }
    text
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Each finding with its place and, where there is one, the line that it stands in.
pub(super) fn findings(folder: &Path, findings: &[Finding], paint: Paint) -> String {
    findings.iter().map(|finding| describe(folder, finding, paint)).collect::<Vec<_>>().join("\n")
}

fn describe(folder: &Path, finding: &Finding, paint: Paint) -> String {
    let (word, colour) = match finding.severity {
        Severity::Error => ("error", "1;31"),
        Severity::Warning => ("warning", "1;33"),
    };
    let head = paint.paint(colour, &format!("{word}[{}]", finding.rule.name()));
    let mut text = format!("{head}: {}\n", output::plain(&finding.message));
    let _ = write!(text, "  --> {}", output::plain(&path(folder, &finding.file)));
    if let (Some(line), Some(column)) = (finding.line, finding.column) {
        let _ = write!(text, ":{line}:{column}");
        if let Some(excerpt) = &finding.excerpt {
            let number = line.to_string();
            let margin = " ".repeat(number.len());
            let (shown, before) = around(excerpt, usize::try_from(column).unwrap_or(usize::MAX).saturating_sub(1));
            let caret = paint.paint(colour, "^");
            let _ = write!(text, "\n {margin} |\n {number} | {shown}\n {margin} | {}{caret}", " ".repeat(before));
        }
    }
    text.push('\n');
    text
}

/// The path as whoever stands where the command was run would write it.
pub(super) fn path(folder: &Path, file: &str) -> String {
    let folder = folder.strip_prefix(".").unwrap_or(folder);
    folder.join(file).display().to_string()
}

/// What is shown of a line, and how many characters of that stand before the place. One character stays one, so that the
/// caret stands under its place.
fn around(line: &str, place: usize) -> (String, usize) {
    let length = line.chars().count();
    let start = if length > MAX_EXCERPT_CHARS { place.min(length).saturating_sub(MAX_EXCERPT_CHARS / 2) } else { 0 };
    let harmless = |c: char| match c {
        '\t' => ' ',
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    };
    let shown = line.chars().skip(start).take(MAX_EXCERPT_CHARS).map(harmless).collect::<String>();
    (shown.trim_end().to_owned(), place.min(length) - start)
}

/// A line a test, what was not as expected below it.
pub(super) fn tests(run: &TestRun) -> String {
    let paint = Paint::settled();
    let mut lines = Vec::new();
    for result in &run.results {
        let mark = if result.met { paint.paint("32", "ok    ") } else { paint.paint("1;31", "FAILED") };
        lines.push(format!("{mark} {}: {}", output::plain(&result.file), output::plain(&result.name)));
        lines.extend(result.failures.iter().map(|failure| format!("       {}", output::plain(failure))));
    }
    lines.push(match (run.passed, run.failed) {
        (0, 0) => "there are no tests: write some as tests/NAME.json".to_owned(),
        (passed, failed) => format!("{passed} passed, {failed} failed"),
    });
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use cedarkeep_repo::Rule;

    use super::*;

    fn finding(excerpt: &str, column: u32) -> Finding {
        Finding {
            severity: Severity::Error,
            rule: Rule::Syntax,
            file: "policies/a.cedar".into(),
            line: Some(12),
            column: Some(column),
            message: "no\u{1b}".into(),
            excerpt: Some(excerpt.into()),
        }
    }

    #[test]
    fn the_caret_stands_under_its_place() {
        let text = findings(Path::new("."), &[finding("\tpermit ü(x\u{1b};", 9)], Paint::Plain);
        let expected = "error[syntax]: no\\u{1b}\n  --> policies/a.cedar:12:9\n    |\n 12 |  permit ü(x\u{fffd};\n    |         ^\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn of_a_long_line_what_is_around_its_place_is_shown() {
        let line = format!("{}X{}", "a".repeat(5_000), "b".repeat(5_000));
        let (shown, before) = around(&line, 5_000);
        assert_eq!((shown.chars().count(), shown.chars().nth(before)), (MAX_EXCERPT_CHARS, Some('X')));
        assert_eq!(around("ab", 7), ("ab".to_owned(), 2));
    }

    #[test]
    fn colours_are_only_for_terminals() {
        assert!(!findings(Path::new("x"), &[finding("a", 1)], Paint::Plain).contains('\u{1b}'));
        assert!(
            findings(Path::new("x"), &[finding("a", 1)], Paint::Coloured)
                .contains("\u{1b}[1;31merror[syntax]\u{1b}[0m")
        );
    }
}
