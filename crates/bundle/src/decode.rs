//! Reading an archive that anybody may have made.

use std::{
    cell::Cell,
    collections::BTreeMap,
    io::{self, Read},
};

use flate2::bufread::GzDecoder;
use tar::{Archive, Entry, EntryType, PaxExtensions};

use crate::{
    Bundle, BundleError, BundleManifest, MAX_EXPANDED_BYTES, MAX_FILES, Stem,
    error::quoted,
    member::{FOLDER, Member},
};

/// A block of a tar in bytes.
const BLOCK: usize = 512;
/// The most bytes of a pax header: times and the like are short.
const MAX_PAX_BYTES: u64 = 4 << 10;
/// What a pax header may say of the file after it, because it changes nothing that is looked at here. Programs that
/// pack archives say it unasked.
const HARMLESS: [&str; 7] =
    ["mtime", "atime", "ctime", "LIBARCHIVE.creationtime", "SCHILY.dev", "SCHILY.ino", "SCHILY.nlink"];

/// Reads an archive strictly. Memory is bounded by [`MAX_EXPANDED_BYTES`], whatever the archive says of itself.
///
/// # Errors
/// With the first fault that is found.
pub fn decode(archive: &[u8]) -> Result<Bundle, BundleError> {
    let expanded = Cell::new(Expanded::default());
    let mut gzip = GzDecoder::new(archive);
    let files = Archive::new(Bounded { gzip: &mut gzip, expanded: &expanded });
    let Files { manifest, schema, texts } = read_files(files).map_err(|error| blame(error, &expanded))?;
    if !gzip.into_inner().is_empty() {
        return Err(BundleError::AfterGzip);
    }
    Bundle::new(BundleManifest::read(manifest.ok_or(BundleError::NoManifest)?.as_bytes())?, schema, texts)
}

/// How the expansion went.
#[derive(Clone, Copy, Default)]
struct Expanded {
    bytes: usize,
    /// It was stopped because it became too much.
    stopped: bool,
    /// The gzip could not be read to its end.
    torn: bool,
}

/// The expanded bytes, as long as they are not too many.
struct Bounded<'a, 'z> {
    gzip: &'a mut GzDecoder<&'z [u8]>,
    expanded: &'a Cell<Expanded>,
}

impl Read for Bounded<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut expanded = self.expanded.get();
        let read = self.gzip.read(buffer);
        expanded.torn |= read.is_err();
        expanded.bytes += *read.as_ref().unwrap_or(&0);
        expanded.stopped |= expanded.bytes > MAX_EXPANDED_BYTES;
        self.expanded.set(expanded);
        if expanded.stopped { Err(io::Error::other("too much")) } else { read }
    }
}

/// Why reading stopped: what is wrong further out comes first.
fn blame(error: Fault, expanded: &Cell<Expanded>) -> BundleError {
    match (error, expanded.get()) {
        (_, Expanded { stopped: true, .. }) => BundleError::Expands,
        (_, Expanded { torn: true, .. }) => BundleError::Gzip,
        (Fault::Bundle(error), _) => error,
        (Fault::Read(error), _) if error.kind() == io::ErrorKind::UnexpectedEof => BundleError::CutOff,
        (Fault::Read(_), _) => BundleError::Tar,
    }
}

/// What went wrong, before it is known why.
enum Fault {
    Bundle(BundleError),
    Read(io::Error),
}

impl From<BundleError> for Fault {
    fn from(error: BundleError) -> Self {
        Self::Bundle(error)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// The files of an archive.
#[derive(Default)]
struct Files {
    manifest: Option<String>,
    schema: Option<String>,
    texts: BTreeMap<Stem, String>,
}

fn read_files<R: Read>(mut archive: Archive<R>) -> Result<Files, Fault> {
    let mut files = Files::default();
    let (mut count, mut folder, mut described) = (0, false, false);
    for entry in archive.entries()?.raw(true) {
        let mut entry = entry?;
        let name = entry.path_bytes().into_owned();
        match entry.header().entry_type() {
            EntryType::Regular => {
                count += 1;
                if count > MAX_FILES {
                    return Err(BundleError::TooManyFiles.into());
                }
                files.read(&mut entry, &name)?;
                described = false;
            }
            EntryType::XHeader if !described => {
                check_pax(&mut entry)?;
                described = true;
            }
            EntryType::Directory if !folder && entry.size() == 0 && FOLDER.contains(&name.as_slice()) => {
                folder = true;
                described = false;
            }
            _ => return Err(BundleError::NotAFile(quoted(&name)).into()),
        }
    }
    check_end(archive.into_inner())?;
    Ok(files)
}

impl Files {
    fn read<R: Read>(&mut self, entry: &mut Entry<'_, R>, name: &[u8]) -> Result<(), Fault> {
        let member = Member::at(name).ok_or_else(|| BundleError::Unrecognized(quoted(name)))?;
        let max = member.max_bytes();
        let shown = member.to_string();
        let size = usize::try_from(entry.size()).ok().filter(|size| *size <= max);
        let size = size.ok_or(BundleError::FileTooLarge { name: shown.clone(), max })?;
        let mut bytes = Vec::with_capacity(size);
        entry.read_to_end(&mut bytes)?;
        if bytes.len() != size {
            return Err(BundleError::CutOff.into());
        }
        let text = String::from_utf8(bytes).map_err(|_| BundleError::NotUtf8(shown.clone()))?;
        let former = match member {
            Member::Manifest => self.manifest.replace(text),
            Member::Schema => self.schema.replace(text),
            Member::Policy(stem) => self.texts.insert(stem, text),
        };
        if former.is_some() { Err(BundleError::Duplicate(shown).into()) } else { Ok(()) }
    }
}

/// A pax header (POSIX, pax, "pax Extended Header") that says nothing of the name and size of the file after it.
fn check_pax<R: Read>(entry: &mut Entry<'_, R>) -> Result<(), Fault> {
    if entry.size() > MAX_PAX_BYTES {
        return Err(BundleError::Pax("more than it may".to_owned()).into());
    }
    let mut bytes = Vec::new();
    entry.read_to_end(&mut bytes)?;
    for record in PaxExtensions::new(&bytes) {
        let record = record?;
        if !record.key().is_ok_and(|key| HARMLESS.contains(&key)) {
            return Err(BundleError::Pax(quoted(record.key_bytes())).into());
        }
    }
    Ok(())
}

/// The end of a tar is two blocks of zeros, of which one is read, and perhaps more zeros; nothing hides behind it.
fn check_end(mut rest: impl Read) -> Result<(), Fault> {
    let (mut seen, mut buffer) = (0, [0; 4 << 10]);
    loop {
        let read = rest.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        if buffer.iter().take(read).any(|byte| *byte != 0) {
            return Err(BundleError::AfterTar.into());
        }
        seen += read;
    }
    if seen < BLOCK { Err(BundleError::CutOff.into()) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
