//! Starting: the data folder, the secrets in it, and what stops a server from starting.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use cedarkeep_tests::server::{FIXTURE_TOKEN, Server, binary, get, made_token, refused, serve};

use crate::Example;

/// Every file below a folder, and the folder itself, with its mode.
fn modes(folder: &Path) -> BTreeMap<PathBuf, u32> {
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.chain([folder.to_owned()]).map(|path| (path.clone(), mode(&path))).collect()
}

#[test]
fn what_is_kept_is_for_its_owner_alone_whatever_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut open = Command::new("sh");
    open.args(["-c", r#"umask 000; exec "$0" "$@""#]).arg(binary());
    open.args(["serve", "--listen", "127.0.0.1:0", "--with-example", "--data-dir"]).arg(&data);
    let server = Server::start(open.env_clear().env("PATH", std::env::var_os("PATH").unwrap()));
    let modes = modes(&data);
    for name in ["admin.token", "master.key", "cedarkeep.db", "cedarkeep.db-wal", "example-decision.json"] {
        assert!(modes.contains_key(&data.join(name)), "{name} is missing: {modes:?}");
    }
    for (path, mode) in modes {
        assert_eq!(mode, if path == data { 0o700 } else { 0o600 }, "{}", path.display());
    }
    assert_eq!(server.stop().0.code(), Some(0));
}

#[test]
fn a_data_folder_has_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let first = Server::start(&mut serve(folder.path()));
    let second = refused(&mut serve(folder.path()));
    assert!(second.contains("another cedarkeep is running"), "{second}");

    // Another data folder does not make it another database.
    let other = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("cedarkeep.db").display());
    let third = refused(serve(other.path()).args(["--database-url", &url]));
    assert!(third.contains("another cedarkeep is running"), "{third}");

    first.kill();
    assert_eq!(Server::start(&mut serve(folder.path())).stop().0.code(), Some(0), "a killed server leaves no lock");
}

#[test]
fn a_token_is_made_once_and_kept_only_as_a_hash() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&mut serve(folder.path()));
    let token = made_token(folder.path());
    assert_eq!(token.len(), 43, "32 bytes in base64url");
    assert_eq!(server.get("/zones", &token).0, 200);
    assert_eq!(server.get("/zones", &token[1..]).0, 401);
    let (_, said) = server.stop();
    assert!(!said.contains(&token), "stdout is no terminal");
    assert_nowhere(folder.path(), &token, &["admin.token"]);

    fs::remove_file(folder.path().join("admin.token")).unwrap();
    let again = Server::start(&mut serve(folder.path()));
    assert_eq!(again.get("/zones", &token).0, 200, "it stays although its file is gone");
    assert!(!folder.path().join("admin.token").exists());
}

#[test]
fn a_person_at_a_terminal_is_shown_the_token_once() {
    let folder = tempfile::tempdir().unwrap();
    // script(1) gives a command a terminal.
    let start = || {
        let (binary, folder) = (binary(), folder.path());
        let command = format!(
            "'{}' serve --listen 127.0.0.1:0 --data-dir '{}' --with-example 2>/dev/null",
            binary.display(),
            folder.display()
        );
        // The server must notice that its terminal went away, whatever this test was started by ignores.
        let mut script = Command::new("env");
        script
            .args(["--default-signal=HUP", "script", "-qefc", &command, "/dev/null"])
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap());
        Server::start(&mut script)
    };
    // Everything up to the last line that a start prints.
    let said = |server: &Server, last: &str| {
        let mut said = Vec::new();
        while said.last().is_none_or(|line: &String| !line.contains(last)) {
            said.push(server.next_line());
        }
        said
    };
    let first = said(&start(), "verify --trust-kid");
    let token = made_token(folder.path());
    assert_eq!(first.iter().filter(|line| line.contains(&token)).count(), 1, "{first:?}");
    // The killed terminal takes its server with it in its own time.
    while fs::File::open(folder.path().join("lock")).unwrap().try_lock().is_err() {
        std::thread::yield_now();
    }
    let second = said(&start(), "no example was made");
    assert!(!second.iter().any(|line| line.contains(&token)), "{second:?}");
}

#[test]
fn the_token_of_the_environment_replaces_an_earlier_one() {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::start(&mut serve(folder.path())));
    let made = made_token(folder.path());
    let server = Server::start(serve(folder.path()).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN));
    assert_eq!(server.get("/zones", FIXTURE_TOKEN).0, 200);
    assert_eq!(server.get("/zones", &made).0, 401);
    assert!(!folder.path().join("admin.token").exists(), "a file with a void token only misleads");
    let (_, said) = server.stop();
    assert!(!said.contains(FIXTURE_TOKEN));
    assert_nowhere(folder.path(), FIXTURE_TOKEN, &[]);
}

fn assert_nowhere(folder: &Path, secret: &str, but: &[&str]) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let found = fs::read(entry.path()).unwrap().windows(secret.len()).any(|bytes| bytes == secret.as_bytes());
        assert!(
            !found || but.iter().any(|name| entry.file_name() == *name),
            "{} holds the token",
            entry.path().display()
        );
    }
}

#[test]
fn a_short_token_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    for token in ["", &FIXTURE_TOKEN[..31]] {
        let said = refused(serve(folder.path()).env("CEDARKEEP_ADMIN_TOKEN", token));
        assert!(said.contains("CEDARKEEP_ADMIN_TOKEN") && said.contains("32 characters"), "{said}");
        assert!(token.is_empty() || !said.contains(token), "{said}");
    }
}

#[test]
fn a_store_opens_only_with_its_master_key() {
    let folder = tempfile::tempdir().unwrap();
    drop(Server::start(&mut serve(folder.path())));
    let file = folder.path().join("master.key");
    let key = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();

    let missing = refused(&mut serve(folder.path()));
    assert!(missing.contains("put it back"), "{missing}");
    assert!(!file.exists(), "no other key takes its place");
    let wrong = refused(serve(folder.path()).env("CEDARKEEP_MASTER_KEY", "ab".repeat(32)));
    assert!(wrong.contains("not the one"), "{wrong}");
    let malformed = refused(serve(folder.path()).env("CEDARKEEP_MASTER_KEY", "fixture-that-is-no-key"));
    assert!(malformed.contains("CEDARKEEP_MASTER_KEY") && !malformed.contains("that-is-no-key"), "{malformed}");

    drop(Server::start(serve(folder.path()).env("CEDARKEEP_MASTER_KEY", key.trim())));
    let elsewhere = tempfile::tempdir().unwrap();
    let file = elsewhere.path().join("key");
    fs::write(&file, &key).unwrap();
    drop(Server::start(serve(folder.path()).arg("--master-key-file").arg(file)));
}

#[test]
fn the_log_holds_no_token_no_key_and_no_policy() {
    let folder = tempfile::tempdir().unwrap();
    let example = Example::start(folder.path());
    let key = fs::read_to_string(folder.path().join("master.key")).unwrap();
    let (status, _) = get(&format!("{}/policies", example.version_url()), &example.token);
    assert_eq!(status, 200);
    let (_, said) = example.server.stop();
    assert!(said.contains("\"answered\""), "{said}");
    for secret in [example.token.as_str(), key.trim(), "PRIVATE KEY", "permit (", "Whoever owns a document"] {
        assert!(!said.contains(secret), "{secret:?} is in the log");
    }
}
