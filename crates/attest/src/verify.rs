//! Verification of envelopes: split and decode strictly, check the signature, check the payload's form.

use cedarkeep_model::{
    AttestationStatement, AttestationStatus, ChainHead, Envelope, HEAD_TYPE, STATEMENT_TYPE, canonical_bytes, json,
};
use openssl::{
    hash::MessageDigest,
    pkey::{PKey, Public},
    sign::Verifier,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{Jwks, Refusal, base64url};

/// The `typ` of an attestation's protected header.
pub const ENVELOPE_TYPE: &str = "policy-set-attestation+jws";

/// The `typ` in the protected header of a statement about the head of a zone's events.
pub const HEAD_ENVELOPE_TYPE: &str = "event-chain-head+jws";

/// The `alg` of the protected header; fixed by what zone keys are, never taken from a header.
const ALGORITHM: &str = "RS256";

/// The largest version number that JCS writes exactly.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Verifies an envelope (JWS in flattened JSON serialization) against a key set and gives its statement and the id of
/// the key that signed it. Whether that key is trusted, and whether the statement is about the version in question, is
/// left to the caller.
///
/// # Errors
/// With the name of what is wrong.
pub fn verify_envelope(envelope: &[u8], jwks: &Jwks) -> Result<(AttestationStatement, String), Refusal> {
    let (envelope, kid) = signed(envelope, ENVELOPE_TYPE, jwks)?;
    let statement = envelope_statement(&envelope)?;
    check_statement(&statement, &kid)?;
    Ok((statement, kid))
}

/// Verifies the signed head of a zone's events, as [`verify_envelope`] does an attestation.
///
/// # Errors
/// With the name of what is wrong.
pub fn verify_head(envelope: &[u8], jwks: &Jwks) -> Result<(ChainHead, String), Refusal> {
    let (envelope, kid) = signed(envelope, HEAD_ENVELOPE_TYPE, jwks)?;
    let head: ChainHead = payload(&envelope)?;
    check_head(&head, &kid)?;
    Ok((head, kid))
}

/// Reads an envelope of this type and checks its signature; the key id that it names.
fn signed(envelope: &[u8], typ: &'static str, jwks: &Jwks) -> Result<(Envelope, String), Refusal> {
    let value = json::parse(envelope).map_err(|error| Refusal::Json(error.to_string()))?;
    if !value.is_object() {
        // serde would also read a struct from a list of its members.
        return Err(Refusal::EnvelopeMembers);
    }
    let envelope: Envelope = serde_json::from_value(value).map_err(|_| Refusal::EnvelopeMembers)?;
    let kid = header_kid(&envelope.protected, typ)?;
    check_signature(&envelope, jwks.key(&kid)?)?;
    Ok((envelope, kid))
}

/// The statement in an envelope, its form checked, its signature not.
///
/// # Errors
/// When the payload is not the canonical form of a statement.
pub fn envelope_statement(envelope: &Envelope) -> Result<AttestationStatement, Refusal> {
    payload(envelope)
}

/// What the payload says, its form checked.
fn payload<T: DeserializeOwned + Serialize>(envelope: &Envelope) -> Result<T, Refusal> {
    let payload = base64url::decode_member("payload", &envelope.payload)?;
    let value = json::parse(&payload).map_err(|error| Refusal::Json(error.to_string()))?;
    let statement: T = serde_json::from_value(value).map_err(|error| Refusal::StatementMembers(error.to_string()))?;
    // Writing what was read closes every second spelling: white space, order, numbers, ids, times.
    match canonical_bytes(&statement) {
        Ok(canonical) if canonical == payload => Ok(statement),
        _ => Err(Refusal::PayloadNotCanonical),
    }
}

/// The protected header for an envelope of this type and a key, in canonical form.
pub(crate) fn header_bytes(typ: &str, kid: &str) -> Result<Vec<u8>, serde_json::Error> {
    canonical_bytes(&json!({"alg": ALGORITHM, "kid": kid, "typ": typ}))
}

/// Reads the protected header and gives the key id it names.
fn header_kid(protected: &str, expected: &'static str) -> Result<String, Refusal> {
    let bytes = base64url::decode_member("protected", protected)?;
    let value = json::parse(&bytes).map_err(|error| Refusal::Json(error.to_string()))?;
    let members = value.as_object().ok_or(Refusal::HeaderMembers)?;
    if members.contains_key("crit") {
        return Err(Refusal::Critical);
    }
    let text = |name| members.get(name).and_then(Value::as_str).ok_or(Refusal::HeaderMembers);
    let (algorithm, kid, typ) = (text("alg")?, text("kid")?, text("typ")?);
    if members.len() != 3 {
        return Err(Refusal::HeaderMembers);
    }
    if algorithm != ALGORITHM {
        return Err(Refusal::Algorithm);
    }
    if typ != expected {
        return Err(Refusal::Type(expected));
    }
    match header_bytes(expected, kid) {
        Ok(canonical) if canonical == bytes => Ok(kid.to_owned()),
        _ => Err(Refusal::HeaderNotCanonical),
    }
}

/// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017, section 8.2.2): the signature is as long as the modulus and below it.
fn check_signature(envelope: &Envelope, key: &PKey<Public>) -> Result<(), Refusal> {
    let signature = base64url::decode_member("signature", &envelope.signature)?;
    let holds = Verifier::new(MessageDigest::sha256(), key).and_then(|mut verifier| {
        verifier.update(envelope.protected.as_bytes())?;
        verifier.update(b".")?;
        verifier.update(envelope.payload.as_bytes())?;
        verifier.verify(&signature)
    });
    if signature.len() == key.size() && holds.unwrap_or(false) { Ok(()) } else { Err(Refusal::Signature) }
}

/// The rules of the statement's form that its types do not express.
pub(crate) fn check_statement(statement: &AttestationStatement, kid: &str) -> Result<(), Refusal> {
    if statement.v != 1 {
        return Err(Refusal::StatementVersion);
    }
    if statement.r#type != STATEMENT_TYPE {
        return Err(Refusal::StatementType);
    }
    if !(1..=MAX_NUMBER).contains(&statement.policy_set_version) {
        return Err(Refusal::StatementNumber);
    }
    let about_before =
        [statement.prev_sha256.is_some(), statement.created_at.is_some(), statement.created_by.is_some()];
    let re_signed = statement.status == AttestationStatus::ReSigned;
    if about_before.iter().any(|present| *present != re_signed) {
        return Err(Refusal::StatementStatus);
    }
    if statement.key_id == kid { Ok(()) } else { Err(Refusal::KeyId) }
}

