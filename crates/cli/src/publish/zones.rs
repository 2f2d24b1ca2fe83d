//! `zones`: those that the token may see.

use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::json;

use super::args::ZonesFlags;
use crate::{args::Form, client::Server, output};

pub(super) fn run(flags: &ZonesFlags) -> anyhow::Result<ExitCode> {
    let url = flags.server.as_ref().context("which server? say it with --server or CEDARKEEP_SERVER")?;
    let zones = Server::new(url, &flags.credential)?.zones()?;
    match flags.output {
        Form::Json => output::say_json(&json!({"zones": zones}))?,
        Form::Text if zones.is_empty() => output::say("there is no zone, or none that the token may see")?,
        Form::Text => {
            let lines: Vec<_> = zones.iter().map(|zone| format!("{} {} {:?}", zone.id, zone.slug, zone.name)).collect();
            output::say(&output::plain(&lines.join("\n")))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}
