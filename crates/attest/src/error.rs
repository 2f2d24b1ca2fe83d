//! Why something was not signed, and why something was not accepted.

use openssl::error::ErrorStack;

/// Why a key, a signature or a sealed text could not be made or opened. No variant carries key material.
#[derive(Debug, thiserror::Error)]
pub enum AttestError {
    /// What was given as a private key is none that may sign here.
    #[error("not a usable signing key: {0}")]
    UnusableKey(&'static str),
    /// The key id that was given is not the thumbprint of the key.
    #[error("key id {0:?} is not the thumbprint of the key")]
    KidMismatch(String),
    /// A pool without keys.
    #[error("a key pool needs at least one key")]
    EmptyPool,
    /// The thread that makes keys cannot be started, or has ended.
    #[error("the key generation thread is not running")]
    GeneratorGone,
    /// The statement breaks a rule that every verifier checks.
    #[error("the statement would not verify: {0}")]
    Statement(#[source] Refusal),
    /// What was given as a master key is not 32 bytes in base64url or hex.
    #[error("a master key is 32 bytes, written as 43 characters of base64url or 64 of hex")]
    MasterKeyForm,
    /// The sealed bytes were made with another key, for another purpose, or changed since.
    #[error("the sealed bytes do not open: another key, another purpose, or changed")]
    NotOpened,
    /// Sealing failed (a plaintext beyond 64 GiB).
    #[error("sealing failed")]
    NotSealed,
    /// Canonical JSON could not be written.
    #[error("cannot write canonical JSON")]
    Json(#[from] serde_json::Error),
    /// The cryptographic library failed.
    #[error("the cryptographic library failed")]
    Crypto(#[from] ErrorStack),
    /// The JOSE library failed.
    #[error("signing failed")]
    Jose(#[from] josekit::JoseError),
}

/// Why an envelope, a key set or a statement was refused. Closed: whatever is not accepted has a name here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not JSON, a member twice in one object, or nested too deep.
    #[error("not acceptable JSON: {0}")]
    Json(String),
    /// Not the canonical base64url (RFC 4648, section 5, no padding) of any bytes.
    #[error("{0} is not canonical base64url without padding")]
    Base64url(&'static str),
    /// The envelope has not exactly the members `payload`, `protected` and `signature`, all strings.
    #[error("the envelope has other members than payload, protected and signature")]
    EnvelopeMembers,
    /// The protected header demands an extension (RFC 7515, section 4.1.11); we know none.
    #[error("the protected header demands extensions (crit)")]
    Critical,
    /// The protected header has not exactly the members `alg`, `kid` and `typ`, all strings.
    #[error("the protected header has other members than alg, kid and typ")]
    HeaderMembers,
    /// The algorithm is not the one that the keys are for.
    #[error("the algorithm is not RS256")]
    Algorithm,
    /// The envelope is of another type.
    #[error("typ is not {0}")]
    Type(&'static str),
    /// The header's bytes are not the canonical form (RFC 8785) of what they say.
    #[error("the protected header is not in canonical form")]
    HeaderNotCanonical,
    /// No key with this id in the JWKS.
    #[error("key {0} is not in the JWKS")]
    UnknownKey(String),
    /// The key was withdrawn: what it signed is no longer good.
    #[error("key_revoked: key {0} was revoked")]
    KeyRevoked(String),
    /// The signature is not that key's signature over header and payload.
    #[error("the signature does not verify")]
    Signature,
    /// The payload's bytes are not the canonical form (RFC 8785) of the statement.
    #[error("the payload is not in canonical form")]
    PayloadNotCanonical,
    /// A member of the statement is missing, unknown or of the wrong form.
    #[error("the payload is not a statement of its type: {0}")]
    StatementMembers(String),
    /// The statement is of another form version.
    #[error("v is not 1")]
    StatementVersion,
    /// The statement is of another type.
    #[error("the statement's type is not that of its envelope")]
    StatementType,
    /// The number of the version, or of the event, is not between 1 and 2^53−1.
    #[error("its number is not between 1 and 2^53-1")]
    StatementNumber,
    /// `prev_sha256`, `created_at` and `created_by` stand in every `re_signed` statement and in no other.
    #[error("prev_sha256, created_at and created_by do not fit the status")]
    StatementStatus,
    /// The statement names another key than the protected header.
    #[error("key_id is not the kid of the protected header")]
    KeyId,
    /// The key set has not exactly the member `keys`, a list of objects.
    #[error("the JWKS has other members than keys")]
    JwksMembers,
    /// A key with a private member.
    #[error("a key of the JWKS has the private member {0}")]
    PrivateMember(String),
    /// A key with other members than `kty`, `use`, `alg`, `kid`, `n`, `e`, all strings.
    #[error("a key of the JWKS has other members than kty, use, alg, kid, n and e")]
    JwkMembers,
    /// A key that is not RSA.
    #[error("a key of the JWKS is not of kty RSA")]
    KeyType,
    /// A key that is not for signatures.
    #[error("a key of the JWKS is not for use sig")]
    KeyUse,
    /// A key that is for another algorithm.
    #[error("a key of the JWKS is not for alg RS256")]
    KeyAlgorithm,
    /// A modulus below 2048 or above 8192 bits, even, or written with leading zeros.
    #[error("n is not an odd modulus of 2048 to 8192 bits without leading zeros")]
    Modulus,
    /// An exponent that is even, below 3 or above 32 bits, or written with leading zeros.
    #[error("e is not an odd exponent from 3 to 2^32-1 without leading zeros")]
    Exponent,
    /// A key id that is not the thumbprint (RFC 7638) of its key.
    #[error("kid {0:?} is not the thumbprint of its key")]
    Kid(String),
    /// Two keys with one id.
    #[error("kid {0:?} stands twice")]
    DuplicateKid(String),
    /// A key that is published and revoked at once.
    #[error("key {0} is in the JWKS although it is revoked")]
    RevokedKeyPublished(String),
}
