//! The verbs that bring a policy repository to a server.

mod args;
mod standing;

use std::{fmt::Write as _, process::ExitCode};

use anyhow::{Context as _, anyhow, bail};
use cedarkeep_model::BindingMode;
use cedarkeep_repo::{Ready, Settings};
use serde_json::json;

pub(crate) use self::args::PublishCommand;
use self::{
    args::{PublishFlags, StatusFlags, Target},
    standing::{Action, Standing, Step},
};
use crate::{
    args::Form,
    client::{Applied, Binding, Client},
    fetch::Refused,
    log, output, repository,
};

/// The exit code for a zone that is not as the repository says.
const DRIFT: u8 = 2;

/// How often publishing begins again when somebody else publishes at the same time.
const TRIES: usize = 5;

/// Does what the verb says.
pub(crate) fn run(command: PublishCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    match command {
        PublishCommand::Plan(flags) => plan(&flags),
        PublishCommand::Publish(flags) => publish(&flags),
        PublishCommand::Status(flags) => status(&flags),
    }
}

fn client(target: &Target, settings: &Settings) -> anyhow::Result<Client> {
    let server = target.server.as_ref().or(settings.server.as_ref());
    let server = server.context("which server? say it in cedarkeep.toml (server = \"https://…\"), or with --server")?;
    let zone = target.zone.or(settings.zone);
    let zone = zone.context("which zone? say it in cedarkeep.toml (zone = \"its id\"), or with --zone")?;
    Client::new(server, zone, &target.credential)
}

fn plan(flags: &PublishFlags) -> anyhow::Result<ExitCode> {
    let (settings, ready) = match repository::ready(&flags.target.folder)? {
        Ok(ready) => ready,
        Err(invalid) => return Ok(invalid),
    };
    let client = client(&flags.target, &settings)?;
    let standing = Standing::ask(&client, &settings)?;
    check_schema(&standing, &settings, &ready)?;
    let mode = flags.mode();
    let steps = standing.steps(&settings, &ready, mode, &client);
    // What the zone could not know yet cannot be asked about.
    if let (Some(set), Some(_), false) = (&standing.set, standing.schema, steps.is_empty()) {
        client.try_apply(set.id, &standing.manifest(&settings, &ready, mode))?;
    }
    let drift = !steps.is_empty();
    match flags.target.output {
        Form::Text => output::say(&output::plain(&describe(&steps)))?,
        Form::Json => output::say_json(&json!({"drift": drift, "based_on": standing.version, "steps": steps}))?,
    }
    Ok(if drift { DRIFT.into() } else { ExitCode::SUCCESS })
}

fn publish(flags: &PublishFlags) -> anyhow::Result<ExitCode> {
    let (settings, ready) = match repository::ready(&flags.target.folder)? {
        Ok(ready) => ready,
        Err(invalid) => return Ok(invalid),
    };
    let client = client(&flags.target, &settings)?;
    let (created, applied) = publish_to(&client, &settings, &ready, flags.mode())?;
    let version = &applied.policy_set_version;
    match flags.target.output {
        Form::Text => output::say(&output::plain(&report(created, &applied)))?,
        Form::Json => output::say_json(&json!({
            "created": created, "policy_set_id": applied.id, "policy_set_version": version,
            "binding": applied.binding, "changes": applied.changes, "warnings": applied.warnings,
        }))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Publishes, beginning again when the zone changed in between: what another has made meanwhile is used.
fn publish_to(
    client: &Client,
    settings: &Settings,
    ready: &Ready,
    mode: Option<BindingMode>,
) -> anyhow::Result<(bool, Applied)> {
    let mut tries = 1;
    loop {
        match publish_once(client, settings, ready, mode) {
            Err(error) if tries < TRIES && was_overtaken(&error) => tries += 1,
            done => return done,
        }
    }
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

/// Whether this says that somebody else has just made what was to be made.
fn was_overtaken(error: &anyhow::Error) -> bool {
    let code = error.downcast_ref::<Refused>().and_then(Refused::code);
    code.is_some_and(|code| {
        ["policy_name_conflict", "policy_set_name_conflict", "schema_version_conflict"].contains(&code)
    })
}

/// A schema version never changes, so the zone's must be the repository's.
fn check_schema(standing: &Standing, settings: &Settings, ready: &Ready) -> anyhow::Result<()> {
    match standing.schema {
        Some(sha) if sha != ready.schema.schema_sha => Err(anyhow!(
            "the zone has another schema as schema version {}, and a schema version never changes: give the schema of this \
             repository a schema_version of its own in cedarkeep.toml",
            settings.schema_version
        )),
        _ => Ok(()),
    }
}

fn status(flags: &StatusFlags) -> anyhow::Result<ExitCode> {
    let (settings, ready) = match repository::ready(&flags.target.folder)? {
        Ok(ready) => ready,
        Err(invalid) => return Ok(invalid),
    };
    let client = client(&flags.target, &settings)?;
    let standing = Standing::ask(&client, &settings)?;
    let steps = standing.steps(&settings, &ready, None, &client);
    let Some(set) = &standing.set else {
        bail!("the zone has no policy set {:?} yet: cedarkeep publish makes it", settings.policy_set.as_str());
    };
    if flags.target.output == Form::Json {
        output::say_json(&json!({
            "policy_set_id": set.id, "policy_set_version": standing.version, "bindings": standing.bindings,
            "drift": !steps.is_empty(),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut lines = vec![format!("policy set {:?} {}", set.name, set.id)];
    lines.push(standing.version.as_ref().map_or_else(
        || "no version yet".to_owned(),
        |version| format!("newest version {} {}, manifest {}", version.version, version.id, version.manifest_sha),
    ));
    let bound = |bound: &Binding| format!("version {} is {} for {}", bound.version, bound.mode, bound.scope_target_id);
    lines.extend(standing.bindings.iter().map(bound));
    if standing.bindings.is_empty() {
        lines.push("no version decides or is observed anywhere".to_owned());
    }
    lines.push(match steps.len() {
        0 => "the repository is the newest version".to_owned(),
        changes => format!("the repository differs from it in {changes} places: cedarkeep plan shows them"),
    });
    output::say(&output::plain(&lines.join("\n")))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(steps: &[Step]) -> String {
    if steps.is_empty() {
        return "nothing would change".to_owned();
    }
    let mut text = String::new();
    for step in steps {
        let mark = match step.action {
            Action::Add => "+ add",
            Action::Change => "~ change",
            Action::Remove => "- remove",
            Action::Bind => "> bind",
        };
        let _ = writeln!(text, "{mark} {}", step.what);
        for line in step.diff.iter().flat_map(|diff| diff.lines()) {
            let _ = writeln!(text, "    {line}");
        }
    }
    text + &if steps.len() == 1 { "1 change".to_owned() } else { format!("{} changes", steps.len()) }
}

fn report(created: bool, applied: &Applied) -> String {
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
    }
    lines.extend(applied.warnings.iter().map(|warning| format!("warning[{}]: {}", warning.code, warning.message)));
    lines.join("\n")
}
