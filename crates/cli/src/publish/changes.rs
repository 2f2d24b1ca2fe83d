//! What differs, in words: for people, for machines, and as the body of a comment on a pull request.

use std::fmt::Write as _;

use serde::Serialize;
use similar::TextDiff;

/// How many lines stand around a change.
const LINES_AROUND: usize = 3;
/// The longest comment; code hosts take 65,536 characters.
const MAX_COMMENT_BYTES: usize = 60_000;

/// What happens to something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Action {
    Add,
    Change,
    Remove,
    Bind,
}

/// A difference.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Step {
    pub(super) action: Action,
    /// What it is about: `policy "readers"`.
    pub(super) what: String,
    /// The texts before and after, as a unified diff.
    pub(super) diff: Option<String>,
}

impl Step {
    /// One that has no text.
    pub(super) fn plain(action: Action, what: String) -> Self {
        Self { action, what, diff: None }
    }

    /// What becomes of a policy's text.
    pub(super) fn of_policy(action: Action, name: &str, before: &str, after: &str) -> Self {
        let diff = TextDiff::from_lines(before, after).unified_diff().context_radius(LINES_AROUND).to_string();
        Self { action, what: format!("policy {name:?}"), diff: Some(diff) }
    }
}

/// As text; what to say when nothing differs.
pub(super) fn text(steps: &[Step], nothing: &str) -> String {
    if steps.is_empty() {
        return nothing.to_owned();
    }
    let mut text = String::new();
    for step in steps {
        let mark = match step.action {
            Action::Add => "+ add",
            Action::Change => "~ change",
            Action::Remove => "- remove",
            Action::Bind => "> bind",
        };
        let _ = writeln!(text, "{mark} {}", step.what);
        for line in step.diff.iter().flat_map(|diff| diff.lines()) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text + &counted(steps.len())
}

/// As Markdown: what is in common hosts' comments understood, and in which no text of a policy means anything.
pub(super) fn markdown(heading: &str, steps: &[Step], nothing: &str) -> String {
    let mut text = format!("{heading}\n\n");
    if steps.is_empty() {
        return text + nothing;
    }
    let _ = writeln!(text, "{}:\n", counted(steps.len()));
    for step in steps {
        let word = match step.action {
            Action::Add => "add",
            Action::Change => "change",
            Action::Remove => "remove",
            Action::Bind => "bind",
        };
        let _ = writeln!(text, "- **{word}** {}", code(&step.what));
    }
    let mut left_out = 0;
    for step in steps {
        let Some(diff) = step.diff.as_deref().filter(|diff| !diff.is_empty()) else { continue };
        let fence = "`".repeat(longest_run(diff).max(2) + 1);
        let part =
            format!("\n<details><summary>{}</summary>\n\n{fence}diff\n{diff}{fence}\n\n</details>\n", html(&step.what));
        if text.len() + part.len() > MAX_COMMENT_BYTES {
            left_out += 1;
        } else {
            text.push_str(&part);
        }
    }
    if left_out > 0 {
        let _ = writeln!(text, "\n{left_out} more differences are too long to be shown here.");
    }
    text.truncate(text.trim_end().len());
    text
}

fn counted(steps: usize) -> String {
    if steps == 1 { "1 change".to_owned() } else { format!("{steps} changes") }
}

/// A span of code, fenced by more backticks than stand in it.
fn code(text: &str) -> String {
    let fence = "`".repeat(longest_run(text) + 1);
    format!("{fence} {text} {fence}")
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_breaks_out_of_its_fence() {
        let steps = [Step::of_policy(Action::Change, "a`b", "// a\n", "// ````\n// </details> @all\n")];
        let said = markdown("### Plan", &steps, "nothing");
        assert!(said.starts_with("### Plan\n\n1 change:\n\n- **change** `` policy \"a`b\" ``\n"), "{said}");
        let fences: Vec<_> = said.lines().filter(|line| line.starts_with("`````")).collect();
        assert_eq!(fences, ["`````diff", "`````"], "{said}");
        assert_eq!(markdown("### Plan", &[], "nothing"), "### Plan\n\nnothing");
    }

    #[test]
    fn a_comment_is_never_longer_than_hosts_take() {
        let long = "a line\n".repeat(5_000);
        let steps: Vec<_> = (0..9).map(|n| Step::of_policy(Action::Add, &n.to_string(), "", &long)).collect();
        let said = markdown("### Plan", &steps, "nothing");
        assert!(said.len() < 62_000 && said.contains("\n8 more differences are too long"), "{}", said.len());
        assert!(said.contains("- **add** ` policy \"8\" `"));
    }

    #[test]
    fn each_difference_is_told_with_its_text() {
        let steps =
            [Step::of_policy(Action::Remove, "a", "x\n", ""), Step::plain(Action::Bind, "active for the zone".into())];
        assert_eq!(
            text(&steps, "nothing"),
            "- remove policy \"a\"\n    @@ -1 +0,0 @@\n    -x\n> bind active for the zone\n2 changes"
        );
        assert_eq!(text(&[], "nothing"), "nothing");
    }
}
