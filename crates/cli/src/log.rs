//! The log: structured, on stderr. What is secret is never handed to it.

use std::{
    io::{self, IsTerminal as _},
    panic,
};

use anyhow::anyhow;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::LogFormat;

/// Starts the log of a server.
pub(crate) fn start(filter: Option<&str>, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter.unwrap_or("info"))
        .map_err(|error| anyhow!("the log filter must be directives such as info or cedarkeep_http=debug: {error}"))?;
    let log = fmt().with_env_filter(filter).with_writer(io::stderr);
    let terminal = io::stderr().is_terminal();
    let started = match format {
        LogFormat::Json => log.json().flatten_event(true).with_span_list(false).try_init(),
        LogFormat::Auto if !terminal => log.json().flatten_event(true).with_span_list(false).try_init(),
        LogFormat::Auto | LogFormat::Text => log.with_ansi(terminal).try_init(),
    };
    started.map_err(|error| anyhow!("the log could not be started: {error}"))?;
    // The message of a panic may quote what was being worked on, a policy say: only its place is logged.
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a task panicked");
    }));
    Ok(())
}

/// Starts the log of a command that comes to an end: warnings, in text, unless `CEDARKEEP_LOG` says otherwise.
pub(crate) fn start_quiet() -> anyhow::Result<()> {
    let filter = std::env::var("CEDARKEEP_LOG").ok();
    start(Some(filter.as_deref().unwrap_or("warn")), LogFormat::Text)
}
