//! Beginning a repository.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    path::Path,
};

use cedarkeep_model::{Name, ZoneId};

use crate::{
    layout::{ENTITIES, POLICIES, SCHEMA, TESTS},
    settings::SETTINGS,
};

/// Path and content of what a repository begins with, but its settings.
const FILES: [(&str, &str); 5] = [
    ("policies/owners.cedar", include_str!("template/owners.cedar")),
    ("policies/readers.cedar", include_str!("template/readers.cedar")),
    (SCHEMA, include_str!("template/schema.cedarschema")),
    (ENTITIES, include_str!("template/entities.json")),
    ("tests/documents.json", include_str!("template/documents.json")),
];

/// Writes a small repository that checks and whose tests pass; the paths of its files. The folder is made when missing.
///
/// # Errors
/// A file of a repository that is there already (`AlreadyExists`; nothing is written then), and what the file system says.
pub fn init(
    folder: &Path,
    policy_set: &Name,
    server: Option<&str>,
    zone: Option<ZoneId>,
) -> io::Result<Vec<&'static str>> {
    for path in [SETTINGS, POLICIES, SCHEMA, ENTITIES, TESTS] {
        if fs::symlink_metadata(folder.join(path)).is_ok() {
            let message =
                format!("{} is there already; nothing was written: choose another folder", folder.join(path).display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
    }
    for path in [POLICIES, TESTS] {
        fs::create_dir_all(folder.join(path))?;
    }
    let mut paths = Vec::new();
    for (path, content) in FILES {
        write(folder, path, content)?;
        paths.push(path);
    }
    // Last: a folder with these settings is a whole repository.
    write(folder, SETTINGS, &settings(policy_set, server, zone))?;
    paths.push(SETTINGS);
    Ok(paths)
}

fn write(folder: &Path, path: &str, content: &str) -> io::Result<()> {
    OpenOptions::new().write(true).create_new(true).open(folder.join(path))?.write_all(content.as_bytes())
}

fn settings(policy_set: &Name, server: Option<&str>, zone: Option<ZoneId>) -> String {
    let key = |key: &str, value: Option<String>, example: &str| match value {
        Some(value) => format!("{key} = {}\n", toml::Value::String(value)),
        None => format!("# {key} = \"{example}\"\n"),
    };
    format!(
        "# A policy repository. `cedarkeep check`, `fmt` and `test` need no server.\n\n\
         # Where it is published to.\n{}{}\n\
         # The policy set that it is, and the slot that the set is for: zone, resource, user or session.\n{}scope = \"zone\"\n\n\
         # What the zone calls schema.cedarschema. A schema version never changes: name a new one when the file does.\n\
         schema_version = \"1\"\n",
        key("server", server.map(str::to_owned), "http://127.0.0.1:8180"),
        key("zone", zone.map(|zone| zone.to_string()), "the id of the zone"),
        key("policy_set", Some(policy_set.to_string()), ""),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Repository,
        testing::{on_pool, pool, run_tests},
    };

    #[test]
    fn what_it_writes_checks_is_formatted_and_passes_its_tests() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("new/one");
        let name = Name::new("the \"best\" set").unwrap();
        let zone = "0198c0de-0000-7000-8000-000000000001".parse().unwrap();
        assert_eq!(init(&at, &name, Some("http://localhost:1"), Some(zone)).unwrap().len(), 6);
        let repository = Repository::read(&at).unwrap();
        assert_eq!((repository.settings.zone, &repository.settings.policy_set), (Some(zone), &name));
        assert_eq!(pool().run_blocking(move || repository.format()).unwrap(), Ok(Vec::new()));
        assert_eq!(on_pool(&at).findings, []);
        let run = run_tests(&at);
        assert!(run.failed == 0 && run.passed >= 5, "{run:?}");
    }

    #[test]
    fn nothing_is_written_beside_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(ENTITIES), "mine").unwrap();
        let error = init(folder.path(), &Name::new("a").unwrap(), None, None).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert!(error.to_string().contains(ENTITIES), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
