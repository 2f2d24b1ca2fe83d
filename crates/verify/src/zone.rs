//! The export of a whole zone: what it is made of, and how it is verified.
//!
//! The events are its backbone. What there must be follows from them alone (versions, attestations, schemas, keys,
//! bindings), their head is signed, and everything else is compared with what they tell.

mod bindings;
mod case;
mod keys;
mod parts;
mod steps;
mod versions;

pub use self::parts::{VersionPart, ZoneParts};
pub(crate) use self::{
    case::{Keys as ZoneKeys, ZoneCase, lines},
    steps::{AUTHENTICATION, TRUST, verify},
};

/// What the folder is about.
pub(crate) const ZONE: &str = "zone.json";
/// All events, one a line.
pub(crate) const EVENTS: &str = "events.jsonl";
/// The signed head of the events.
pub(crate) const HEAD: &str = "head.json";
/// Every key that the zone ever had.
pub(crate) const KEYS: &str = "keys.json";
/// What the slots point at.
pub(crate) const BINDINGS: &str = "bindings.json";
/// What they ever pointed at, one binding a line.
pub(crate) const PERIODS: &str = "bindings-over-time.jsonl";

/// What the names of a version's attestations begin with.
pub(crate) fn attestation_prefix(version: cedarkeep_model::PolicySetVersionId) -> String {
    format!("{version}-")
}

pub(crate) fn manifest_path(version: cedarkeep_model::PolicySetVersionId) -> String {
    format!("manifests/{version}.json")
}

pub(crate) fn schema_path(sha: cedarkeep_model::Digest) -> String {
    format!("schemas/{sha}.json")
}
