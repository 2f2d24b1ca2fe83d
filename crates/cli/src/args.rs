//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::{
    audit::AuditCommand,
    config::{ServeFlags, StoreFlags},
    login::LoginCommand,
    publish::PublishCommand,
    repository::RepositoryCommand,
};

/// Versioned Cedar policies with signed attestations.
#[derive(Debug, Parser)]
#[command(name = "cedarkeep", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server
    #[command(after_long_help = SECRETS)]
    Serve(Box<ServeCommand>),
    /// Check the evidence about a policy set version, or about a whole zone
    ///
    /// Of a version: its attestation and everything that it covers. Of a zone: that for every version, and the events under
    /// their signed head. Exits 0 only when every step held, and 1 otherwise.
    Verify(VerifyCommand),
    /// Write the evidence about a zone or a policy set version into a folder, or a whole zone into a file
    ///
    /// SOURCE says which: the URL of a zone or of a policy set version is asked of its server, and what an auditor needs is
    /// written into a folder that `verify` checks. The id of a zone is looked up in the store, beside a running server,
    /// and the zone is written into a file that `import` takes in elsewhere; private keys are left out.
    Export(ExportCommand),
    /// Compare a zone with an earlier export of it
    ///
    /// Nothing may have been rewritten, and everything new must be accounted for by signed events. Exits 0 when that is so,
    /// 2 when something differs, each difference named, and 1 when the export or who signed is not verified.
    Audit(AuditCommand),
    /// Take a zone in that another installation has exported
    ///
    /// Everything is checked on the way in: digests recomputed, attestations verified against the keys that you name,
    /// events folded and compared. The zone keeps its ids, numbers, events and signatures; a key of its own is made, with
    /// which the server signs it again. A zone that is here already is refused. On SQLite the server must be stopped.
    Import(ImportCommand),
    /// Write the whole store into a file, as of one moment, beside running servers
    ///
    /// Left out: the master key, without which the file cannot be restored (keep it apart), kept answers to repeated
    /// requests, and, unless asked for, the log of decisions. Private keys are in it as they are in the store: sealed.
    Backup(BackupCommand),
    /// Fill an empty store from a backup, on whichever engine
    ///
    /// Everything is checked on the way in, as `fsck` does, and nothing is kept unless all of it is right. Needs the master
    /// key of the store that was backed up. No server may run on the store meanwhile.
    Restore(RestoreCommand),
    /// Make the store read-only for all servers, or writable again
    ///
    /// Servers go on reading and deciding; what would write is answered with 503. When `on` returns, nothing is written
    /// any more: a backup taken then misses nothing that was ever acknowledged. Needs no restart and outlasts one.
    ReadOnly(ReadOnlyCommand),
    /// Check a whole store: digests, attestations, the chain of events
    ///
    /// Changes nothing and may run beside a server. Exits 0 only when nothing is wrong, and 1 otherwise.
    Fsck(FsckCommand),
    /// Bring the schema of the store up to date and stop
    ///
    /// `serve` does the same when it starts. Alone it is for those who let a role with more rights do this than their
    /// servers have. Any number may run at once.
    Migrate(MigrateCommand),
    /// The administrator's token
    #[command(subcommand)]
    AdminToken(AdminTokenCommand),
    #[command(flatten)]
    Repository(RepositoryCommand),
    #[command(flatten)]
    Publish(PublishCommand),
    #[command(flatten)]
    Login(LoginCommand),
    /// Print the completions for a shell
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Write the man pages into a folder, one a verb
    Man {
        /// The folder; made when missing
        folder: PathBuf,
    },
}

/// What is not a flag, because what stands on a command line can be read by everybody on the machine.
const SECRETS: &str = "\
Every flag can also be set by its environment variable, or by its name in the file of --config
(listen = \"127.0.0.1:8180\"); a flag counts before the environment, the environment before the file.

Secrets come from the environment alone:
  CEDARKEEP_ADMIN_TOKEN  the administrator's token, at least 32 characters; without it the first
                         start makes one and writes it to admin.token in the data folder
  CEDARKEEP_MASTER_KEY   the key that wraps the keys of the zones: 32 bytes in base64url or hex;
                         without it, --master-key-file, or master.key beside the database";

#[derive(Debug, Args)]
pub(crate) struct ServeCommand {
    #[command(flatten)]
    pub(crate) flags: ServeFlags,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct ConfigFile {
    /// A TOML file with the names of these flags as keys
    #[arg(long, value_name = "FILE", env = "CEDARKEEP_CONFIG")]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyCommand {
    /// The folder of an export, or the URL of a zone or of a policy set version
    pub(crate) evidence: String,
    /// A key that you trust, by its id (its RFC 7638 thumbprint); may be given more than once
    // One key id in 64 begins with a hyphen.
    #[arg(long = "trust-kid", value_name = "KID", allow_hyphen_values = true)]
    pub(crate) trust_kids: Vec<String>,
    /// A key set whose keys you trust: a URL or a file
    #[arg(long, value_name = "URL|FILE")]
    pub(crate) jwks: Option<String>,
    #[command(flatten)]
    pub(crate) credential: Credential,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

#[derive(Debug, Args)]
pub(crate) struct ExportCommand {
    /// The URL of a zone or of a policy set version, or the id of a zone
    pub(crate) source: String,
    /// The folder, or the file, to write to; made when missing
    pub(crate) target: PathBuf,
    /// Replace an earlier export
    #[arg(long)]
    pub(crate) force: bool,
    /// Of a zone: its log of decisions too
    #[arg(long)]
    pub(crate) decisions: bool,
    #[command(flatten)]
    pub(crate) credential: Credential,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// In which form to say what was written
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

#[derive(Debug, Args)]
pub(crate) struct ImportCommand {
    /// The file
    pub(crate) from: PathBuf,
    /// A key that you trust, by its id (its RFC 7638 thumbprint); may be given more than once
    // One key id in 64 begins with a hyphen.
    #[arg(long = "trust-kid", value_name = "KID", allow_hyphen_values = true)]
    pub(crate) trust_kids: Vec<String>,
    /// A file with a key set whose keys you trust
    #[arg(long, value_name = "FILE")]
    pub(crate) jwks: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct BackupCommand {
    /// The file to write
    pub(crate) to: PathBuf,
    /// The log of decisions too
    #[arg(long)]
    pub(crate) decisions: bool,
    /// Replace the file when it is there
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct RestoreCommand {
    /// The file
    pub(crate) from: PathBuf,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
}

#[derive(Debug, Args)]
pub(crate) struct ReadOnlyCommand {
    /// Whether it is to be read-only
    pub(crate) switch: Switch,
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
}

/// A state of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    /// Read-only.
    On,
    /// Writable.
    Off,
}

#[derive(Debug, Args)]
#[command(
    after_help = "The bearer token comes from --token-file, from CEDARKEEP_TOKEN, or from what cedarkeep login has kept."
)]
pub(crate) struct Credential {
    /// A file that holds the bearer token, instead of the environment
    #[arg(long, value_name = "FILE", env = "CEDARKEEP_TOKEN_FILE")]
    pub(crate) token_file: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct FsckCommand {
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

#[derive(Debug, Args)]
pub(crate) struct MigrateCommand {
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminTokenCommand {
    /// Make a new token in place of a lost one; no server may be running on the data folder
    Reset(ResetCommand),
}

#[derive(Debug, Args)]
pub(crate) struct ResetCommand {
    #[command(flatten)]
    pub(crate) store: StoreFlags,
    #[command(flatten)]
    pub(crate) file: ConfigFile,
}

/// In which form a command reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// For people.
    Text,
    /// For machines.
    Json,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
