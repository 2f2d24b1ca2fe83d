//! `login` and `logout`: a credential that is kept for a server.

use std::{
    fs,
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use cedarkeep_tests::server::{FIXTURE_TOKEN, Said, cedarkeep, run};

use crate::support::Ground;

/// Runs a command that is told something.
fn told(command: &mut Command, text: &str) -> Said {
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let Output { status, stdout, stderr } = process.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { code: status.code(), out: text(stdout), err: text(stderr) }
}

fn login(config: &Path, server: &str) -> Command {
    let mut command = cedarkeep(["login", "--server", server]);
    command.env("XDG_CONFIG_HOME", config);
    command
}

#[test]
fn a_token_is_kept_for_its_server_until_it_is_forgotten() {
    let ground = Ground::new();
    let pipeline = ground.pipeline("login");
    let config = ground.folder.path().join("config");
    let file = config.join("cedarkeep/credentials.toml");
    let publish = |token: Option<&str>| {
        let mut command = pipeline.command(&["publish", "--activate"]);
        command.env_remove("CEDARKEEP_TOKEN").env("XDG_CONFIG_HOME", &config);
        run(command.envs(token.map(|token| ("CEDARKEEP_TOKEN", token))))
    };
    assert!(publish(None).err.contains("or keep one with cedarkeep login"));

    let wrong = told(&mut login(&config, &ground.server().url), "0123456789abcdef0123456789abcdef");
    assert_eq!(wrong.code, Some(1), "{wrong:?}");
    assert!(wrong.err.contains("nothing was kept") && !wrong.err.contains("0123456789abcdef"), "{wrong:?}");
    assert!(!file.exists());
    let nothing = told(&mut login(&config, &ground.server().url), "\n");
    assert!(nothing.code == Some(1) && nothing.err.contains("one word on stdin, or in CEDARKEEP_TOKEN"), "{nothing:?}");

    let kept = told(&mut login(&config, &format!("{}/", ground.server().url)), &format!("{FIXTURE_TOKEN}\n"));
    assert_eq!((kept.code, kept.err.as_str()), (Some(0), ""), "{kept:?}");
    assert!(!kept.out.contains(FIXTURE_TOKEN), "{kept:?}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(publish(None).code, Some(0));

    // What is given for one run counts before what is kept.
    assert_eq!(publish(Some("0123456789abcdef0123456789abcdef")).code, Some(1));
    // It goes to no other server.
    let mut elsewhere =
        pipeline.command(&["status", "--server", &ground.server().url.replace("127.0.0.1", "localhost")]);
    let elsewhere = run(elsewhere.env_remove("CEDARKEEP_TOKEN").env("XDG_CONFIG_HOME", &config));
    assert!(elsewhere.code == Some(1) && elsewhere.err.contains("401"), "{elsewhere:?}");

    let logout = |form: &str| {
        let mut command = cedarkeep(["logout", "--server", &ground.server().url, "--output", form]);
        run(command.env("XDG_CONFIG_HOME", &config))
    };
    assert!(logout("text").out.starts_with("forgot the credential for http://127.0.0.1:"));
    assert!(logout("json").out.contains("\"forgotten\": false"));
    assert!(!file.exists());
    assert_eq!(publish(None).code, Some(1));
}

#[test]
fn a_token_of_the_environment_is_kept_too() {
    let ground = Ground::new();
    let config = ground.folder.path().join("config");
    let kept = run(login(&config, &ground.server().url).env("CEDARKEEP_TOKEN", FIXTURE_TOKEN));
    assert_eq!(kept.code, Some(0), "{kept:?}");
    let zones = run(cedarkeep(["zones", "--server", &ground.server().url]).env("XDG_CONFIG_HOME", &config));
    assert_eq!(
        (zones.code, zones.out.as_str()),
        (Some(0), "there is no zone, or none that the token may see\n"),
        "{zones:?}"
    );
}
