//! What would stop the publication of a policy draft: found the way publishing finds it, said without refusing.

use std::sync::Arc;

use cedarkeep_cedar::{CedarError, Compiler, Finding};
use cedarkeep_model::{DraftContent, Origin, Policy, PolicyDraft, PolicySchema, ValidationMode, Zone};
use cedarkeep_store::Read;

use super::PolicyDraftState;
use crate::{
    Code, Error, Service,
    publish::{cedar_error, findings, open_schema, pin_content},
};

/// Something that would stop the publication of a policy draft.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DraftWarning {
    /// What publishing would answer.
    pub code: Code,
    /// What is wrong and, where known, what would be right.
    pub message: String,
    /// Line in the text, from 1.
    pub line: Option<u32>,
    /// Column in the text, from 1, in characters.
    pub column: Option<u32>,
    /// The statement (`policy0`, …), where it is known.
    pub cedar_id: Option<String>,
}

impl DraftWarning {
    fn found(code: Code, finding: Finding) -> Self {
        let Finding { cedar_id, message, line, column, .. } = finding;
        Self { code, message, line, column, cedar_id }
    }
}

impl From<&Error> for DraftWarning {
    fn from(error: &Error) -> Self {
        let message = error.message().to_owned();
        Self { code: error.code(), message, line: None, column: None, cedar_id: None }
    }
}

/// The schema to publish against, or the refusal that names one that does not serve.
pub(crate) async fn schema_to_be(
    store: &mut dyn Read,
    zone: &Zone,
    version: &str,
) -> Result<Result<PolicySchema, Error>, Error> {
    match open_schema(store, zone.id, version).await {
        Err(error) if [Code::SchemaVersionNotFound, Code::SchemaVersionArchived].contains(&error.code()) => {
            Ok(Err(error))
        }
        other => other.map(Ok),
    }
}

impl Service {
    /// Looks at a draft as publishing would, at this moment.
    pub(super) async fn review_policy_draft(
        &self,
        mut store: Box<dyn Read>,
        zone: &Zone,
        policy: Policy,
        draft: PolicyDraft,
    ) -> Result<PolicyDraftState, Error> {
        let schema = schema_to_be(&mut *store, zone, draft.schema_version.as_str()).await?;
        // The connection goes back before the work that takes its time.
        drop(store);
        let unfit: Vec<_> = schema.as_ref().err().map(DraftWarning::from).into_iter().collect();
        let schema = schema.ok().filter(|_| zone.settings.validation_mode == ValidationMode::Strict);
        let compiler = Arc::clone(&self.0.compiler);
        let look = move || look(&compiler, &policy, draft, schema.as_ref());
        let mut state = self.run_in_turn(zone.id, look).await??;
        state.warnings.splice(0..0, unfit);
        Ok(state)
    }
}

/// Reads the content, and validates it when there is a schema to hold it against; on the Cedar pool.
fn look(
    compiler: &Compiler,
    policy: &Policy,
    draft: PolicyDraft,
    schema: Option<&PolicySchema>,
) -> Result<PolicyDraftState, Error> {
    match super::given(draft.content.as_ref())?.read() {
        Ok(content) => {
            let found = schema.map(|schema| findings(compiler, &[pin_content(policy, &content)], schema)).transpose();
            let warnings = match found {
                Ok(found) => {
                    let errors = found.unwrap_or_default().errors;
                    errors
                        .into_iter()
                        .map(|finding| DraftWarning::found(Code::SchemaValidationFailed, finding))
                        .collect()
                }
                Err(error) => refused(error),
            };
            let (cedar_raw, cedar_json) = (content.cedar_raw, Some(content.cedar_json));
            Ok(PolicyDraftState { draft, cedar_raw, cedar_json, warnings })
        }
        Err(error) => {
            let (cedar_raw, cedar_json) = as_it_came(draft.content.as_ref());
            Ok(PolicyDraftState { draft, cedar_raw, cedar_json, warnings: refused(error) })
        }
    }
}

fn as_it_came(content: Option<&DraftContent>) -> (Option<String>, Option<String>) {
    match content {
        None => (None, None),
        Some(DraftContent { origin: Origin::Text, body }) => (Some(body.clone()), None),
        Some(DraftContent { origin: Origin::Json, body }) => (None, Some(body.clone())),
    }
}

fn refused(error: CedarError) -> Vec<DraftWarning> {
    match error {
        CedarError::Invalid { findings } => {
            findings.into_iter().map(|finding| DraftWarning::found(Code::InvalidCedar, finding)).collect()
        }
        other => vec![DraftWarning::from(&cedar_error(&other))],
    }
}
