//! What is kept of secrets that others present, and the secret that access tokens are signed with.

use cedarkeep_model::Digest;
use openssl::{hash::MessageDigest, pkey::PKey, sign::Signer};
use zeroize::Zeroizing;

use crate::{AttestError, MasterKey};

/// Hashes presented secrets under a key of the installation: HMAC-SHA256 (RFC 2104). Whoever has the store and not the
/// master key can neither check a guess nor make a credential. Our secrets have 256 random bits, so that no slow hash is
/// needed. The key is wiped from memory on drop.
pub struct SecretHasher(Zeroizing<Vec<u8>>);

impl std::fmt::Debug for SecretHasher {
    /// Never prints the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretHasher")
    }
}

impl SecretHasher {
    /// The hasher of this installation.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn new(master: &MasterKey) -> Result<Self, AttestError> {
        Ok(Self(Zeroizing::new(master.sealing_key("credential secrets")?.secret().to_vec())))
    }

    /// What is kept of a secret.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn hash(&self, secret: &[u8]) -> Result<Digest, AttestError> {
        let key = PKey::hmac(&self.0)?;
        let mut signer = Signer::new(MessageDigest::sha256(), &key)?;
        let mut mac = [0; 32];
        signer.update(secret)?;
        signer.sign(&mut mac)?;
        Ok(Digest::from_bytes(mac))
    }
}

/// The secret that access tokens of this installation are signed with, the same on every instance: never a key of a zone.
///
/// # Errors
/// When the cryptographic library fails.
pub fn access_token_secret(master: &MasterKey) -> Result<Zeroizing<Vec<u8>>, AttestError> {
    Ok(Zeroizing::new(master.sealing_key("access tokens")?.secret().to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_depends_on_the_secret_and_on_the_master_key() {
        let hasher = |byte| SecretHasher::new(&MasterKey::from_bytes([byte; 32])).unwrap();
        let one = hasher(1).hash(b"secret").unwrap();
        assert_eq!(one, hasher(1).hash(b"secret").unwrap());
        assert_ne!(one, hasher(1).hash(b"Secret").unwrap());
        assert_ne!(one, hasher(2).hash(b"secret").unwrap());
        assert_ne!(one, Digest::of(b"secret"));
        let token = access_token_secret(&MasterKey::from_bytes([1; 32])).unwrap();
        assert_ne!(token.as_slice(), SecretHasher::new(&MasterKey::from_bytes([1; 32])).unwrap().0.as_slice());
    }
}
