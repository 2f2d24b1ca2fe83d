//! What can be published and is probably not meant so.

use std::collections::HashMap;

use cedarkeep_model::Digest;

use crate::{
    check::PolicyFile,
    finding::{Finding, Rule},
    layout::POLICIES,
};

/// Looks at all policies together.
pub(crate) fn look(policies: &[PolicyFile]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let (mut contents, mut ids) = (HashMap::<Digest, &PolicyFile>::new(), HashMap::<&str, &PolicyFile>::new());
    for policy in policies {
        let file = policy.source.path.as_str();
        if let Some(other) = contents.insert(policy.content.sha, policy) {
            let message = format!("it says the same as {}; remove one of them", other.source.path);
            findings.push(Finding::warning(Rule::SameContent, file, message));
        }
        for outline in &policy.outlines {
            let place = |finding: Finding| finding.at(&policy.source.text, outline.line, outline.column);
            if let Some(id) = outline.annotations.get("id")
                && let Some(other) = ids.insert(id, policy)
            {
                let message =
                    format!("the @id {id:?} stands in {} too, so it does not tell which decided", other.source.path);
                findings.push(place(Finding::warning(Rule::SameId, file, message)));
            }
            if outline.is_template {
                let message = "a statement with a slot decides nothing until something fills it, and nothing here does";
                findings.push(place(Finding::warning(Rule::UnlinkedTemplate, file, message)));
            }
        }
    }
    if !policies.is_empty() && policies.iter().all(|policy| policy.content.permits == 0) {
        let message = "no policy permits anything, so everything is denied where the set decides";
        findings.push(Finding::warning(Rule::NoPermit, POLICIES, message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::testing::{on_pool, sample};

    #[test]
    fn each_lint_sees_what_it_is_for() {
        let twice = "@id(\"x\") forbid (principal, action, resource);\n@id(\"x\") forbid (principal == ?principal, action, resource);";
        let folder = sample(&[("policies/a.cedar", twice), ("policies/b.cedar", &twice.replace("\"x\"", "\"y\""))]);
        fs::write(folder.path().join("policies/c.cedar"), twice).unwrap();
        for file in ["owners", "readers"] {
            fs::remove_file(folder.path().join(format!("policies/{file}.cedar"))).unwrap();
        }
        fs::remove_dir_all(folder.path().join("tests")).unwrap();
        let check = on_pool(folder.path());
        assert!(check.is_valid(), "a lint stops nothing: {:?}", check.findings);
        let count = |rule| check.findings.iter().filter(|finding| finding.rule == rule).count();
        assert_eq!((count(Rule::SameContent), count(Rule::NoPermit)), (1, 1), "{:?}", check.findings);
        // Twice in a, once and once more in b, twice in c, which repeats a.
        assert_eq!((count(Rule::SameId), count(Rule::UnlinkedTemplate)), (4, 3), "{:?}", check.findings);
    }
}
