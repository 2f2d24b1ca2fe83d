//! `cedarkeep verify`.

use std::{collections::BTreeSet, fs, path::Path, process::ExitCode};

use anyhow::Context as _;
use cedarkeep_attest::Jwks;
use cedarkeep_cedar::CedarPool;
use cedarkeep_verify::{Evidence, Outcome, Report, Trust, verify};

use crate::{
    args::{Form, VerifyCommand},
    fetch::{self, Remote},
    log, output, zone,
};

/// Verifies a folder, or what a server says about a version or a zone.
pub(crate) fn run(command: VerifyCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    let pool = CedarPool::new(1)?;
    let remote = Remote::new(&command.credential)?;
    let trust = trust(command.trust_kids, command.jwks.as_deref(), &remote)?;
    let evidence = if !fetch::is_url(&command.evidence) {
        Evidence::read_dir(Path::new(&command.evidence))?
    } else if let Ok(url) = command.evidence.parse() {
        zone::evidence(&remote, &url, &pool)?
    } else {
        remote.evidence(&command.evidence.parse()?, &pool)?
    };
    let report = verify(&evidence, &trust, &pool);
    match command.output {
        Form::Text => output::say(&describe(&report, output::is_terminal()))?,
        Form::Json => output::say_json(&report)?,
    }
    Ok(if report.ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A key id is the thumbprint of its key, so to trust a key set is to trust the ids in it.
pub(crate) fn trust(kids: Vec<String>, jwks: Option<&str>, remote: &Remote) -> anyhow::Result<Trust> {
    let mut kids: BTreeSet<String> = kids.into_iter().collect();
    if let Some(named) = jwks {
        let jwks = if fetch::is_url(named) { remote.jwks(named)? } else { read_jwks(Path::new(named))? };
        kids.extend(jwks.kids().map(str::to_owned));
    }
    Ok(if kids.is_empty() { Trust::Nothing } else { Trust::Kids(kids) })
}

/// A key set in a file.
pub(crate) fn read_jwks(path: &Path) -> anyhow::Result<Jwks> {
    let at = || format!("the key set {}", path.display());
    Jwks::parse(&fs::read(path).with_context(at)?).with_context(at)
}

/// The report for people: a line a step, its reason below it when it did not hold.
pub(crate) fn describe(report: &Report, terminal: bool) -> String {
    let [held, failed, not_done] = if terminal { ["✓", "✗", "–"] } else { ["ok      ", "FAILED  ", "not done"] };
    let mut lines = Vec::new();
    for step in &report.steps {
        let (mark, reason) = match &step.outcome {
            Outcome::Held => (held, None),
            Outcome::Failed(reason) => (failed, Some(reason)),
            Outcome::NotDone(reason) => (not_done, Some(reason)),
        };
        lines.push(format!("{mark} {}: {}", step.name, output::plain(&step.checked)));
        let reasons = reason.iter().flat_map(|reason| reason.lines());
        lines.extend(reasons.map(|reason| format!("    {}", output::plain(reason))));
    }
    lines.push(report.summary().to_owned());
    lines.join("\n")
}
