//! Files that appear whole or not at all, and what is said while one is written or read.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use crate::{output, place::private};

/// How many rows go by between two words of progress.
const ROWS_BETWEEN: u64 = 100_000;

/// A file under another name until it is whole. Only its owner may read it. What is not finished is removed.
pub(crate) struct Unfinished {
    to: BufWriter<File>,
    aside: PathBuf,
    target: PathBuf,
    finished: bool,
}

impl Unfinished {
    /// Begins a file beside the one that it is to become.
    pub(crate) fn begin(target: &Path, replace: bool) -> anyhow::Result<Self> {
        let at = || format!("the file {}", target.display());
        if !replace && target.try_exists().with_context(at)? {
            bail!("{} is there already; choose another name, or replace it with --force", target.display());
        }
        let mut aside = target.to_owned().into_os_string();
        aside.push(".partial");
        let aside = PathBuf::from(aside);
        // What an earlier run left behind may have another mode.
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error).with_context(at),
            _ => {}
        }
        let file = private(OpenOptions::new().write(true).create_new(true), &aside).with_context(at)?;
        Ok(Self { to: BufWriter::with_capacity(1 << 20, file), aside, target: target.to_owned(), finished: false })
    }

    /// Where to write.
    pub(crate) fn writer(&mut self) -> &mut BufWriter<File> {
        &mut self.to
    }

    /// Makes it durable and gives it its name.
    pub(crate) fn finish(mut self) -> anyhow::Result<()> {
        let at = format!("the file {}", self.target.display());
        let mut done = || -> io::Result<()> {
            self.to.flush()?;
            self.to.get_ref().sync_all()?;
            fs::rename(&self.aside, &self.target)?;
            let folder = self.target.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        done().context(at)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.finished {
            // Where even that fails, the next run removes it.
            let _ = fs::remove_file(&self.aside);
        }
    }
}

/// Says on stderr now and then how far a long work is.
pub(crate) fn progress(done: &'static str) -> impl FnMut(u64) + Send {
    let mut said = 0;
    move |rows| {
        if rows / ROWS_BETWEEN > said {
            said = rows / ROWS_BETWEEN;
            output::note(&format!("{done} {rows} rows"));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_file_appears_whole_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("file");
        let mut file = Unfinished::begin(&target, false).unwrap();
        file.writer().write_all(b"all of it").unwrap();
        assert!(!target.exists());
        file.finish().unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"all of it");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(Unfinished::begin(&target, false).is_err());
        drop(Unfinished::begin(&target, true).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "what is not finished leaves nothing");
        assert_eq!(fs::read(&target).unwrap(), b"all of it");
    }

    #[test]
    fn progress_is_said_now_and_then() {
        let mut say = progress("wrote");
        say(1);
        say(ROWS_BETWEEN * 3);
    }
}
