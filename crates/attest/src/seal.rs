//! Sealing: AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce, and the keys that seal the keys.
//!
//! The master key wraps one data key a zone, the data key seals the private keys of that zone. Each sealed text is bound
//! to what it is for (the additional data), so that one cannot be put in the place of another.

use std::fmt;

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use cedarkeep_model::ZoneId;
use openssl::{md::Md, pkey::Id, pkey_ctx::PkeyCtx, rand::rand_bytes};
use zeroize::Zeroizing;

use crate::{AttestError, base64url};

/// The form of sealed bytes: this byte, the nonce, ciphertext and tag.
const FORM: u8 = 1;
const NONCE_BYTES: usize = 12;
const KEY_BYTES: usize = 32;

/// A key that seals; wiped from memory on drop. Random nonces allow 2^32 sealings with one key.
#[derive(Clone)]
pub struct SealingKey(Zeroizing<[u8; KEY_BYTES]>);

impl fmt::Debug for SealingKey {
    /// Never prints the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey")
    }
}

impl SealingKey {
    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    fn from_slice(slice: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        if slice.len() != KEY_BYTES {
            return None;
        }
        bytes.copy_from_slice(slice);
        Some(Self(bytes))
    }

    /// Its bytes, for what is no sealing.
    pub(crate) fn secret(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// A fresh random key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, AttestError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        rand_bytes(bytes.as_mut_slice())?;
        Ok(Self(bytes))
    }

    /// Encrypts, bound to `aad`: a format byte, a random nonce, ciphertext and tag (29 bytes more than the plaintext).
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, AttestError> {
        let mut nonce = [0; NONCE_BYTES];
        rand_bytes(&mut nonce)?;
        let ciphertext = self
            .cipher()
            .encrypt(&Nonce::from(nonce), Payload { msg: plaintext, aad })
            .map_err(|_| AttestError::NotSealed)?;
        Ok([&[FORM], nonce.as_slice(), &ciphertext].concat())
    }

    /// Decrypts what [`SealingKey::seal`] made with the same `aad`.
    ///
    /// # Errors
    /// [`AttestError::NotOpened`] for everything else.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, AttestError> {
        let Some((&FORM, rest)) = sealed.split_first() else { return Err(AttestError::NotOpened) };
        let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(AttestError::NotOpened)?;
        self.cipher()
            .decrypt(&Nonce::from(*nonce), Payload { msg: ciphertext, aad })
            .map(Zeroizing::new)
            .map_err(|_| AttestError::NotOpened)
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new((&*self.0).into())
    }
}

/// The key of the installation, from the environment or a file; wiped from memory on drop.
#[derive(Clone)]
pub struct MasterKey(SealingKey);

impl fmt::Debug for MasterKey {
    /// Never prints the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey")
    }
}

impl MasterKey {
    /// The key with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(SealingKey::from_bytes(bytes))
    }

    /// A fresh random key.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, AttestError> {
        SealingKey::generate().map(Self)
    }

    /// Reads 43 characters of base64url or 64 of hex (either case); white space around them is ignored.
    ///
    /// # Errors
    /// [`AttestError::MasterKeyForm`], which never repeats the text.
    pub fn from_text(text: &str) -> Result<Self, AttestError> {
        let text = text.trim();
        let bytes = Zeroizing::new(match text.len() {
            64 => decode_hex(text).ok_or(AttestError::MasterKeyForm)?,
            _ => base64url::decode_strict(text).map_err(|_| AttestError::MasterKeyForm)?,
        });
        SealingKey::from_slice(&bytes).map(Self).ok_or(AttestError::MasterKeyForm)
    }

    /// The key as base64url, for the file it is kept in.
    #[must_use]
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(base64url::encode(self.0.0.as_slice()))
    }

    /// Makes a data key for a zone and wraps it for the store.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn new_data_key(&self, zone: ZoneId) -> Result<(DataKey, Vec<u8>), AttestError> {
        let key = SealingKey::generate()?;
        let wrapped = self.0.seal(&data_key_aad(zone), key.0.as_slice())?;
        Ok((DataKey(key), wrapped))
    }

    /// Unwraps the data key of a zone.
    ///
    /// # Errors
    /// [`AttestError::NotOpened`] when it was wrapped with another master key or for another zone.
    pub fn unwrap(&self, zone: ZoneId, wrapped: &[u8]) -> Result<DataKey, AttestError> {
        let bytes = self.0.open(&data_key_aad(zone), wrapped)?;
        SealingKey::from_slice(&bytes).map(DataKey).ok_or(AttestError::NotOpened)
    }

    /// The sealing key for one purpose (cursors, say), the same on every instance and after every restart: HKDF-SHA256
    /// (RFC 5869) of the master key with the purpose as info.
    ///
    /// # Errors
    /// When the cryptographic library fails.
    pub fn sealing_key(&self, purpose: &str) -> Result<SealingKey, AttestError> {
        let mut derivation = PkeyCtx::new_id(Id::HKDF)?;
        derivation.derive_init()?;
        derivation.set_hkdf_md(Md::sha256())?;
        derivation.set_hkdf_key(self.0.0.as_slice())?;
        derivation.add_hkdf_info(&aad(&["cedarkeep sealing key v1", purpose]))?;
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        derivation.derive(Some(bytes.as_mut_slice()))?;
        Ok(SealingKey(bytes))
    }
}

