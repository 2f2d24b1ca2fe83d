//! The verbs that bring a policy repository to a server, and that say and change what of it decides there.

mod args;
mod bind;
mod changes;
mod diff;
mod plan;
mod slot;
mod standing;
mod status;
mod upload;
mod zones;

use std::{path::Path, process::ExitCode};

use anyhow::anyhow;
use cedarkeep_repo::{Check, Ready, Settings};

pub(crate) use self::args::{At, PublishCommand};
use self::standing::Standing;
use crate::{
    client::{Binding, Client},
    log, repository,
};

/// The exit code for a zone that is not as the repository says.
const DRIFT: u8 = 2;

/// Does what the verb says.
pub(crate) fn run(command: PublishCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    match command {
        PublishCommand::Plan(flags) => plan::run(&flags),
        PublishCommand::Publish(flags) => upload::run(&flags),
        PublishCommand::Status(flags) => status::run(&flags),
        PublishCommand::Promote(flags) => bind::promote(&flags),
        PublishCommand::Rollback(flags) => bind::rollback(&flags),
        PublishCommand::Diff(flags) => diff::run(&flags),
        PublishCommand::Zones(flags) => zones::run(&flags),
    }
}

/// What decides in a repository's slot.
pub(crate) fn active(client: &Client, settings: &Settings) -> anyhow::Result<Binding> {
    let slot = slot::Slot::of(settings, client);
    let none = || anyhow!("no version decides for {slot} yet: cedarkeep publish --activate makes one");
    slot.ask(client)?.active.ok_or_else(none)
}

/// The settings of a repository, for a verb that needs no more of it; else the exit code, all being said.
fn settings(folder: &Path) -> anyhow::Result<Result<Settings, ExitCode>> {
    match Settings::of(folder) {
        Ok(settings) => Ok(Ok(settings)),
        Err(error) => Ok(Err(repository::invalid(folder, &Check::of_unread(error)?.findings))),
    }
}

/// A schema version never changes, so the zone's must be the repository's.
fn check_schema(standing: &Standing, settings: &Settings, ready: &Ready) -> anyhow::Result<()> {
    match standing.schema {
        Some(sha) if sha != ready.schema.schema_sha => Err(anyhow!(
            "the zone has another schema as schema version {}, and a schema version never changes: give the schema of this \
             repository a schema_version of its own in cedarkeep.toml",
            settings.schema_version
        )),
        _ => Ok(()),
    }
}
