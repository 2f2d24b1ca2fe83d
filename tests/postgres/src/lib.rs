//! A real PostgreSQL server for tests, from Debian's package: one for a process ([`server`]), one database for a case
//! ([`Server::database`]). It lies in a temporary folder, listens on a free port, and ends with the process.
#![expect(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "tests")]

mod standby;

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    net::TcpListener,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

/// Test fixture, guards nothing: the password of servers that live as long as a test.
pub const FIXTURE_PASSWORD: &str = "cedarkeep";

/// The server of this process.
pub fn server() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&[]))
}

/// A running server; it ends when this is dropped, or with the process.
#[derive(Debug)]
pub struct Server {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    process: Child,
    /// Its stdin and stdout; none when it is ending.
    control: Option<Mutex<(ChildStdin, BufReader<ChildStdout>)>>,
    databases: AtomicU32,
}

impl Server {
    /// Starts a server with these settings, each `name=value`, beside those that make it fast.
    #[must_use]
    pub fn start(settings: &[&str]) -> Self {
        Self::launch(settings, None)
    }

    /// The same for one that begins as a copy of another, and follows it.
    fn launch(settings: &[&str], primary: Option<&str>) -> Self {
        let bin = installed();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = unprivileged();
        command.env("PRIMARY", primary.unwrap_or_default());
        command.args(["-c", include_str!("server.sh"), "server.sh"]).arg(&bin).arg(port.to_string()).args(settings);
        let mut process = command
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("sh, or setpriv as root: {error}"));
        let (stdin, mut stdout) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        let mut folder = String::new();
        stdout.read_line(&mut folder).unwrap();
        let folder = PathBuf::from(folder.trim());
        assert!(folder.is_absolute(), "initdb failed, or the server did not start");
        Self { bin, folder, port, process, control: Some(Mutex::new((stdin, stdout))), databases: AtomicU32::new(0) }
    }

    /// A database of its own.
    #[must_use]
    pub fn database(&'static self) -> Database {
        Database { name: self.make_database(), server: self }
    }

    /// Makes a database; its name.
    pub fn make_database(&self) -> String {
        let name = format!("case_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.psql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// The URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres:{FIXTURE_PASSWORD}@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// The port on which it listens, on this machine.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What SQL answers, as the superuser: a line a row, `|` between columns.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let done = self.try_psql(database, sql);
        done.unwrap_or_else(|error| panic!("{sql}: {error}\n{}", self.log()))
    }

    fn try_psql(&self, database: &str, sql: &str) -> Result<String, String> {
        let output = Command::new(self.bin.join("psql"))
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database, "-c", sql])
            .arg("-h")
            .arg(&self.folder)
            .args(["-p", &self.port.to_string()])
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().trim_end().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// All that a database holds, as SQL.
    #[must_use]
    pub fn dump(&self, database: &str) -> String {
        let mut command = Command::new(self.bin.join("pg_dump"));
        command.args(["-U", "postgres", "-d", database, "-p", &self.port.to_string(), "-h"]).arg(&self.folder);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Kills it at once, as if the power had gone.
    pub fn kill(&self) {
        self.say("kill");
    }

    /// Starts it again after [`Server::kill`] and waits until it takes connections.
    pub fn restart(&self) {
        self.say("start");
    }

    /// Lets the files that it writes grow so far and no further, as on a full disk; none lets them grow again.
    pub fn limit_files(&self, bytes: Option<u64>) {
        const LIMIT: &str = "limit=$1 data=$2; shift 2; for process in $(head -n 1 \"$data/postmaster.pid\") \"$@\"; do \
                             prlimit --pid=\"$process\" --fsize=\"$limit\": || ! kill -0 \"$process\" || exit 1; done";
        // What the first starts inherits its limits; the others are there already.
        let others = self.psql("postgres", "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()");
        let bytes = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
        let mut command = unprivileged();
        command.args(["-c", LIMIT, "sh", &bytes]).arg(self.data()).args(others.lines()).current_dir("/");
        let output = command.output().unwrap();
        assert!(output.status.success(), "{output:?}");
    }

    /// Where its data is.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// What it has logged.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn say(&self, command: &str) {
        let mut control = self.control.as_ref().unwrap().lock().unwrap();
        writeln!(control.0, "{command}").unwrap();
        let mut answer = String::new();
        control.1.read_line(&mut answer).unwrap();
        assert_eq!(answer, "done\n", "{}", self.log());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The end of its stdin ends it.
        self.control = None;
        let _ = self.process.wait();
    }
}

/// A database that is dropped with this.
#[derive(Debug)]
pub struct Database {
    /// Its name.
    pub name: String,
    server: &'static Server,
}

impl Database {
    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url(&self.name)
    }

    /// What SQL answers in it, as the superuser.
    #[expect(clippy::must_use_candidate, reason = "some of it is run for its effect")]
    pub fn psql(&self, sql: &str) -> String {
        self.server.psql(&self.name, sql)
    }

    /// All that it holds, as SQL.
    #[must_use]
    pub fn dump(&self) -> String {
        self.server.dump(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The folder goes with the process; this keeps it small meanwhile.
        let _ = self.server.try_psql("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name));
    }
}

/// Where the programs of the newest installed server are.
fn installed() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let newest = versions.filter_map(|version| version.file_name().to_str()?.parse::<u32>().ok()).max();
    let debian = newest.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let path = env::var_os("PATH").unwrap_or_default();
    let elsewhere = || env::split_paths(&path).find(|folder| folder.join("initdb").exists());
    debian.filter(|bin| bin.join("initdb").exists()).or_else(elsewhere).unwrap_or_else(|| {
        panic!("PostgreSQL is missing: `make postgres` installs it; without it, run the tests with `--skip postgres`")
    })
}

/// A shell that PostgreSQL consents to run under: it refuses the superuser.
fn unprivileged() -> Command {
    let root = fs::metadata(Path::new("/proc/self")).is_ok_and(|process| process.uid() == 0);
    if !root {
        return Command::new("sh");
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--", "sh"]);
    command
}
