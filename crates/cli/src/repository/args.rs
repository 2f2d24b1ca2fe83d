//! The command lines of the verbs.

use std::path::PathBuf;

use cedarkeep_model::{Name, ZoneId};
use clap::{Args, Subcommand, ValueEnum};

use crate::{args::Form, publish::At};

#[derive(Debug, Subcommand)]
pub(crate) enum RepositoryCommand {
    /// Begin a policy repository: a folder with a small working one
    ///
    /// Writes cedarkeep.toml, two policies, a schema, entities and tests. What is there already is never written over.
    Init(InitFlags),
    /// Check a policy repository: parse, validate against the schema, look for what is probably not meant
    ///
    /// Needs no server. Exits 0 when it can be published, also with warnings, and 3 when it cannot.
    Check(CheckFlags),
    /// Put the policies of a repository into Cedar's own style
    ///
    /// Exits 3, and changes nothing, when a policy cannot be read.
    Fmt(FmtFlags),
    /// Run the tests of a policy repository, with no server or against what decides in a zone
    ///
    /// Exits 0 when all pass, 4 when some fail, and 3 when the repository cannot be published.
    Test(TestFlags),
}

#[derive(Debug, Args)]
pub(crate) struct InitFlags {
    /// The folder; made when missing
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// The name of the policy set
    #[arg(long, value_name = "NAME", default_value = "documents", value_parser = name)]
    pub(crate) policy_set: Name,
    /// The URL of the server that it will be published to
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The zone that it will be published to
    #[arg(long, value_name = "ID")]
    pub(crate) zone: Option<ZoneId>,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

fn name(text: &str) -> Result<Name, String> {
    Name::new(text).map_err(|why| why.to_string())
}

#[derive(Debug, Args)]
pub(crate) struct CheckFlags {
    /// The folder with cedarkeep.toml
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: CheckForm,
}

#[derive(Debug, Args)]
pub(crate) struct FmtFlags {
    /// The folder with cedarkeep.toml
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// Change nothing; exit 1 when something is to be changed
    #[arg(long)]
    pub(crate) check: bool,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

#[derive(Debug, Args)]
pub(crate) struct TestFlags {
    /// The folder with cedarkeep.toml
    #[arg(default_value = ".")]
    pub(crate) folder: PathBuf,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: TestForm,
    /// Put the tests to the version that decides in the repository's slot, instead of to the repository's policies
    #[arg(long)]
    pub(crate) against_zone: bool,
    #[command(flatten)]
    pub(crate) zone: At,
}

/// In which form `check` reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckForm {
    /// For people.
    Text,
    /// For machines.
    Json,
    /// SARIF 2.1.0, for code hosts that show findings beside the code.
    Sarif,
}

/// In which form `test` reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestForm {
    /// For people.
    Text,
    /// For machines.
    Json,
    /// `JUnit` XML, for pipelines that count tests.
    Junit,
}
