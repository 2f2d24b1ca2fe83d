//! `init`, `check`, `fmt` and `test`: a policy repository from nothing, with no server.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use cedarkeep_tests::server::{Said, cedarkeep, run};
use tempfile::TempDir;

use crate::json;

/// A begun repository.
struct Begun(TempDir);

impl Begun {
    fn new() -> Self {
        let begun = Self(tempfile::tempdir().unwrap());
        let said = begun.cedarkeep(&["init", "repository"]);
        assert_eq!(said.code, Some(0), "{said:?}");
        begun
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("repository")
    }

    /// Runs a command where the repository's folder stands.
    fn cedarkeep(&self, arguments: &[&str]) -> Said {
        run(cedarkeep(arguments).current_dir(self.0.path()))
    }

    fn write(&self, file: &str, text: &str) {
        fs::write(self.folder().join(file), text).unwrap();
    }

    /// What `check` says on stdout to a repository that it must find invalid.
    fn invalid(&self) -> String {
        let said = self.cedarkeep(&["check", "repository"]);
        assert_eq!((said.code, said.err.as_str()), (Some(3), ""), "{said:?}");
        said.out
    }

    /// What a verb says on stderr that cannot do its work.
    fn fails(&self, arguments: &[&str]) -> String {
        let said = self.cedarkeep(arguments);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
        said.err
    }
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push((path.clone(), fs::read(path).unwrap()));
        }
    }
    files.sort();
    files
}

#[test]
fn a_repository_from_nothing_checks_is_formatted_and_passes_its_tests() {
    let begun = Begun::new();
    let before = files(&begun.folder());
    for _ in 0..2 {
        let checked = begun.cedarkeep(&["check", "repository"]);
        assert_eq!((checked.code, checked.out.as_str()), (Some(0), "checked 2 policies and 6 tests: nothing to say\n"));
        assert_eq!(begun.cedarkeep(&["fmt", "--check", "repository"]).code, Some(0));
        let tested = begun.cedarkeep(&["test", "repository"]);
        assert_eq!(tested.code, Some(0), "{tested:?}");
        assert!(tested.out.ends_with("6 passed, 0 failed\n"), "{}", tested.out);
        assert!(tested.out.contains("ok     tests/documents.json: a stranger does not read"), "{}", tested.out);
    }
    assert_eq!(files(&begun.folder()), before, "none of them changes a file");
    // Without a folder named it is the one that one stands in.
    assert_eq!(run(cedarkeep(["check"]).current_dir(begun.folder())).code, Some(0));
}

#[test]
fn what_is_there_is_never_written_over() {
    let begun = Begun::new();
    let before = files(&begun.folder());
    let said = begun.fails(&["init", "repository"]);
    assert!(said.contains("repository/cedarkeep.toml is there already; nothing was written"), "{said}");
    assert_eq!(files(&begun.folder()), before);
}

#[test]
fn formatting_changes_what_it_names_and_nothing_twice() {
    let begun = Begun::new();
    begun.write("policies/a.cedar", "// why\npermit(principal,action,resource)when{context.mfa};");
    let found = begun.cedarkeep(&["fmt", "--check", "repository"]);
    assert_eq!(found.code, Some(1));
    assert!(found.out.contains("not formatted: repository/policies/a.cedar\n1 of 3 policies"), "{found:?}");
    assert!(found.err.contains("cedarkeep fmt repository"), "{found:?}");
    let formatted = begun.cedarkeep(&["fmt", "repository"]);
    assert_eq!((formatted.code, formatted.out.lines().count()), (Some(0), 2), "{formatted:?}");
    let text = fs::read_to_string(begun.folder().join("policies/a.cedar")).unwrap();
    assert_eq!(text, "// why\npermit (principal, action, resource)\nwhen { context.mfa };\n");
    assert_eq!(begun.cedarkeep(&["fmt", "--check", "repository"]).code, Some(0));

    begun.write("policies/b.cedar", "permit (");
    let before = files(&begun.folder());
    let refused = begun.cedarkeep(&["fmt", "repository"]);
    assert!(refused.code == Some(3) && refused.err.contains("repository/policies/b.cedar:1:"), "{refused:?}");
    assert_eq!(files(&begun.folder()), before);
}

