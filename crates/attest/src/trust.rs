//! Which keys a verifier trusts, told from outside of what it verifies.

use std::collections::BTreeSet;

use crate::Jwks;

/// The keys that a verifier trusts. A key id is a thumbprint, so trusting an id is trusting that very key.
#[derive(Debug, Clone)]
pub enum Trust {
    /// None: what is verified may be consistent in itself, but nothing says who made it.
    Nothing,
    /// The keys with these ids.
    Kids(BTreeSet<String>),
    /// All published keys of a key set that the auditor fetched.
    AllOf(Jwks),
}

impl Trust {
    /// Whether the key with this id is trusted.
    #[must_use]
    pub fn trusts(&self, kid: &str) -> bool {
        match self {
            Self::Nothing => false,
            Self::Kids(kids) => kids.contains(kid),
            Self::AllOf(jwks) => jwks.key(kid).is_ok(),
        }
    }

    /// Whether no key at all was named as trusted.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Kids(kids) => kids.is_empty(),
            Self::AllOf(jwks) => jwks.kids().next().is_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn trust_is_by_key_and_never_by_default() {
        let (one, other) = (fixtures::pair(0), fixtures::pair(1));
        let jwks = Jwks::from_keys(&[(one.public.clone(), one.kid.clone())]).unwrap();
        for trust in [Trust::Kids([one.kid.clone()].into()), Trust::AllOf(jwks)] {
            assert!(trust.trusts(&one.kid) && !trust.trusts(&other.kid) && !trust.is_nothing());
        }
        for nothing in [Trust::Nothing, Trust::Kids(BTreeSet::new()), Trust::AllOf(Jwks::default())] {
            assert!(nothing.is_nothing() && !nothing.trusts(&one.kid));
        }
    }
}
