//! The tokens between the pages of a search.
//!
//! A token is sealed with a key of this installation and opens only in the search that it was given out for: same zone,
//! same entities, same context. It holds the last candidate that was looked at, so that pages neither repeat nor skip what
//! stays while the entities change.

use cedarkeep_attest::{SealingKey, base64url};
use cedarkeep_model::{Digest, ZoneId};
use serde::{Deserialize, Serialize};

use crate::{Code, Error};

/// Where a search goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The last candidate that was looked at.
    pub(super) after: Option<String>,
    /// How many results a page has at the most, as the first request said it.
    pub(super) limit: Option<u64>,
}

/// The tokens of one search.
pub(super) struct Tokens<'a> {
    key: &'a SealingKey,
    search: String,
}

impl<'a> Tokens<'a> {
    /// `search` is the digest of all that a search asks for.
    pub(super) fn new(key: &'a SealingKey, zone: ZoneId, search: Digest) -> Self {
        Self { key, search: format!("{zone}/access/v1/search/{search}") }
    }

    /// Where a request goes on: at its token's place, or at the beginning.
    pub(super) fn place(&self, token: Option<&str>, limit: Option<u64>) -> Result<Place, Error> {
        let Some(token) = token else { return Ok(Place { after: None, limit }) };
        let place = self.open(token).ok_or_else(|| {
            let message = "page.token belongs to another search: send the entities and the context of the request before, \
                           or begin without a token";
            Error::new(Code::InvalidCursor, message)
        })?;
        if limit.is_some() && limit != place.limit {
            let message = "page.limit is not that of the request before: leave it out, or begin without a token";
            return Err(Error::new(Code::InvalidCursor, message));
        }
        Ok(place)
    }

    fn open(&self, token: &str) -> Option<Place> {
        let sealed = base64url::decode_strict(token).ok()?;
        let plain = self.key.open(self.search.as_bytes(), &sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }

    pub(super) fn seal(&self, place: &Place) -> Result<String, Error> {
        let sealed = self.key.seal(self.search.as_bytes(), &serde_json::to_vec(place)?)?;
        Ok(base64url::encode(&sealed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_only_in_its_own_search() {
        let (key, zone) = (SealingKey::from_bytes([7; 32]), "0197a1f0-3c5e-7d1b-8f00-2b6d0e4c9a11".parse().unwrap());
        let tokens = |digest: &[u8]| Tokens::new(&key, zone, Digest::of(digest));
        let place = Place { after: Some("x".to_owned()), limit: Some(2) };
        let token = tokens(b"a").seal(&place).unwrap();
        for limit in [None, Some(2)] {
            assert_eq!(tokens(b"a").place(Some(&token), limit).unwrap(), place);
        }
        for (digest, token, limit) in
            [(b"a", &*token, Some(3)), (b"b", &token, None), (b"a", "", None), (b"a", "bm9uc2Vuc2U", None)]
        {
            let error = tokens(digest).place(Some(token), limit).unwrap_err();
            assert_eq!(error.code(), Code::InvalidCursor, "{token} {limit:?}");
        }
        assert_eq!(tokens(b"a").place(None, Some(3)).unwrap(), Place { after: None, limit: Some(3) });
    }
}
