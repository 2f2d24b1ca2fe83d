//! The use cases of cedarkeep, one file a verb group. Callers see ids, names and records of the model, never a database,
//! a JOSE library, the Cedar library or HTTP.
//!
//! Every change runs in a task of its own (`Service::transact`): a client that goes away cannot leave a transaction
//! behind, and what was committed is always visible to the next decision.

mod access;
mod accounts;
mod age;
mod apply;
mod archive;
mod attestations;
mod auth;
mod authorize;
mod authzen;
mod authzen_settings;
mod bind;
mod bundles;
mod call;
mod chain;
mod claims;
mod compiled;
mod decision_log;
mod divergences;
mod drafts;
mod entities;
mod entity_cache;
mod error;
mod events;
mod follow;
pub mod fsck;
mod jobs;
mod keys;
mod listing;
mod loaded;
mod page;
mod pin;
mod policies;
mod policy_sets;
mod policy_tests;
mod publish;
mod publish_set;
mod re_sign;
mod recompute;
mod schemas;
mod service;
mod set_drafts;
mod signing_keys;
mod snapshot;
mod transact;
pub mod transfer;
mod turns;
mod two_persons;
mod user_tokens;
mod zones;

pub use access::Target;
pub use accounts::{
    AccessToken, AccountPatch, CredentialPatch, IssuedCredential, MAX_CREDENTIAL_SECONDS, NewAccount, NewCredential,
};
pub use age::Readiness;
pub use apply::{Activate, Applied, Apply, ApplyEntry, ApplyTo, Change, ChangeAction};
pub use auth::InvalidToken;
pub use authorize::{
    CANDIDATES_METRIC, DECISION_METRIC, DecisionAnswer, DecisionBatch, DecisionRequest, Question, ScopeAnswer,
    ShadowAnswer,
};
pub use authzen::{
    AuthzenAction, AuthzenDecision, AuthzenEntity, AuthzenFound, AuthzenPage, AuthzenRequest, AuthzenSearch, Semantic,
    Sought,
};
pub use bundles::{BUNDLE_TYPE, UserBundle};
pub use call::{Account, Call, Idempotency, Principal, PrincipalKind, User};
pub use cedarkeep_cedar::{Decision, DenyReason, Determining, Effect, Finding, Findings, PolicyError, TestError, Uid};
pub use cedarkeep_model::NewEntry;
pub use cedarkeep_store::{
    ArchivedFilter, BindingFilter, DecisionFilter, Order, PolicyFilter, PolicySetFilter, ZoneFilter,
};
pub use drafts::{DraftWarning, NewPolicyDraft, PolicyDraftState, Saved};
pub use entities::{EntitiesChanged, EntityPage, MAX_PUT_ENTITIES, PutMode};
pub use entity_cache::ENTITIES_LOAD_METRIC;
pub use error::{Code, Error};
pub use loaded::LOAD_METRIC;
pub use page::{Page, PageRequest};
pub use policies::{NewPolicy, PolicyPatch};
pub use policy_tests::{
    Expectation, MAX_POLICY_TESTS, PolicyTest, PolicyTestResult, PolicyTestRun, PolicyTests, TestedPolicies,
    TestedSchema,
};
pub use publish::{GivenPolicy, Published, Usage, Warning};
pub use publish_set::COMPILE_METRIC;
pub use schemas::GivenSchema;
pub use service::{Config, Parts, Service, is_begun};
pub use set_drafts::{NewSetDraft, SetDraftState, SetDraftWarning};
pub use signing_keys::{ReSigning, ZoneKey, ZoneKeys};
pub use user_tokens::{DEFAULT_TOKEN_SECONDS, IssuedToken, MAX_TOKEN_SECONDS, NewUserToken};
pub use zones::{NewZone, SettingsPatch, ZonePatch};
