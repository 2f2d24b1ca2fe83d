//! What the tests share: a pool, since Cedar must not run on a test thread either, and pinned versions.

pub(crate) mod generate;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::LazyLock,
};

use cedarkeep_model::{Origin, PolicyId};
use serde_json::Value;

use crate::{CedarPool, CompiledSet, Given, Pinned, Schema, compile, load_schema, read_policy, read_schema};

static POOL: LazyLock<CedarPool> = LazyLock::new(|| CedarPool::new(2).unwrap());

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

pub(crate) fn pinned_text(number: u32, text: &str) -> Pinned {
    pinned(number, Given::Text(text))
}

pub(crate) fn pinned_json(number: u32, value: &Value) -> Pinned {
    pinned(number, Given::Json(value))
}

fn pinned(number: u32, given: Given<'_>) -> Pinned {
    let content = read_policy(given).unwrap();
    assert_eq!(content.origin, if matches!(given, Given::Text(_)) { Origin::Text } else { Origin::Json });
    Pinned {
        policy_id: policy_id(number),
        policy_version_id: format!("0198c0de-0001-7000-8000-{number:012}").parse().unwrap(),
        name: format!("policy {number}"),
        origin: content.origin,
        cedar_raw: content.cedar_raw,
        cedar_json: content.cedar_json,
        sha: content.sha,
    }
}

pub(crate) fn policy_id(number: u32) -> PolicyId {
    format!("0198c0de-0000-7000-8000-{number:012}").parse().unwrap()
}

pub(crate) fn schema(text: &str) -> Schema {
    let content = read_schema(Given::Text(text)).unwrap();
    load_schema(&content.cedar_schema_json, content.schema_sha).unwrap()
}

/// Compiles texts as the policies 1, 2, ….
pub(crate) fn set(schema_text: &str, policies: &[&str]) -> CompiledSet {
    let pinned: Vec<Pinned> = (1..).zip(policies).map(|(number, text)| pinned_text(number, text)).collect();
    compile(&pinned, schema(schema_text)).unwrap()
}
