//! Access tokens: JSON Web Tokens in the profile of RFC 9068, signed with a secret of the installation (HS256) because
//! nobody but the installation reads them. They are good for minutes, and only as long as the credential is that they were
//! given for.

use cedarkeep_model::{CredentialId, ServiceAccountId, Timestamp};
use cedarkeep_service::AccessToken;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, errors::Error};
use serde::{Deserialize, Serialize};

/// Who issues them, and for whom: this installation for itself.
const ISSUER: &str = "urn:cedarkeep";
/// The media type of RFC 9068, section 2.1, without its `application/`.
const TYPE: &str = "at+jwt";
/// The length of an HMAC-SHA256 in base64url.
const SIGNATURE_CHARS: usize = 43;

/// Signs access tokens, and reads them.
pub(crate) struct AccessTokens {
    signing: EncodingKey,
    reading: DecodingKey,
    rules: Validation,
    /// The only header that a token of ours has, in its one spelling, with the dot behind it.
    header: String,
}

/// What a token claims (RFC 9068, section 2.2).
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: ServiceAccountId,
    client_id: CredentialId,
    jti: String,
    iat: i64,
    exp: i64,
}

impl AccessTokens {
    /// With the secret of the installation.
    pub(crate) fn new(secret: &[u8]) -> Result<Self, Error> {
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[ISSUER]);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        // The time is the service's, which looks at it itself.
        rules.validate_exp = false;
        let signing = EncodingKey::from_secret(secret);
        let any = encode(&header(), &(), &signing)?;
        let end = any.find('.').map_or(0, |dot| dot + 1);
        let header = any.get(..end).unwrap_or_default().to_owned();
        Ok(Self { signing, reading: DecodingKey::from_secret(secret), rules, header })
    }

    /// The token itself. `id` is its own id.
    pub(crate) fn sign(&self, token: &AccessToken, id: String) -> Result<String, Error> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: ISSUER.to_owned(),
            sub: token.service_account,
            client_id: token.credential,
            jti: id,
            iat: seconds(token.issued_at),
            exp: seconds(token.expires_at),
        };
        encode(&header(), &claims, &self.signing)
    }

    /// Whether a bearer token has the form of an access token.
    pub(crate) fn looks_like_one(bearer: &str) -> bool {
        bearer.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// The credential that a token was given for, if it is ours, as we wrote it, and good at this moment. The header is
    /// compared and not read: nothing in it can choose how the token is checked.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Option<CredentialId> {
        let rest = token.strip_prefix(&self.header)?;
        let (_, signature) = rest.split_once('.')?;
        // The last character carries two bits that belong to no byte: one spelling of them is ours.
        let canonical = signature.len() == SIGNATURE_CHARS
            && signature.bytes().last().is_some_and(|last| b"AEIMQUYcgkosw048".contains(&last));
        let claims = decode::<Claims>(token, &self.reading, &self.rules).ok()?.claims;
        let good = (claims.iat..claims.exp).contains(&seconds(now));
        Some(claims.client_id).filter(|_| canonical && good)
    }
}

fn header() -> Header {
    Header { typ: Some(TYPE.to_owned()), ..Header::new(Algorithm::HS256) }
}

fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0198c0de-0000-7000-8000-00000000000a";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    fn given() -> AccessToken {
        let (service_account, credential) = (ID.parse().unwrap(), ID.parse().unwrap());
        AccessToken { service_account, credential, issued_at: at(100), expires_at: at(1_000) }
    }

    #[test]
    fn a_token_is_good_for_its_time() {
        let tokens = AccessTokens::new(&[1; 32]).unwrap();
        let token = tokens.sign(&given(), "one".to_owned()).unwrap();
        assert!(AccessTokens::looks_like_one(&token));
        for (second, good) in [(99, false), (100, true), (999, true), (1_000, false), (1_001, false)] {
            assert_eq!(tokens.read(&token, at(second)).is_some(), good, "{second}");
        }
        assert_eq!(tokens.read(&token, at(100)).unwrap().to_string(), ID);
    }

    #[test]
    fn no_token_but_ours_is_read() {
        let tokens = AccessTokens::new(&[1; 32]).unwrap();
        let token = tokens.sign(&given(), "one".to_owned()).unwrap();
        let other = AccessTokens::new(&[2; 32]).unwrap().sign(&given(), "one".to_owned()).unwrap();
        assert_eq!(tokens.read(&other, at(500)), None);
        for place in 0..token.len() {
            for byte in [b'A', b'B', b'.', b'=', b'_', b'8'] {
                let mut changed = token.clone().into_bytes();
                if changed[place] != byte {
                    changed[place] = byte;
                    let changed = String::from_utf8(changed).unwrap();
                    assert_eq!(tokens.read(&changed, at(500)), None, "{place}");
                }
            }
        }
    }

    #[test]
    fn the_header_chooses_nothing() {
        let tokens = AccessTokens::new(&[1; 32]).unwrap();
        let claims = serde_json::json!({
            "iss": ISSUER, "aud": ISSUER, "sub": ID, "client_id": ID, "jti": "one", "iat": 100, "exp": 1_000,
        });
        let sign = |header: &Header| encode(header, &claims, &EncodingKey::from_secret(&[1; 32])).unwrap();
        assert!(tokens.read(&sign(&header()), at(500)).is_some());
        for other in [
            Header { alg: Algorithm::HS512, ..header() },
            Header { typ: Some("JWT".to_owned()), ..header() },
            Header { typ: None, ..header() },
            Header { kid: Some("../../dev/null".to_owned()), ..header() },
            Header { jku: Some("https://example.com/keys".to_owned()), ..header() },
        ] {
            assert_eq!(tokens.read(&sign(&other), at(500)), None, "{other:?}");
        }
        let (_, rest) = sign(&header()).split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let payload = rest.split_once('.').unwrap().0;
        for none in ["eyJhbGciOiJub25lIn0", "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0"] {
            for signature in ["", "AAAA"] {
                assert_eq!(tokens.read(&format!("{none}.{payload}.{signature}"), at(500)), None);
            }
        }
    }

    #[test]
    fn claims_for_another_are_refused() {
        let tokens = AccessTokens::new(&[1; 32]).unwrap();
        let sign = |change: fn(&mut serde_json::Value)| {
            let mut claims = serde_json::json!({
                "iss": ISSUER, "aud": ISSUER, "sub": ID, "client_id": ID, "jti": "one", "iat": 100, "exp": 1_000,
            });
            change(&mut claims);
            encode(&header(), &claims, &EncodingKey::from_secret(&[1; 32])).unwrap()
        };
        assert!(tokens.read(&sign(|_| {}), at(500)).is_some());
        let changes: [fn(&mut serde_json::Value); 6] = [
            |claims| claims["iss"] = "https://example.com".into(),
            |claims| claims["aud"] = "https://example.com".into(),
            |claims| claims["role"] = "owner".into(),
            |claims| claims["client_id"] = "nobody".into(),
            |claims| claims["exp"] = 400.into(),
            |claims| {
                claims.as_object_mut().unwrap().remove("exp");
            },
        ];
        for change in changes {
            assert_eq!(tokens.read(&sign(change), at(500)), None);
        }
    }
}
