//! Randomness for secrets that are not keys.

use openssl::rand::rand_bytes;
use zeroize::Zeroizing;

use crate::{AttestError, base64url};

/// A secret that nobody guesses: 256 random bits in base64url, 43 characters.
///
/// # Errors
/// When the system gives no randomness.
pub fn random_secret() -> Result<Zeroizing<String>, AttestError> {
    let mut bytes = Zeroizing::new([0; 32]);
    rand_bytes(bytes.as_mut_slice())?;
    Ok(Zeroizing::new(base64url::encode(bytes.as_slice())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_secrets_are_two() {
        let (one, two) = (random_secret().unwrap(), random_secret().unwrap());
        assert_eq!((one.len(), two.len()), (43, 43));
        assert_ne!(one, two);
    }
}
