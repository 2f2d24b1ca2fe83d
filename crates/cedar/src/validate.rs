//! Validation of policies against a schema, in Cedar's strict mode.

use cedar_policy::{PolicyId as CedarId, ValidationMode, ffi::DetailedError};
use cedarkeep_model::PolicyId;

use crate::{
    compile::Compiler,
    content::{Pinned, Statements, statement_order},
    error::{CedarError, Finding, Findings, MAX_FINDINGS},
    guard_schema::MAX_VALIDATION_WORK,
    schema::Schema,
};

impl Compiler {
    /// Validates each version by itself. Runs on the [pool](crate::CedarPool). Findings carry the policy's id, the
    /// statement's id within the version and, for versions that came as text, line and column in that text.
    ///
    /// A content that is in use and had no finding against this schema before is not looked at again.
    ///
    /// # Errors
    /// Content that cannot be read, and what would be too much work.
    pub fn validate(&self, policies: &[Pinned], schema: &Schema) -> Result<Findings, CedarError> {
        let units = policies.iter().map(|pinned| Ok((pinned, self.unit(pinned)?)));
        let mut unknown = units.collect::<Result<Vec<_>, CedarError>>()?;
        unknown.retain(|(_, unit)| !unit.is_clean(schema.sha()));
        check_work(unknown.iter().map(|(pinned, _)| pinned.bytes()).sum(), schema)?;
        let mut findings = Findings::default();
        for (pinned, unit) in unknown {
            let read = Statements::load(pinned.origin, pinned.cedar_raw.as_deref(), &pinned.cedar_json)?;
            let mut own = Findings::default();
            find(&mut own, &read, Some(pinned.policy_id), pinned.text(), schema);
            if own == Findings::default() {
                unit.mark_clean(schema.sha());
            }
            findings.errors.extend(own.errors);
            findings.warnings.extend(own.warnings);
        }
        findings.errors.truncate(MAX_FINDINGS);
        findings.warnings.truncate(MAX_FINDINGS);
        Ok(findings)
    }
}

/// Refuses so many bytes of policy that validating them would take minutes.
pub(crate) fn check_work(bytes: usize, schema: &Schema) -> Result<(), CedarError> {
    if (bytes as u64).saturating_mul(schema.work_a_byte()) <= MAX_VALIDATION_WORK {
        return Ok(());
    }
    Err(CedarError::TooLarge(format!(
        "{bytes} bytes of policy against this schema's combinations of principal type, action and resource type are \
         too much to validate; use fewer combinations, narrower records or smaller sets"
    )))
}

/// Adds what is found in the content of one version; `text` is the text that Cedar read it from, if it was text.
pub(crate) fn find(
    findings: &mut Findings,
    read: &Statements,
    policy_id: Option<PolicyId>,
    text: Option<&str>,
    schema: &Schema,
) {
    let result = schema.validator().validate(&read.set, ValidationMode::Strict);
    let finding = |id: &CedarId, error: DetailedError| Finding {
        policy_id,
        cedar_id: Some(id.to_string()),
        ..Finding::from_cedar(error, text)
    };
    let errors = result.validation_errors().map(|error| finding(error.policy_id(), error.into()));
    add(&mut findings.errors, errors);
    let warnings = result.validation_warnings().map(|warning| finding(warning.policy_id(), warning.into()));
    add(&mut findings.warnings, warnings);
}

/// Cedar reports in no particular order; readers and tests want one.
fn add(findings: &mut Vec<Finding>, more: impl Iterator<Item = Finding>) {
    let mut more: Vec<Finding> = more.collect();
    more.sort_by(|a, b| key(a).cmp(&key(b)));
    more.dedup();
    findings.extend(more);
    findings.truncate(MAX_FINDINGS);
}

fn key(finding: &Finding) -> ((u64, &str), Option<u32>, Option<u32>, &str) {
    let statement = statement_order(finding.cedar_id.as_deref().unwrap_or_default());
    (statement, finding.line, finding.column, &finding.message)
}

#[cfg(test)]
mod tests;
