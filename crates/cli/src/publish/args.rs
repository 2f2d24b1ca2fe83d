//! The command lines of the verbs.

use std::path::PathBuf;

use cedarkeep_model::{BindingMode, ZoneId};
use clap::{Args, Subcommand};

use crate::args::{Credential, Form};

#[derive(Debug, Subcommand)]
pub(crate) enum PublishCommand {
    /// Say what publishing a policy repository would change
    ///
    /// Changes nothing. Exits 0 when nothing would change, 2 when something would, and 3 when the repository cannot be
    /// published.
    Plan(PublishFlags),
    /// Publish a policy repository
    ///
    /// Policies, the version of the set and its binding are made at once or not at all. What is published already is used
    /// again, so publishing the same twice changes nothing the second time. Exits 3 when the repository cannot be
    /// published.
    Publish(PublishFlags),
    /// Say what of a policy repository is published, and where it decides
    Status(StatusFlags),
}

/// Where a repository stands on both sides.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The folder with cedarkeep.toml
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The URL of the server, instead of the one in cedarkeep.toml
    #[arg(long, value_name = "URL", env = "CEDARKEEP_SERVER")]
    pub(crate) server: Option<String>,
    /// The zone, instead of the one in cedarkeep.toml
    #[arg(long, value_name = "ID", env = "CEDARKEEP_ZONE")]
    pub(crate) zone: Option<ZoneId>,
    #[command(flatten)]
    pub(crate) credential: Credential,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

#[derive(Debug, Args)]
pub(crate) struct PublishFlags {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Let the version decide from now on
    #[arg(long)]
    pub(crate) activate: bool,
    /// Let the version be observed beside the one that decides
    #[arg(long, conflicts_with = "activate")]
    pub(crate) shadow: bool,
}

impl PublishFlags {
    /// How the version is to be bound, if it is.
    pub(super) fn mode(&self) -> Option<BindingMode> {
        match (self.activate, self.shadow) {
            (true, _) => Some(BindingMode::Active),
            (false, true) => Some(BindingMode::Shadow),
            (false, false) => None,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct StatusFlags {
    #[command(flatten)]
    pub(crate) target: Target,
}
