//! Cedar text for policies that came as JSON.

use crate::content::{Statements, statement_order};

/// The statements one after the other, in the order of their ids, each as Cedar displays it, if that text means exactly
/// the same: links cannot be written as text, ids other than `policy0`, `policy1`, … are lost, and so are some literals.
/// (Cedar's printer for a whole set loses more, and the order beyond ten statements.)
pub(crate) fn text(read: &Statements) -> Option<String> {
    if read.set.policies().any(|policy| !policy.is_static()) {
        return None;
    }
    let policies = read.set.policies().map(|policy| (policy.id().as_ref(), policy.to_string()));
    let templates = read.set.templates().map(|template| (template.id().as_ref(), template.to_string()));
    let mut statements: Vec<(&str, String)> = policies.chain(templates).collect();
    statements.sort_by(|(a, _), (b, _)| statement_order(a).cmp(&statement_order(b)));
    let mut text = String::new();
    for (_, statement) in statements {
        text.push_str(statement.trim_end());
        text.push('\n');
    }
    let again = Statements::from_text(&text).ok()?;
    (again.sha == read.sha).then_some(text)
}
