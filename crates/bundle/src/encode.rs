//! Writing a bundle: always the same bytes.

use std::io::{self, Write};

use flate2::{Compression, GzBuilder};
use tar::{Builder, EntryType, Header};

use crate::{Bundle, BundleError, member::Member};

/// Compression that is neither the fastest nor the best; fixed, because another one makes other bytes.
const LEVEL: Compression = Compression::new(6);
/// "Unknown" (RFC 1952, section 2.3.1), on whichever system this runs.
const NO_SYSTEM: u8 = 255;

/// Writes a bundle: files by name, no times, no owners. The same bundle gives the same bytes.
///
/// # Errors
/// Never for a bundle whose manifest can be written as JSON.
pub fn encode(bundle: &Bundle) -> Result<Vec<u8>, BundleError> {
    let manifest = bundle.manifest().write()?;
    let written = write(bundle, &manifest);
    written.map_err(|_| BundleError::Tar)
}

fn write(bundle: &Bundle, manifest: &[u8]) -> io::Result<Vec<u8>> {
    let gzip = GzBuilder::new().mtime(0).operating_system(NO_SYSTEM).write(Vec::new(), LEVEL);
    let mut tar = Builder::new(gzip);
    append(&mut tar, &Member::Manifest, manifest)?;
    for (stem, text) in bundle.texts() {
        append(&mut tar, &Member::Policy(stem.clone()), text.as_bytes())?;
    }
    if let Some(schema) = bundle.schema() {
        append(&mut tar, &Member::Schema, schema.as_bytes())?;
    }
    tar.into_inner()?.finish()
}

fn append(tar: &mut Builder<impl Write>, member: &Member, content: &[u8]) -> io::Result<()> {
    let mut header = Header::new_ustar();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_size(content.len() as u64);
    for zero in [Header::set_uid, Header::set_gid, Header::set_mtime] {
        zero(&mut header, 0);
    }
    tar.append_data(&mut header, member.to_string(), content)
}
