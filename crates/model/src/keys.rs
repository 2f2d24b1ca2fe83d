//! The signing keys of a zone, as the store keeps them.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, ZoneId, text::word};

word!(
    /// The life of a zone's signing key.
    KeyState {
        /// Published, not signing yet.
        Pending => "pending",
        /// The one key that signs.
        Signing => "signing",
        /// No longer signing, published as long as an attestation names it.
        Retired => "retired",
        /// Withdrawn: what it signed is no longer good.
        Revoked => "revoked",
    }
);

/// The public half of an RSA key as RFC 7517 and RFC 7518, section 6.3.1 write it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// base64url of the modulus, big-endian.
    pub n: String,
    /// base64url of the exponent.
    pub e: String,
}

/// That a key's revocation was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokeRequest {
    /// When.
    pub at: Timestamp,
    /// By whom; the statements that are signed again because of it name this person.
    pub by: String,
}

/// A signing key of a zone with its private half sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Its zone.
    pub zone_id: ZoneId,
    /// RFC 7638 thumbprint of the public half.
    pub kid: String,
    /// Where in its life it is.
    pub state: KeyState,
    /// The public half.
    pub public: PublicKey,
    /// The private half, encrypted; never leaves the server. Empty once the key is revoked.
    pub sealed_private: Vec<u8>,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom; the statements that are signed again when it begins to sign name this person.
    pub created_by: String,
    /// From when a pending key may sign.
    pub signs_from: Timestamp,
    /// When every living set version was signed with this key, the signing one; absent while that is under way.
    pub re_signed_at: Option<Timestamp>,
    /// Set once its revocation was asked for.
    pub revoke_requested: Option<RevokeRequest>,
    /// The number of the event that revoked it.
    pub revoked_seq: Option<u64>,
}

impl SigningKey {
    /// The entity tag: what can change is the state, and whether signing again is done or revocation is asked for.
    #[must_use]
    pub fn etag(&self) -> String {
        let progress = u8::from(self.re_signed_at.is_some()) + 2 * u8::from(self.revoke_requested.is_some());
        format!("\"{}-{progress}\"", self.state)
    }
}