#[test]
fn an_invalid_policy_is_shown_with_a_caret_under_its_place() {
    let begun = Begun::new();
    begun.write("policies/a.cedar", "permit (principal, action,\n  resource) when { principal.age > 3 };");
    let said = begun.invalid();
    for line in [
        "error[validation]: ",
        "  --> repository/policies/a.cedar:2:20",
        " 2 |   resource) when { principal.age > 3 };",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert!(said.contains("\n   |                    ^\n"), "{said}");
    assert!(said.ends_with("0 warnings\n") && !said.contains('\u{1b}'), "{said}");
    // What is tested must be what can be published.
    let tested = begun.cedarkeep(&["test", "repository"]);
    assert!(tested.code == Some(3) && tested.out.is_empty() && tested.err.contains("a.cedar:2:20"), "{tested:?}");

    begun.write("policies/a.cedar", "permit (principal, action resource);");
    assert!(begun.invalid().contains("error[syntax]: unexpected token `resource`"), "{}", begun.invalid());
}

#[test]
fn wrong_files_are_named_with_what_would_be_right() {
    for (file, text, words) in [
        ("cedarkeep.toml", "policy_set = ", ["error[settings]", "cedarkeep.toml:1:"]),
        (
            "cedarkeep.toml",
            "policy_set = \"a\"\nschema_version = \"1\"\nzones = []",
            ["unknown field `zones`, expected one of", "cedarkeep.toml:3:1"],
        ),
        (
            "policies/twice.cedar",
            "@name(\"owners\") permit (principal, action, resource) when { context.mfa };",
            ["owners.cedar is named \"owners\" too", "twice.cedar"],
        ),
        ("policies/b.ceder", "", ["policies/ holds files named *.cedar", "b.ceder"]),
        ("schema.cedarschema", "entity", ["error[schema]", "schema.cedarschema:1:"]),
        ("entities.json", "[,]", ["error[entities]", "entities.json:1:2"]),
        ("tests/a.json", "[{\"requests\": 1}]", ["unknown field `requests`", "tests/a.json:1:"]),
    ] {
        let begun = Begun::new();
        begun.write(file, text);
        let said = begun.invalid();
        assert!(words.iter().all(|word| said.contains(word)), "{file}: {said}");
    }
}

#[test]
fn what_cannot_be_read_is_said_once() {
    let begun = Begun::new();
    for verb in ["check", "fmt", "test"] {
        let said = begun.fails(&[verb, "nowhere"]);
        assert_eq!(
            said,
            "cedarkeep: there is no folder nowhere; `cedarkeep init nowhere` makes a policy repository there\n"
        );
        assert!(begun.fails(&[verb, "repository/tests"]).contains("it has no cedarkeep.toml"));
    }
    symlink("nowhere", begun.folder().join("policies/link.cedar")).unwrap();
    let said = begun.fails(&["check", "repository"]);
    assert!(
        said.starts_with("cedarkeep: repository/policies/link.cedar cannot be read: ") && said.lines().count() == 1,
        "{said}"
    );
}

#[test]
fn a_test_that_fails_says_what_came_instead() {
    let begun = Begun::new();
    let file = begun.folder().join("tests/documents.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\"decision\": \"allow\"", "\"decision\": \"deny\"", 1)).unwrap();
    let said = begun.cedarkeep(&["test", "repository"]);
    assert_eq!(said.code, Some(4), "{said:?}");
    assert!(said.out.starts_with("FAILED tests/documents.json: an owner writes with a second factor\n"), "{said:?}");
    assert!(said.out.contains("expected deny, got allow, determined by owners/policy0"), "{said:?}");
    assert!(said.out.ends_with("5 passed, 1 failed\n"), "{said:?}");

    let report = begun.cedarkeep(&["test", "repository", "--output", "json"]);
    let report = json(&report.out);
    assert_eq!((&report["passed"], &report["failed"]), (&5.into(), &1.into()), "{report}");
    assert_eq!(report["results"][0]["decision"], "allow");
    let junit = begun.cedarkeep(&["test", "repository", "--output", "junit"]);
    assert_eq!(junit.code, Some(4));
    assert!(
        junit.out.contains("<testsuite name=\"tests/documents.json\" tests=\"6\" failures=\"1\">"),
        "{}",
        junit.out
    );
}

#[test]
fn findings_come_as_json_and_as_sarif() {
    let begun = Begun::new();
    begun.write("policies/a b.cedar", "permit (principal is User, action, resource is User);");
    let warned = begun.cedarkeep(&["check", "repository", "--output", "json"]);
    assert_eq!(warned.code, Some(0), "{warned:?}");
    let report = json(&warned.out);
    assert_eq!((&report["valid"], &report["findings"][0]["rule"]), (&true.into(), &"suspicious".into()), "{report}");

    begun.write("policies/c.cedar", "permit");
    let log = json(&begun.cedarkeep(&["check", "repository", "--output", "sarif"]).out);
    let results = log["runs"][0]["results"].as_array().unwrap();
    assert_eq!(log["version"], "2.1.0");
    let found: Vec<_> = results
        .iter()
        .map(|result| {
            let location = &result["locations"][0]["physicalLocation"];
            let uri = location["artifactLocation"]["uri"].as_str().unwrap();
            (result["level"].as_str().unwrap(), uri, location["region"]["startLine"].as_u64())
        })
        .collect();
    assert!(found.contains(&("warning", "repository/policies/a%20b.cedar", Some(1))), "{found:?}");
    assert!(found.contains(&("error", "repository/policies/c.cedar", Some(1))), "{found:?}");
}
