//! The command lines of the verbs.

use std::path::PathBuf;

use anyhow::Context as _;
use cedarkeep_model::{BindingMode, ZoneId};
use cedarkeep_repo::Settings;
use clap::{Args, Subcommand, ValueEnum};

use crate::{
    args::{Credential, Form},
    client::Client,
};

#[derive(Debug, Subcommand)]
pub(crate) enum PublishCommand {
    /// Say what publishing a policy repository would change
    ///
    /// Changes nothing. Exits 0 when nothing would change, 2 when something would, and 3 when the repository cannot be
    /// published.
    Plan(PlanFlags),
    /// Publish a policy repository
    ///
    /// Policies, the version of the set and its binding are made at once or not at all. What is published already is used
    /// again, so publishing the same twice changes nothing the second time. Exits 3 when the repository cannot be
    /// published.
    Publish(PublishFlags),
    /// Let the version that is observed beside the one that decides take its place
    ///
    /// Where there is no shadow and a version of the policy set decides, there is nothing to do.
    Promote(PromoteFlags),
    /// Let the version decide again that decided before
    ///
    /// Which one that was is read in the zone's events: the last in the repository's slot that was not the present one.
    /// The repository's policies are not looked at.
    Rollback(RollbackFlags),
    /// Say what of a policy repository is published, and where it decides
    Status(StatusFlags),
    /// Say what differs between two versions of a policy set
    Diff(DiffFlags),
    /// List the zones of a server
    Zones(ZonesFlags),
}

/// Where a repository stands on both sides.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The folder with cedarkeep.toml
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    #[command(flatten)]
    pub(crate) zone: At,
}

/// A zone of a server.
#[derive(Debug, Args)]
pub(crate) struct At {
    /// The URL of the server, instead of the one in cedarkeep.toml
    #[arg(long, value_name = "URL", env = "CEDARKEEP_SERVER")]
    pub(crate) server: Option<String>,
    /// The zone, instead of the one in cedarkeep.toml
    #[arg(long, value_name = "ID", env = "CEDARKEEP_ZONE")]
    pub(crate) zone: Option<ZoneId>,
    #[command(flatten)]
    pub(crate) credential: Credential,
}

impl Target {
    /// A client of the zone that is meant.
    pub(super) fn client(&self, settings: &Settings) -> anyhow::Result<Client> {
        self.zone.client(settings)
    }
}

impl At {
    /// A client of the zone that is meant.
    pub(crate) fn client(&self, settings: &Settings) -> anyhow::Result<Client> {
        let server = self.server.as_ref().or(settings.server.as_ref());
        let server =
            server.context("which server? say it in cedarkeep.toml (server = \"https://…\"), or with --server")?;
        let zone = self.zone.or(settings.zone);
        let zone = zone.context("which zone? say it in cedarkeep.toml (zone = \"its id\"), or with --zone")?;
        Client::new(server, zone, &self.credential)
    }
}

#[derive(Debug, Args)]
pub(crate) struct PlanFlags {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) slot: SlotFlags,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Report,
}

#[derive(Debug, Args)]
pub(crate) struct PublishFlags {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) slot: SlotFlags,
    /// Return only when the server makes decisions with what was bound; at most a minute
    #[arg(long)]
    pub(crate) wait: bool,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

/// How a version is to be bound, if it is.
#[derive(Debug, Args)]
pub(crate) struct SlotFlags {
    /// Let the version decide from now on
    #[arg(long)]
    activate: bool,
    /// Let the version be observed beside the one that decides
    #[arg(long, conflicts_with = "activate")]
    shadow: bool,
}

impl SlotFlags {
    /// The mode of the binding.
    pub(super) fn mode(&self) -> Option<BindingMode> {
        match (self.activate, self.shadow) {
            (true, _) => Some(BindingMode::Active),
            (false, true) => Some(BindingMode::Shadow),
            (false, false) => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct PromoteFlags {
    #[command(flatten)]
    pub(crate) target: Target,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

#[derive(Debug, Args)]
pub(crate) struct RollbackFlags {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The version to go back to, by its number within the policy set
    #[arg(long, value_name = "N")]
    pub(crate) to: Option<u64>,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

#[derive(Debug, Args)]
pub(crate) struct StatusFlags {
    #[command(flatten)]
    pub(crate) target: Target,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

#[derive(Debug, Args)]
pub(crate) struct DiffFlags {
    /// The version to start from, by its number within the policy set
    pub(crate) a: u64,
    /// The version to compare with it
    pub(crate) b: u64,
    #[command(flatten)]
    pub(crate) target: Target,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Report,
}

#[derive(Debug, Args)]
pub(crate) struct ZonesFlags {
    /// The URL of the server
    #[arg(long, value_name = "URL", env = "CEDARKEEP_SERVER")]
    pub(crate) server: Option<String>,
    #[command(flatten)]
    pub(crate) credential: Credential,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

/// In which form differences are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Report {
    /// For people.
    Text,
    /// For machines.
    Json,
    /// The body of a comment on a pull request.
    Markdown,
}
