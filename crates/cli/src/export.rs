//! `cedarkeep export`: evidence about a version or a zone into a folder, or a zone into a file.

use std::process::ExitCode;

use anyhow::bail;
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::ZoneId;
use cedarkeep_service::transfer::What;
use serde_json::json;

use crate::{
    args::{ExportCommand, Form},
    backup, config,
    fetch::{self, Remote, VersionUrl},
    folder, log, output,
    zone::{self, ZoneUrl},
};

/// Writes what the source says.
pub(crate) fn run(command: ExportCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    match command.source.parse::<ZoneId>() {
        Ok(zone) => {
            let place = config::settle_place(command.store, &command.file)?;
            let what = What::Zone { id: zone, decisions: command.decisions };
            let rows = backup::write(&place, what, &command.target, command.force)?;
            let file = command.target.display().to_string();
            match command.output {
                Form::Json => output::say_json(&json!({"zone_id": zone, "file": file, "rows": rows}))?,
                Form::Text => output::say(&format!(
                    "wrote zone {zone} into {file}, {rows} rows; private keys are left out: whoever imports it names the \
                     keys to trust"
                ))?,
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(_) => evidence(&command),
    }
}

/// Writes the evidence about a version, or a zone, into a folder.
fn evidence(command: &ExportCommand) -> anyhow::Result<ExitCode> {
    let source = &command.source;
    if !fetch::is_url(source) {
        bail!("the source is the URL of a zone or of a policy set version, or the id of a zone");
    }
    folder::check(&command.target, command.force)?;
    let (remote, pool) = (Remote::new(&command.credential)?, CedarPool::new(1)?);
    let evidence = match source.parse::<ZoneUrl>() {
        Ok(url) => zone::evidence(&remote, &url, &pool)?,
        Err(_) => remote.evidence(&source.parse::<VersionUrl>()?, &pool)?,
    };
    folder::write(&command.target, &evidence)?;
    let (count, folder) = (evidence.files().len(), command.target.display().to_string());
    match command.output {
        Form::Json => {
            let of = if evidence.is_of_zone() { "zone" } else { "policy_set_version" };
            output::say_json(&json!({"of": of, "folder": folder, "files": count, "verified": false}))?;
        }
        Form::Text => {
            output::say(&format!(
                "wrote {count} files into {folder}; nothing is verified yet: cedarkeep verify {folder}"
            ))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
