//! `cedarkeep admin-token`.

use std::process::ExitCode;

use cedarkeep_service::Config;
use tokio::runtime;

use crate::{
    args::ResetCommand,
    config,
    installation::{self, Installation},
    log, output, secrets,
};

/// Makes a new token in place of a lost one.
pub(crate) fn reset(command: ResetCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    let place = config::settle_place(command.store, &command.file)?;
    let file = place.admin_token_file();
    runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        installation::open_existing(&place).await?.close().await;
        let installation = Installation::open(&place, Config { cedar_threads: 1, ..Config::default() }).await?;
        let token = secrets::new_admin_token(&installation.service, &file).await?;
        installation.service.close().await;
        output::say(&format!("A new administrator token is in {}; the one before it is void.", file.display()))?;
        if output::is_terminal() {
            output::say(&token)?;
        }
        Ok(ExitCode::SUCCESS)
    })
}
