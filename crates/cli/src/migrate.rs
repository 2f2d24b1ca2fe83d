//! `cedarkeep migrate`.

use std::process::ExitCode;

use tokio::runtime;

use crate::{
    args::MigrateCommand,
    config, installation, log, output,
    place::{Database, Place},
};

/// Brings the schema of the store up to date, making the store when there is none.
pub(crate) fn run(command: MigrateCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    let place = config::settle_place(command.store, &command.file)?;
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(migrate(&place))?;
    output::say(&format!("the database {} is up to date", place.database))?;
    Ok(ExitCode::SUCCESS)
}

async fn migrate(place: &Place) -> anyhow::Result<()> {
    // A file belongs to one process. On a server the database itself sees to it that one migrates at a time.
    let _locks = match place.database {
        Database::File(_) => Some(place.take()?),
        Database::Postgres(_) => None,
    };
    installation::open_store(place).await?.close().await;
    Ok(())
}
