//! `cedarkeep audit`: a zone as it is now, against an earlier export of it.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use cedarkeep_cedar::CedarPool;
use cedarkeep_verify::{Audit, Evidence, Verdict, audit};
use clap::Args;

use crate::{
    args::{Credential, Form},
    fetch::Remote,
    log, output, verify,
    zone::{self, ZoneUrl},
};

/// The exit code of a difference (docs/cli.md).
const DIFFERS: u8 = 2;

#[derive(Debug, Args)]
pub(crate) struct AuditCommand {
    /// The URL of the zone
    pub(crate) zone: String,
    /// The folder of the earlier export
    #[arg(long, value_name = "FOLDER")]
    pub(crate) since: PathBuf,
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

/// Verifies the earlier export, fetches the zone and compares.
pub(crate) fn run(command: AuditCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    let url: ZoneUrl = command.zone.parse()?;
    let before = Evidence::read_dir(&command.since)?;
    if !before.is_of_zone() {
        bail!(
            "{} is not the export of a zone; make one with cedarkeep export {}",
            command.since.display(),
            command.zone
        );
    }
    let (remote, pool) = (Remote::new(&command.credential)?, CedarPool::new(1)?);
    let trust = verify::trust(command.trust_kids, command.jwks.as_deref(), &remote)?;
    let now = zone::evidence(&remote, &url, &pool)?;
    let audit = audit(&before, &now, &trust, &pool);
    match command.output {
        Form::Text => output::say(&describe(&audit))?,
        Form::Json => output::say_json(&audit)?,
    }
    Ok(match audit.verdict() {
        Verdict::Held => ExitCode::SUCCESS,
        Verdict::Differs => ExitCode::from(DIFFERS),
        Verdict::NotVerified => ExitCode::FAILURE,
    })
}

/// The report for people: both verifications step by step, what is new, and each difference on a line of its own.
fn describe(audit: &Audit) -> String {
    let terminal = output::is_terminal();
    let mut lines = vec!["The earlier export:".to_owned(), verify::describe(&audit.before, terminal), String::new()];
    lines.extend(["The zone now:".to_owned(), verify::describe(&audit.now, terminal), String::new()]);
    lines.extend(audit.since.iter().map(|since| format!("since then: {}", output::plain(since))));
    let difference = |difference: &cedarkeep_verify::Difference| {
        format!("DIFFERS  {}: {}", difference.about, output::plain(&difference.what))
    };
    lines.extend(audit.differences.iter().map(difference));
    lines.push(audit.summary().to_owned());
    lines.join("\n")
}
