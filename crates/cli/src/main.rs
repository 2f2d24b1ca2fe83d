//! The `cedarkeep` binary: it reads arguments, environment and files, puts the rooms together, and says in words how it
//! went. This is the only place that makes a real clock and real ids.

mod admin_token;
mod args;
mod audit;
mod backup;
#[cfg(test)]
mod ci;
mod client;
mod config;
mod example;
mod export;
mod fetch;
mod file;
mod folder;
mod fsck;
mod import;
mod installation;
mod log;
mod login;
mod logins;
mod measure;
mod migrate;
mod output;
mod place;
mod progress;
mod publish;
mod read_only;
mod repository;
mod restore;
mod secrets;
mod serve;
mod sources;
mod telemetry;
mod tokens;
mod verify;
mod zone;

use std::process::ExitCode;

use clap::Parser as _;

use crate::args::{AdminTokenCommand, Cli, Command};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(said) => return output::usage(&said),
    };
    cedarkeep_http::choose_tls_library();
    let outcome = match cli.command {
        Command::Serve(flags) => serve::run(*flags),
        Command::Verify(flags) => verify::run(flags),
        Command::Export(flags) => export::run(flags),
        Command::Audit(flags) => audit::run(flags),
        Command::Import(flags) => import::run(flags),
        Command::Backup(flags) => backup::run(flags),
        Command::Restore(flags) => restore::run(flags),
        Command::ReadOnly(flags) => read_only::run(flags),
        Command::Fsck(flags) => fsck::run(flags),
        Command::Migrate(flags) => migrate::run(flags),
        Command::AdminToken(AdminTokenCommand::Reset(flags)) => admin_token::reset(flags),
        Command::Repository(command) => repository::run(command),
        Command::Publish(command) => publish::run(command),
        Command::Login(command) => login::run(command),
        Command::Completions { shell } => output::completions(shell),
        Command::Man { folder } => output::man(&folder),
    };
    outcome.unwrap_or_else(|error| {
        output::complain(&error);
        ExitCode::FAILURE
    })
}
