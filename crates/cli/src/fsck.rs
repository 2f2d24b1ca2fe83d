//! `cedarkeep fsck`.

use std::process::ExitCode;

use cedarkeep_cedar::CedarPool;
use cedarkeep_service::fsck::{Report, check};
use serde_json::json;
use tokio::runtime;

use crate::{
    args::{Form, FsckCommand},
    config, installation, log, output,
    place::Place,
};

/// Checks a whole store.
pub(crate) fn run(command: FsckCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    let place = config::settle_place(command.store, &command.file)?;
    let report = runtime::Builder::new_multi_thread().enable_all().build()?.block_on(examine(&place))?;
    match command.output {
        Form::Text => output::say(&describe(&report))?,
        Form::Json => output::say_json(&json!({"clean": report.clean(), "report": report}))?,
    }
    Ok(if report.clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn examine(place: &Place) -> anyhow::Result<Report> {
    let store = installation::open_existing(place).await?;
    let cedar = CedarPool::new(0)?;
    let report = check(&*store, &cedar).await;
    store.close().await;
    Ok(report?)
}

fn describe(report: &Report) -> String {
    let mut lines = vec![format!(
        "checked {} zones, {} policy versions, {} policy set versions, {} attestations, {} events",
        report.zones, report.policy_versions, report.set_versions, report.attestations, report.events
    )];
    lines.extend(report.problems.iter().map(|problem| output::plain(problem)));
    lines.push(match report.problems.len() {
        0 => "clean".to_owned(),
        1 => "1 problem".to_owned(),
        problems => format!("{problems} problems"),
    });
    lines.join("\n")
}
