//! `export` and `verify`.

use std::{
    fs,
    path::{Path, PathBuf},
};

use cedarkeep_tests::server::{Said, cedarkeep, run};
use tempfile::TempDir;

use crate::{Example, json};

/// A folder with an export of the example's version, whose server has stopped.
struct Exported {
    folder: TempDir,
    kid: String,
}

impl Exported {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let example = Example::start(&folder.path().join("data"));
        let said =
            run(export(example.version_url(), &folder.path().join("evidence")).env("CEDARKEEP_TOKEN", &example.token));
        assert_eq!(said.code, Some(0), "{said:?}");
        let kid = example.kid().to_owned();
        assert_eq!(example.server.stop().0.code(), Some(0));
        Self { folder, kid }
    }

    fn evidence(&self) -> PathBuf {
        self.folder.path().join("evidence")
    }

    fn verify(&self, arguments: &[&str]) -> Said {
        run(cedarkeep(["verify"]).arg(self.evidence()).args(arguments))
    }
}

fn export(url: &str, folder: &Path) -> std::process::Command {
    let mut command = cedarkeep(["export", url]);
    command.arg(folder);
    command
}

#[test]
fn an_export_verifies_offline_with_a_key_that_is_trusted() {
    let exported = Exported::new();
    let verified = exported.verify(&["--trust-kid", &exported.kid]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    for step in ["form", "keys", "signatures", "authentication", "manifest", "schema", "policies", "parsing"] {
        assert!(verified.out.contains(&format!("ok       {step}: ")), "{step}: {}", verified.out);
    }
    let jwks = exported.folder.path().join("noted-elsewhere.json");
    fs::copy(exported.evidence().join("jwks.json"), &jwks).unwrap();
    assert_eq!(exported.verify(&["--jwks", jwks.to_str().unwrap()]).code, Some(0));

    let report = json(&exported.verify(&["--trust-kid", &exported.kid, "--output", "json"]).out);
    assert_eq!((&report["ok"], &report["authenticated"]), (&true.into(), &true.into()), "{report}");
}

#[test]
fn without_trust_nothing_is_authenticated() {
    let exported = Exported::new();
    let untrusted = exported.verify(&[]);
    assert_eq!(untrusted.code, Some(1));
    assert!(untrusted.out.ends_with("self-consistent, not authenticated\n"), "{}", untrusted.out);
    let other = exported.verify(&["--trust-kid", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"]);
    assert!(other.code == Some(1) && other.out.contains("FAILED   authentication"), "{}", other.out);
    let hyphen = exported.verify(&["--trust-kid", "-zbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"]);
    assert!(hyphen.code == Some(1) && hyphen.out.contains("FAILED   authentication"), "{hyphen:?}");
    let report = json(&exported.verify(&["--output", "json"]).out);
    assert_eq!(report["ok"], false, "{report}");
}

#[test]
fn a_changed_file_is_found() {
    let exported = Exported::new();
    let policies = exported.evidence().join("policies");
    let mut texts: Vec<_> = fs::read_dir(policies).unwrap().map(|entry| entry.unwrap().path()).collect();
    texts.retain(|path| path.extension().is_some_and(|extension| extension == "cedar"));
    assert_eq!(texts.len(), 6);
    for path in [&texts[0], &exported.evidence().join("version.json")] {
        let before = fs::read_to_string(path).unwrap();
        fs::write(path, before.replacen('e', "3", 1)).unwrap();
        let verified = exported.verify(&["--trust-kid", &exported.kid]);
        assert!(verified.code == Some(1) && verified.out.contains("FAILED"), "{}", verified.out);
        fs::write(path, before).unwrap();
    }
    // A name in a hostile export does not steer the terminal.
    fs::write(exported.evidence().join("\u{1b}[2J"), "").unwrap();
    let foreign = exported.verify(&["--trust-kid", &exported.kid]);
    assert!(foreign.code == Some(1) && !foreign.out.contains('\u{1b}'), "{}", foreign.out);
}

#[test]
fn an_export_never_writes_over_what_is_not_one() {
    let folder = tempfile::tempdir().unwrap();
    let example = Example::start(&folder.path().join("data"));
    let evidence = folder.path().join("evidence");
    let token = folder.path().join("token");
    fs::write(&token, format!("{}\n", example.token)).unwrap();
    let export = || {
        let mut command = export(example.version_url(), &evidence);
        command.arg("--token-file").arg(&token);
        command
    };
    assert_eq!(run(&mut export()).code, Some(0));
    let again = run(&mut export());
    assert!(again.code == Some(1) && again.err.contains("--force"), "{}", again.err);
    fs::remove_file(evidence.join("version.json")).unwrap();
    assert_eq!(run(export().arg("--force")).code, Some(0));
    assert!(evidence.join("version.json").exists());

    fs::write(evidence.join("notes.txt"), "mine").unwrap();
    let foreign = run(export().arg("--force"));
    assert!(foreign.code == Some(1) && foreign.err.contains("notes.txt"), "{}", foreign.err);
    assert!(evidence.join("version.json").exists() && evidence.join("notes.txt").exists());
}

#[test]
fn what_cannot_be_fetched_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let example = Example::start(folder.path());
    let anonymous = run(&mut cedarkeep(["verify", example.version_url()]));
    assert_eq!((anonymous.code, anonymous.out.as_str()), (Some(1), ""));
    assert!(anonymous.err.contains("401") && anonymous.err.contains("CEDARKEEP_TOKEN"), "{}", anonymous.err);

    let wrong = "0123456789abcdef0123456789abcdef";
    let refused = run(cedarkeep(["verify", example.version_url()]).env("CEDARKEEP_TOKEN", wrong));
    assert!(refused.code == Some(1) && refused.err.contains("unauthenticated"), "{}", refused.err);
    assert!(!refused.err.contains(wrong));

    let (zone_url, _) = example.version_url().split_once("/policy-sets/").unwrap();
    for other in [format!("{zone_url}/policy-sets"), format!("{}-", example.version_url())] {
        let refused = run(&mut cedarkeep(["verify", &other]));
        assert!(refused.code == Some(1) && refused.err.contains("/versions/{version_id}"), "{}", refused.err);
    }
    assert_eq!(run(&mut cedarkeep(["verify", "no such folder"])).code, Some(1));

    // The key set that the auditor names is fetched without the token.
    let jwks = format!("{zone_url}/.well-known/jwks.json");
    let verified =
        run(cedarkeep(["verify", example.version_url(), "--jwks", &jwks]).env("CEDARKEEP_TOKEN", &example.token));
    assert_eq!(verified.code, Some(0), "{verified:?}");
}
