//! `promote` and `rollback`: which published version decides. Neither looks at the repository's policies, so that what is
//! wrong with them stops no rollback.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use cedarkeep_model::{BindingMode, PolicySetVersionId};
use cedarkeep_repo::Settings;
use serde_json::json;

use super::{
    args::{PromoteFlags, RollbackFlags},
    settings,
    slot::{self, Slot},
};
use crate::{
    args::Form,
    client::{Binding, Client, PolicySet},
    output,
};

/// Makes the shadow of the repository's slot decide.
pub(super) fn promote(flags: &PromoteFlags) -> anyhow::Result<ExitCode> {
    let settings = match settings(&flags.target.folder)? {
        Ok(settings) => settings,
        Err(invalid) => return Ok(invalid),
    };
    let client = flags.target.client(&settings)?;
    let (set, slot) = (slot::set(&client, &settings)?, Slot::of(&settings, &client));
    let standing = slot.ask(&client)?;
    let ours = |binding: &Binding| binding.policy_set_id == set.id;
    let (changed, binding) = match (standing.shadow, standing.active) {
        (Some(shadow), _) if ours(&shadow) => (true, client.promote(&shadow)?),
        (Some(shadow), _) => bail!(
            "the shadow for {slot} is version {} of the policy set {}, not of {:?}: it was left as it is",
            shadow.version,
            shadow.policy_set_id,
            set.name
        ),
        (None, Some(active)) if ours(&active) => (false, active),
        (None, _) => {
            bail!("no version of policy set {:?} is shadow for {slot}: cedarkeep publish --shadow makes one", set.name)
        }
    };
    let word = if changed { "promoted:" } else { "nothing to promote:" };
    report(flags.output, changed, &binding, word, &slot)
}

/// Makes a version decide that did before, or one that is named.
pub(super) fn rollback(flags: &RollbackFlags) -> anyhow::Result<ExitCode> {
    let settings = match settings(&flags.target.folder)? {
        Ok(settings) => settings,
        Err(invalid) => return Ok(invalid),
    };
    let client = flags.target.client(&settings)?;
    let (set, slot) = (slot::set(&client, &settings)?, Slot::of(&settings, &client));
    let active = slot.ask(&client)?.active;
    let version = match flags.to {
        Some(number) => numbered(&client, &set, number)?,
        None => former(&client, &settings, &set, &slot, active.as_ref())?,
    };
    let changed = active.as_ref().map(|active| active.policy_set_version_id) != Some(version);
    let binding = match active {
        Some(active) if !changed => active,
        _ => client.bind(version, BindingMode::Active, &slot.target)?,
    };
    let word = if changed { "rolled back:" } else { "nothing to roll back:" };
    report(flags.output, changed, &binding, word, &slot)
}

fn numbered(client: &Client, set: &PolicySet, number: u64) -> anyhow::Result<PolicySetVersionId> {
    let version = client.version_numbered(set.id, number)?;
    let version = version.with_context(|| format!("policy set {:?} has no version {number}", set.name))?;
    Ok(version.id)
}

/// The version of this set that was active before the one that is.
fn former(
    client: &Client,
    settings: &Settings,
    set: &PolicySet,
    slot: &Slot,
    active: Option<&Binding>,
) -> anyhow::Result<PolicySetVersionId> {
    let others = |set_id: &str| {
        format!(
            "for {slot} policy set {set_id} is or was active, not {:?}: say which version with --to",
            settings.policy_set.as_str()
        )
    };
    if let Some(active) = active
        && active.policy_set_id != set.id
    {
        bail!(others(&active.policy_set_id.to_string()));
    }
    let former = slot.before(client, active.map(|active| active.policy_set_version_id))?;
    let former = former.with_context(|| {
        format!("no other version was ever active for {slot}, so there is nothing to roll back to: name one with --to")
    })?;
    if former.set != set.id.to_string() {
        bail!("{} (event {})", others(&former.set), former.seq);
    }
    Ok(former.version)
}

fn report(form: Form, changed: bool, binding: &Binding, word: &str, slot: &Slot) -> anyhow::Result<ExitCode> {
    match form {
        Form::Text => output::say(&output::plain(&format!(
            "{word} version {} {} is {} for {slot}",
            binding.version, binding.policy_set_version_id, binding.mode
        )))?,
        Form::Json => output::say_json(&json!({"changed": changed, "binding": binding}))?,
    }
    Ok(ExitCode::SUCCESS)
}
