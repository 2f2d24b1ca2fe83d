//! The built binary as a process of its own.

use std::{
    env,
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Output, Stdio},
    sync::mpsc::{Receiver, channel},
    thread,
};

use serde_json::Value;

use crate::client::Client;

/// Test fixture, guards nothing: a token for servers that live as long as one test.
pub const FIXTURE_TOKEN: &str = "fixture-admin-token-for-cli-tests-0123456789";

/// The binary: the one that `CEDARKEEP_BIN` names, else the one beside this test, which `make build` puts there.
#[must_use]
pub fn binary() -> PathBuf {
    let beside = || env::current_exe().unwrap().ancestors().nth(2).unwrap().join("cedarkeep");
    let path = env::var_os("CEDARKEEP_BIN").map_or_else(beside, PathBuf::from);
    assert!(path.exists(), "{} is missing: make build", path.display());
    path
}

/// The binary with an environment that holds nothing but the search path.
pub fn cedarkeep<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(binary());
    command.env_clear().env("PATH", env::var_os("PATH").unwrap()).args(arguments).stdin(Stdio::null());
    command
}

/// What a command that comes to its end said.
#[derive(Debug)]
pub struct Said {
    /// How it ended.
    pub code: Option<i32>,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
}

/// Runs a command to its end.
pub fn run(command: &mut Command) -> Said {
    let Output { status, stdout, stderr } = command.output().unwrap();
    Said { code: status.code(), out: String::from_utf8(stdout).unwrap(), err: String::from_utf8(stderr).unwrap() }
}

/// Starts a server that must not start; what it said on stderr. It ends with 1 and prints nothing.
pub fn refused(command: &mut Command) -> String {
    let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (out, err) = (lines(process.stdout.take().unwrap()), lines(process.stderr.take().unwrap()));
    if let Ok(line) = out.recv() {
        process.kill().unwrap();
        process.wait().unwrap();
        panic!("it says {line:?}");
    }
    assert_eq!(process.wait().unwrap().code(), Some(1));
    err.iter().collect::<Vec<_>>().join("\n")
}

/// `cedarkeep serve` on a free port with its data in this folder.
#[must_use]
pub fn serve(data_dir: &Path) -> Command {
    let mut command = cedarkeep(["serve", "--listen", "127.0.0.1:0", "--data-dir"]);
    command.arg(data_dir);
    command
}

/// A running server; killed when dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    /// Its address, as the first line on stdout says it.
    pub url: String,
    out: Receiver<String>,
    err: Receiver<String>,
}

impl Server {
    /// Starts a server and waits for the line that names its address.
    pub fn start(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let (out, err) = (lines(process.stdout.take().unwrap()), lines(process.stderr.take().unwrap()));
        let first = out.recv().unwrap_or_else(|_| panic!("no address; stderr: {:?}", err.iter().collect::<Vec<_>>()));
        let url = first.strip_prefix("listening on ").unwrap_or_else(|| panic!("the first line is {first:?}"));
        Self { url: url.to_owned(), process, out, err }
    }

    /// The next line on stdout.
    #[must_use]
    pub fn next_line(&self) -> String {
        self.out.recv().unwrap()
    }

    /// The next line on stderr, an object of the log.
    #[must_use]
    pub fn next_event(&self) -> Value {
        serde_json::from_str(&self.err.recv().unwrap()).unwrap()
    }

    /// Its host and port.
    #[must_use]
    pub fn address(&self) -> &str {
        self.url.split_once("://").unwrap().1
    }

    /// A connection to it.
    #[must_use]
    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address()).unwrap()
    }

    /// A client of it that shows [`FIXTURE_TOKEN`].
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(&self.url, FIXTURE_TOKEN)
    }

    /// Status and JSON body of a GET.
    #[must_use]
    pub fn get(&self, path: &str, token: &str) -> (u16, Value) {
        get(&format!("{}{path}", self.url), token)
    }

    /// The number of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal, by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; how it ended, and what it said that nobody has read yet.
    #[must_use]
    pub fn ended(mut self) -> (ExitStatus, String) {
        let status = self.process.wait().unwrap();
        let rest: Vec<String> = self.out.iter().chain(self.err.iter()).collect();
        (status, rest.join("\n"))
    }

    /// Asks it to stop; how it ended, and what it said that nobody has read yet.
    #[must_use]
    pub fn stop(self) -> (ExitStatus, String) {
        self.signal("TERM");
        self.ended()
    }

    /// Kills it as `kill -9` does.
    pub fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Status and JSON body of a GET with a bearer token; null when the body is no JSON.
#[must_use]
pub fn get(url: &str, token: &str) -> (u16, Value) {
    let answer = Client::new("", token).send("GET", url, &Value::Null);
    (answer.status, answer.json())
}

/// The token that a server made and wrote into its data folder.
#[must_use]
pub fn made_token(data_dir: &Path) -> String {
    fs::read_to_string(data_dir.join("admin.token")).unwrap().trim().to_owned()
}

/// Reads lines on a thread of its own, so that the other side never waits for a reader.
fn lines(from: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    // A terminal ends its lines with a carriage return too.
    let mut read =
        BufReader::new(from).lines().map_while(Result::ok).map(|line| line.trim_end_matches('\r').to_owned());
    thread::spawn(move || read.try_for_each(|line| sender.send(line)));
    lines
}
