//! `cedarkeep export`: evidence about a version into a folder, or a zone into a file.

use std::{fs, path::Path, process::ExitCode};

use anyhow::{Context as _, bail};
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{PolicyVersionId, ZoneId};
use cedarkeep_service::transfer::What;
use cedarkeep_verify::Evidence;

use crate::{
    args::ExportCommand,
    backup, config,
    fetch::{self, Remote, VersionUrl},
    log, output,
};

/// Writes what the source says.
pub(crate) fn run(command: ExportCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    match command.source.parse::<ZoneId>() {
        Ok(zone) => {
            let place = config::settle_place(command.store, &command.file)?;
            let what = What::Zone { id: zone, decisions: command.decisions };
            let rows = backup::write(&place, what, &command.target, command.force)?;
            let file = command.target.display();
            output::say(&format!(
                "wrote zone {zone} into {file}, {rows} rows; private keys are left out: whoever imports it names the keys to \
                 trust"
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(_) => evidence(&command),
    }
}

/// Writes the evidence about a version into a folder.
fn evidence(command: &ExportCommand) -> anyhow::Result<ExitCode> {
    if !fetch::is_url(&command.source) {
        bail!("the source is the URL of a policy set version, or the id of a zone");
    }
    let url: VersionUrl = command.source.parse()?;
    let folder = &command.target;
    let at = || format!("the folder {}", folder.display());
    check(folder, command.force).with_context(at)?;
    // All is fetched before anything is replaced.
    let evidence = Remote::new(&command.credential)?.evidence(&url, &CedarPool::new(1)?)?;
    clear(folder).with_context(at)?;
    evidence.write_dir(folder)?;
    let (count, folder) = (evidence.files().len(), folder.display());
    output::say(&format!("wrote {count} files into {folder}; nothing is verified yet: cedarkeep verify {folder}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Whether the folder may be written to: it is empty, or it holds an earlier export and that may be replaced.
fn check(folder: &Path, force: bool) -> anyhow::Result<()> {
    let earlier = earlier(folder)?;
    if let Some(foreign) = earlier.iter().find(|name| !belongs(name)) {
        bail!("{foreign} does not belong into an export; choose an empty folder");
    }
    if !earlier.is_empty() && !force {
        bail!("it is not empty; choose another, or replace the export in it with --force");
    }
    Ok(())
}

/// Removes an earlier export.
fn clear(folder: &Path) -> anyhow::Result<()> {
    check(folder, true)?;
    for name in earlier(folder)? {
        fs::remove_file(folder.join(name))?;
    }
    Ok(())
}

/// The files in the folder; none when there is no folder.
fn earlier(folder: &Path) -> anyhow::Result<Vec<String>> {
    if !folder.try_exists()? {
        return Ok(Vec::new());
    }
    Ok(Evidence::read_dir(folder)?.files().keys().cloned().collect())
}

/// Whether a file of this name may stand in an export.
fn belongs(name: &str) -> bool {
    let json = name.strip_suffix(".json");
    match name.split_once('/') {
        None => json.is_some_and(|name| ["version", "manifest", "schema", "jwks", "revoked"].contains(&name)),
        Some(("attestations", _)) => json.is_some_and(|name| name.ends_with(|c: char| c.is_ascii_digit())),
        Some(("policies", name)) => {
            let id = name.strip_suffix(".json").or_else(|| name.strip_suffix(".cedar"));
            id.is_some_and(|id| id.parse::<PolicyVersionId>().is_ok())
        }
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Evidence {
        let file = |name: &str| (name.to_owned(), b"{}".to_vec());
        Evidence::new(
            ["version.json", "policies/0198c0de-0000-7000-8000-000000000001.json", "attestations/0001.json"]
                .map(file)
                .into(),
        )
    }

    #[test]
    fn an_earlier_export_is_replaced_only_by_force() {
        let folder = tempfile::tempdir().unwrap();
        check(folder.path(), false).unwrap();
        check(&folder.path().join("not there yet"), false).unwrap();
        sample().write_dir(folder.path()).unwrap();
        assert!(check(folder.path(), false).is_err());
        check(folder.path(), true).unwrap();
        clear(folder.path()).unwrap();
        sample().write_dir(folder.path()).unwrap();
    }

    #[test]
    fn what_is_no_export_is_never_touched() {
        for name in ["thesis.txt", "policies/thesis.json", "attestations/thesis.txt", "other/0001.json"] {
            let folder = tempfile::tempdir().unwrap();
            sample().write_dir(folder.path()).unwrap();
            fs::create_dir_all(folder.path().join("other")).unwrap();
            fs::write(folder.path().join(name), "mine").unwrap();
            assert!(check(folder.path(), true).is_err(), "{name}");
            assert!(clear(folder.path()).is_err(), "{name}");
        }
    }
}
