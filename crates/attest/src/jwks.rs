//! Public keys: thumbprints and key sets, read strictly.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::RangeInclusive,
};

use cedarkeep_model::{Digest, PublicKey, json};
use openssl::{
    bn::BigNum,
    pkey::{PKey, Public},
    rsa::Rsa,
};
use serde_json::{Map, Value, json};

use crate::{Refusal, base64url};

/// The lengths of RSA modulus that are accepted, in bits.
pub(crate) const MODULUS_BITS: RangeInclusive<u32> = 2048..=8192;

/// The private members of an RSA key (RFC 7518, section 6.3.2) and of a symmetric one (section 6.4).
const PRIVATE_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// The RFC 7638 thumbprint of an RSA key: base64url of SHA-256 over `{"e":…,"kty":"RSA","n":…}`.
///
/// # Errors
/// When the key is not one that is accepted for verification.
pub fn thumbprint(public: &PublicKey) -> Result<String, Refusal> {
    decode(public)?;
    Ok(digest_members(public))
}

/// The thumbprint of members that are known to be canonical base64url, which needs no escaping in JSON.
fn digest_members(public: &PublicKey) -> String {
    let members = format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, public.e, public.n);
    base64url::encode(Digest::of(members.as_bytes()).bytes())
}

/// Modulus and exponent, big-endian.
fn decode(public: &PublicKey) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
    let modulus = base64url::decode_member("n", &public.n)?;
    let bits = match modulus.first() {
        Some(first) if *first != 0 => {
            u32::try_from(modulus.len()).map_err(|_| Refusal::Modulus)? * 8 - first.leading_zeros()
        }
        _ => return Err(Refusal::Modulus),
    };
    if !MODULUS_BITS.contains(&bits) || modulus.last().is_none_or(|last| last % 2 == 0) {
        return Err(Refusal::Modulus);
    }
    let exponent = base64url::decode_member("e", &public.e)?;
    let number = exponent.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    if exponent.len() > 4 || exponent.first().is_none_or(|first| *first == 0) || number < 3 || number % 2 == 0 {
        return Err(Refusal::Exponent);
    }
    Ok((modulus, exponent))
}

/// A key that is ready to verify.
#[derive(Clone)]
struct Entry {
    public: PublicKey,
    key: PKey<Public>,
}

impl Entry {
    fn new(public: PublicKey) -> Result<Self, Refusal> {
        let (modulus, exponent) = decode(&public)?;
        let key = BigNum::from_slice(&modulus)
            .and_then(|n| Rsa::from_public_components(n, BigNum::from_slice(&exponent)?))
            .and_then(PKey::from_rsa)
            .map_err(|_| Refusal::Modulus)?;
        Ok(Self { public, key })
    }
}

/// The public keys of a zone, by key id; every key id is the thumbprint of its key.
#[derive(Clone, Default)]
pub struct Jwks {
    keys: BTreeMap<String, Entry>,
    revoked: BTreeSet<String>,
}

impl fmt::Debug for Jwks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwks").field("keys", &self.keys.keys()).field("revoked", &self.revoked).finish()
    }
}

