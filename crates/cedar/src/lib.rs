//! Everything that needs Cedar: reading and printing policies and schemas, validating, compiling a policy set and
//! evaluating it. This is the only crate that imports `cedar-policy`.
//!
//! Cedar recurses as deep as the syntax tree of what it reads and has no limit of its own: a stack that ends is an
//! abort of the process, not an error. Two walls stand before that, and both are needed:
//!
//! - every text and every JSON value is measured, without recursion, before Cedar sees it ([`MAX_TREE_DEPTH`],
//!   [`MAX_JSON_DEPTH`], [`MAX_WEIGHT`]);
//! - every function here that lets Cedar parse, validate or evaluate says so, and must run on the [`CedarPool`], whose
//!   threads have stacks of 64 MiB, never on an async worker.
//!
//! What may run anywhere needs no such stack: parsing and printing a [`Uid`] does not recurse, and what reads and decides
//! in passing ([`Ground::read_here`], [`Ground::read_entities_here`], [`CompiledSet::decide_in_passing`]) is our own,
//! bounded in depth and in work, and leaves the rest to the pool.

mod built_in;
mod combine;
mod compile;
mod condition;
mod constructor;
mod content;
mod entities;
mod entity;
mod entity_store;
mod error;
mod evaluate;
mod facts;
mod foreign;
mod format;
mod given_entities;
mod guard_json;
mod guard_schema;
mod guard_text;
mod index;
mod interpret;
mod lexer;
mod name;
mod names;
mod outline;
mod policy_tests;
mod pool;
mod print;
mod read;
mod scene;
mod schema;
mod scope;
mod shape;
mod stored_entity;
mod typed;
mod uid;
mod unit;
mod validate;

#[cfg(test)]
mod testing;

use std::sync::LazyLock;

pub use built_in::BUILT_IN_SCHEMAS;
pub use combine::{CombineRules, Overall, SlotDecisions, combine};
pub use compile::{CompiledSet, Compiler};
pub use content::{Given, MAX_POLICY_BYTES, Pinned, PolicyContent, check_content, read_policy};
pub use entities::{MAX_ANCESTOR_DEPTH, MAX_ENTITIES, MAX_PARENTS};
pub use entity_store::{Change, EntityStore, InvalidHierarchy};
pub use error::{CedarError, EvaluateError, Finding, Findings, MAX_FINDINGS, position};
pub use evaluate::{Agreement, Decision, DenyReason, Determining, Effect, Passing, PolicyError, SlotDecision};
pub use facts::Facts;
pub use foreign::{LeftOut, Parties};
pub use format::format_policies;
pub use given_entities::{
    GivenEntity, MAX_ENTITY_BYTES, MAX_ENTITY_ID_BYTES, MAX_ENTITY_TYPE_BYTES, MAX_ENTITY_VALUES, read_stored,
};
pub use guard_json::{MAX_JSON_DEPTH, MAX_REQUEST_VALUES};
pub use guard_schema::{
    MAX_ACTIONS, MAX_ENTITY_TYPES, MAX_MEMBERS, MAX_REQUEST_KINDS, MAX_TYPE_NODES, MAX_VALIDATION_WORK,
};
pub use guard_text::{MAX_TREE_DEPTH, MAX_WEIGHT};
pub use outline::{Outline, outline};
pub use policy_tests::{
    NamedText, TestBed, TestDecision, TestEntities, TestError, TestPolicies, TestReason, TestRequest, TestSchema,
};
pub use pool::{CedarPool, PoolError};
pub use read::{DecisionRequest, Ground, InlineEntities};
pub use schema::{MAX_SCHEMA_BYTES, Schema, SchemaContent, load_schema, read_schema};
pub use stored_entity::{EntityReader, StoredEntity};
pub use uid::{InvalidUid, Uid};

/// The version of the Cedar SDK in this binary, as signed statements name it.
#[must_use]
pub fn cedar_version() -> &'static str {
    static VERSION: LazyLock<String> = LazyLock::new(|| cedar_policy::get_sdk_version().to_string());
    &VERSION
}
