//! The files of a repository.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use crate::{
    finding::{Finding, Rule},
    settings::{SETTINGS, Settings},
};

pub(crate) const SCHEMA: &str = "schema.cedarschema";
pub(crate) const ENTITIES: &str = "entities.json";
pub(crate) const POLICIES: &str = "policies";
pub(crate) const TESTS: &str = "tests";

/// The largest file that is read; every kind of file has a limit of its own below it.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its path relative to the repository, with slashes.
    pub path: String,
    /// What stands in it.
    pub text: String,
}

impl Source {
    /// Its name without folder and ending.
    #[must_use]
    pub fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// A folder with `cedarkeep.toml`, whose files were read.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The folder.
    pub folder: PathBuf,
    /// What `cedarkeep.toml` says.
    pub settings: Settings,
    /// `policies/*.cedar`, by name.
    pub policies: Vec<Source>,
    /// `schema.cedarschema`.
    pub schema: Option<Source>,
    /// `entities.json`.
    pub entities: Option<Source>,
    /// `tests/*.json`, by name.
    pub tests: Vec<Source>,
}

/// Why a folder could not be read as a repository.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such folder.
    #[error("there is no folder {folder}; `cedarkeep init {folder}` makes a policy repository there")]
    NoFolder {
        /// The folder.
        folder: String,
    },
    /// It has no `cedarkeep.toml`.
    #[error(
        "{folder} is no policy repository: it has no {SETTINGS}; name the folder that has one, or begin one with \
         `cedarkeep init {folder}`"
    )]
    NoRepository {
        /// The folder.
        folder: String,
    },
    /// A file or folder that is there cannot be read.
    #[error("{path} cannot be read: {source}; see that it is a file that you may read, or remove it")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// Something in it is not as it must be.
    #[error("the repository has {} errors", .0.len())]
    Invalid(Vec<Finding>),
}

impl Repository {
    /// Reads the files in a folder. What begins with a dot is left alone everywhere, and in the folder itself so is what
    /// has another name than the repository's files: a repository may stand within a larger one.
    ///
    /// # Errors
    /// What is missing, unreadable, or has no place in the folders of a repository.
    pub fn read(folder: &Path) -> Result<Self, ReadError> {
        let mut reader = Reader::enter(folder)?;
        let settings = reader.settings()?;
        let (schema, entities) = (reader.file(SCHEMA)?, reader.file(ENTITIES)?);
        let (policies, tests) = (reader.files(POLICIES, "cedar")?, reader.files(TESTS, "json")?);
        match settings {
            Some(settings) if reader.findings.is_empty() => {
                Ok(Self { folder: folder.to_owned(), settings, policies, schema, entities, tests })
            }
            _ => Err(ReadError::Invalid(reader.findings)),
        }
    }

    /// Reads the settings alone.
    pub(crate) fn read_settings(folder: &Path) -> Result<Settings, ReadError> {
        let mut reader = Reader::enter(folder)?;
        reader.settings()?.ok_or(ReadError::Invalid(reader.findings))
    }
}

/// Reads on past what is wrong, so that all of it is told at once.
struct Reader<'a> {
    folder: &'a Path,
    findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    /// Sees that there is a repository.
    fn enter(folder: &'a Path) -> Result<Self, ReadError> {
        let shown = || folder.display().to_string();
        if !folder.is_dir() {
            return Err(ReadError::NoFolder { folder: shown() });
        }
        if fs::symlink_metadata(folder.join(SETTINGS)).is_err() {
            return Err(ReadError::NoRepository { folder: shown() });
        }
        Ok(Self { folder, findings: Vec::new() })
    }

    fn settings(&mut self) -> Result<Option<Settings>, ReadError> {
        Ok(self.file(SETTINGS)?.and_then(|source| self.keep(Settings::read(&source))))
    }

    fn keep<T>(&mut self, read: Result<T, Finding>) -> Option<T> {
        read.map_err(|finding| self.findings.push(finding)).ok()
    }

    /// A file, if it is there and nothing is wrong with it.
    fn file(&mut self, path: &str) -> Result<Option<Source>, ReadError> {
        let mut bytes = Vec::new();
        let at = self.folder.join(path);
        let read = File::open(&at).and_then(|file| file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes));
        match read {
            // A link to nowhere is there.
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&at).is_err() => {
                return Ok(None);
            }
            Err(source) => return Err(ReadError::Unreadable { path: at.display().to_string(), source }),
            Ok(_) => {}
        }
        let source = if bytes.len() as u64 > MAX_FILE_BYTES {
            Err(Finding::error(Rule::Layout, path, format!("more than {} MiB; split it", MAX_FILE_BYTES >> 20)))
        } else {
            text(path, bytes)
        };
        Ok(self.keep(source))
    }

    /// The files of a folder, by name.
    fn files(&mut self, folder: &str, ending: &str) -> Result<Vec<Source>, ReadError> {
        let mut sources = Vec::new();
        for name in self.names(folder)? {
            let path = format!("{folder}/{name}");
            let stem = name.strip_suffix(ending).and_then(|name| name.strip_suffix('.'));
            if stem.is_none_or(str::is_empty) {
                let message = format!(
                    "it has no place here: {folder}/ holds files named *.{ending} and no others; rename or move it"
                );
                self.findings.push(Finding::error(Rule::Layout, &path, message));
            } else {
                sources.extend(self.file(&path)?);
            }
        }
        Ok(sources)
    }

    /// The names in a folder, sorted, but hidden ones; none when there is no folder.
    fn names(&mut self, folder: &str) -> Result<Vec<String>, ReadError> {
        let at = self.folder.join(folder);
        let unreadable = |source| ReadError::Unreadable { path: at.display().to_string(), source };
        let entries = match fs::read_dir(&at) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(unreadable)?,
        };
        let mut names = Vec::new();
        for entry in entries {
            match entry.map_err(unreadable)?.file_name().into_string() {
                Ok(name) if name.starts_with('.') => {}
                Ok(name) => names.push(name),
                Err(name) => {
                    let path = format!("{folder}/{}", name.display());
                    self.findings.push(Finding::error(Rule::Layout, &path, "its name is not UTF-8; rename it"));
                }
            }
        }
        names.sort();
        Ok(names)
    }
}

