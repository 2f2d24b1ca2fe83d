//! `cedarkeep.toml`: where a repository is published to.

use std::path::Path;

use cedarkeep_cedar::position;
use cedarkeep_model::{Name, SchemaVersion, ScopeType, ZoneId};
use serde::Deserialize;

use crate::{
    finding::{Finding, Rule},
    layout::{ReadError, Repository, Source},
};

/// The file that makes a folder a policy repository.
pub const SETTINGS: &str = "cedarkeep.toml";

/// What `cedarkeep.toml` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The URL of the server.
    pub server: Option<String>,
    /// The zone.
    pub zone: Option<ZoneId>,
    /// The name of the policy set.
    pub policy_set: Name,
    /// The scope of the policy set.
    #[serde(default = "zone")]
    pub scope: ScopeType,
    /// Whose slot the set is for, in every scope but that of the zone.
    pub scope_target: Option<String>,
    /// The schema version that the policies are published against.
    pub schema_version: SchemaVersion,
}

fn zone() -> ScopeType {
    ScopeType::Zone
}

impl Settings {
    /// Those of a folder, for whoever needs nothing else of its repository.
    ///
    /// # Errors
    /// What is missing, unreadable, or wrong with them.
    pub fn of(folder: &Path) -> Result<Self, ReadError> {
        Repository::read_settings(folder)
    }

    /// Reads the file.
    pub(crate) fn read(source: &Source) -> Result<Self, Finding> {
        let settings: Self = toml::from_str(&source.text).map_err(|error| {
            let finding = Finding::error(Rule::Settings, &source.path, error.message());
            let Some(span) = error.span() else { return finding };
            let (line, column) = position(&source.text, span.start);
            finding.at(&source.text, line, column)
        })?;
        settings.check().map(|()| settings.clone()).map_err(|why| Finding::error(Rule::Settings, &source.path, why))
    }

    fn check(&self) -> Result<(), &'static str> {
        match (self.scope, &self.scope_target) {
            (ScopeType::Zone, Some(_)) => {
                return Err("scope_target is for the scopes resource, user and session; remove it");
            }
            (ScopeType::Zone, None) | (_, Some(_)) => {}
            (_, None) => {
                return Err("this scope needs scope_target: an entity uid such as User::\"alice\", or a session id");
            }
        }
        match &self.server {
            Some(url) if !url.starts_with("http://") && !url.starts_with("https://") => {
                Err("server is a URL such as https://cedarkeep.example.com")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Settings, Finding> {
        Settings::read(&Source { path: SETTINGS.into(), text: text.into() })
    }

    const LEAST: &str = "policy_set = \"documents\"\nschema_version = \"1\"\n";

    #[test]
    fn a_policy_set_and_a_schema_version_are_enough() {
        let settings = read(LEAST).unwrap();
        assert_eq!((settings.policy_set.as_str(), settings.scope), ("documents", ScopeType::Zone));
        let whole = format!(
            "{LEAST}server = \"https://a.example\"\nzone = \"0198c0de-0000-7000-8000-000000000001\"\nscope = \"user\"\n\
             scope_target = 'User::\"alice\"'"
        );
        assert_eq!(read(&whole).unwrap().scope_target.as_deref(), Some("User::\"alice\""));
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        for (text, line, word) in [
            (format!("{LEAST}policyset = \"a\""), Some(3), "unknown field `policyset`, expected one of"),
            (format!("{LEAST}zone = \"mine\""), Some(3), "UUID"),
            (format!("{LEAST}scope = \"team\""), Some(3), "unknown variant `team`, expected one of `zone`"),
            ("policy_set = [".to_owned(), Some(1), "array"),
            ("policy_set = \" \"\nschema_version = \"1\"".to_owned(), Some(1), "must not be empty"),
            ("policy_set = \"a\"".to_owned(), Some(1), "missing field `schema_version`"),
            (format!("{LEAST}scope = \"user\""), None, "needs scope_target"),
            (format!("{LEAST}scope_target = \"a\""), None, "remove it"),
            (format!("{LEAST}server = \"localhost\""), None, "is a URL"),
        ] {
            let finding = read(&text).unwrap_err();
            assert_eq!(finding.line, line, "{text}: {finding:?}");
            assert!(finding.message.contains(word), "{text}: {}", finding.message);
        }
    }
}
