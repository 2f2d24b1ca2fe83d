//! Zone keys and what they sign: RSA key pairs and where they come from, signing of attestation statements (JWS,
//! RFC 7515), strict verification against a JWKS (RFC 7517), thumbprints (RFC 7638), and the sealing of private keys.
//!
//! Everything that is read is read strictly: one spelling for each value, no member that is not known, the algorithm
//! fixed by the key. What is not accepted is refused by name ([`Refusal`]).

pub mod base64url;
mod error;
mod jwks;
mod key_pair;
mod key_source;
mod random;
mod seal;
mod secret;
mod sign;
mod trust;
mod verify;

pub use error::{AttestError, Refusal};
pub use jwks::{Jwks, thumbprint};
pub use key_pair::KeyPair;
pub use key_source::{DEFAULT_BITS, KeyPool, KeySource, RsaKeys};
pub use random::random_secret;
pub use seal::{DataKey, MasterKey, SealingKey};
pub use secret::{SecretHasher, access_token_secret};
pub use sign::Signer;
pub use trust::Trust;
pub use verify::{ENVELOPE_TYPE, HEAD_ENVELOPE_TYPE, envelope_statement, verify_envelope, verify_head};

#[cfg(test)]
mod fixtures;
