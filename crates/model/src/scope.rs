//! Scopes, modes and owners.

use crate::text::word;

/// The text is none of the words that may stand here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not one of the known words")]
pub struct UnknownWord;

word!(
    /// Which slot of a decision a policy set is made for.
    ScopeType {
        /// Every request in the zone.
        Zone => "zone",
        /// Requests on one resource, by its exact uid.
        Resource => "resource",
        /// Requests of one principal, by its exact uid.
        User => "user",
        /// Requests that carry one session id.
        Session => "session",
    }
);

word!(
    /// The narrower vocabulary of newer clients: what a policy set targets.
    TargetType {
        /// All requests in the zone.
        Zone => "zone",
        /// One user.
        User => "user",
    }
);

impl From<ScopeType> for TargetType {
    /// For `resource` and `session`, which the clients' type does not know, `zone` only fills the field: the scope type
    /// is the truth.
    fn from(scope: ScopeType) -> Self {
        match scope {
            ScopeType::User => Self::User,
            ScopeType::Zone | ScopeType::Resource | ScopeType::Session => Self::Zone,
        }
    }
}

impl From<TargetType> for ScopeType {
    fn from(target: TargetType) -> Self {
        match target {
            TargetType::Zone => Self::Zone,
            TargetType::User => Self::User,
        }
    }
}

word!(
    /// What a binding does with its version.
    BindingMode {
        /// The version decides.
        Active => "active",
        /// The version is evaluated beside the active one and never changes a decision.
        Shadow => "shadow",
    }
);

word!(
    /// Who manages an object.
    OwnerType {
        /// Shipped with the server, read-only over the API.
        Platform => "platform",
        /// Made by the zone's people.
        Customer => "customer",
    }
);
