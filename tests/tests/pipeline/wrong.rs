//! Whatever is wrong is said once, clearly, with what to do and the right exit code, and changes nothing.

use std::{fs, os::unix::fs::symlink};

use cedarkeep_tests::server::{FIXTURE_TOKEN, Said, cedarkeep, run};

use crate::support::{Ground, Pipeline};

/// The verbs that go to a server.
const VERBS: [&[&str]; 7] = [
    &["plan"],
    &["publish"],
    &["status"],
    &["promote"],
    &["rollback"],
    &["diff", "1", "2"],
    &["test", "--against-zone"],
];

/// It fails with one message, which has these words.
fn one_message(said: &Said, words: &[&str]) {
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.err.starts_with("cedarkeep: ") && said.err.trim_end().lines().count() == 1, "{said:?}");
    assert!(words.iter().all(|word| said.err.contains(word)), "{words:?}: {said:?}");
}

/// It is invalid, which is shown, and said at the end.
fn invalid(pipeline: &Pipeline, words: &[&str]) {
    for verb in ["plan", "publish", "status", "test"] {
        let said = pipeline.runs(&[verb]);
        assert_eq!((said.code, said.out.as_str()), (Some(3), ""), "{verb}: {said:?}");
        assert!(words.iter().all(|word| said.err.contains(word)), "{words:?}: {said:?}");
        assert!(said.err.ends_with("cedarkeep: the repository has errors, so nothing was done\n"), "{said:?}");
    }
}

#[test]
fn a_server_that_is_not_there_or_does_not_know_who_asks() {
    let ground = Ground::new();
    let pipeline = ground.pipeline("wrong");
    let zone = "0198c0de-0000-7000-8000-000000000001";
    for verb in VERBS {
        let with = |more: &[&str]| pipeline.runs(&[verb, more].concat());
        one_message(&with(&["--server", "http://127.0.0.1:1"]), &["127.0.0.1:1", "is the server running there"]);
        one_message(&with(&["--server", "cedarkeep.example.com"]), &["a URL such as https://"]);
        let elsewhere = with(&["--zone", zone]);
        one_message(&elsewhere, &["has no zone", zone, "cedarkeep zones", "CEDARKEEP_ZONE or --zone"]);
        let stranger = run(pipeline.command(verb).env("CEDARKEEP_TOKEN", "0123456789abcdef0123456789abcdef"));
        one_message(&stranger, &["401", "does not know the token"]);
        assert!(!stranger.err.contains("0123456789abcdef"), "{stranger:?}");
        let nobody = run(pipeline.command(verb).env_remove("CEDARKEEP_TOKEN"));
        one_message(&nobody, &["401", "CEDARKEEP_TOKEN or --token-file", "cedarkeep login"]);
        one_message(&with(&["--token-file", "/nowhere/token"]), &["the token file /nowhere/token"]);
    }
    one_message(&run(&mut cedarkeep(["zones"])), &["which server?", "CEDARKEEP_SERVER"]);
    let mut nowhere = cedarkeep(["zones", "--server", "http://127.0.0.1:1"]);
    one_message(&run(nowhere.env("CEDARKEEP_TOKEN", FIXTURE_TOKEN)), &["is the server running there"]);
    let usage = pipeline.runs(&["publish", "--actvate"]);
    assert!(usage.code == Some(1) && usage.err.contains("--activate"), "{usage:?}");
}

