//! `cedarkeep import`.

use std::{collections::BTreeSet, fs::File, io::BufReader, process::ExitCode};

use anyhow::Context as _;
use cedarkeep_service::{
    Config,
    transfer::{Imported, Trusted},
};
use tokio::runtime;

use crate::{
    args::ImportCommand,
    config,
    file::progress,
    installation::{self, Installation},
    log, output,
    place::Place,
    verify,
};

/// Takes a zone in.
pub(crate) fn run(command: ImportCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    let place = config::settle_place(command.store, &command.file)?;
    let mut trusted: BTreeSet<String> = command.trust_kids.into_iter().collect();
    if let Some(path) = &command.jwks {
        trusted.extend(verify::read_jwks(path)?.kids().map(str::to_owned));
    }
    let at = || format!("the file {}", command.from.display());
    let mut file = BufReader::with_capacity(1 << 20, File::open(&command.from).with_context(at)?);
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let imported = runtime.block_on(take(&place, &mut file, &trusted)).with_context(at)?;
    let checked = &imported.checked;
    output::say(&format!(
        "imported zone {}: {} rows\nchecked {} policy versions, {} policy set versions, {} attestations, {} entities, {} \
         events: clean\nFrom now on key {} signs; note it. The server signs every living version again with it.",
        imported.zone,
        imported.rows.values().sum::<u64>(),
        checked.policy_versions,
        checked.set_versions,
        checked.attestations,
        checked.entities,
        checked.events,
        imported.kid,
    ))?;
    Ok(ExitCode::SUCCESS)
}

async fn take(place: &Place, from: &mut BufReader<File>, trusted: &Trusted) -> anyhow::Result<Imported> {
    installation::open_existing(place).await?.close().await;
    let installation = Installation::open(place, Config::default()).await?;
    let imported = installation.service.import_zone(from, trusted, &mut progress("read")).await;
    installation.service.close().await;
    Ok(imported?)
}
