//! What stands in a text, statement by statement.

use std::collections::BTreeMap;

use cedar_policy::PolicySet;
use cedar_policy_core::parser::Loc;

use crate::{
    content::{Statements, statement_order},
    error::{CedarError, position},
};

/// A statement of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// Its id within the text (`policy0`, …).
    pub cedar_id: String,
    /// Its annotations; one without a value has the empty one.
    pub annotations: BTreeMap<String, String>,
    /// Whether it has slots, so that it decides nothing until they are filled.
    pub is_template: bool,
    /// Line in the text, from 1.
    pub line: u32,
    /// Column in the text, from 1, counted in characters.
    pub column: u32,
}

/// The statements of a text, in their order. Runs on the [pool](crate::CedarPool).
///
/// # Errors
/// Those of [`read_policy`](crate::read_policy).
pub fn outline(text: &str) -> Result<Vec<Outline>, CedarError> {
    let mut outlines = of_set(&Statements::from_text(text)?.set, text);
    outlines.sort_by(|a, b| statement_order(&a.cedar_id).cmp(&statement_order(&b.cedar_id)));
    Ok(outlines)
}

fn of_set(set: &PolicySet, text: &str) -> Vec<Outline> {
    let policies = set.policies().map(|policy| {
        let core: &cedar_policy_core::ast::Policy = policy.as_ref();
        outlined(policy.id().to_string(), owned(policy.annotations()), false, core.loc(), text)
    });
    let templates = set.templates().map(|template| {
        let core: &cedar_policy_core::ast::Template = template.as_ref();
        outlined(template.id().to_string(), owned(template.annotations()), true, core.loc(), text)
    });
    policies.chain(templates).collect()
}

fn owned<'a>(annotations: impl Iterator<Item = (&'a str, &'a str)>) -> BTreeMap<String, String> {
    annotations.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

fn outlined(
    cedar_id: String,
    annotations: BTreeMap<String, String>,
    is_template: bool,
    loc: Option<&Loc>,
    text: &str,
) -> Outline {
    let (line, column) = position(text, loc.map_or(0, Loc::start));
    Outline { cedar_id, annotations, is_template, line, column }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::on_pool;

    #[test]
    fn statements_are_told_with_their_place_and_annotations() {
        on_pool(|| {
            let text = "// first\n@name(\"readers\") @quiet\npermit(principal, action, resource);\n  \
                        forbid(principal == ?principal, action, resource);";
            let [first, second] = &outline(text).unwrap()[..] else { panic!("two statements") };
            assert_eq!(
                (first.cedar_id.as_str(), first.line, first.column, first.is_template),
                ("policy0", 2, 1, false)
            );
            assert_eq!(first.annotations["name"], "readers");
            assert_eq!(first.annotations["quiet"], "");
            assert_eq!((second.line, second.column, second.is_template), (4, 3, true));
        });
    }
}
