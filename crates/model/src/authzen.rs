//! How a zone reads requests of the `OpenID` Authorization API (`AuthZEN`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What the words of such requests mean in a zone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuthzenSettings {
    /// From the types of subjects and resources to Cedar entity types; any other type is the entity type itself.
    pub types: BTreeMap<String, String>,
    /// The member of the context that carries the session.
    pub session_from: Option<String>,
    /// Whether requests and their entities must fit the schema.
    pub validate: bool,
}

impl AuthzenSettings {
    /// The entity type that this type stands for.
    #[must_use]
    pub fn entity_type<'a>(&'a self, type_name: &'a str) -> &'a str {
        self.types.get(type_name).map_or(type_name, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_that_is_not_mapped_is_itself() {
        let settings: AuthzenSettings = serde_json::from_str(r#"{"types": {"user": "App::User"}}"#).unwrap();
        assert_eq!(
            ["user", "App::User", "doc"].map(|name| settings.entity_type(name)),
            ["App::User", "App::User", "doc"]
        );
        assert_eq!((settings.session_from, settings.validate), (None, false));
    }
}
