//! `cedarkeep backup`, and the file that `cedarkeep export` writes of a zone.

use std::{path::Path, process::ExitCode};

use cedarkeep_model::Clock as _;
use cedarkeep_service::transfer::{What, save};
use tokio::runtime;

use crate::{
    args::BackupCommand,
    config,
    file::{Unfinished, progress},
    installation, log, output,
    place::Place,
    sources::SystemClock,
};

/// Writes the whole store into a file.
pub(crate) fn run(command: BackupCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    let place = config::settle_place(command.store, &command.file)?;
    let rows = write(&place, What::Store { decisions: command.decisions }, &command.to, command.force)?;
    let mut lines = vec![format!("wrote {rows} rows into {}", command.to.display())];
    if !command.decisions {
        lines.push("The log of decisions is left out; --decisions takes it along.".to_owned());
    }
    lines.push(
        "The master key is not in it: keep a copy of it apart. Without it the backup cannot be restored.".to_owned(),
    );
    output::say(&lines.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a file of this, whole and durable or not at all; answers how many rows are in it.
pub(crate) fn write(place: &Place, what: What, to: &Path, replace: bool) -> anyhow::Result<u64> {
    let mut file = Unfinished::begin(to, replace)?;
    let rows = runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let store = installation::open_existing(place).await?;
        let saved = save(&*store, what, SystemClock.now(), file.writer(), &mut progress("wrote")).await;
        store.close().await;
        anyhow::Ok(saved?)
    })?;
    file.finish()?;
    Ok(rows.values().sum())
}
