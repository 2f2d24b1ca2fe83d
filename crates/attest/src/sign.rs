//! Signing of statements.

use std::fmt;

use cedarkeep_model::{AttestationStatement, ChainHead, Envelope, canonical_bytes};
use josekit::jws::{JwsSigner as _, RS256, alg::rsassa::RsassaJwsSigner};

use crate::{
    AttestError, KeyPair, base64url,
    verify::{ENVELOPE_TYPE, HEAD_ENVELOPE_TYPE, check_head, check_statement, header_bytes},
};

/// Signs with one key, which it has parsed once: parsing costs more than a signature.
#[derive(Clone)]
pub struct Signer {
    kid: String,
    protected: String,
    key: RsassaJwsSigner,
}

impl fmt::Debug for Signer {
    /// Never prints the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("kid", &self.kid).finish_non_exhaustive()
    }
}

impl Signer {
    /// A signer with this key pair.
    ///
    /// # Errors
    /// When the private half cannot be read.
    pub fn new(pair: &KeyPair) -> Result<Self, AttestError> {
        let key = RS256.signer_from_der(pair.private_der.as_slice())?;
        let protected = base64url::encode(&header_bytes(ENVELOPE_TYPE, &pair.kid)?);
        Ok(Self { kid: pair.kid.clone(), protected, key })
    }

    /// A signer with the private key in this DER (PKCS#8 or PKCS#1), whose key id must be `kid`.
    ///
    /// # Errors
    /// As [`KeyPair::from_der`], and when the thumbprint of the key is another.
    pub fn from_der(kid: &str, der: &[u8]) -> Result<Self, AttestError> {
        let pair = KeyPair::from_der(der)?;
        if pair.kid == kid { Self::new(&pair) } else { Err(AttestError::KidMismatch(kid.to_owned())) }
    }

    /// The id of the key.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Signs a statement: RS256 over `base64url(header) "." base64url(JCS(statement))`.
    ///
    /// # Errors
    /// For a statement that a verifier would refuse, in particular one that names another key.
    pub fn sign(&self, statement: &AttestationStatement) -> Result<Envelope, AttestError> {
        check_statement(statement, &self.kid).map_err(AttestError::Statement)?;
        self.envelope(self.protected.clone(), &canonical_bytes(statement)?)
    }

    /// Signs a statement about the head of a zone's events.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn sign_head(&self, head: &ChainHead) -> Result<Envelope, AttestError> {
        check_head(head, &self.kid).map_err(AttestError::Statement)?;
        let protected = base64url::encode(&header_bytes(HEAD_ENVELOPE_TYPE, &self.kid)?);
        self.envelope(protected, &canonical_bytes(head)?)
    }

    fn envelope(&self, protected: String, payload: &[u8]) -> Result<Envelope, AttestError> {
        let payload = base64url::encode(payload);
        let signature = self.key.sign(format!("{protected}.{payload}").as_bytes())?;
        Ok(Envelope { payload, protected, signature: base64url::encode(&signature) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Refusal, fixtures};

    #[test]
    fn what_no_verifier_would_accept_is_not_signed() {
        let signer = Signer::new(&fixtures::pair(0)).unwrap();
        let refused = |statement| match signer.sign(&statement) {
            Err(AttestError::Statement(refusal)) => refusal,
            other => panic!("{other:?}"),
        };
        let good = fixtures::statement(signer.kid());
        assert_eq!(refused(fixtures::statement("another")), Refusal::KeyId);
        assert_eq!(
            refused(AttestationStatement { policy_set_version: 1 << 53, ..good.clone() }),
            Refusal::StatementNumber
        );
        assert_eq!(refused(AttestationStatement { created_by: Some("x".into()), ..good }), Refusal::StatementStatus);
    }

    #[test]
    fn the_same_statement_gives_the_same_envelope() {
        let pair = fixtures::pair(0);
        let (a, b) = (Signer::new(&pair).unwrap(), Signer::from_der(&pair.kid, &pair.private_der).unwrap());
        let statement = fixtures::statement(a.kid());
        assert_eq!(a.sign(&statement).unwrap(), b.sign(&statement).unwrap());
        assert!(matches!(Signer::from_der("another", &pair.private_der), Err(AttestError::KidMismatch(_))));
    }

    #[test]
    fn debug_output_has_no_key() {
        let signer = Signer::new(&fixtures::pair(0)).unwrap();
        assert_eq!(format!("{signer:?}"), format!("Signer {{ kid: {:?}, .. }}", signer.kid()));
    }
}
