//! `status`: what of a repository is published, and where it decides.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;

use super::{args::StatusFlags, standing::Standing};
use crate::{args::Form, client::Binding, output, repository};

pub(super) fn run(flags: &StatusFlags) -> anyhow::Result<ExitCode> {
    let (settings, ready) = match repository::ready(&flags.target.folder)? {
        Ok(ready) => ready,
        Err(invalid) => return Ok(invalid),
    };
    let client = flags.target.client(&settings)?;
    let standing = Standing::ask(&client, &settings)?;
    let steps = standing.steps(&settings, &ready, None, &client);
    let Some(set) = &standing.set else {
        bail!("the zone has no policy set {:?} yet: cedarkeep publish makes it", settings.policy_set.as_str());
    };
    if flags.output == Form::Json {
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
