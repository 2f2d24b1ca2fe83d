//! Typed ids: UUIDs (version 7 when we make them) in lower-case hyphenated form.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Takes over an id that an [`IdSource`](crate::IdSource) made or that the store kept.
            #[must_use]
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Reads the one spelling we write; any other spelling of the same UUID is not an id of ours.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let uuid = Uuid::try_parse(text).map_err(|_| InvalidId)?;
                let id = Self(uuid);
                if id.to_string() == text { Ok(id) } else { Err(InvalidId) }
            }
        }
    };
}

/// The text is not a UUID in lower-case hyphenated form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an id is a UUID in lower-case hyphenated form")]
pub struct InvalidId;

id!(
    /// A zone, the tenant of this server.
    ZoneId
);
id!(
    /// The organization that owns zones.
    OrganizationId
);
id!(
    /// A policy: a name and its versions.
    PolicyId
);
id!(
    /// One immutable version of a policy.
    PolicyVersionId
);
id!(
    /// A policy set: a name, a scope and its versions.
    PolicySetId
);
id!(
    /// One immutable, attested version of a policy set.
    PolicySetVersionId
);
id!(
    /// A pointer from a slot to a policy set version.
    BindingId
);
id!(
    /// One answered decision.
    DecisionId
);
id!(
    /// A token bound to a user.
    UserTokenId
);
id!(
    /// A program that calls.
    ServiceAccountId
);
id!(
    /// What a service account proves itself with.
    CredentialId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_spelling_we_write_is_an_id() {
        let text = "0198c0de-0000-7000-8000-00000000000a";
        assert_eq!(text.parse::<PolicyId>().unwrap().to_string(), text);
        for foreign in [
            "0198C0DE-0000-7000-8000-00000000000A",
            "0198c0de000070008000000000000 00a",
            "0198c0de00007000800000000000000a",
            "{0198c0de-0000-7000-8000-00000000000a}",
            "",
        ] {
            assert_eq!(foreign.parse::<PolicyId>(), Err(InvalidId), "{foreign}");
        }
    }
}
