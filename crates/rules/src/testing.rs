//! What the tests share: a pool, the schema, and policies put to Cedar.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use cedarkeep_cedar::{
    CedarPool, DecisionRequest, Given, NamedText, Schema, TestBed, TestDecision, TestPolicies, TestRequest, TestSchema,
    load_schema, read_schema,
};
use serde_json::Value;

use crate::{Access, Binding, RulePolicy, SCHEMA, compile, compile_guard, read_compiled};

static POOL: LazyLock<CedarPool> = LazyLock::new(|| CedarPool::new(2).unwrap());

/// The schema, read once: it runs on the pool.
static LOADED: LazyLock<Schema> = LazyLock::new(|| {
    let content = read_schema(Given::Text(SCHEMA)).unwrap();
    load_schema(&content.cedar_schema_json, content.schema_sha).unwrap()
});

/// Runs a test on the pool and fails here with what failed there.
pub(crate) fn on_pool<T: Send + 'static>(test: impl FnOnce() -> T + Send + 'static) -> T {
    let caught = move || {
        catch_unwind(AssertUnwindSafe(test)).map_err(|payload| match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => format!("{:?}", payload.downcast::<&str>()),
        })
    };
    POOL.run_blocking(caught).unwrap().unwrap_or_else(|message| panic!("{message}"))
}

pub(crate) fn policy(document: &Value) -> RulePolicy {
    RulePolicy::read(document).unwrap_or_else(|error| panic!("{error}: {document}"))
}

/// The Cedar text of a policy; it means what was compiled, to the digest.
pub(crate) fn cedar(id: &str, policy: &RulePolicy, bindings: &[Binding]) -> String {
    let content = read_compiled(&compile(id, policy, bindings).unwrap()).unwrap();
    content.cedar_raw.unwrap_or_else(|| panic!("{id} has no text"))
}

/// Policies and the guard, ready to be asked. What does not validate fails.
pub(crate) fn bed(policies: &[(&str, &RulePolicy, &[Binding])]) -> TestBed {
    let mut texts: Vec<_> =
        policies.iter().map(|(id, policy, bindings)| ((*id).to_owned(), cedar(id, policy, bindings))).collect();
    texts.push(("guard".to_owned(), read_compiled(&compile_guard()).unwrap().cedar_raw.unwrap()));
    let named: Vec<_> = texts.iter().map(|(name, text)| NamedText { name, text }).collect();
    let bed = TestBed::new(TestPolicies::Named(&named), TestSchema::Strict(LOADED.clone())).unwrap();
    let findings = bed.findings().unwrap();
    assert!(findings.errors.is_empty(), "{findings:?}\n{texts:?}");
    bed
}

/// What Cedar says to a request; `groups` are the entities of identities and groups. No statement ever fails.
pub(crate) fn ask(bed: &TestBed, access: &Access, groups: &[Value]) -> TestDecision {
    ask_with(bed, access, groups, |_| {})
}

/// The same with a context that is changed before Cedar sees it.
pub(crate) fn ask_with(
    bed: &TestBed,
    access: &Access,
    groups: &[Value],
    change: impl FnOnce(&mut Value),
) -> TestDecision {
    let DecisionRequest { principal, action, resource, mut context } = access.to_request().unwrap();
    change(&mut context);
    let entities: Vec<Value> = groups.iter().cloned().chain([access.entity()]).collect();
    let entities = bed.read_entities(&Value::Array(entities)).unwrap();
    let decided = bed.decide(&TestRequest { principal, action, resource, context }, &entities).unwrap();
    assert!(decided.errors.is_empty(), "{decided:?}");
    decided
}
