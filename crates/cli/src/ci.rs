//! Holds `ci/` to what the binary takes: every file is YAML, and every command line in it is one of ours.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use clap::Parser as _;
use saphyr::{LoadableYamlNode as _, Yaml};

use crate::args::Cli;

/// What the variables of the templates may stand for.
const VARIABLES: [(&str, &str); 2] = [("FOLDER", "policies"), ("MODE", "activate")];

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The YAML files, by their paths.
fn files(folder: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "yml" || ending == "yaml") {
            found.insert(path.clone(), fs::read_to_string(path).unwrap());
        }
    }
}

fn all() -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    files(&top().join("ci"), &mut found);
    let hooks = top().join(".pre-commit-hooks.yaml");
    found.insert(hooks.clone(), fs::read_to_string(hooks).unwrap());
    found
}

/// The text of every scalar that a shell runs: those of `run`, `entry` and `script`.
fn scripts(yaml: &Yaml<'_>, runs: bool, found: &mut Vec<String>) {
    if let (true, Some(text)) = (runs, yaml.as_str()) {
        found.push(text.to_owned());
    }
    for item in yaml.as_vec().into_iter().flatten() {
        scripts(item, runs, found);
    }
    for (key, value) in yaml.as_mapping().into_iter().flatten() {
        let runs = key.as_str().is_some_and(|key| ["run", "entry", "script"].contains(&key));
        scripts(value, runs, found);
    }
}

/// The words of our command in a line of shell, up to where its output goes; none when the line is not ours.
fn words(line: &str) -> Option<Vec<String>> {
    let line = line.trim();
    if !line.starts_with("cedarkeep ") {
        return None;
    }
    let command = line.split([';', '|', '&', '>']).next().unwrap();
    Some(command.split_whitespace().map(word).collect())
}

/// A word without its quotes, its variable replaced.
fn word(word: &str) -> String {
    let mut word = word.replace('"', "");
    for (name, value) in VARIABLES {
        word = word.replace(&format!("${name}"), value);
    }
    assert!(!word.contains(['$', '\'', '`', '\\']), "{word}: a test cannot know what this stands for");
    word
}

#[test]
fn every_command_line_is_one_that_the_binary_takes() {
    let mut verbs: BTreeMap<String, usize> = BTreeMap::new();
    for (path, text) in all() {
        let documents = Yaml::load_from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(documents.len(), 1, "{}", path.display());
        let mut found = Vec::new();
        scripts(&documents[0], false, &mut found);
        for words in found.iter().flat_map(|script| script.lines()).filter_map(words) {
            Cli::try_parse_from(&words).unwrap_or_else(|error| panic!("{}: {words:?}: {error}", path.display()));
            *verbs.entry(words[1].clone()).or_default() += 1;
        }
    }
    // Each template checks, formats, tests, plans and publishes; the hooks and the example's check and format.
    let expected = [("check", 4), ("fmt", 4), ("plan", 2), ("publish", 2), ("test", 2)];
    assert_eq!(verbs, expected.map(|(verb, count)| (verb.to_owned(), count)).into());
}

#[test]
fn what_the_binary_does_not_take_is_seen() {
    assert_eq!(
        words("  cedarkeep plan \"$FOLDER\" --\"$MODE\" > plan.md || true").unwrap(),
        ["cedarkeep", "plan", "policies", "--activate"]
    );
    assert!(words("cat cedarkeep").is_none());
    assert!(Cli::try_parse_from(words("cedarkeep plan --actvate").unwrap()).is_err());
}

#[test]
fn the_example_is_what_init_writes() {
    let (example, begun) = (top().join("ci/example"), top().join("crates/repo/src/template"));
    for (file, of) in [
        ("policies/owners.cedar", "owners.cedar"),
        ("policies/readers.cedar", "readers.cedar"),
        ("schema.cedarschema", "schema.cedarschema"),
        ("entities.json", "entities.json"),
        ("tests/documents.json", "documents.json"),
    ] {
        assert_eq!(
            fs::read_to_string(example.join(file)).unwrap(),
            fs::read_to_string(begun.join(of)).unwrap(),
            "{file}"
        );
    }
    let settings = cedarkeep_repo::Settings::of(&example).unwrap();
    assert!(settings.server.is_none(), "the pipeline names the server");
}
