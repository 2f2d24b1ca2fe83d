//! The files of an export.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Component, Path, PathBuf},
};

/// The largest file that is read, in bytes; a schema has at most 1 MiB, a manifest of 10,000 entries 2 MiB.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// The largest file of lines, which grow with the age of a zone.
const MAX_LINES_BYTES: u64 = 4 << 30;

/// An exported policy set version, or a whole zone: file contents by path within the export, `/` between its parts. The format stands in
/// `docs/attestation.md`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    files: BTreeMap<String, Vec<u8>>,
}

/// Why an export could not be put together, read or written.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The file system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// Neither a file nor a folder, or a name that no file of an export has.
    #[error("{}: not a file that belongs into an export", .0.display())]
    Foreign(PathBuf),
    /// A file beyond 16 MiB, or one of lines beyond 4 GiB.
    #[error("{}: larger than any file of an export", .0.display())]
    TooLarge(PathBuf),
    /// What was to be exported is not what it should be.
    #[error("{part}: {reason}")]
    Part {
        /// Which part.
        part: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Evidence {
    /// The export with these files. Nothing is checked here.
    #[must_use]
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Self {
        Self { files }
    }

    /// The files by path.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// Whether this is the export of a whole zone.
    #[must_use]
    pub fn is_of_zone(&self) -> bool {
        self.files.contains_key(crate::zone::ZONE)
    }

    /// The content of a file.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path).map(Vec::as_slice)
    }

    /// Reads every file in a folder and its folders. Links are not followed.
    ///
    /// # Errors
    /// When something cannot be read, is too large, or is neither file nor folder.
    pub fn read_dir(folder: &Path) -> Result<Self, EvidenceError> {
        let mut files = BTreeMap::new();
        let mut folders = vec![(folder.to_owned(), String::new())];
        while let Some((folder, prefix)) = folders.pop() {
            for entry in fs::read_dir(&folder).map_err(|source| io_error(&folder, source))? {
                let entry = entry.map_err(|source| io_error(&folder, source))?;
                let path = entry.path();
                let kind = entry.file_type().map_err(|source| io_error(&path, source))?;
                let Some(name) = entry.file_name().to_str().map(|name| format!("{prefix}{name}")) else {
                    return Err(EvidenceError::Foreign(path));
                };
                if kind.is_file() {
                    files.insert(name, read_file(&path)?);
                } else if kind.is_dir() && prefix.is_empty() {
                    folders.push((path, format!("{name}/")));
                } else {
                    return Err(EvidenceError::Foreign(path));
                }
            }
        }
        Ok(Self { files })
    }

    /// Writes the files into a folder, which is made when it is not there; files that are there already stay as they
    /// are and make this fail. Everybody may read the files (0644).
    ///
    /// # Errors
    /// When something cannot be written.
    pub fn write_dir(&self, folder: &Path) -> Result<(), EvidenceError> {
        for (name, content) in &self.files {
            let relative = Path::new(name);
            if !relative.components().all(|part| matches!(part, Component::Normal(_))) {
                return Err(EvidenceError::Foreign(relative.to_owned()));
            }
            let path = folder.join(relative);
            write_file(&path, content).map_err(|source| io_error(&path, source))?;
        }
        Ok(())
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, EvidenceError> {
    let file = File::open(path).map_err(|source| io_error(path, source))?;
    let mut content = Vec::new();
    let most = if path.extension().is_some_and(|kind| kind == "jsonl") { MAX_LINES_BYTES } else { MAX_FILE_BYTES };
    file.take(most + 1).read_to_end(&mut content).map_err(|source| io_error(path, source))?;
    if content.len() as u64 > most { Err(EvidenceError::TooLarge(path.to_owned())) } else { Ok(content) }
}

fn write_file(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create_new(path)?;
    file.write_all(content)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // Whatever the umask: an export is there to be handed on.
        file.set_permissions(fs::Permissions::from_mode(0o644))?;
    }
    file.sync_all()
}

fn io_error(path: &Path, source: io::Error) -> EvidenceError {
    EvidenceError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Evidence {
        let file = |name: &str| (name.to_owned(), name.as_bytes().to_vec());
        Evidence::new([file("version.json"), file("policies/a.json"), file("attestations/0001.json")].into())
    }

    #[test]
    fn what_is_written_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        sample().write_dir(folder.path()).unwrap();
        assert_eq!(Evidence::read_dir(folder.path()).unwrap(), sample());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(folder.path().join("policies/a.json")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o644);
        }
        assert!(sample().write_dir(folder.path()).is_err(), "nothing is written over");
    }

    #[test]
    fn nothing_is_written_outside_of_the_folder() {
        for name in ["../out", "/out", "policies/../../out"] {
            let folder = tempfile::tempdir().unwrap();
            let evidence = Evidence::new([(name.to_owned(), vec![])].into());
            assert!(matches!(evidence.write_dir(folder.path()), Err(EvidenceError::Foreign(_))), "{name}");
        }
    }

    #[test]
    fn what_is_no_plain_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        sample().write_dir(folder.path()).unwrap();
        fs::create_dir_all(folder.path().join("policies/deeper")).unwrap();
        assert!(matches!(Evidence::read_dir(folder.path()), Err(EvidenceError::Foreign(_))));
        fs::remove_dir(folder.path().join("policies/deeper")).unwrap();
        File::create(folder.path().join("large")).unwrap().set_len(MAX_FILE_BYTES + 1).unwrap();
        assert!(matches!(Evidence::read_dir(folder.path()), Err(EvidenceError::TooLarge(_))));
        fs::remove_file(folder.path().join("large")).unwrap();
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink("/etc/hostname", folder.path().join("link")).unwrap();
            assert!(matches!(Evidence::read_dir(folder.path()), Err(EvidenceError::Foreign(_))));
        }
    }
}