/// The same of a statement about the head of a zone's events.
pub(crate) fn check_head(head: &ChainHead, kid: &str) -> Result<(), Refusal> {
    if head.v != 1 {
        return Err(Refusal::StatementVersion);
    }
    if head.r#type != HEAD_TYPE {
        return Err(Refusal::StatementType);
    }
    if !(1..=MAX_NUMBER).contains(&head.seq) {
        return Err(Refusal::StatementNumber);
    }
    if head.key_id == kid { Ok(()) } else { Err(Refusal::KeyId) }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::{KeyPair, Signer, fixtures};

    fn jwks(pairs: &[KeyPair]) -> Jwks {
        Jwks::from_keys(&pairs.iter().map(|pair| (pair.public.clone(), pair.kid.clone())).collect::<Vec<_>>()).unwrap()
    }

    fn attested(pair: &KeyPair) -> Envelope {
        Signer::new(pair).unwrap().sign(&fixtures::statement(&pair.kid)).unwrap()
    }

    /// Signs any header and payload, as somebody who has the key could.
    fn forge(pair: &KeyPair, header: &str, payload: &[u8]) -> Vec<u8> {
        let (protected, payload) = (base64url::encode(header.as_bytes()), base64url::encode(payload));
        let key = PKey::private_key_from_der(&pair.private_der).unwrap();
        let mut signer = openssl::sign::Signer::new(MessageDigest::sha256(), &key).unwrap();
        let signature = signer.sign_oneshot_to_vec(format!("{protected}.{payload}").as_bytes()).unwrap();
        envelope_bytes(&Envelope { payload, protected, signature: base64url::encode(&signature) })
    }

    fn envelope_bytes(envelope: &Envelope) -> Vec<u8> {
        canonical_bytes(envelope).unwrap()
    }

    #[test]
    fn what_is_signed_verifies_under_its_own_key_only() {
        for index in [0, 2] {
            let pair = fixtures::pair(index);
            let envelope = envelope_bytes(&attested(&pair));
            let verified = verify_envelope(&envelope, &jwks(std::slice::from_ref(&pair)));
            assert_eq!(verified, Ok((fixtures::statement(&pair.kid), pair.kid.clone())));
            let other = jwks(&[fixtures::pair(1)]);
            assert_eq!(verify_envelope(&envelope, &other), Err(Refusal::UnknownKey(pair.kid.clone())));
            let revoked = other.with_revoked([pair.kid.clone()]).unwrap();
            assert_eq!(verify_envelope(&envelope, &revoked), Err(Refusal::KeyRevoked(pair.kid)));
        }
    }

    #[test]
    fn the_header_says_exactly_three_things() {
        let pair = fixtures::pair(0);
        let payload = canonical_bytes(&fixtures::statement(&pair.kid)).unwrap();
        let kid = &pair.kid;
        let good = format!(r#"{{"alg":"RS256","kid":"{kid}","typ":"policy-set-attestation+jws"}}"#);
        assert_eq!(good.as_bytes(), header_bytes(ENVELOPE_TYPE, kid).unwrap());
        let keys = jwks(std::slice::from_ref(&pair));
        assert!(verify_envelope(&forge(&pair, &good, &payload), &keys).is_ok());
        for (header, refusal) in [
            (good.replace('}', r#","crit":[]}"#), Refusal::Critical),
            (good.replace('}', r#","crit":["b64"],"b64":false}"#), Refusal::Critical),
            (good.replace("RS256", "none"), Refusal::Algorithm),
            (good.replace("RS256", "HS256"), Refusal::Algorithm),
            (good.replace("RS256", "PS256"), Refusal::Algorithm),
            (good.replace("+jws", ""), Refusal::Type(ENVELOPE_TYPE)),
            (good.replace('}', r#","jwk":{}}"#), Refusal::HeaderMembers),
            (good.replace(r#""alg":"RS256","#, ""), Refusal::HeaderMembers),
            (good.replace(r#""RS256""#, "1"), Refusal::HeaderMembers),
            ("[]".to_owned(), Refusal::HeaderMembers),
            (good.replace("\",\"kid", "\", \"kid"), Refusal::HeaderNotCanonical),
        ] {
            assert_eq!(verify_envelope(&forge(&pair, &header, &payload), &keys), Err(refusal), "{header}");
        }
        let twice = good.replace('}', r#","alg":"RS256"}"#);
        assert!(matches!(verify_envelope(&forge(&pair, &twice, &payload), &keys), Err(Refusal::Json(_))));
    }

    #[test]
    fn the_payload_is_the_canonical_form_of_a_statement() {
        let pair = fixtures::pair(0);
        let header = String::from_utf8(header_bytes(ENVELOPE_TYPE, &pair.kid).unwrap()).unwrap();
        let good = String::from_utf8(canonical_bytes(&fixtures::statement(&pair.kid)).unwrap()).unwrap();
        let keys = jwks(std::slice::from_ref(&pair));
        let refused = |payload: &str| verify_envelope(&forge(&pair, &header, payload.as_bytes()), &keys).unwrap_err();
        for payload in [
            good.replace("\"v\":1", "\"v\": 1"),
            good.replace("000000Z", "000Z"),
            good.replace("000000Z", "000000+00:00"),
            good.replace("0198c0de", "0198C0DE"),
            good.replace(r#""policy_set_version":7"#, r#""policy_set_version":9007199254740993"#),
            good.replace('}', r#","prev_sha256":null}"#),
        ] {
            assert_ne!(payload, good);
            assert_eq!(refused(&payload), Refusal::PayloadNotCanonical, "{payload}");
        }
        assert!(matches!(refused(&good.replace('}', r#","zz":1}"#)), Refusal::StatementMembers(_)));
        assert!(matches!(refused(&good.replace("\"v\"", "\"attested_by\"")), Refusal::Json(_)));
        assert_eq!(refused(&good.replace("\"v\":1", "\"v\":2")), Refusal::StatementVersion);
        assert_eq!(refused(&good.replace("_attestation\"", "\"")), Refusal::StatementType);
        assert_eq!(refused(&good.replace("_version\":7", "_version\":0")), Refusal::StatementNumber);
        assert_eq!(refused(&good.replace("\"created\"", "\"re_signed\"")), Refusal::StatementStatus);
        assert_eq!(refused(&good.replace(&pair.kid, &fixtures::pair(1).kid)), Refusal::KeyId);
    }

    #[test]
    fn the_envelope_has_three_members_in_one_spelling() {
        let pair = fixtures::pair(0);
        let envelope = attested(&pair);
        let keys = jwks(std::slice::from_ref(&pair));
        let refused = |bytes: &[u8]| verify_envelope(bytes, &keys).unwrap_err();
        let text = String::from_utf8(envelope_bytes(&envelope)).unwrap();
        assert_eq!(refused(text.replace('}', r#","header":{}}"#).as_bytes()), Refusal::EnvelopeMembers);
        let as_array = canonical_bytes(&[&envelope.payload, &envelope.protected, &envelope.signature]).unwrap();
        assert_eq!(refused(&as_array), Refusal::EnvelopeMembers);
        assert!(matches!(refused(text.replace('}', r#","payload":""}"#).as_bytes()), Refusal::Json(_)));
        // 256 bytes are 342 characters with four unused bits: the next character decodes to the same bytes elsewhere.
        let (rest, last) = envelope.signature.split_at(341);
        let next = match last {
            "A" => "B",
            "Q" => "R",
            "g" => "h",
            _ => "x",
        };
        for signature in
            [format!("{rest}{next}"), format!("{}==", envelope.signature), format!("{} ", envelope.signature)]
        {
            let other = Envelope { signature, ..envelope.clone() };
            assert_eq!(refused(&envelope_bytes(&other)), Refusal::Base64url("signature"));
        }
        let shorter = Envelope { signature: base64url::encode(&[1; 255]), ..envelope.clone() };
        assert_eq!(refused(&envelope_bytes(&shorter)), Refusal::Signature);
        let empty = Envelope { signature: String::new(), ..envelope };
        assert_eq!(refused(&envelope_bytes(&empty)), Refusal::Signature);
    }

    #[test]
    fn a_head_is_no_attestation_and_an_attestation_no_head() {
        let pair = fixtures::pair(0);
        let (keys, signer) = (jwks(std::slice::from_ref(&pair)), Signer::new(&pair).unwrap());
        let head = fixtures::head(&pair.kid);
        let envelope = envelope_bytes(&signer.sign_head(&head).unwrap());
        assert_eq!(verify_head(&envelope, &keys), Ok((head.clone(), pair.kid.clone())));
        assert_eq!(verify_envelope(&envelope, &keys), Err(Refusal::Type(ENVELOPE_TYPE)));
        assert_eq!(verify_head(&envelope_bytes(&attested(&pair)), &keys), Err(Refusal::Type(HEAD_ENVELOPE_TYPE)));
        // As somebody who has the key could sign it.
        let header = String::from_utf8(header_bytes(HEAD_ENVELOPE_TYPE, &pair.kid).unwrap()).unwrap();
        let refused = |change: fn(&mut ChainHead)| {
            let mut changed = head.clone();
            change(&mut changed);
            verify_head(&forge(&pair, &header, &canonical_bytes(&changed).unwrap()), &keys).unwrap_err()
        };
        assert_eq!(refused(|head| head.v = 2), Refusal::StatementVersion);
        assert_eq!(refused(|head| head.r#type = STATEMENT_TYPE.to_owned()), Refusal::StatementType);
        assert_eq!(refused(|head| head.seq = 0), Refusal::StatementNumber);
        assert_eq!(refused(|head| head.key_id = "another".to_owned()), Refusal::KeyId);
        let statement = canonical_bytes(&fixtures::statement(&pair.kid)).unwrap();
        let other = verify_head(&forge(&pair, &header, &statement), &keys).unwrap_err();
        assert!(matches!(other, Refusal::StatementMembers(_)), "{other:?}");
        let spaced = String::from_utf8(canonical_bytes(&head).unwrap()).unwrap().replace("\"v\":1", "\"v\": 1");
        assert_eq!(verify_head(&forge(&pair, &header, spaced.as_bytes()), &keys), Err(Refusal::PayloadNotCanonical));
        assert!(signer.sign_head(&ChainHead { seq: 1 << 53, ..head }).is_err());
    }

    proptest! {
        #[test]
        fn no_changed_byte_verifies(at: prop::sample::Index, to: u8) {
            static SIGNED: LazyLock<(Vec<u8>, Jwks)> = LazyLock::new(|| {
                let pair = fixtures::pair(0);
                (envelope_bytes(&attested(&pair)), jwks(&[pair]))
            });
            let (good, keys) = &*SIGNED;
            let mut changed = good.clone();
            let at = at.index(good.len());
            changed[at] = to;
            prop_assert_eq!(verify_envelope(&changed, keys).is_ok(), changed == *good);
        }
    }
}
