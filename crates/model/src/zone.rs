//! Zones and their settings.

use serde::{Deserialize, Serialize};

use crate::{
    AuthzenSettings, DecisionLogMode, Description, Name, OrganizationId, OwnerType, PolicySetId, SchemaVersion, Slug,
    Timestamp, ZoneId, text::word,
};

word!(
    /// Whether publishing validates policies against the schema.
    ValidationMode {
        /// In Cedar's strict mode.
        Strict => "strict",
        /// Not at all; for policies that come from elsewhere and were never typed.
        Off => "off",
    }
);

word!(
    /// How the slots of a decision are put together.
    ScopeCombination {
        /// Every slot that has a binding must allow.
        Intersect => "intersect",
        /// The policies of the zone and resource slots are taken together; user and session slots still narrow.
        Union => "union",
    }
);

word!(
    /// What an erring `forbid` does to its slot.
    ForbidErrorRule {
        /// The slot denies.
        Deny => "deny",
        /// Cedar's own rule: the policy is skipped.
        Cedar => "cedar",
    }
);

word!(
    /// What a caller may say about entities in a decision request.
    RequestEntities {
        /// Only what the zone's entity store does not hold.
        Extend => "extend",
        /// Anything; the caller's word stands in for the store's.
        Replace => "replace",
        /// Nothing.
        Refuse => "refuse",
    }
);

/// The settings of a zone. The defaults are the safe choices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, with its own name on the wire")]
pub struct ZoneSettings {
    /// While on, the zone cannot be deleted.
    pub deletion_protection: bool,
    /// Whether publishing validates.
    pub validation_mode: ValidationMode,
    /// How slots are put together.
    pub scope_combination: ScopeCombination,
    /// Whether a request without a bound session is denied.
    pub session_required: bool,
    /// What an erring `forbid` does.
    pub on_forbid_error: ForbidErrorRule,
    /// Whether decision requests are checked against the schema of the bound version.
    pub validate_requests: bool,
    /// What callers may say about entities.
    pub request_entities: RequestEntities,
    /// The policy set that a user's bundle is seeded from.
    pub user_default_policy_set_id: Option<PolicySetId>,
    /// Of a hundred shadow divergences, how many are kept with their request, 0 to 100; all are counted.
    #[serde(default = "all_of_them")]
    pub divergence_sample_percent: u8,
    /// Which decisions are logged.
    #[serde(default = "none_of_them")]
    pub decision_log: DecisionLogMode,
    /// Of a hundred decisions, how many are logged when a sample is, 1 to 100.
    #[serde(default = "one_of_them")]
    pub decision_log_sample_percent: u8,
    /// For how many days a logged decision is kept, 1 to 3650.
    #[serde(default = "a_month")]
    pub decision_log_retention_days: u16,
    /// How requests of the `OpenID` Authorization API are read.
    #[serde(default)]
    pub authzen: AuthzenSettings,
    /// Whether what is made active must come from somebody else than who makes it active.
    #[serde(default)]
    pub two_person_activation: bool,
}

const fn all_of_them() -> u8 {
    100
}

const fn none_of_them() -> DecisionLogMode {
    DecisionLogMode::Off
}

const fn one_of_them() -> u8 {
    1
}

const fn a_month() -> u16 {
    30
}

impl Default for ZoneSettings {
    fn default() -> Self {
        Self {
            deletion_protection: false,
            validation_mode: ValidationMode::Strict,
            scope_combination: ScopeCombination::Intersect,
            session_required: false,
            on_forbid_error: ForbidErrorRule::Deny,
            validate_requests: true,
            request_entities: RequestEntities::Extend,
            user_default_policy_set_id: None,
            divergence_sample_percent: all_of_them(),
            decision_log: none_of_them(),
            decision_log_sample_percent: one_of_them(),
            decision_log_retention_days: a_month(),
            authzen: AuthzenSettings::default(),
            two_person_activation: false,
        }
    }
}

/// A zone: the tenant that holds policies, policy sets, keys, bindings and events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// Its id.
    pub id: ZoneId,
    /// The organization that owns it.
    pub organization_id: OrganizationId,
    /// URL-safe name, unique in the organization.
    pub slug: Slug,
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// Who manages it.
    pub owner_type: OwnerType,
    /// Its settings.
    pub settings: ZoneSettings,
    /// The schema version that clients preselect; it has no effect on decisions of bound versions.
    pub default_schema_version: SchemaVersion,
    /// Counts the changes of this object, from 1.
    pub object_revision: u64,
    /// Counts what changes what decides (bindings, settings, entities), from 1; never goes back.
    pub revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Zone {
    /// The entity tag; it covers `revision` because the answer shows it.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}-{}\"", self.object_revision, self.revision)
    }
}
