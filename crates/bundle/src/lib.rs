//! The archive in which a user's policies travel: a gzip-compressed tar (RFC 1952; POSIX ustar) with a manifest, the
//! schema and one file a policy, described in `docs/bundles.md`.
//!
//! Reading is strict: what is not exactly such an archive is refused by name ([`BundleError`]), before it can cost more
//! than [`MAX_EXPANDED_BYTES`] of memory. Writing is deterministic: the same bundle is the same bytes, so that a digest
//! of them can stand for the content. Nothing here touches a file.

mod bundle;
mod decode;
mod encode;
mod error;
mod manifest;
mod member;

pub use bundle::Bundle;
pub use decode::decode;
pub use encode::encode;
pub use error::BundleError;
pub use manifest::{BundleManifest, KnownPolicy, NewPolicy, PolicyEntry, PolicySetRef, SchemaRef};
pub use member::{InvalidStem, Stem};

/// The media type of a bundle.
pub const MEDIA_TYPE: &str = "application/vnd.keycard.policy-bundle.v1+tar+gzip";

/// The most bytes that an archive may expand to.
pub const MAX_EXPANDED_BYTES: usize = 64 << 20;
/// The most bytes of one policy's text.
pub const MAX_POLICY_BYTES: usize = 256 << 10;
/// The most bytes of the schema's text.
pub const MAX_SCHEMA_BYTES: usize = 1 << 20;
/// The most bytes of the manifest: enough for as many entries as there may be policies, with long names.
pub const MAX_MANIFEST_BYTES: usize = 8 << 20;
/// The most files in an archive: the policies of the largest policy set, the manifest and the schema.
pub const MAX_FILES: usize = cedarkeep_model::MAX_MANIFEST_ENTRIES + 2;
