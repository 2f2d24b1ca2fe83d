//! RSA key pairs that may sign attestations.

use std::fmt;

use cedarkeep_model::PublicKey;
use openssl::{
    pkey::{Id, PKey, Private},
    rsa::{Rsa, RsaRef},
};
use zeroize::Zeroizing;

use crate::{AttestError, base64url, jwks, thumbprint};

/// An RSA key pair of 2048 to 8192 bits.
#[derive(Clone)]
pub struct KeyPair {
    /// RFC 7638 thumbprint of the public half.
    pub kid: String,
    /// The public half.
    pub public: PublicKey,
    /// The private half, PKCS#8 DER; wiped from memory on drop.
    pub private_der: Zeroizing<Vec<u8>>,
}

impl fmt::Debug for KeyPair {
    /// Never prints the private half.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyPair").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl KeyPair {
    /// Makes a fresh key pair with exponent 65537. Takes a tenth of a second to several seconds of CPU: never call it
    /// on an async thread.
    ///
    /// # Errors
    /// For a length that is not from 2048 to 8192 bits.
    pub fn generate(bits: u32) -> Result<Self, AttestError> {
        if !jwks::MODULUS_BITS.contains(&bits) {
            return Err(AttestError::UnusableKey("an RSA key has 2048 to 8192 bits"));
        }
        Self::from_rsa(&PKey::from_rsa(Rsa::generate(bits)?)?)
    }

    /// Reads an unencrypted private key in PEM form (PKCS#8 or PKCS#1).
    ///
    /// # Errors
    /// For anything but a consistent RSA key of 2048 to 8192 bits.
    pub fn from_pem(pem: &[u8]) -> Result<Self, AttestError> {
        // Without a callback OpenSSL would ask for the passphrase of an encrypted key on the terminal.
        let key = PKey::private_key_from_pem_callback(pem, |_| Ok(0))
            .map_err(|_| AttestError::UnusableKey("not an unencrypted private key in PEM form"))?;
        Self::checked(&key)
    }

    /// Reads a private key in DER form (PKCS#8 or PKCS#1).
    ///
    /// # Errors
    /// For anything but a consistent RSA key of 2048 to 8192 bits.
    pub fn from_der(der: &[u8]) -> Result<Self, AttestError> {
        let key = PKey::private_key_from_der(der)
            .map_err(|_| AttestError::UnusableKey("not an unencrypted private key in DER form"))?;
        Self::checked(&key)
    }

    /// What comes from outside may be inconsistent: a wrong prime gives signatures that reveal the other one.
    fn checked(key: &PKey<Private>) -> Result<Self, AttestError> {
        if key.id() != Id::RSA {
            return Err(AttestError::UnusableKey("not an RSA key"));
        }
        if !jwks::MODULUS_BITS.contains(&key.bits()) {
            return Err(AttestError::UnusableKey("an RSA key has 2048 to 8192 bits"));
        }
        if !key.rsa()?.check_key().unwrap_or(false) {
            return Err(AttestError::UnusableKey("the parts of the RSA key do not fit together"));
        }
        Self::from_rsa(key)
    }

    fn from_rsa(key: &PKey<Private>) -> Result<Self, AttestError> {
        let public = public_half(&*key.rsa()?);
        let kid = thumbprint(&public).map_err(|_| AttestError::UnusableKey("an exponent that no verifier accepts"))?;
        Ok(Self { kid, public, private_der: Zeroizing::new(key.private_key_to_pkcs8()?) })
    }
}

fn public_half(rsa: &RsaRef<Private>) -> PublicKey {
    PublicKey { n: base64url::encode(&rsa.n().to_vec()), e: base64url::encode(&rsa.e().to_vec()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_generated_pair_reads_back_as_itself() {
        let pair = KeyPair::generate(2048).unwrap();
        let again = KeyPair::from_der(&pair.private_der).unwrap();
        assert_eq!((again.kid, again.public), (pair.kid.clone(), pair.public.clone()));
        assert!(KeyPair::generate(2047).is_err());
        assert!(KeyPair::generate(1024).is_err());
    }

    #[test]
    fn only_rsa_keys_that_are_long_enough_are_read() {
        for (pem, says) in [
            (fixtures::SHORT, "2048"),
            (fixtures::EC, "not an RSA"),
            ("nothing", "PEM"),
            (fixtures::ENCRYPTED, "unencrypted"),
        ] {
            let error = KeyPair::from_pem(pem.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        }
        assert!(KeyPair::from_der(b"").is_err());
    }

    #[test]
    fn a_key_whose_parts_do_not_fit_is_refused() {
        let der = fixtures::pair(0).private_der;
        let rsa = PKey::private_key_from_der(&der).unwrap().rsa().unwrap();
        let own = |number: &openssl::bn::BigNumRef| number.to_owned().unwrap();
        let other = PKey::private_key_from_der(&fixtures::pair(1).private_der).unwrap().rsa().unwrap();
        let mixed = Rsa::from_private_components(
            own(rsa.n()),
            own(rsa.e()),
            own(rsa.d()),
            own(rsa.p().unwrap()),
            own(other.q().unwrap()),
            own(rsa.dmp1().unwrap()),
            own(rsa.dmq1().unwrap()),
            own(rsa.iqmp().unwrap()),
        )
        .unwrap();
        let der = PKey::from_rsa(mixed).unwrap().private_key_to_pkcs8().unwrap();
        assert!(KeyPair::from_der(&der).unwrap_err().to_string().contains("fit together"));
    }

    #[test]
    fn debug_output_has_no_private_half() {
        let pair = fixtures::pair(0);
        let text = format!("{pair:?}");
        assert!(text.contains(&pair.kid));
        assert!(text.len() < 100, "{text}");
    }
}