impl Jwks {
    /// Reads a key set (RFC 7517, section 5) strictly: exactly `{"keys": […]}`, each key with exactly the members
    /// `kty` RSA, `use` sig, `alg` RS256, `kid` (its thumbprint), `n`, `e`, at least 2048 bits, no key id twice.
    ///
    /// # Errors
    /// With the name of what is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        let value = json::parse(bytes).map_err(|error| Refusal::Json(error.to_string()))?;
        let Value::Object(set) = value else { return Err(Refusal::JwksMembers) };
        let (Some(Value::Array(keys)), 1) = (set.get("keys"), set.len()) else { return Err(Refusal::JwksMembers) };
        let keys = keys.iter().map(read_jwk).collect::<Result<Vec<_>, _>>()?;
        Self::from_keys(&keys)
    }

    /// The key set of these public keys with their key ids.
    ///
    /// # Errors
    /// For a key that would not be accepted in [`Jwks::parse`], a key id that is not its thumbprint, a key id twice.
    pub fn from_keys(keys: &[(PublicKey, String)]) -> Result<Self, Refusal> {
        let mut set = Self::default();
        for (public, kid) in keys {
            let entry = Entry::new(public.clone())?;
            if digest_members(public) != *kid {
                return Err(Refusal::Kid(kid.clone()));
            }
            if set.keys.insert(kid.clone(), entry).is_some() {
                return Err(Refusal::DuplicateKid(kid.clone()));
            }
        }
        Ok(set)
    }

    /// The same keys, and the ids of withdrawn ones: what those signed is refused as [`Refusal::KeyRevoked`].
    ///
    /// # Errors
    /// When a revoked key is still published.
    pub fn with_revoked(mut self, kids: impl IntoIterator<Item = String>) -> Result<Self, Refusal> {
        self.revoked.extend(kids);
        match self.revoked.iter().find(|kid| self.keys.contains_key(*kid)) {
            Some(kid) => Err(Refusal::RevokedKeyPublished(kid.clone())),
            None => Ok(self),
        }
    }

    /// The key set as JSON, keys by `kid` ascending; revoked ones are not part of it.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let keys: Vec<_> = self
            .keys
            .iter()
            .map(|(kid, Entry { public, .. })| {
                json!({"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": public.n, "e": public.e})
            })
            .collect();
        json!({ "keys": keys })
    }

    /// The ids of the published keys, ascending.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// The public key with this id.
    #[must_use]
    pub fn public_key(&self, kid: &str) -> Option<&PublicKey> {
        self.keys.get(kid).map(|entry| &entry.public)
    }

    /// The key with this id, ready to verify.
    pub(crate) fn key(&self, kid: &str) -> Result<&PKey<Public>, Refusal> {
        if self.revoked.contains(kid) {
            return Err(Refusal::KeyRevoked(kid.to_owned()));
        }
        self.keys.get(kid).map(|entry| &entry.key).ok_or_else(|| Refusal::UnknownKey(kid.to_owned()))
    }
}

fn read_jwk(value: &Value) -> Result<(PublicKey, String), Refusal> {
    let members = value.as_object().ok_or(Refusal::JwkMembers)?;
    if let Some(private) = members.keys().find(|name| PRIVATE_MEMBERS.contains(&name.as_str())) {
        return Err(Refusal::PrivateMember(private.clone()));
    }
    let ["RSA", "sig", "RS256"] = [text(members, "kty")?, text(members, "use")?, text(members, "alg")?] else {
        return Err(wrong_kind(members));
    };
    let public = PublicKey { n: text(members, "n")?.to_owned(), e: text(members, "e")?.to_owned() };
    let kid = text(members, "kid")?.to_owned();
    if members.len() == 6 { Ok((public, kid)) } else { Err(Refusal::JwkMembers) }
}

fn wrong_kind(members: &Map<String, Value>) -> Refusal {
    match (text(members, "kty"), text(members, "use")) {
        (Ok("RSA"), Ok("sig")) => Refusal::KeyAlgorithm,
        (Ok("RSA"), _) => Refusal::KeyUse,
        _ => Refusal::KeyType,
    }
}

fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Result<&'a str, Refusal> {
    members.get(name).and_then(Value::as_str).ok_or(Refusal::JwkMembers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    /// The key of RFC 7638, section 3.1.
    const RFC_N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    fn rfc_key() -> PublicKey {
        PublicKey { n: RFC_N.to_owned(), e: "AQAB".to_owned() }
    }

    fn jwk() -> Value {
        let set = Jwks::from_keys(&[(fixtures::pair(0).public, fixtures::pair(0).kid)]).unwrap();
        set.to_json()["keys"][0].clone()
    }

    fn parse(value: &Value) -> Result<Jwks, Refusal> {
        Jwks::parse(value.to_string().as_bytes())
    }

    #[test]
    fn the_thumbprint_of_the_rfc() {
        assert_eq!(thumbprint(&rfc_key()).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_set_reads_back_as_itself_sorted() {
        let pairs = [fixtures::pair(0), fixtures::pair(1), fixtures::pair(2)];
        let set = Jwks::from_keys(&pairs.clone().map(|pair| (pair.public, pair.kid))).unwrap();
        let json = set.to_json();
        let again = parse(&json).unwrap();
        assert_eq!(again.to_json(), json);
        let mut kids: Vec<_> = pairs.iter().map(|pair| pair.kid.as_str()).collect();
        kids.sort_unstable();
        assert_eq!(again.kids().collect::<Vec<_>>(), kids);
        assert_eq!(again.public_key(&pairs[0].kid), Some(&pairs[0].public));
        assert!(parse(&json!({"keys": []})).unwrap().kids().next().is_none());
    }

    #[test]
    fn every_fault_of_a_key_has_its_name() {
        let set = |member: &str, value: Value| {
            let mut key = jwk();
            key[member] = value;
            parse(&json!({"keys": [key]})).unwrap_err()
        };
        assert_eq!(set("kty", json!("EC")), Refusal::KeyType);
        assert_eq!(set("use", json!("enc")), Refusal::KeyUse);
        assert_eq!(set("alg", json!("PS256")), Refusal::KeyAlgorithm);
        assert_eq!(set("alg", json!(1)), Refusal::JwkMembers);
        assert_eq!(set("kid", json!("other")), Refusal::Kid("other".into()));
        assert_eq!(set("x5c", json!([])), Refusal::JwkMembers);
        for member in PRIVATE_MEMBERS {
            assert_eq!(set(member, json!("AQAB")), Refusal::PrivateMember(member.into()));
        }
        assert_eq!(set("e", json!("AQAB=")), Refusal::Base64url("e"));
        for even_or_long_or_padded in ["AQ", "Ag", "AAEAAQ", "AQAAAAE", "AAAAAAAAAAAAAAAD", ""] {
            assert_eq!(set("e", json!(even_or_long_or_padded)), Refusal::Exponent, "{even_or_long_or_padded}");
        }
        let bytes = base64url::decode_strict(&fixtures::pair(0).public.n).unwrap();
        let zero = [&[0], bytes.as_slice()].concat();
        let even = [&bytes[..255], &[2]].concat();
        for modulus in [&bytes[1..], &bytes[..255], &zero, &even, &[1; 1025], &[]] {
            assert_eq!(set("n", json!(base64url::encode(modulus))), Refusal::Modulus);
        }
    }

    #[test]
    fn every_fault_of_a_set_has_its_name() {
        assert_eq!(parse(&json!({"keys": [jwk(), jwk()]})).unwrap_err(), Refusal::DuplicateKid(fixtures::pair(0).kid));
        assert_eq!(parse(&json!({"keys": [jwk()], "more": 1})).unwrap_err(), Refusal::JwksMembers);
        assert_eq!(parse(&json!({"keys": {}})).unwrap_err(), Refusal::JwksMembers);
        assert_eq!(parse(&json!([])).unwrap_err(), Refusal::JwksMembers);
        assert_eq!(parse(&json!({"keys": [1]})).unwrap_err(), Refusal::JwkMembers);
        let twice = format!(r#"{{"keys":[],"keys":[{}]}}"#, jwk());
        assert!(matches!(Jwks::parse(twice.as_bytes()), Err(Refusal::Json(_))));
        let kid = fixtures::pair(0).kid;
        let revoked = parse(&json!({"keys": [jwk()]})).unwrap().with_revoked([kid.clone()]);
        assert_eq!(revoked.unwrap_err(), Refusal::RevokedKeyPublished(kid));
    }
}
