//! `plan`: what publishing would change.

use std::process::ExitCode;

use cedarkeep_model::BindingMode;
use serde_json::json;

use super::{
    DRIFT,
    args::{PlanFlags, Report},
    changes, check_schema,
    standing::Standing,
};
use crate::{output, repository};

/// What a comment begins with, so that a later plan can take the place of an earlier one.
const MARK: &str = "<!-- cedarkeep plan -->";

pub(super) fn run(flags: &PlanFlags) -> anyhow::Result<ExitCode> {
    let (settings, ready) = match repository::ready(&flags.target.folder)? {
        Ok(ready) => ready,
        Err(invalid) => return Ok(invalid),
    };
    let client = flags.target.client(&settings)?;
    let standing = Standing::ask(&client, &settings)?;
    check_schema(&standing, &settings, &ready)?;
    let mode = flags.slot.mode();
    let steps = standing.steps(&settings, &ready, mode, &client);
    // What the zone could not know yet cannot be asked about.
    if let (Some(set), Some(_), false) = (&standing.set, standing.schema, steps.is_empty()) {
        client.try_apply(set.id, &standing.manifest(&settings, &ready, mode))?;
    }
    let drift = !steps.is_empty();
    match flags.output {
        Report::Text => output::say(&output::plain(&changes::text(&steps, "nothing would change")))?,
        Report::Json => output::say_json(&json!({"drift": drift, "based_on": standing.version, "steps": steps}))?,
        Report::Markdown => {
            let what = match mode {
                Some(BindingMode::Active) => "Publishing and activating",
                Some(BindingMode::Shadow) => "Publishing as shadow",
                None => "Publishing",
            };
            let set = settings.policy_set.as_str().replace('`', "'");
            let heading = format!("{MARK}\n### {what} policy set `{set}`");
            let said = changes::markdown(&heading, &steps, "Nothing would change.");
            output::say(&output::plain(&said))?;
        }
    }
    Ok(if drift { DRIFT.into() } else { ExitCode::SUCCESS })
}
