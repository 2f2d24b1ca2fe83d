//! `diff`: what differs between two versions of a set.

use std::{
    collections::{BTreeMap, HashMap},
    process::ExitCode,
};

use anyhow::Context as _;
use cedarkeep_model::PolicyId;
use serde_json::json;

use super::{
    args::{DiffFlags, Report},
    changes::{self, Action, Step},
    settings, slot,
};
use crate::{
    client::{Client, PinnedPolicy, PolicySet, SetVersion},
    output,
};

/// What either version pins of a policy.
type Pair<'a> = (Option<&'a PinnedPolicy>, Option<&'a PinnedPolicy>);

/// A version and what it pins.
struct Side {
    version: SetVersion,
    pinned: Vec<PinnedPolicy>,
}

impl Side {
    fn ask(client: &Client, set: &PolicySet, number: u64) -> anyhow::Result<Self> {
        let version = client.version_numbered(set.id, number)?;
        let version = version.with_context(|| format!("policy set {:?} has no version {number}", set.name))?;
        let pinned = client.pinned(set.id, version.id)?;
        Ok(Self { version, pinned })
    }
}

pub(super) fn run(flags: &DiffFlags) -> anyhow::Result<ExitCode> {
    let settings = match settings(&flags.target.folder)? {
        Ok(settings) => settings,
        Err(invalid) => return Ok(invalid),
    };
    let client = flags.target.client(&settings)?;
    let set = slot::set(&client, &settings)?;
    let (a, b) = (Side::ask(&client, &set, flags.a)?, Side::ask(&client, &set, flags.b)?);
    let names = client.policies(true)?.into_iter().map(|policy| (policy.id, policy.name)).collect();
    let steps = differences(&a, &b, &names);
    let (from, to) = (&a.version, &b.version);
    match flags.output {
        Report::Text => output::say(&output::plain(&changes::text(&steps, "nothing differs")))?,
        Report::Json => output::say_json(&json!({"from": from, "to": to, "steps": steps}))?,
        Report::Markdown => {
            let set = set.name.replace('`', "'");
            let heading = format!("### Policy set `{set}`: version {} to version {}", from.version, to.version);
            output::say(&output::plain(&changes::markdown(&heading, &steps, "Nothing differs.")))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn differences(a: &Side, b: &Side, names: &HashMap<PolicyId, String>) -> Vec<Step> {
    let mut steps = Vec::new();
    if a.version.schema_version != b.version.schema_version {
        let what =
            format!("schema version {} to schema version {}", a.version.schema_version, b.version.schema_version);
        steps.push(Step::plain(Action::Change, what));
    }
    let mut pairs: BTreeMap<(String, PolicyId), Pair<'_>> = BTreeMap::new();
    let key = |policy: &PinnedPolicy| {
        let name = names.get(&policy.policy_id).cloned();
        (name.unwrap_or_else(|| policy.policy_id.to_string()), policy.policy_id)
    };
    for policy in &a.pinned {
        pairs.entry(key(policy)).or_default().0 = Some(policy);
    }
    for policy in &b.pinned {
        pairs.entry(key(policy)).or_default().1 = Some(policy);
    }
    for ((name, _), (before, after)) in pairs {
        let text =
            |policy: Option<&PinnedPolicy>| policy.and_then(|policy| policy.cedar_raw.clone()).unwrap_or_default();
        let action = match (before, after) {
            (Some(before), Some(after)) if before.id == after.id => continue,
            (None, _) => Action::Add,
            (_, None) => Action::Remove,
            (Some(_), Some(_)) => Action::Change,
        };
        let step = Step::of_policy(action, &name, &text(before), &text(after));
        steps.push(match (before, after) {
            // The same text, published anew for another schema version.
            (Some(before), Some(after)) if step.diff.as_deref() == Some("") => Step {
                what: format!("{} from its version {} to {}", step.what, before.version, after.version),
                diff: None,
                ..step
            },
            _ => step,
        });
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(schema: &str, pinned: &[(u32, u64, &str)]) -> Side {
        let id = |group: u32, number: u64| format!("0198c0de-{group:04}-7000-8000-{number:012}");
        let version = json!({"id": id(9, 1), "version": 1, "schema_version": schema, "manifest_sha": "0".repeat(64)});
        let pinned = pinned.iter().map(|(policy, version, text)| {
            json!({"id": id(*policy, *version), "policy_id": id(*policy, 0), "version": version, "cedar_raw": text})
        });
        Side {
            version: serde_json::from_value(version).unwrap(),
            pinned: pinned.map(|policy| serde_json::from_value(policy).unwrap()).collect(),
        }
    }

    #[test]
    fn what_is_added_removed_and_changed_is_told_in_the_order_of_names() {
        let a = side("1", &[(1, 1, "a\n"), (2, 1, "b\n"), (3, 1, "c\n"), (4, 1, "d\n")]);
        let b = side("2", &[(1, 1, "a\n"), (2, 2, "B\n"), (4, 2, "d\n"), (5, 1, "e\n")]);
        let names = [&a, &b].into_iter().flat_map(|side| &side.pinned);
        let names =
            names.map(|policy| (policy.policy_id, format!("p{}", &policy.policy_id.to_string()[12..13]))).collect();
        let said: Vec<_> = differences(&a, &b, &names).into_iter().map(|step| (step.action, step.what)).collect();
        let expected = [
            (Action::Change, "schema version 1 to schema version 2"),
            (Action::Change, "policy \"p2\""),
            (Action::Remove, "policy \"p3\""),
            (Action::Change, "policy \"p4\" from its version 1 to 2"),
            (Action::Add, "policy \"p5\""),
        ];
        assert_eq!(said, expected.map(|(action, what)| (action, what.to_owned())));
        assert_eq!(differences(&a, &a, &names), []);
    }
}
