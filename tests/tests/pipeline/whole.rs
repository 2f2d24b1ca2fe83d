//! A pipeline from nothing to a rollback, and the same again.

use std::fs;

use cedarkeep_tests::server::{FIXTURE_TOKEN, cedarkeep, run};
use serde_json::json;

use crate::support::{Ground, json};

#[test]
fn a_pipeline_goes_from_nothing_to_a_rollback_and_the_same_again_changes_nothing() {
    let ground = Ground::new();
    let pipeline = ground.pipeline("whole");
    let code = |arguments: &[&str]| {
        let said = pipeline.runs(arguments);
        assert!(!said.out.contains('\u{1b}') && !said.err.contains('\u{1b}'), "colours for nobody: {said:?}");
        said.code.unwrap()
    };
    for verb in ["check", "test"] {
        assert_eq!(code(&[verb]), 0, "{verb}");
    }
    assert_eq!(code(&["fmt", "--check"]), 0);
    assert_eq!(code(&["plan", "--activate"]), 2);
    let (ended, first) = pipeline.says(&["publish", "--activate", "--wait"]);
    assert_eq!((ended, &first["binding"]["mode"]), (Some(0), &"active".into()), "{first}");

    // All of it again.
    let before = pipeline.trace();
    for verbs in [&["check"][..], &["test"], &["test", "--against-zone"], &["plan", "--activate"], &["status"]] {
        assert_eq!(code(verbs), 0, "{verbs:?}");
    }
    let (ended, again) = pipeline.says(&["publish", "--activate", "--wait"]);
    assert_eq!((ended, &again["created"]), (Some(0), &false.into()), "{again}");
    let (ended, nothing) = pipeline.says(&["promote"]);
    assert_eq!((ended, &nothing["changed"]), (Some(0), &false.into()), "{nothing}");
    assert_eq!(pipeline.trace(), before, "nothing was recorded and nothing decides anew");

    // A change, observed first.
    pipeline.replace("policies/readers.cedar", "resource.readers.contains(principal)", "context.mfa");
    fs::rename(pipeline.file("policies/owners.cedar"), pipeline.file("policies/holders.cedar")).unwrap();
    assert_eq!(code(&["test"]), 4, "a stranger with a second factor reads");
    let plan = pipeline.runs(&["plan", "--shadow", "--output", "markdown"]);
    assert_eq!(plan.code, Some(2));
    assert!(
        plan.out.starts_with("<!-- cedarkeep plan -->\n### Publishing as shadow policy set `documents`\n"),
        "{plan:?}"
    );
    for line in ["- **add** ` policy \"holders\" `", "+when { context.mfa };", "- **bind** ` shadow for the zone `"] {
        assert!(plan.out.lines().any(|said| said == line), "{line}: {}", plan.out);
    }
    let (ended, second) = pipeline.says(&["publish", "--shadow", "--wait"]);
    assert_eq!((ended, &second["binding"]["mode"]), (Some(0), &"shadow".into()), "{second}");
    let (ended, promoted) = pipeline.says(&["promote"]);
    assert_eq!((ended, &promoted["changed"], &promoted["binding"]["version"]), (Some(0), &true.into(), &2.into()));
    assert_eq!(pipeline.get("/policy-bindings")["items"].as_array().unwrap().len(), 1, "the shadow is gone");
    assert!(pipeline.runs(&["promote"]).out.starts_with("nothing to promote: version 2 "));

    let (ended, diff) = pipeline.says(&["diff", "1", "2"]);
    let steps = diff["steps"].as_array().unwrap().iter();
    let steps: Vec<_> = steps.map(|step| (step["action"].as_str().unwrap(), step["what"].as_str().unwrap())).collect();
    let expected = [("add", "policy \"holders\""), ("remove", "policy \"owners\""), ("change", "policy \"readers\"")];
    assert_eq!((ended, steps.as_slice()), (Some(0), &expected[..]));
    let diff = pipeline.runs(&["diff", "2", "1"]);
    assert!(diff.code == Some(0) && diff.out.contains("    -when { context.mfa };\n"), "{diff:?}");
    assert!(pipeline.runs(&["diff", "1", "2", "--output", "markdown"]).out.contains("version 1 to version 2\n"));
    assert_eq!(pipeline.runs(&["diff", "2", "2"]).out, "nothing differs\n");

    // What is wrong with the repository stops no rollback.
    fs::write(pipeline.file("policies/broken.cedar"), "permit (").unwrap();
    let (ended, back) = pipeline.says(&["rollback"]);
    assert_eq!((ended, &back["changed"], &back["binding"]["version"]), (Some(0), &true.into(), &1.into()), "{back}");
    let (ended, there) = pipeline.says(&["rollback", "--to", "2"]);
    assert_eq!((ended, &there["binding"]["version"]), (Some(0), &2.into()), "{there}");
    let before = pipeline.trace();
    let (ended, there) = pipeline.says(&["rollback", "--to", "2"]);
    assert_eq!((ended, &there["changed"]), (Some(0), &false.into()), "{there}");
    assert_eq!(pipeline.trace(), before);
    fs::remove_file(pipeline.file("policies/broken.cedar")).unwrap();
    let status = pipeline.runs(&["status"]);
    assert!(status.out.contains("version 2 is active for "), "{status:?}");
    assert!(status.out.ends_with("the repository is the newest version\n"), "{status:?}");
}

