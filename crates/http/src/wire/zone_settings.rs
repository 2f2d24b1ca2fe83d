//! The settings of a zone: as a part of its answer, and as members of the bodies that create and change it.

use cedarkeep_model as model;
use serde::Serialize;
use utoipa::ToSchema;

use crate::wire::{AuthzenSettings, kinds};

/// The settings of a zone.
#[derive(Debug, Serialize, ToSchema)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own, with its own name on the wire")]
pub(crate) struct ZoneSettings {
    /// While on, the zone cannot be deleted.
    deletion_protection: bool,
    /// Whether publishing validates policies.
    #[schema(value_type = kinds::ValidationMode)]
    validation_mode: model::ValidationMode,
    /// How the slots of a decision are put together.
    #[schema(value_type = kinds::ScopeCombination)]
    scope_combination: model::ScopeCombination,
    /// Whether a request without a bound session is denied.
    session_required: bool,
    /// What an erring `forbid` does to its slot.
    #[schema(value_type = kinds::ForbidErrorRule)]
    on_forbid_error: model::ForbidErrorRule,
    /// Whether decision requests are checked against the schema.
    validate_requests: bool,
    /// What decision requests may say about entities.
    #[schema(value_type = kinds::RequestEntities)]
    request_entities: model::RequestEntities,
    /// The policy set that a user's bundle is seeded from.
    #[schema(value_type = Option<kinds::Id>, required)]
    user_default_policy_set_id: Option<model::PolicySetId>,
    /// Of a hundred shadow divergences, how many are kept with their request; all are counted.
    #[schema(minimum = 0, maximum = 100)]
    divergence_sample_percent: u8,
    /// Which decisions are logged.
    #[schema(value_type = kinds::DecisionLogMode)]
    decision_log: model::DecisionLogMode,
    /// Of a hundred decisions, how many are logged when `decision_log` is `sampled`.
    #[schema(minimum = 1, maximum = 100)]
    decision_log_sample_percent: u8,
    /// For how many days a logged decision is kept.
    #[schema(minimum = 1, maximum = 3650)]
    decision_log_retention_days: u16,
    /// How `AuthZEN` requests are read.
    authzen: AuthzenSettings,
    /// Whether what is made active must come from somebody else than who makes it active.
    two_person_activation: bool,
}

impl From<model::ZoneSettings> for ZoneSettings {
    fn from(settings: model::ZoneSettings) -> Self {
        Self {
            deletion_protection: settings.deletion_protection,
            validation_mode: settings.validation_mode,
            scope_combination: settings.scope_combination,
            session_required: settings.session_required,
            on_forbid_error: settings.on_forbid_error,
            validate_requests: settings.validate_requests,
            request_entities: settings.request_entities,
            user_default_policy_set_id: settings.user_default_policy_set_id,
            divergence_sample_percent: settings.divergence_sample_percent,
            decision_log: settings.decision_log,
            decision_log_sample_percent: settings.decision_log_sample_percent,
            decision_log_retention_days: settings.decision_log_retention_days,
            authzen: settings.authzen.into(),
            two_person_activation: settings.two_person_activation,
        }
    }
}

/// Declares a request body whose members are its own and those of [`SettingsPatch`](cedarkeep_service::SettingsPatch):
/// serde can refuse unknown members only where all known ones stand in one struct.
macro_rules! body_with_settings {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty),+ $(,)? }) => {
        #[derive(Debug, serde::Deserialize, utoipa::ToSchema)]
        #[serde(deny_unknown_fields)]
        $(#[$meta])*
        pub(crate) struct $name {
            $($(#[$field_meta])* pub(crate) $field: $type,)+
            /// While on, the zone cannot be deleted.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(nullable = false)]
            deletion_protection: Option<bool>,
            /// Whether publishing validates policies.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(value_type = kinds::ValidationMode, required = false)]
            validation_mode: Option<cedarkeep_model::ValidationMode>,
            /// How the slots of a decision are put together.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(value_type = kinds::ScopeCombination, required = false)]
            scope_combination: Option<cedarkeep_model::ScopeCombination>,
            /// Whether a request without a bound session is denied.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(nullable = false)]
            session_required: Option<bool>,
            /// What an erring `forbid` does to its slot.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(value_type = kinds::ForbidErrorRule, required = false)]
            on_forbid_error: Option<cedarkeep_model::ForbidErrorRule>,
            /// Whether decision requests are checked against the schema.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(nullable = false)]
            validate_requests: Option<bool>,
            /// What decision requests may say about entities.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(value_type = kinds::RequestEntities, required = false)]
            request_entities: Option<cedarkeep_model::RequestEntities>,
            /// The policy set that a user's bundle is seeded from; null for none.
            #[serde(default, deserialize_with = "crate::wire::nullable")]
            #[schema(value_type = Option<kinds::Id>)]
            user_default_policy_set_id: Option<Option<cedarkeep_model::PolicySetId>>,
            /// Of a hundred shadow divergences, how many are kept with their request, 0 to 100; all are counted.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(nullable = false, minimum = 0, maximum = 100)]
            divergence_sample_percent: Option<u8>,
            /// Which decisions are logged.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(value_type = kinds::DecisionLogMode, required = false)]
            decision_log: Option<cedarkeep_model::DecisionLogMode>,
            /// Of a hundred decisions, how many are logged when `decision_log` is `sampled`, 1 to 100.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(nullable = false, minimum = 1, maximum = 100)]
            decision_log_sample_percent: Option<u8>,
            /// For how many days a logged decision is kept, 1 to 3650.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(nullable = false, minimum = 1, maximum = 3650)]
            decision_log_retention_days: Option<u16>,
            /// How `AuthZEN` requests are read; replaced whole.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(value_type = crate::wire::AuthzenSettings, required = false)]
            authzen: Option<crate::wire::AuthzenSettings>,
            /// Whether what is made active must come from somebody else than who makes it active. Only an owner ends it.
            #[serde(default, deserialize_with = "crate::wire::present")]
            #[schema(nullable = false)]
            two_person_activation: Option<bool>,
        }

        impl $name {
            fn settings(&self) -> cedarkeep_service::SettingsPatch {
                cedarkeep_service::SettingsPatch {
                    deletion_protection: self.deletion_protection,
                    validation_mode: self.validation_mode,
                    scope_combination: self.scope_combination,
                    session_required: self.session_required,
                    on_forbid_error: self.on_forbid_error,
                    validate_requests: self.validate_requests,
                    request_entities: self.request_entities,
                    user_default_policy_set_id: self.user_default_policy_set_id,
                    divergence_sample_percent: self.divergence_sample_percent,
                    decision_log: self.decision_log,
                    decision_log_sample_percent: self.decision_log_sample_percent,
                    decision_log_retention_days: self.decision_log_retention_days,
                    authzen: self.authzen.clone().map(Into::into),
                    two_person_activation: self.two_person_activation,
                }
            }
        }
    };
}

pub(super) use body_with_settings;