#[test]
fn a_repository_that_cannot_be_published() {
    let ground = Ground::new();
    let pipeline = ground.pipeline("invalid");
    assert_eq!(pipeline.runs(&["publish", "--activate"]).code, Some(0));
    let before = pipeline.trace();
    let policy = pipeline.file("policies/a.cedar");

    fs::write(&policy, "permit (principal, action,\n  resource) when { principal.age > 3 };\n").unwrap();
    let caret = " 2 |   resource) when { principal.age > 3 };\n   |                    ^\n";
    invalid(&pipeline, &["policies/a.cedar:2:20", caret, "attribute `age`"]);
    fs::write(&policy, "permit (").unwrap();
    invalid(&pipeline, &["error[syntax]", "policies/a.cedar:1:"]);
    fs::write(&policy, "@name(\"owners\")\npermit (principal, action, resource) when { context.mfa };\n").unwrap();
    invalid(&pipeline, &["a.cedar is named \"owners\" too", "rename one of the files, or change its @name"]);
    fs::remove_file(&policy).unwrap();

    fs::write(&policy, b"// \xff").unwrap();
    invalid(&pipeline, &["policies/a.cedar", "save the file as UTF-8"]);
    fs::remove_file(&policy).unwrap();
    symlink("nowhere", &policy).unwrap();
    for verb in ["check", "plan", "publish", "test"] {
        one_message(&pipeline.runs(&[verb]), &["a.cedar cannot be read", "or remove it"]);
    }
    fs::remove_file(&policy).unwrap();

    // A schema in which what is published no longer holds, as another version and as the same.
    let schema = fs::read_to_string(pipeline.file("schema.cedarschema")).unwrap();
    pipeline.replace("schema.cedarschema", "\"readers\"", "\"audience\"");
    pipeline.replace("cedarkeep.toml", "schema_version = \"1\"", "schema_version = \"2\"");
    invalid(&pipeline, &["error[validation]", "policies/readers.cedar:8:", "`readers`"]);
    fs::write(pipeline.file("schema.cedarschema"), format!("{schema}\nentity Robot;\n")).unwrap();
    pipeline.replace("cedarkeep.toml", "schema_version = \"2\"", "schema_version = \"1\"");
    for verb in ["plan", "publish"] {
        one_message(
            &pipeline.runs(&[verb]),
            &["has another schema as schema version 1", "a schema_version of its own"],
        );
    }
    fs::write(pipeline.file("schema.cedarschema"), schema).unwrap();

    pipeline.replace("cedarkeep.toml", "scope = \"zone\"", "scope = \"user\"\nscope_target = 'User::\"alice\"'");
    for verb in ["plan", "publish", "status", "promote", "rollback"] {
        one_message(&pipeline.runs(&[verb]), &["has the scope zone, cedarkeep.toml says user"]);
    }
    pipeline.replace("cedarkeep.toml", "policy_set =", "policyset =");
    for verb in ["plan", "promote", "rollback"] {
        let said = pipeline.runs(&[verb]);
        assert!(said.code == Some(3) && said.err.contains("cedarkeep.toml:"), "{said:?}");
    }
    assert_eq!(pipeline.trace(), before, "nothing was changed by any of it");
}

#[test]
fn a_version_that_is_not_there() {
    let ground = Ground::new();
    let pipeline = ground.pipeline("versions");
    for verb in [&["promote"][..], &["rollback"], &["diff", "1", "2"], &["status"]] {
        one_message(&pipeline.runs(verb), &["has no policy set \"documents\" yet", "cedarkeep publish makes it"]);
    }
    one_message(&pipeline.runs(&["test", "--against-zone"]), &["no version decides for the zone yet"]);
    assert_eq!(pipeline.runs(&["publish"]).code, Some(0));
    let before = pipeline.trace();
    one_message(&pipeline.runs(&["promote"]), &["is shadow for the zone", "cedarkeep publish --shadow"]);
    one_message(&pipeline.runs(&["rollback"]), &["nothing to roll back to", "--to"]);
    one_message(&pipeline.runs(&["rollback", "--to", "9"]), &["has no version 9"]);
    one_message(&pipeline.runs(&["diff", "1", "9"]), &["has no version 9"]);

    // The slot is another repository's.
    let other = ground.repository("other", &pipeline.zone);
    other.replace("cedarkeep.toml", "\"documents\"", "\"others\"");
    assert_eq!(other.runs(&["publish", "--shadow"]).code, Some(0));
    one_message(&pipeline.runs(&["promote"]), &["not of \"documents\"", "left as it is"]);
    assert_eq!(other.runs(&["publish", "--activate"]).code, Some(0));
    one_message(&pipeline.runs(&["rollback"]), &["say which version with --to"]);
    assert_ne!(pipeline.trace(), before, "the other has published");
}
