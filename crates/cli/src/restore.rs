//! `cedarkeep restore`.

use std::{fs::File, io::BufReader, process::ExitCode};

use anyhow::Context as _;
use cedarkeep_cedar::CedarPool;
use cedarkeep_service::transfer::{Restored, restore};
use tokio::runtime;

use crate::{args::RestoreCommand, config, file::progress, installation, log, output, place::Place, secrets};

/// Fills an empty store from a backup.
pub(crate) fn run(command: RestoreCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    let place = config::settle_place(command.store, &command.file)?;
    let at = || format!("the backup {}", command.from.display());
    let mut file = BufReader::with_capacity(1 << 20, File::open(&command.from).with_context(at)?);
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let restored = runtime.block_on(fill(&place, &mut file)).with_context(at)?;
    let checked = &restored.checked;
    output::say(&format!(
        "restored {} rows, the state of {} as {} wrote it, into {}\nchecked {} zones, {} policy versions, {} policy set \
         versions, {} attestations, {} entities, {} events: clean",
        restored.rows.values().sum::<u64>(),
        restored.written_at,
        output::plain(&restored.program),
        place.database,
        checked.zones,
        checked.policy_versions,
        checked.set_versions,
        checked.attestations,
        checked.entities,
        checked.events,
    ))?;
    Ok(ExitCode::SUCCESS)
}

async fn fill(place: &Place, from: &mut BufReader<File>) -> anyhow::Result<Restored> {
    let _locks = place.take()?;
    // None is made here: what is sealed in a backup belongs to a master key that there is.
    let master = secrets::master_key(place, true)?;
    let store = installation::open_store(place).await?;
    let cedar = CedarPool::new(0)?;
    let restored = restore(&*store, &master, &cedar, from, &mut progress("read")).await;
    store.close().await;
    Ok(restored?)
}
