//! `publish`: policies, the version of the set and its binding, at once or not at all.

use std::{process::ExitCode, thread::sleep, time::Duration};

use cedarkeep_model::BindingMode;
use cedarkeep_repo::{Ready, Settings};
use serde_json::json;

use super::{args::PublishFlags, check_schema, standing::Standing};
use crate::{
    args::Form,
    client::{Applied, Client},
    fetch::Refused,
    output, repository,
};

/// How often publishing begins again when somebody else publishes at the same time.
const TRIES: u32 = 20;

pub(super) fn run(flags: &PublishFlags) -> anyhow::Result<ExitCode> {
    let (settings, ready) = match repository::ready(&flags.target.folder)? {
        Ok(ready) => ready,
        Err(invalid) => return Ok(invalid),
    };
    let client = flags.target.client(&settings)?;
    let (created, applied) = publish(&client, &settings, &ready, flags.slot.mode())?;
    if let (true, Some(binding)) = (flags.wait, &applied.binding) {
        client.wait_for(binding.revision)?;
    }
    match flags.output {
        Form::Text => output::say(&output::plain(&report(created, &applied, flags.wait)))?,
        Form::Json => output::say_json(&json!({
            "created": created, "policy_set_id": applied.id, "policy_set_version": applied.policy_set_version,
            "binding": applied.binding, "changes": applied.changes, "warnings": applied.warnings,
        }))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Publishes, beginning again when the zone changed in between: what another has made meanwhile is used.
fn publish(
    client: &Client,
    settings: &Settings,
    ready: &Ready,
    mode: Option<BindingMode>,
) -> anyhow::Result<(bool, Applied)> {
    let mut tries = 1;
    loop {
        match publish_once(client, settings, ready, mode) {
            Err(error) if tries < TRIES && was_overtaken(&error) => {
                sleep(pause(tries));
                tries += 1;
            }
            done => return done,
        }
    }
}

/// Longer each time, and not as long for everybody who was overtaken at the same moment.
fn pause(tries: u32) -> Duration {
    let own = std::process::id() % 100;
    Duration::from_millis(u64::from(tries * (50 + own)))
}

fn publish_once(
    client: &Client,
    settings: &Settings,
    ready: &Ready,
    mode: Option<BindingMode>,
) -> anyhow::Result<(bool, Applied)> {
    let standing = Standing::ask(client, settings)?;
    check_schema(&standing, settings, ready)?;
    if standing.schema.is_none() {
        // Nothing refers to it yet, so it is no harm when what follows fails.
        client.create_schema(&settings.schema_version, &ready.schema.cedar_schema)?;
    }
    let manifest = standing.manifest(settings, ready, mode);
    match &standing.set {
        Some(set) => client.apply(set.id, &manifest),
        None => client.create_set(settings.policy_set.as_str(), settings.scope, &manifest),
    }
}

/// Whether this says that somebody else has just made what was to be made, or has just changed what it was to be made of.
fn was_overtaken(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<Refused>().and_then(Refused::code);
    code.is_some_and(|code| {
        ["policy_name_conflict", "policy_set_name_conflict", "schema_version_conflict", "unavailable"].contains(&code)
    })
}

fn report(created: bool, applied: &Applied, waited: bool) -> String {
    let mut lines = Vec::new();
    for change in &applied.changes {
        let word = match change.action.as_str() {
            "created_policy" => "made",
            "created_version" => "changed",
            "reused" => "kept",
            "repinned" => "pinned again",
            "dropped" => "dropped",
            other => other,
        };
        let id = change.policy_id.map(|id| format!(" {id}")).unwrap_or_default();
        let version = change.policy_version_id.map(|id| format!(" in version {id}")).unwrap_or_default();
        lines.push(format!("{word} policy {:?}{id}{version}", change.name));
    }
    let version = &applied.policy_set_version;
    let word = if created { "published" } else { "nothing new: it is" };
    lines.push(format!("{word} version {} {} of policy set {}", version.version, version.id, applied.id));
    lines.push(format!("manifest {}", version.manifest_sha));
    if let Some(bound) = &applied.binding {
        lines.push(format!("version {} is {} for {}", bound.version, bound.mode, bound.scope_target_id));
        if waited {
            lines.push(format!("decisions are made at revision {} of the zone, or a later one", bound.revision));
        }
    }
    lines.extend(applied.warnings.iter().map(|warning| format!("warning[{}]: {}", warning.code, warning.message)));
    lines.join("\n")
}