fn text(path: &str, bytes: Vec<u8>) -> Result<Source, Finding> {
    String::from_utf8(bytes).map(|text| Source { path: path.to_owned(), text }).map_err(|error| {
        let (valid, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
        let line = bytes.iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        Finding::error(Rule::Layout, path, format!("line {line} is not UTF-8; save the file as UTF-8"))
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;
    use crate::testing::{findings, sample};

    #[test]
    fn files_are_read_by_name_and_hidden_ones_left_alone() {
        let folder = sample(&[("policies/.b.cedar.swp", "x"), ("README.md", "mine"), ("policies/a.cedar", "//")]);
        let repository = Repository::read(folder.path()).unwrap();
        let paths: Vec<_> = repository.policies.iter().map(|source| source.path.as_str()).collect();
        assert_eq!(paths, ["policies/a.cedar", "policies/owners.cedar", "policies/readers.cedar"]);
        assert_eq!(repository.policies[0].stem(), "a");
        assert_eq!(repository.tests.len(), 1);
    }

    #[test]
    fn what_has_no_place_is_told_all_at_once() {
        let folder =
            sample(&[("policies/b.ceder", ""), ("policies/c/d.cedar", ""), ("tests/e.yaml", ""), (SETTINGS, "=")]);
        fs::write(folder.path().join("policies/f.cedar"), b"// a\n// \xff").unwrap();
        let Err(ReadError::Invalid(found)) = Repository::read(folder.path()) else { panic!("it is taken") };
        let found: Vec<_> = found.iter().map(|finding| finding.file.as_str()).collect();
        assert_eq!(found, [SETTINGS, "policies/b.ceder", "policies/c", "policies/f.cedar", "tests/e.yaml"]);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing");
        assert!(matches!(Repository::read(&missing), Err(ReadError::NoFolder { .. })));
        assert!(matches!(Repository::read(folder.path()), Err(ReadError::NoRepository { .. })));
        let folder = sample(&[]);
        symlink("nowhere", folder.path().join("policies/link.cedar")).unwrap();
        let error = Repository::read(folder.path()).unwrap_err().to_string();
        assert!(error.contains("policies/link.cedar cannot be read"), "{error}");
    }

    #[test]
    fn settings_are_read_whatever_stands_beside_them() {
        let folder = sample(&[("policies/b.ceder", ""), ("schema.cedarschema", "entity")]);
        assert_eq!(Settings::of(folder.path()).unwrap().policy_set.as_str(), "documents");
        assert!(matches!(Settings::of(&folder.path().join("tests")), Err(ReadError::NoRepository { .. })));
        fs::write(folder.path().join(SETTINGS), "=").unwrap();
        assert!(matches!(Settings::of(folder.path()), Err(ReadError::Invalid(found)) if found.len() == 1));
    }

    #[test]
    fn without_a_policy_there_is_nothing_to_publish() {
        let folder = sample(&[]);
        fs::remove_dir_all(folder.path().join(POLICIES)).unwrap();
        assert!(findings(folder.path()).iter().any(|finding| finding.message.contains("no policy")));
    }
}
