//! Where a setting comes from.

use std::{fs, path::Path};

use cedarkeep_tests::server::{Server, binary, cedarkeep, refused, run};

/// Starts a server with these settings, and says in which folder it has put its data.
fn used(folder: &Path, file: bool, environment: bool, flag: bool) -> String {
    let mut command = cedarkeep(["serve"]);
    command.current_dir(folder).env("CEDARKEEP_LISTEN", "127.0.0.1:0");
    if file {
        command.args(["--config", "cedarkeep.toml"]);
    }
    if environment {
        command.env("CEDARKEEP_DATA_DIR", "by-environment");
    }
    if flag {
        command.args(["--data-dir", "by-flag"]);
    }
    drop(Server::start(&mut command));
    let made: Vec<_> = ["by-flag", "by-environment", "by-file", "data"]
        .into_iter()
        .filter(|name| folder.join(name).join("cedarkeep.db").exists())
        .collect();
    made.join(", ")
}

#[test]
fn a_flag_counts_before_the_environment_before_the_file_before_the_default() {
    for (file, environment, flag, expected) in [
        (false, false, false, "data"),
        (true, false, false, "by-file"),
        (true, true, false, "by-environment"),
        (true, true, true, "by-flag"),
        (false, true, true, "by-flag"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("cedarkeep.toml"), "data-dir = \"by-file\"\ncompiled-mib = 64\n").unwrap();
        assert_eq!(used(folder.path(), file, environment, flag), expected);
    }
}

#[test]
fn every_setting_of_the_file_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = r#"
        listen = "127.0.0.1:0"
        base-url = "https://policies.example.com"
        metrics-listen = "127.0.0.1:0"
        with-example = true
        log = "warn"
        log-format = "json"
        cedar-threads = 1
        compiled-mib = 64
        max-connections = 100
        request-seconds = 30
        max-store-age-seconds = 600
        drain-seconds = 5
        data-dir = "data"
        database-url = "sqlite:other.db"
        master-key-file = "key"
    "#;
    fs::write(folder.path().join("cedarkeep.toml"), text).unwrap();
    fs::write(folder.path().join("key"), "ab".repeat(32)).unwrap();
    let server = Server::start(cedarkeep(["serve", "--config", "cedarkeep.toml"]).current_dir(folder.path()));
    assert!(crate::next_command(&server).contains("https://policies.example.com/zones/"));
    assert!(folder.path().join("other.db").exists() && !folder.path().join("data/cedarkeep.db").exists());
    assert!(!folder.path().join("master.key").exists());
    let (status, said) = server.stop();
    assert_eq!(status.code(), Some(0));
    assert!(!said.contains("\"INFO\""), "{said}");
}

#[test]
fn what_a_file_says_wrongly_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cedarkeep.toml");
    for (text, named) in [
        ("lisen = \"127.0.0.1:0\"", "lisen"),
        ("admin-token = \"0123456789\"", "admin-token"),
        ("config = \"other.toml\"", "config"),
        ("listen = 8180", "listen"),
        ("base-url = \"policies.example.com\"", "base-url"),
        ("cedar-threads = 0", "cedar-threads"),
        ("request-seconds = 0", "request-seconds"),
        ("max-store-age-seconds = -1", "max-store-age-seconds"),
        ("log-format = \"xml\"", "log-format"),
        ("listen = ", "cedarkeep.toml"),
    ] {
        fs::write(&file, text).unwrap();
        let said = refused(cedarkeep(["serve", "--config"]).arg(&file).current_dir(folder.path()));
        assert!(said.contains(named), "{text}: {said}");
    }
    fs::remove_file(&file).unwrap();
    assert!(refused(cedarkeep(["serve", "--config"]).arg(&file)).contains("cedarkeep.toml"));
    assert!(!folder.path().join("data").exists(), "nothing is made before the settings are known");
}

#[test]
fn a_wrong_command_line_is_refused() {
    for arguments in [&["serve", "--lisen", "127.0.0.1:0"][..], &["serve", "--cedar-threads", "0"], &["sever"], &[]] {
        assert_eq!(run(&mut cedarkeep(arguments)).code, Some(1), "{arguments:?}");
    }
}

#[test]
fn the_binary_tells_its_version_and_completes_for_shells() {
    let version = run(&mut cedarkeep(["--version"])).out;
    assert_eq!(version.trim(), concat!("cedarkeep ", env!("CARGO_PKG_VERSION")));
    for shell in ["bash", "zsh", "fish"] {
        let completions = run(&mut cedarkeep(["completions", shell]));
        assert!(completions.code == Some(0) && completions.out.contains("with-example"), "{shell}");
    }
    // Whoever reads may have enough before the end.
    let cut = crate::shell(&format!("'{}' completions bash | head -c 1", binary().display()));
    assert_eq!(cut.err, "");
}
