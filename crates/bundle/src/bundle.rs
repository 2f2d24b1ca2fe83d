//! A bundle: a manifest and the files that it names.

use std::collections::{BTreeMap, BTreeSet};

use crate::{BundleError, BundleManifest, Stem, member::Member};

/// A manifest, and the text of each policy that it names, no more and no less.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    manifest: BundleManifest,
    schema: Option<String>,
    texts: BTreeMap<Stem, String>,
}

impl Bundle {
    /// Puts a bundle together. Texts that no entry names are dropped.
    ///
    /// # Errors
    /// [`BundleError::NoFile`] and [`BundleError::ListedTwice`].
    pub fn new(
        manifest: BundleManifest,
        schema: Option<String>,
        mut texts: BTreeMap<Stem, String>,
    ) -> Result<Self, BundleError> {
        let mut named = BTreeSet::new();
        for (index, entry) in manifest.policies.iter().enumerate() {
            let file = entry.file();
            if !texts.contains_key(&file) {
                return Err(BundleError::NoFile { index, name: Member::Policy(file).to_string() });
            }
            if !named.insert(file) {
                return Err(BundleError::ListedTwice(index));
            }
        }
        texts.retain(|file, _| named.contains(file));
        Ok(Self { manifest, schema, texts })
    }

    /// What it holds.
    #[must_use]
    pub fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// The schema as Cedar text.
    #[must_use]
    pub fn schema(&self) -> Option<&str> {
        self.schema.as_deref()
    }

    /// The text of each policy, by the name of its file.
    #[must_use]
    pub fn texts(&self) -> &BTreeMap<Stem, String> {
        &self.texts
    }

    /// Takes it apart.
    #[must_use]
    pub fn into_parts(self) -> (BundleManifest, Option<String>, BTreeMap<Stem, String>) {
        (self.manifest, self.schema, self.texts)
    }
}