/// The key of one zone, which seals the zone's private keys; wiped from memory on drop.
#[derive(Clone)]
pub struct DataKey(SealingKey);

impl fmt::Debug for DataKey {
    /// Never prints the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey")
    }
}

impl DataKey {
    /// Seals what belongs to one key of the zone, for one purpose.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn seal(&self, zone: ZoneId, kid: &str, purpose: &str, plaintext: &[u8]) -> Result<Vec<u8>, AttestError> {
        self.0.seal(&sealed_aad(zone, kid, purpose), plaintext)
    }

    /// Opens what [`DataKey::seal`] made for the same zone, key and purpose.
    ///
    /// # Errors
    /// [`AttestError::NotOpened`] for everything else.
    pub fn open(
        &self,
        zone: ZoneId,
        kid: &str,
        purpose: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, AttestError> {
        self.0.open(&sealed_aad(zone, kid, purpose), sealed)
    }
}

fn data_key_aad(zone: ZoneId) -> Vec<u8> {
    aad(&["cedarkeep data key v1", &zone.to_string()])
}

fn sealed_aad(zone: ZoneId, kid: &str, purpose: &str) -> Vec<u8> {
    aad(&["cedarkeep sealed v1", &zone.to_string(), kid, purpose])
}

/// Each part with its length before it, so that no two lists of parts give the same bytes.
fn aad(parts: &[&str]) -> Vec<u8> {
    parts.iter().flat_map(|part| (part.len() as u64).to_be_bytes().into_iter().chain(part.bytes())).collect()
}

fn decode_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.chars().map(|c| c.to_digit(16)).collect::<Option<Vec<_>>>()?;
    digits.as_chunks::<2>().0.iter().map(|[high, low]| u8::try_from(high << 4 | low).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    fn other_zone() -> ZoneId {
        "0198c0de-0000-7000-8000-0000000000ff".parse().unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_the_same_purpose_only() {
        let master = MasterKey::generate().unwrap();
        let zone = fixtures::zone();
        let (key, wrapped) = master.new_data_key(zone).unwrap();
        let sealed = key.seal(zone, "kid", "signing", b"secret").unwrap();
        let again = master.unwrap(zone, &wrapped).unwrap();
        assert_eq!(again.open(zone, "kid", "signing", &sealed).unwrap().as_slice(), b"secret");
        assert!(again.open(other_zone(), "kid", "signing", &sealed).is_err());
        assert!(again.open(zone, "ki", "dsigning", &sealed).is_err());
        assert!(again.open(zone, "kid", "other", &sealed).is_err());
        assert!(master.unwrap(other_zone(), &wrapped).is_err());
        assert!(MasterKey::generate().unwrap().unwrap(zone, &wrapped).is_err());
    }

    #[test]
    fn every_changed_or_missing_byte_is_noticed() {
        let key = SealingKey::from_bytes([7; 32]);
        let sealed = key.seal(b"aad", b"text").unwrap();
        assert_eq!(sealed.len(), 1 + 12 + 4 + 16);
        assert_eq!(key.open(b"aad", &sealed).unwrap().as_slice(), b"text");
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open(b"aad", &changed).is_err(), "byte {at}");
            assert!(key.open(b"aad", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn no_two_sealings_are_alike() {
        let key = SealingKey::from_bytes([7; 32]);
        assert_ne!(key.seal(b"", b"text").unwrap(), key.seal(b"", b"text").unwrap());
    }

    #[test]
    fn a_master_key_reads_back_from_text_and_from_hex() {
        let master = MasterKey::from_bytes([0xab; 32]);
        let derived = master.sealing_key("cursor").unwrap();
        let sealed = derived.seal(b"", b"text").unwrap();
        let hex = "ab".repeat(32);
        for text in [master.to_text().as_str(), hex.as_str(), hex.to_uppercase().as_str(), &format!("{hex}\n")] {
            let again = MasterKey::from_text(text).unwrap().sealing_key("cursor").unwrap();
            assert_eq!(again.open(b"", &sealed).unwrap().as_slice(), b"text");
        }
        assert!(master.sealing_key("other").unwrap().open(b"", &sealed).is_err());
        for text in ["", "short", &"zz".repeat(32), &hex[..62], &"\u{e4}".repeat(32)] {
            assert!(matches!(MasterKey::from_text(text), Err(AttestError::MasterKeyForm)), "{text}");
        }
    }

    #[test]
    fn debug_output_has_no_key() {
        let master = MasterKey::from_bytes([0xab; 32]);
        let (data, _) = master.new_data_key(fixtures::zone()).unwrap();
        assert_eq!(
            format!("{master:?} {data:?} {:?}", SealingKey::from_bytes([1; 32])),
            "MasterKey DataKey SealingKey"
        );
    }
}
