//! Signing keys: their public halves and where in their lives they are.

use cedarkeep_model as model;
use cedarkeep_service::{ReSigning as ServiceReSigning, ZoneKey, ZoneKeys};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{List, Pagination, kinds};
use crate::body::RequestBody;

/// A signing key of a zone.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SigningKey {
    /// RFC 7638 thumbprint of the public key.
    kid: String,
    #[schema(value_type = kinds::KeyState)]
    state: model::KeyState,
    jwk: Jwk,
    #[schema(value_type = kinds::Timestamp)]
    created_at: model::Timestamp,
    created_by: String,
    /// From when it signs, or did.
    #[schema(value_type = kinds::Timestamp)]
    signs_from: model::Timestamp,
    /// When its revocation was asked for; it stays in the JWK set until everything it signed is signed again.
    #[schema(value_type = Option<kinds::Timestamp>, required)]
    revoke_requested_at: Option<model::Timestamp>,
    #[schema(required)]
    revoke_requested_by: Option<String>,
    /// The number of the event that revoked it.
    #[schema(required)]
    revoked_seq: Option<u64>,
}

/// An RSA public key as a JWK (RFC 7517).
#[derive(Debug, Serialize, ToSchema)]
struct Jwk {
    #[schema(example = "RSA")]
    kty: &'static str,
    #[schema(example = "sig")]
    r#use: &'static str,
    #[schema(example = "RS256")]
    alg: &'static str,
    kid: String,
    /// base64url of the modulus.
    n: String,
    /// base64url of the exponent.
    e: String,
}

impl From<ZoneKey> for SigningKey {
    fn from(key: ZoneKey) -> Self {
        let (at, by) = key.revoke_requested.map(|request| (request.at, request.by)).unzip();
        let model::PublicKey { n, e } = key.public;
        Self {
            jwk: Jwk { kty: "RSA", r#use: "sig", alg: "RS256", kid: key.kid.clone(), n, e },
            kid: key.kid,
            state: key.state,
            created_at: key.created_at,
            created_by: key.created_by,
            signs_from: key.signs_from,
            revoke_requested_at: at,
            revoke_requested_by: by,
            revoked_seq: key.revoked_seq,
        }
    }
}

/// How far the policy set versions are signed again with the key that signs now.
#[derive(Debug, Serialize, ToSchema)]
struct ReSigning {
    /// How many should be: the living ones, and archived ones that a key being revoked has signed.
    total: u64,
    /// How many are.
    done: u64,
    /// Those that never will be, because they are not what was published; run `cedarkeep fsck`.
    #[schema(value_type = Vec<kinds::Id>)]
    refused: Vec<model::PolicySetVersionId>,
    /// Why it does not go on at the moment.
    #[schema(required)]
    problem: Option<String>,
}

/// All signing keys of a zone, oldest first.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SigningKeyList {
    items: Vec<SigningKey>,
    pagination: Pagination,
    re_signing: ReSigning,
}

impl From<ZoneKeys> for SigningKeyList {
    fn from(ZoneKeys { keys, re_signing }: ZoneKeys) -> Self {
        let List { items, pagination } = List::whole(keys.into_iter().map(SigningKey::from).collect());
        let ServiceReSigning { total, done, refused, problem } = re_signing;
        Self { items, pagination, re_signing: ReSigning { total, done, refused, problem } }
    }
}

/// A rotation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"publish_ahead_seconds": 3600}))]
pub(crate) struct KeyRotation {
    /// For how long the new key is published before it signs, up to 604,800 (7 days). The default, 600, is twice as long
    /// as the JWK set may be cached; with 0 the key signs at once and verifiers must fetch the set anew.
    #[schema(required = false, minimum = 0, maximum = 604_800, default = 600)]
    pub(crate) publish_ahead_seconds: Option<i64>,
}

impl RequestBody for KeyRotation {
    const OPTIONAL: bool = true;
}
