//! `cedarkeep read-only`.

use std::process::ExitCode;

use cedarkeep_store::{Store, StoreError};
use tokio::runtime;

use crate::{
    args::{ReadOnlyCommand, Switch},
    config, installation, log, output,
};

/// How often it is tried: who writes without a pause leaves an embedded store free for moments alone.
const ATTEMPTS: u32 = 12;

/// Makes the store read-only, or writable again.
pub(crate) fn run(command: ReadOnlyCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    let place = config::settle_place(command.store, &command.file)?;
    let read_only = command.switch == Switch::On;
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let store = installation::open_existing(&place).await?;
        let done = set(&*store, read_only).await;
        store.close().await;
        anyhow::Ok(done?)
    })?;
    let database = &place.database;
    output::say(&if read_only {
        format!("{database} is read-only: nothing is written to it until `cedarkeep read-only off`")
    } else {
        format!("{database} is writable")
    })?;
    Ok(ExitCode::SUCCESS)
}

async fn set(store: &dyn Store, read_only: bool) -> Result<(), StoreError> {
    let mut attempt = 1;
    loop {
        match store.set_read_only(read_only).await {
            Err(StoreError::Unavailable(_)) if attempt < ATTEMPTS => attempt += 1,
            done => return done,
        }
    }
}
