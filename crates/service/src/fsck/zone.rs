//! The zone itself, and what is archived in it: what the events say, and whether that is what is stored.

use std::collections::HashSet;

use cedarkeep_model::{
    Event, EventKind, PolicyId, PolicySetId, PolicySetVersionId, PolicyVersionId, Zone, ZoneSettings,
};
use serde::Deserialize;

use super::Report;

/// What the events say.
#[derive(Debug, Default)]
pub(super) struct Itself {
    described: Option<Described>,
    default_schema_version: Option<String>,
    deleted: bool,
    /// Archived policies, policy versions, sets and set versions.
    pub(super) policies: HashSet<PolicyId>,
    pub(super) policy_versions: HashSet<PolicyVersionId>,
    pub(super) sets: HashSet<PolicySetId>,
    pub(super) set_versions: HashSet<PolicySetVersionId>,
}

/// The members that may change.
#[derive(Debug, PartialEq, Eq, Deserialize)]
struct Described {
    name: String,
    slug: String,
    description: Option<String>,
    settings: ZoneSettings,
}

#[derive(Deserialize)]
struct Created {
    default_schema_version: String,
    #[serde(flatten)]
    described: Described,
}

#[derive(Deserialize)]
struct Updated<T> {
    to: T,
}

#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "they are the members of the events")]
struct ArchivedEvent {
    policy_id: Option<PolicyId>,
    policy_version_id: Option<PolicyVersionId>,
    policy_set_id: Option<PolicySetId>,
    policy_set_version_id: Option<PolicySetVersionId>,
}

impl Itself {
    /// Follows one event about the zone or about something that was archived.
    pub(super) fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event.kind {
            EventKind::ZoneCreated => {
                let Created { default_schema_version, described } = event.read_body()?;
                (self.default_schema_version, self.described) = (Some(default_schema_version), Some(described));
            }
            EventKind::ZoneDeleted => self.deleted = true,
            EventKind::ZoneUpdated => self.described = Some(event.read_body::<Updated<Described>>()?.to),
            EventKind::SchemaDefaultChanged => {
                self.default_schema_version = Some(event.read_body::<Updated<String>>()?.to);
            }
            EventKind::PolicyArchived
            | EventKind::PolicyVersionArchived
            | EventKind::PolicySetArchived
            | EventKind::SetVersionArchived => {
                let archived: ArchivedEvent = event.read_body()?;
                match event.kind {
                    EventKind::PolicyArchived => self.policies.extend(archived.policy_id),
                    EventKind::PolicyVersionArchived => self.policy_versions.extend(archived.policy_version_id),
                    EventKind::PolicySetArchived => self.sets.extend(archived.policy_set_id),
                    _ => self.set_versions.extend(archived.policy_set_version_id),
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Compares what the events say with what is stored.
pub(super) fn compare(zone: &Zone, said: &Itself, report: &mut Report) {
    let stored = Described {
        name: zone.name.to_string(),
        slug: zone.slug.to_string(),
        description: zone.description.as_ref().map(ToString::to_string),
        settings: zone.settings.clone(),
    };
    if said.deleted {
        report.problem(zone.id, "its events say that it was deleted");
    }
    let default = said.default_schema_version.as_deref();
    if said.described.as_ref() != Some(&stored) || default != Some(zone.default_schema_version.as_str()) {
        report.problem(
            zone.id,
            "name, slug, description, settings or default schema are not those that the events lead to",
        );
    }
}
