//! What an attestation says, and the envelope it comes in.

use serde::{Deserialize, Serialize};

use crate::{
    Digest, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaVersion, ScopeType, Timestamp, ValidationMode,
    ZoneId, canonical_digest, text::word,
};

/// The `type` of every statement.
pub const STATEMENT_TYPE: &str = "policy_set_attestation";

word!(
    /// The event that produced an attestation.
    AttestationStatus {
        /// The version was created.
        Created => "created",
        /// The same content was signed again with another key.
        ReSigned => "re_signed",
    }
);

/// The signed statement about one policy set version: which content, under which schema, attested by whom and when.
///
/// The members up to `zone_id` are those of the zone policy API; the others bind what a verifier needs beyond them.
/// Members that are `None` are absent from the signed form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AttestationStatement {
    /// Version of the statement's own form: 1.
    pub v: u8,
    /// [`STATEMENT_TYPE`].
    pub r#type: String,
    /// The zone.
    pub zone_id: ZoneId,
    /// The policy set.
    pub policy_set_id: PolicySetId,
    /// The version's number within its set, from 1.
    pub policy_set_version: u64,
    /// The manifest digest of the version.
    pub manifest_sha: Digest,
    /// Why it was made.
    pub status: AttestationStatus,
    /// When it was made. The order of attestations is that of their events, never of this member.
    pub attested_at: Timestamp,
    /// Who caused it: the publisher, or the person who rotated the keys.
    pub attested_by: String,
    /// RFC 7638 thumbprint of the signing key; equals the `kid` of the protected header.
    pub key_id: String,
    /// The version's id.
    pub policy_set_version_id: PolicySetVersionId,
    /// The scope of the policy set.
    pub scope_type: ScopeType,
    /// The pinned schema version.
    pub schema_version: SchemaVersion,
    /// The schema digest: SHA-256 over JCS of the Cedar schema JSON.
    pub schema_sha: Digest,
    /// Whether the policies were validated against the schema.
    pub validation: ValidationMode,
    /// The version of the Cedar language library that read the policies.
    pub cedar_version: String,
    /// [`texts_digest`] of the pinned versions.
    pub texts_sha: Digest,
    /// In `re_signed`: SHA-256 over JCS of the envelope before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev_sha256: Option<Digest>,
    /// In `re_signed`: when the version was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// In `re_signed`: who created the version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
}

/// The `type` of every statement about the head of a zone's events.
pub const HEAD_TYPE: &str = "event_chain_head";

/// The signed statement about the newest event of a zone. Each event carries the digest of the one before, so this is a
/// statement about all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChainHead {
    /// Version of the statement's own form: 1.
    pub v: u8,
    /// [`HEAD_TYPE`].
    pub r#type: String,
    /// The zone.
    pub zone_id: ZoneId,
    /// The number of its newest event.
    pub seq: u64,
    /// The digest of that event.
    pub sha256: Digest,
    /// When this was stated.
    pub at: Timestamp,
    /// RFC 7638 thumbprint of the signing key; equals the `kid` of the protected header.
    pub key_id: String,
}

/// A JWS in flattened JSON serialization (RFC 7515, section 7.2.2): exactly these three members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Envelope {
    /// base64url of the canonical statement.
    pub payload: String,
    /// base64url of the protected header.
    pub protected: String,
    /// base64url of the signature over `protected || "." || payload`.
    pub signature: String,
}

impl Envelope {
    /// SHA-256 over JCS of the envelope: what `prev_sha256` of the next attestation names.
    ///
    /// # Errors
    /// Never for an envelope; the signature is that of [`canonical_digest`].
    pub fn digest(&self) -> Result<Digest, serde_json::Error> {
        canonical_digest(self)
    }
}

/// The digest of the text of one pinned policy version, as it stands in the list under `texts_sha`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextDigest {
    /// The policy version.
    pub policy_version_id: PolicyVersionId,
    /// SHA-256 of `cedar_raw`, byte for byte; null for a version that has no text form.
    pub sha256: Option<Digest>,
}

/// `texts_sha`: SHA-256 over JCS of the list of `{policy_version_id, sha256}` sorted by `policy_version_id`.
///
/// # Errors
/// Never for such a list; the signature is that of [`canonical_digest`].
pub fn texts_digest(mut texts: Vec<TextDigest>) -> Result<Digest, serde_json::Error> {
    texts.sort_by_key(|text| text.policy_version_id);
    canonical_digest(&texts)
}
