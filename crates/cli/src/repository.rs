//! The verbs that work on a policy repository, a folder that `crates/repo` reads: none of them needs a server.

mod against;
mod args;
mod describe;
mod junit;
mod sarif;

use std::{path::Path, process::ExitCode};

use anyhow::Context as _;
use cedarkeep_cedar::CedarPool;
use cedarkeep_repo::{Check, Finding, Ready, Repository, Settings, TestRun, init};
use serde_json::json;

pub(crate) use self::args::{CheckFlags, FmtFlags, InitFlags, RepositoryCommand, TestFlags};
use self::args::{CheckForm, TestForm};
use crate::{args::Form, log, output};

/// The exit code for a repository that cannot be published.
const INVALID: u8 = 3;
/// The exit code for tests that failed.
const TESTS_FAILED: u8 = 4;

/// Does what the verb says.
pub(crate) fn run(command: RepositoryCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    match command {
        RepositoryCommand::Init(flags) => begin(&flags),
        RepositoryCommand::Check(flags) => check(&flags),
        RepositoryCommand::Fmt(flags) => fmt(&flags),
        RepositoryCommand::Test(flags) => test(&flags),
    }
}

fn begin(flags: &InitFlags) -> anyhow::Result<ExitCode> {
    let folder = &flags.folder;
    let paths = init(folder, &flags.policy_set, flags.server.as_deref(), flags.zone)
        .with_context(|| format!("the folder {}", folder.display()))?;
    if flags.output == Form::Json {
        output::say_json(&json!({"folder": folder, "written": paths}))?;
        return Ok(ExitCode::SUCCESS);
    }
    for path in paths {
        output::say(&format!("wrote {}", folder.join(path).display()))?;
    }
    let folder = folder.display();
    output::say(&format!("next: cedarkeep check {folder}, then cedarkeep test {folder}"))?;
    Ok(ExitCode::SUCCESS)
}

fn check(flags: &CheckFlags) -> anyhow::Result<ExitCode> {
    let (check, files) = examine(&flags.folder)?;
    match flags.output {
        CheckForm::Text => output::say(&describe::check(&flags.folder, &check, files))?,
        CheckForm::Json => output::say_json(&json!({"valid": check.is_valid(), "findings": check.findings}))?,
        CheckForm::Sarif => output::say_json(&sarif::log(&flags.folder, &check.findings))?,
    }
    Ok(if check.is_valid() { ExitCode::SUCCESS } else { INVALID.into() })
}

fn fmt(flags: &FmtFlags) -> anyhow::Result<ExitCode> {
    let folder = &flags.folder;
    let (changed, files) = match Repository::read(folder) {
        Ok(repository) => {
            let files = repository.policies.len();
            (CedarPool::new(1)?.run_blocking(move || repository.format())?, files)
        }
        Err(error) => (Err(Check::of_unread(error)?.findings), 0),
    };
    let changed = match changed {
        Ok(changed) => changed,
        Err(findings) => return Ok(invalid(folder, &findings)),
    };
    if !flags.check {
        for file in &changed {
            file.write(folder).with_context(|| format!("the file {}", folder.join(&file.path).display()))?;
        }
    }
    if flags.output == Form::Json {
        let paths: Vec<_> = changed.iter().map(|file| &file.path).collect();
        output::say_json(&json!({"policies": files, "changed": paths}))?;
    } else {
        let word = if flags.check { "not formatted:" } else { "formatted" };
        for file in &changed {
            output::say(&format!("{word} {}", output::plain(&folder.join(&file.path).display().to_string())))?;
        }
        output::say(&format!("{} of {files} policies", changed.len()))?;
    }
    if flags.check && !changed.is_empty() {
        output::note(&format!("cedarkeep: run cedarkeep fmt {} and commit what it changes", folder.display()));
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

fn test(flags: &TestFlags) -> anyhow::Result<ExitCode> {
    let (settings, ready) = match ready(&flags.folder)? {
        Ok(ready) => ready,
        Err(invalid) => return Ok(invalid),
    };
    let run = if flags.against_zone { against::run(&flags.zone, &settings, &ready)? } else { run_tests(ready)? };
    match flags.output {
        TestForm::Text => output::say(&describe::tests(&run))?,
        TestForm::Json => output::say_json(&run)?,
        TestForm::Junit => output::say(&junit::report(&run))?,
    }
    Ok(if run.failed == 0 { ExitCode::SUCCESS } else { TESTS_FAILED.into() })
}

fn run_tests(ready: Ready) -> anyhow::Result<TestRun> {
    Ok(CedarPool::new(1)?.run_blocking(move || ready.test())??)
}

/// A repository that can be published, for a verb that publishes it; else the exit code, all being said.
pub(crate) fn ready(folder: &Path) -> anyhow::Result<Result<(Settings, Ready), ExitCode>> {
    let (settings, check) = match Repository::read(folder) {
        Ok(repository) => {
            let settings = repository.settings.clone();
            (Some(settings), CedarPool::new(1)?.run_blocking(move || repository.check())?)
        }
        Err(error) => (None, Check::of_unread(error)?),
    };
    match (settings, check.ready) {
        (Some(settings), Some(ready)) => Ok(Ok((settings, ready))),
        _ => Ok(Err(invalid(folder, &check.findings))),
    }
}

/// Reads and checks a repository; what was found, and how many policies it has.
fn examine(folder: &Path) -> anyhow::Result<(Check, usize)> {
    match Repository::read(folder) {
        Ok(repository) => {
            let policies = repository.policies.len();
            Ok((CedarPool::new(1)?.run_blocking(move || repository.check())?, policies))
        }
        Err(error) => Ok((Check::of_unread(error)?, 0)),
    }
}

/// Says beside what is printed that nothing was done, and why.
pub(crate) fn invalid(folder: &Path, findings: &[Finding]) -> ExitCode {
    output::note(&describe::findings(folder, findings, describe::Paint::Plain));
    output::note("cedarkeep: the repository has errors, so nothing was done");
    INVALID.into()
}
