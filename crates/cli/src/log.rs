//! The log: structured, on stderr. What is secret is never handed to it.

use std::{
    io::{self, IsTerminal as _},
    panic,
};

use anyhow::anyhow;
use tracing_subscriber::{EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::{config::LogFormat, telemetry::Telemetry};

/// Starts the log of a server, and its traces beside it where they are collected.
pub(crate) fn start(filter: Option<&str>, format: LogFormat, telemetry: &Telemetry) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter.unwrap_or("info"))
        .map_err(|error| anyhow!("the log filter must be directives such as info or cedarkeep_http=debug: {error}"))?;
    let terminal = io::stderr().is_terminal();
    let json = format == LogFormat::Json || (format == LogFormat::Auto && !terminal);
    let started = if let Some(traces) = telemetry.layer() {
        let log = fmt::layer().with_writer(io::stderr);
        let log = if json {
            log.json().flatten_event(true).with_span_list(false).boxed()
        } else {
            log.with_ansi(terminal).boxed()
        };
        tracing_subscriber::registry()
            .with(log.with_filter(filter))
            .with(traces)
            .try_init()
            .map_err(anyhow::Error::from)
    } else {
        // One filter for all: what nobody wants costs a look at a number.
        let log = fmt().with_env_filter(filter).with_writer(io::stderr);
        let started = if json {
            log.json().flatten_event(true).with_span_list(false).try_init()
        } else {
            log.with_ansi(terminal).try_init()
        };
        started.map_err(|error| anyhow!(error))
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
    start(Some(filter.as_deref().unwrap_or("warn")), LogFormat::Text, &Telemetry::default())
}
