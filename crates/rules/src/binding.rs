//! Whom a policy speaks of.

use cedarkeep_cedar::{InvalidUid, Uid};
use cedarkeep_model::Timestamp;
use serde_json::{Value, json};

use crate::{
    NAMESPACE,
    error::{InvalidRules, Place},
    fields::Fields,
};

/// The most bindings of a policy. Many people are one group.
pub const MAX_BINDINGS: usize = 1_000;

/// The longest id of an identity.
pub const MAX_IDENTITY_BYTES: usize = 256;

/// Somebody, or everybody in a group, until a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Who.
    pub identity: Identity,
    /// The first moment at which it does not hold any more, a whole second.
    pub expires_at: Option<Timestamp>,
}

/// Who asks, or is bound.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity {
    /// What it is.
    pub kind: IdentityKind,
    /// Its id, as the identity provider has it.
    pub id: String,
}

/// What an identity is. Two of one id and different kinds are different.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IdentityKind {
    /// A person.
    User,
    /// A program.
    ServiceAccount,
    /// Everybody in a group, and in the groups in it.
    Group,
}

impl IdentityKind {
    pub(crate) const ALL: [Self; 3] = [Self::User, Self::ServiceAccount, Self::Group];

    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::ServiceAccount => "service_account",
            Self::Group => "group",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// The entity type.
    pub(crate) fn entity_type(self) -> String {
        let name = match self {
            Self::User => "User",
            Self::ServiceAccount => "ServiceAccount",
            Self::Group => "Group",
        };
        format!("{NAMESPACE}::{name}")
    }
}

impl Identity {
    /// Its Cedar entity.
    ///
    /// # Errors
    /// Never for a kind that the schema declares.
    pub fn uid(&self) -> Result<Uid, InvalidUid> {
        Uid::new(&self.kind.entity_type(), &self.id)
    }

    pub(crate) fn to_cedar(&self) -> Value {
        json!({"type": self.kind.entity_type(), "id": self.id})
    }
}

impl Binding {
    /// Reads `identity_type`, `identity_id` and `expires_at`.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn read(value: &Value) -> Result<Self, InvalidRules> {
        let mut fields = Fields::of(Place::document(), value)?;
        let kind = fields.word("identity_type", "user, service_account, group", IdentityKind::of_word)?;
        let kind =
            kind.ok_or_else(|| fields.at("identity_type").error("is missing: user, service_account or group"))?;
        let id = fields.text("identity_id")?.ok_or_else(|| fields.at("identity_id").error("is missing"))?;
        check_identity_id(&id).map_err(|message| fields.at("identity_id").error(message))?;
        let expires_at = fields.text("expires_at")?.map(|text| text.parse::<Timestamp>()).transpose();
        let expires_at = expires_at.map_err(fields.at("expires_at").refuse())?.map(whole_second);
        fields.done()?;
        Ok(Self { identity: Identity { kind, id }, expires_at })
    }

    /// As it is written in a document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "identity_type": self.identity.kind.as_str(),
            "identity_id": self.identity.id,
            "expires_at": self.expires_at.map(|at| at.to_string()),
        })
    }
}

/// Whether a text can be the id of an identity.
fn check_identity_id(id: &str) -> Result<(), String> {
    if id.is_empty() || id.len() > MAX_IDENTITY_BYTES || id.chars().any(char::is_control) {
        return Err(format!("must be 1 to {MAX_IDENTITY_BYTES} bytes without control characters"));
    }
    Ok(())
}

fn whole_second(at: Timestamp) -> Timestamp {
    Timestamp::from_micros(at.micros() - at.micros().rem_euclid(1_000_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bindings_read_back() {
        let given =
            json!({"identity_type": "group", "identity_id": "ops", "expires_at": "2026-01-31T13:00:00.75+01:00"});
        let binding = Binding::read(&given).unwrap();
        assert_eq!(binding.to_json()["expires_at"], "2026-01-31T12:00:00.000000Z");
        assert_eq!(Binding::read(&binding.to_json()), Ok(binding));
    }

    #[test]
    fn bad_bindings_are_refused() {
        for (given, place) in [
            (json!({"identity_id": "a"}), "identity_type"),
            (json!({"identity_type": "robot", "identity_id": "a"}), "identity_type"),
            (json!({"identity_type": "user"}), "identity_id"),
            (json!({"identity_type": "user", "identity_id": ""}), "identity_id"),
            (json!({"identity_type": "user", "identity_id": "a\u{0}b"}), "identity_id"),
            (json!({"identity_type": "user", "identity_id": "a".repeat(257)}), "identity_id"),
            (json!({"identity_type": "user", "identity_id": "a", "expires_at": "tomorrow"}), "expires_at"),
            (json!({"identity_type": "user", "identity_id": "a", "until": 1}), "the document"),
            (json!([]), "the document"),
        ] {
            assert_eq!(Binding::read(&given).unwrap_err().place, place, "{given}");
        }
    }
}
