//! Putting the tests of a repository to what decides in its slot.

use std::collections::HashMap;

use anyhow::Context as _;
use cedarkeep_cedar::{CedarPool, Decision, TestDecision, TestError, TestReason, outline};
use cedarkeep_repo::{Case, Ready, Settings, TestRun};

use crate::{
    client::{Binding, Client, Test, TestAnswer, TestCase, Tested, Word},
    progress::Progress,
    publish::{self, At},
};

/// How many requests are sent at once; the server takes 1,000.
const BATCH: usize = 250;

/// What a statement is called by whoever writes tests.
struct Called {
    /// `readers/policy0`.
    name: String,
    /// Its `@id` annotation.
    id: Option<String>,
}

/// The statements of a version by what the server calls them: `policy_id/policy0`.
struct Statements(HashMap<String, Called>);

/// Puts the tests to the version that is active in the repository's slot.
pub(super) fn run(at: &At, settings: &Settings, ready: &Ready) -> anyhow::Result<TestRun> {
    let client = at.client(settings)?;
    let active = publish::active(&client, settings)?;
    let statements = Statements::ask(&client, &active)?;
    let mut progress = Progress::begin("testing", Some(ready.cases.len() as u64));
    let mut came = Vec::with_capacity(ready.cases.len());
    for cases in ready.cases.chunks(BATCH) {
        let requests = cases.iter().map(request).collect();
        let policies = Tested { policy_set_version_id: active.policy_set_version_id };
        let answers = client.test(&Test { policies, entities: ready.entities(), requests })?;
        came.extend(answers.into_iter().map(|answer| statements.read(answer)));
        progress.advance(cases.len() as u64);
    }
    Ok(ready.judge(came))
}

fn request(case: &Case) -> TestCase<'_> {
    let request = &case.request;
    TestCase {
        principal: request.principal.to_string(),
        action: request.action.to_string(),
        resource: request.resource.to_string(),
        context: &request.context,
        entities: case.entities.as_ref(),
    }
}

impl Statements {
    fn ask(client: &Client, active: &Binding) -> anyhow::Result<Self> {
        let names: HashMap<_, _> = client.policies(true)?.into_iter().map(|policy| (policy.id, policy.name)).collect();
        let pinned = client.pinned(active.policy_set_id, active.policy_set_version_id)?;
        let read = move || -> anyhow::Result<_> {
            let mut called = HashMap::new();
            for policy in pinned {
                let name = names.get(&policy.policy_id).cloned().unwrap_or_else(|| policy.policy_id.to_string());
                let text = policy.cedar_raw.unwrap_or_default();
                let outlines = outline(&text).with_context(|| format!("the published policy {name:?}"))?;
                for mut outline in outlines {
                    let id = outline.annotations.remove("id");
                    let name = format!("{name}/{}", outline.cedar_id);
                    called.insert(format!("{}/{}", policy.policy_id, outline.cedar_id), Called { name, id });
                }
            }
            Ok(Self(called))
        };
        CedarPool::new(1)?.run_blocking(read)?
    }

    /// What came of a request, with the names of the repository.
    fn read(&self, answer: TestAnswer) -> Result<TestDecision, String> {
        let name =
            |cedar_id: &str| self.0.get(cedar_id).map_or_else(|| cedar_id.to_owned(), |called| called.name.clone());
        let decision = match answer.decision {
            Some(Word::Allow) => Decision::Allow,
            Some(Word::Deny) => Decision::Deny,
            None => return Err(answer.request_error.unwrap_or_else(|| "the server gives no decision".to_owned())),
        };
        let reason = |cedar_id: &String| TestReason {
            cedar_id: name(cedar_id),
            id_annotation: self.0.get(cedar_id).and_then(|called| called.id.clone()),
        };
        let errors = answer.errors.iter();
        let errors = errors.map(|error| TestError { cedar_id: name(&error.cedar_id), message: error.message.clone() });
        Ok(TestDecision { decision, reason: answer.reason.iter().map(reason).collect(), errors: errors.collect() })
    }
}
