//! Folders of evidence that appear whole or not at all.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use cedarkeep_verify::{Evidence, belongs};

/// What a folder is called until it is whole.
const PARTIAL: &str = ".partial";

/// Whether the folder may be written to: it is empty or not there, or it holds an earlier export that may be replaced.
pub(crate) fn check(folder: &Path, force: bool) -> anyhow::Result<()> {
    let at = || format!("the folder {}", folder.display());
    let earlier = earlier(folder).with_context(at)?;
    if let Some(foreign) = earlier.iter().find(|name| !belongs(name)) {
        bail!("{}: {foreign} does not belong into an export; choose an empty folder", at());
    }
    if !earlier.is_empty() && !force {
        bail!("{}: it is not empty; choose another, or replace the export in it with --force", at());
    }
    Ok(())
}

/// Writes an export. Everything is on the disk before anything of an earlier one is touched.
pub(crate) fn write(folder: &Path, evidence: &Evidence) -> anyhow::Result<()> {
    let at = || format!("the folder {}", folder.display());
    let there = folder.try_exists().with_context(at)?;
    let aside = if there { folder.join(PARTIAL) } else { beside(folder)? };
    check(folder, true)?;
    let before = earlier(folder).with_context(at)?;
    forget(&aside).with_context(at)?;
    evidence.write_dir(&aside).inspect_err(|_| {
        // What cannot be removed now is removed by the next run.
        let _ = fs::remove_dir_all(&aside);
    })?;
    if !there {
        return fs::rename(&aside, folder).with_context(at);
    }
    replace(folder, &aside, &before).with_context(at)
}

/// Puts what is aside in the place of these files in the folder, which are all that it has.
fn replace(folder: &Path, aside: &Path, before: &[String]) -> anyhow::Result<()> {
    for name in before {
        fs::remove_file(folder.join(name))?;
    }
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path() != aside {
            // Only folders are left, and nothing in them.
            fs::remove_dir(entry.path())?;
        }
    }
    for entry in fs::read_dir(aside)? {
        let entry = entry?;
        fs::rename(entry.path(), folder.join(entry.file_name()))?;
    }
    Ok(fs::remove_dir(aside)?)
}

/// The files in the folder, but for what an interrupted run has left; none when there is no folder.
fn earlier(folder: &Path) -> anyhow::Result<Vec<String>> {
    if !folder.try_exists()? {
        return Ok(Vec::new());
    }
    if let Some(aside) = Some(folder.join(PARTIAL)).filter(|aside| aside.is_dir()) {
        forget(&aside)?;
    }
    Ok(Evidence::read_dir(folder)?.files().keys().cloned().collect())
}

/// Removes what an interrupted run has left, and nothing else.
fn forget(aside: &Path) -> anyhow::Result<()> {
    if !aside.try_exists()? {
        return Ok(());
    }
    if let Some(foreign) = Evidence::read_dir(aside)?.files().keys().find(|name| !belongs(name)) {
        bail!("{} is in the way: {foreign} in it does not belong into an export", aside.display());
    }
    Ok(fs::remove_dir_all(aside)?)
}

fn beside(folder: &Path) -> anyhow::Result<PathBuf> {
    let mut name = OsString::from(folder.file_name().with_context(|| format!("{} has no name", folder.display()))?);
    name.push(PARTIAL);
    Ok(folder.with_file_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(more: &str) -> Evidence {
        let file = |name: &str| (name.to_owned(), b"{}".to_vec());
        let names = ["version.json", "policies/0198c0de-0000-7000-8000-000000000001.json", more];
        Evidence::new(names.map(file).into())
    }

    #[test]
    fn an_earlier_export_is_replaced_only_by_force() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("evidence");
        check(home.path(), false).unwrap();
        check(&folder, false).unwrap();
        write(&folder, &sample("attestations/0001.json")).unwrap();
        assert!(check(&folder, false).is_err());
        check(&folder, true).unwrap();
        write(&folder, &sample("zone.json")).unwrap();
        assert_eq!(Evidence::read_dir(&folder).unwrap(), sample("zone.json"));
        assert!(!folder.join("attestations").exists());
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn what_an_interrupted_run_left_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("evidence");
        sample("zone.json").write_dir(&home.path().join("evidence.partial")).unwrap();
        write(&folder, &sample("attestations/0001.json")).unwrap();
        sample("zone.json").write_dir(&folder.join(PARTIAL)).unwrap();
        check(&folder, true).unwrap();
        write(&folder, &sample("attestations/0002.json")).unwrap();
        assert_eq!(Evidence::read_dir(&folder).unwrap(), sample("attestations/0002.json"));
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_is_no_export_is_never_touched() {
        for name in ["thesis.txt", "policies/thesis.json", "attestations/thesis.txt", "other/0001.json", ".partial/x"] {
            let folder = tempfile::tempdir().unwrap();
            sample("attestations/0001.json").write_dir(folder.path()).unwrap();
            fs::create_dir_all(folder.path().join(name).parent().unwrap()).unwrap();
            fs::write(folder.path().join(name), "mine").unwrap();
            assert!(check(folder.path(), true).is_err(), "{name}");
            assert!(write(folder.path(), &sample("zone.json")).is_err(), "{name}");
            assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"mine");
            assert!(folder.path().join("version.json").exists(), "{name}");
        }
    }
}
