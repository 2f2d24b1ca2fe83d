//! The vocabulary of cedarkeep: ids, digests, canonical JSON, manifests, statements, bindings and the records that
//! the store keeps. Nothing here performs I/O, reads a clock or draws a random number: clocks and id sources are
//! parameters ([`Clock`], [`IdSource`]).

mod account;
mod authzen;
mod canonical;
mod decision;
mod digest;
mod divergence;
mod draft;
mod entity;
mod event;
mod history;
mod ids;
pub mod json;
mod keys;
mod manifest;
mod name;
mod policy;
mod policy_set;
mod schema;
mod scope;
mod source;
mod statement;
mod text;
mod timestamp;
mod user_token;
mod zone;

pub use account::{
    Credential, CredentialKind, Organization, OrganizationEvent, OrganizationEventKind, Role, RoleGrant,
    SERVICE_ACCOUNT, ServiceAccount,
};
pub use authzen::AuthzenSettings;
pub use canonical::{LONG_KEY, canonical_bytes, canonical_digest, escape_longs, has_reserved_key, unescape_longs};
pub use decision::{DecisionLogMode, LoggedBody, LoggedDecision, LoggedScope, LoggedShadow, ShadowOutcome};
pub use digest::{Digest, Digester};
pub use divergence::{Divergence, DivergenceTotal};
pub use draft::{DraftContent, NewEntry, PolicyDraft, PolicySetDraft};
pub use entity::{EntityChange, EntityRecord};
pub use event::{Event, EventKind, NewEvent};
pub use history::{
    Attested, BindingHistory, BoundVersionEvent, History, KeyHistory, Moment, Period, PolicyVersionEvent,
    PolicyVersions, PublishedSetVersion, Recorded, SetVersionEvent, SetVersions, Slot, StandingBinding, ZoneKeyRecord,
};
pub use ids::{
    BindingId, CredentialId, DecisionId, OrganizationId, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId,
    ServiceAccountId, UserTokenId, ZoneId,
};
pub use keys::{KeyState, PublicKey, RevokeRequest, SigningKey};
pub use manifest::{MAX_MANIFEST_ENTRIES, Manifest, ManifestEntry};
pub use name::{Description, InvalidName, Name, SchemaVersion, Slug};
pub use policy::{Archived, Origin, Policy, PolicyVersion};
pub use policy_set::{Binding, BoundVersion, PolicySet, PolicySetState, PolicySetVersion, SetVersionRecord};
pub use schema::{PolicySchema, SchemaStatus};
pub use scope::{BindingMode, OwnerType, ScopeType, TargetType, UnknownWord};
pub use source::{Clock, IdSource};
pub use statement::{
    AttestationStatement, AttestationStatus, ChainHead, Envelope, HEAD_TYPE, STATEMENT_TYPE, TextDigest, texts_digest,
};
pub use timestamp::{InvalidTimestamp, Timestamp};
pub use user_token::UserToken;
pub use zone::{ForbidErrorRule, RequestEntities, ScopeCombination, ValidationMode, Zone, ZoneSettings};