#[test]
fn a_rollback_finds_what_stood_before_even_when_the_slot_was_emptied() {
    let ground = Ground::new();
    let pipeline = ground.pipeline("emptied");
    assert_eq!(pipeline.runs(&["publish", "--activate"]).code, Some(0));
    let nothing = pipeline.runs(&["rollback"]);
    assert!(
        nothing.code == Some(1) && nothing.err.contains("no other version was ever active for the zone"),
        "{nothing:?}"
    );
    let id = pipeline.get("/policy-bindings")["items"][0]["id"].as_str().unwrap().to_owned();
    let url = format!("{}/zones/{}/policy-bindings/{id}", pipeline.url, pipeline.zone);
    let emptied = ureq::delete(url).header("authorization", format!("Bearer {FIXTURE_TOKEN}")).call().unwrap();
    assert_eq!(emptied.status().as_u16(), 200);
    let against = pipeline.runs(&["test", "--against-zone"]);
    assert!(against.code == Some(1) && against.err.contains("no version decides for the zone yet"), "{against:?}");
    let (ended, back) = pipeline.says(&["rollback"]);
    assert_eq!((ended, &back["binding"]["version"]), (Some(0), &1.into()), "{back}");
}

#[test]
fn tests_are_put_to_what_decides_in_the_slot() {
    let ground = Ground::new();
    let pipeline = ground.pipeline("against");
    pipeline.replace("cedarkeep.toml", "scope = \"zone\"", "scope = \"user\"\nscope_target = 'User::\"alice\"'");
    assert_eq!(pipeline.runs(&["publish", "--activate"]).code, Some(0));
    let (ended, run) = pipeline.says(&["test", "--against-zone"]);
    assert_eq!((ended, &run["passed"], &run["failed"]), (Some(0), &6.into(), &0.into()), "{run}");
    assert_eq!(run["results"][0]["reason"], json!(["owners/policy0"]), "{run}");
    let offline = pipeline.says(&["test"]);
    assert_eq!(offline, (Some(0), run), "the same offline");

    // What stands in the folder counts only offline.
    fs::remove_file(pipeline.file("policies/readers.cedar")).unwrap();
    assert_eq!(pipeline.runs(&["test"]).code, Some(4));
    assert_eq!(pipeline.runs(&["test", "--against-zone"]).code, Some(0));
    pipeline.replace("tests/documents.json", "\"reason\": [\"readers\"]", "\"reason\": [\"owners\"]");
    let failed = pipeline.runs(&["test", "--against-zone"]);
    assert_eq!(failed.code, Some(4), "{failed:?}");
    assert!(failed.out.contains("expected \"owners\" to determine it, but readers/policy0 did"), "{failed:?}");
    let junit = pipeline.runs(&["test", "--against-zone", "--output", "junit"]);
    assert!(junit.code == Some(4) && junit.out.contains("tests=\"6\" failures=\"1\""), "{junit:?}");
    // What cannot be asked fails alone.
    pipeline.replace("tests/documents.json", "User::\\\"carol\\\"", "Alien::\\\"carol\\\"");
    let failed = pipeline.says(&["test", "--against-zone"]);
    assert_eq!((failed.0, &failed.1["failed"]), (Some(4), &2.into()), "{}", failed.1);
}

#[test]
fn zones_and_man_pages_are_listed_and_written() {
    let ground = Ground::new();
    let ids: Vec<_> = (0..3).map(|n| ground.zone(&format!("Zone {n}"))).collect();
    let mut command = cedarkeep(["zones", "--server", &ground.server().url]);
    let said = run(command.env("CEDARKEEP_TOKEN", FIXTURE_TOKEN));
    assert!(said.code == Some(0) && ids.iter().all(|id| said.out.contains(id)), "{said:?}");
    let mut command = cedarkeep(["zones", "--server", &ground.server().url, "--output", "json"]);
    let said = json(&run(command.env("CEDARKEEP_TOKEN", FIXTURE_TOKEN)).out);
    assert_eq!(said["zones"].as_array().unwrap().len(), 3, "{said}");

    let folder = ground.folder.path().join("man");
    assert_eq!(run(cedarkeep(["man"]).arg(&folder)).code, Some(0));
    for page in ["cedarkeep.1", "cedarkeep-publish.1", "cedarkeep-admin-token-reset.1"] {
        assert!(fs::read_to_string(folder.join(page)).unwrap().contains(".SH SYNOPSIS"), "{page}");
    }
}
