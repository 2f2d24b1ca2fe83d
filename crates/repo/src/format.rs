//! Formatting the policies of a repository.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use cedarkeep_cedar::format_policies;

use crate::{
    finding::{Finding, Rule, of_cedar_error},
    layout::Repository,
};

/// A policy whose text is not in Cedar's own style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formatted {
    /// Its path relative to the repository.
    pub path: String,
    /// Its text in that style.
    pub text: String,
}

impl Repository {
    /// The policies that are to be changed. Runs on the [pool](cedarkeep_cedar::CedarPool).
    ///
    /// # Errors
    /// Policies that cannot be read.
    pub fn format(&self) -> Result<Vec<Formatted>, Vec<Finding>> {
        let (mut changed, mut findings) = (Vec::new(), Vec::new());
        for source in &self.policies {
            match format_policies(&source.text) {
                Ok(text) if text == source.text => {}
                Ok(text) => changed.push(Formatted { path: source.path.clone(), text }),
                Err(error) => findings.extend(of_cedar_error(Rule::Syntax, source, &error)),
            }
        }
        if findings.is_empty() { Ok(changed) } else { Err(findings) }
    }
}

impl Formatted {
    /// Puts the text into its file, which is always whole and keeps its mode.
    ///
    /// # Errors
    /// What the file system says.
    pub fn write(&self, folder: &Path) -> io::Result<()> {
        // Of a link the file that it leads to is changed.
        let file = fs::canonicalize(folder.join(&self.path))?;
        let aside = aside(&file);
        let written = fs::write(&aside, &self.text)
            .and_then(|()| fs::set_permissions(&aside, fs::metadata(&file)?.permissions()))
            .and_then(|()| fs::rename(&aside, &file));
        if written.is_err() {
            // What is left of it is hidden, and the next run writes over it.
            let _ = fs::remove_file(&aside);
        }
        written
    }
}

/// A hidden name beside the file, which no reader of repositories looks at.
fn aside(file: &Path) -> PathBuf {
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    file.with_file_name(format!(".{name}.partial"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::testing::{pool, sample};

    fn format(folder: &Path) -> Result<Vec<Formatted>, Vec<Finding>> {
        let repository = Repository::read(folder).unwrap();
        pool().run_blocking(move || repository.format()).unwrap()
    }

    #[test]
    fn what_is_formatted_stays_and_its_file_keeps_its_mode() {
        let folder = sample(&[("policies/a.cedar", "permit(principal,action,resource);")]);
        let file = folder.path().join("policies/a.cedar");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
        symlink("a.cedar", folder.path().join("policies/b.cedar")).unwrap();
        let changed = format(folder.path()).unwrap();
        assert_eq!(
            changed.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
            ["policies/a.cedar", "policies/b.cedar"]
        );
        changed[1].write(folder.path()).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), "permit (principal, action, resource);\n");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(folder.path().join("policies/b.cedar")).unwrap().is_symlink());
        assert_eq!(format(folder.path()).unwrap(), []);
    }

    #[test]
    fn nothing_is_formatted_beside_what_cannot_be_read() {
        let folder =
            sample(&[("policies/a.cedar", "permit(principal,action,resource);"), ("policies/b.cedar", "permit")]);
        assert_eq!(format(folder.path()).unwrap_err()[0].file, "policies/b.cedar");
    }
}
