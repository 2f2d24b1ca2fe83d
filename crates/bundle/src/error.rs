//! Why an archive is refused.

use crate::{MAX_EXPANDED_BYTES, MAX_FILES};

/// Why an archive is refused. What it quotes of the archive is short and escaped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// Not a gzip member, or a damaged one, or one that was cut off.
    #[error("the archive is not gzip, is damaged, or was cut off")]
    Gzip,
    /// A second gzip member, or anything else, follows the first.
    #[error("bytes follow the end of the gzip member; a bundle is exactly one")]
    AfterGzip,
    /// It expands to more than [`MAX_EXPANDED_BYTES`].
    #[error("the archive expands to more than {} MiB", MAX_EXPANDED_BYTES >> 20)]
    Expands,
    /// A header that does not have its checksum, a size that is no number.
    #[error("the archive is not a tar, or a damaged one")]
    Tar,
    /// The two blocks of zeros at the end (POSIX, pax, "ustar Interchange Format") are missing, or a file is shorter
    /// than its header says.
    #[error("the tar was cut off")]
    CutOff,
    /// Something other than zeros follows the end.
    #[error("bytes follow the end of the tar")]
    AfterTar,
    /// More than [`MAX_FILES`] files.
    #[error("the archive has more than {MAX_FILES} files")]
    TooManyFiles,
    /// A link, a device, a directory, a long name.
    #[error("{0} is not a plain file; a bundle holds nothing else but the folder policies/")]
    NotAFile(String),
    /// A pax header that says more of the file after it than when it was changed.
    #[error("a pax header sets {0}; put the files into the archive with their plain names and sizes")]
    Pax(String),
    /// A path that is none of the layout's.
    #[error("{0} has no place in a bundle, which holds manifest.json, schema.cedarschema and policies/<name>.cedar")]
    Unrecognized(String),
    /// A file that stands in the archive twice.
    #[error("{0} stands in the archive twice")]
    Duplicate(String),
    /// A file of more bytes than its kind may have.
    #[error("{name} has more than {max} bytes")]
    FileTooLarge {
        /// The file.
        name: String,
        /// The most that it may have.
        max: usize,
    },
    /// Text that is not UTF-8.
    #[error("{0} is not UTF-8")]
    NotUtf8(String),
    /// No manifest.
    #[error("manifest.json is missing")]
    NoManifest,
    /// A manifest that is not acceptable JSON, or not of the right form.
    #[error("manifest.json: {0}")]
    Manifest(String),
    /// Two entries of the manifest that name one file.
    #[error("manifest.json: policies[{0}] names the file of an entry before it")]
    ListedTwice(usize),
    /// An entry of the manifest whose file is missing.
    #[error("manifest.json: policies[{index}] needs the file {name}")]
    NoFile {
        /// The entry, from 0.
        index: usize,
        /// The file that it needs.
        name: String,
    },
}

/// The most characters that are quoted of a name.
const QUOTED_CHARS: usize = 120;

/// A name from the archive as it may be shown.
pub(crate) fn quoted(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    format!("{:?}", text.chars().take(QUOTED_CHARS).collect::<String>())
}
