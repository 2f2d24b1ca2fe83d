//! The manifest of a policy set version: which policy versions it pins.

use serde::{Deserialize, Serialize};

use crate::{Digest, PolicyId, PolicyVersionId, canonical_bytes};

/// The most entries that a manifest may have.
pub const MAX_MANIFEST_ENTRIES: usize = 10_000;

/// One pinned policy version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestEntry {
    /// The policy.
    pub policy_id: PolicyId,
    /// The version of it that is pinned.
    pub policy_version_id: PolicyVersionId,
    /// The content digest of that version.
    pub sha: Digest,
}

/// The pinned policy versions of a policy set version, by `policy_id` ascending, each policy once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Entries")]
pub struct Manifest {
    entries: Vec<ManifestEntry>,
}

#[derive(Deserialize)]
struct Entries {
    entries: Vec<ManifestEntry>,
}

impl TryFrom<Entries> for Manifest {
    type Error = InvalidManifest;

    fn try_from(given: Entries) -> Result<Self, InvalidManifest> {
        Self::new(given.entries)
    }
}

/// Why a list of entries is not a manifest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidManifest {
    /// No entry at all.
    #[error("a manifest needs at least one entry")]
    Empty,
    /// More than [`MAX_MANIFEST_ENTRIES`].
    #[error("a manifest has at most {MAX_MANIFEST_ENTRIES} entries")]
    TooLong,
    /// A policy that stands in it twice.
    #[error("policy {0} stands in the manifest twice; pin one version of it")]
    DuplicatePolicy(PolicyId),
}

impl Manifest {
    /// Sorts the entries by policy; the order in which they come does not matter.
    ///
    /// # Errors
    /// When there is none, there are too many, or a policy stands twice.
    pub fn new(mut entries: Vec<ManifestEntry>) -> Result<Self, InvalidManifest> {
        if entries.is_empty() {
            return Err(InvalidManifest::Empty);
        }
        if entries.len() > MAX_MANIFEST_ENTRIES {
            return Err(InvalidManifest::TooLong);
        }
        // The id orders as bytes exactly as its lower-case hex text does, which is the order a verifier sees.
        entries.sort_by_key(|entry| entry.policy_id);
        let twice = entries.iter().zip(entries.iter().skip(1)).find(|(a, b)| a.policy_id == b.policy_id);
        match twice {
            Some((entry, _)) => Err(InvalidManifest::DuplicatePolicy(entry.policy_id)),
            None => Ok(Self { entries }),
        }
    }

    /// The entries by `policy_id` ascending.
    #[must_use]
    pub fn entries(&self) -> &[ManifestEntry] {
        &self.entries
    }

    /// The bytes that are hashed: JCS of `{"entries": [{"policy_id", "policy_version_id", "sha"}, …]}`.
    ///
    /// # Errors
    /// Never for a manifest; the signature is that of [`canonical_bytes`].
    pub fn canonical_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        canonical_bytes(self)
    }

    /// The manifest digest (`manifest_sha`).
    ///
    /// # Errors
    /// As [`Manifest::canonical_bytes`].
    pub fn sha(&self) -> Result<Digest, serde_json::Error> {
        self.canonical_bytes().map(|bytes| Digest::of(&bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn entry(policy: u128, version: u128) -> ManifestEntry {
        ManifestEntry {
            policy_id: PolicyId::new(Uuid::from_u128(policy)),
            policy_version_id: PolicyVersionId::new(Uuid::from_u128(version)),
            sha: Digest::of(&version.to_be_bytes()),
        }
    }

    #[test]
    fn a_policy_stands_in_it_once() {
        let twice = Manifest::new(vec![entry(1, 10), entry(2, 20), entry(1, 11)]);
        assert_eq!(twice, Err(InvalidManifest::DuplicatePolicy(entry(1, 0).policy_id)));
        assert_eq!(Manifest::new(vec![]), Err(InvalidManifest::Empty));
        assert_eq!(Manifest::new((0..10_001).map(|n| entry(n, n)).collect()), Err(InvalidManifest::TooLong));
    }

    #[test]
    fn the_canonical_form_is_the_documented_one() {
        let manifest = Manifest::new(vec![entry(1, 2)]).unwrap();
        let text = String::from_utf8(manifest.canonical_bytes().unwrap()).unwrap();
        let sha = entry(1, 2).sha;
        assert_eq!(
            text,
            format!(
                r#"{{"entries":[{{"policy_id":"00000000-0000-0000-0000-000000000001","policy_version_id":"00000000-0000-0000-0000-000000000002","sha":"{sha}"}}]}}"#
            )
        );
    }

    proptest! {
        #[test]
        fn the_order_of_the_entries_does_not_matter(ids in proptest::collection::btree_set(any::<u128>(), 1..20), seed: u64) {
            let sorted: Vec<_> = ids.iter().map(|id| entry(*id, id ^ 1)).collect();
            let mut shuffled = sorted.clone();
            let length = shuffled.len();
            for i in 0..length {
                let j = usize::try_from(seed.wrapping_mul(i as u64 + 1) % length as u64).unwrap();
                shuffled.swap(i, j);
            }
            prop_assert_eq!(Manifest::new(shuffled).unwrap().sha().unwrap(), Manifest::new(sorted).unwrap().sha().unwrap());
        }
    }
}
