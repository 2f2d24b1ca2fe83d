//! `login` and `logout`: a credential that is kept, so that it need not be given each time.

use std::{
    io::{self, IsTerminal as _, Read as _},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use console::Term;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    args::Form,
    fetch::{self, Refused, Remote},
    log,
    logins::{Login, Logins, Secret},
    output, secrets,
    tokens::Tokens,
};

/// The variable that holds a client's secret.
const CLIENT_SECRET: &str = "CEDARKEEP_CLIENT_SECRET";
/// The most of stdin that is read for a secret.
const MAX_SECRET_BYTES: u64 = 16 << 10;

#[derive(Debug, Subcommand)]
pub(crate) enum LoginCommand {
    /// Keep a credential for a server
    ///
    /// The secret is read from the environment (`CEDARKEEP_TOKEN`, or `CEDARKEEP_CLIENT_SECRET` for a client) or else from
    /// stdin, never from the command line. It is tried first, and kept in cedarkeep/credentials.toml below
    /// `XDG_CONFIG_HOME` (~/.config), which only its owner may read.
    Login(LoginFlags),
    /// Forget the credential for a server
    Logout(LogoutFlags),
}

#[derive(Debug, Args)]
pub(crate) struct LoginFlags {
    /// The URL of the server
    #[arg(long, value_name = "URL", env = "CEDARKEEP_SERVER")]
    pub(crate) server: String,
    /// The id of a client: keep its id and secret, with which access tokens are got, instead of a bearer token
    #[arg(long, value_name = "ID", env = "CEDARKEEP_CLIENT_ID")]
    pub(crate) client_id: Option<String>,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

#[derive(Debug, Args)]
pub(crate) struct LogoutFlags {
    /// The URL of the server
    #[arg(long, value_name = "URL", env = "CEDARKEEP_SERVER")]
    pub(crate) server: String,
    /// In which form to report
    #[arg(long, value_name = "FORM", default_value = "text")]
    pub(crate) output: Form,
}

/// Does what the verb says.
pub(crate) fn run(command: LoginCommand) -> anyhow::Result<ExitCode> {
    log::start_quiet()?;
    match command {
        LoginCommand::Login(flags) => login(&flags),
        LoginCommand::Logout(flags) => logout(&flags),
    }
}

fn login(flags: &LoginFlags) -> anyhow::Result<ExitCode> {
    let server = server(&flags.server)?;
    let login = match &flags.client_id {
        Some(id) => {
            Login::Client { client_id: id.clone(), client_secret: secret(CLIENT_SECRET, "the client's secret")? }
        }
        None => Login::Token { token: secret("CEDARKEEP_TOKEN", "the bearer token")? },
    };
    let mut tried = Logins::default();
    tried.keep(server, login.clone());
    try_out(server, tried)?;
    let mut logins = Logins::read()?;
    logins.keep(server, login);
    let file = logins.write()?;
    match flags.output {
        Form::Text => output::say(&format!("kept the credential for {server} in {}", file.display()))?,
        Form::Json => output::say_json(&json!({"server": server, "file": file}))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks something, so that what does not work is not kept. Not to be allowed to ask is no matter: that depends on what.
fn try_out(server: &str, logins: Logins) -> anyhow::Result<()> {
    let remote = Remote::presenting(Tokens::kept(logins));
    match remote.get::<Value>(&format!("{server}/zones?limit=1")) {
        Err(error) if error.downcast_ref::<Refused>().is_some_and(|refused| refused.status() == 403) => Ok(()),
        asked => asked.map(|_| ()).context("nothing was kept"),
    }
}

fn logout(flags: &LogoutFlags) -> anyhow::Result<ExitCode> {
    let server = server(&flags.server)?;
    let mut logins = Logins::read()?;
    let forgotten = logins.forget(server);
    if forgotten {
        logins.write()?;
    }
    match flags.output {
        Form::Text if forgotten => output::say(&format!("forgot the credential for {server}"))?,
        Form::Text => output::say(&format!("there was no credential for {server}"))?,
        Form::Json => output::say_json(&json!({"server": server, "forgotten": forgotten}))?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The URL as it is looked up by.
fn server(url: &str) -> anyhow::Result<&str> {
    if !fetch::is_url(url) {
        bail!("the server is a URL such as https://cedarkeep.example.com, not {url:?}");
    }
    Ok(url.trim_end_matches('/'))
}

/// A secret from the environment, else from stdin; a person who types it does not see it.
fn secret(variable: &str, what: &str) -> anyhow::Result<Secret> {
    let given = match secrets::from_environment(variable)? {
        Some(given) => given,
        None if io::stdin().is_terminal() => {
            let terminal = Term::stderr();
            terminal.write_str(&format!("{what}: "))?;
            Zeroizing::new(terminal.read_secure_line()?)
        }
        None => {
            let mut given = Zeroizing::new(String::new());
            io::stdin().take(MAX_SECRET_BYTES).read_to_string(&mut given).context("stdin")?;
            given
        }
    };
    let given = given.trim();
    if given.is_empty() || given.chars().any(char::is_whitespace) {
        bail!("{what} is one word on stdin, or in {variable}");
    }
    Ok(Secret::new(given))
}
