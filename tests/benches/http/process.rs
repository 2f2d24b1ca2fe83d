//! The server as a process of its own, and what the system says of it.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
};

/// The argument with which this program is the server; its folder and its MiB for compiled sets follow.
pub(crate) const SERVER: &str = "--server";

/// The kernel counts CPU time in hundredths of a second, on every Linux.
const TICK_SECONDS: f64 = 0.01;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    pub(crate) address: SocketAddr,
}

impl Server {
    /// Starts a server over what lies in this folder.
    pub(crate) fn start(folder: &Path, compiled_mib: u64) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .arg(SERVER)
            .arg(folder)
            .arg(compiled_mib.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("listening on ").expect("the server names its address first");
        Self { address: address.parse().unwrap(), process }
    }

    /// The CPU seconds that it has used so far, in user and in kernel mode.
    pub(crate) fn cpu(&self) -> f64 {
        cpu_of(&self.process.id().to_string())
    }

    /// A line of what the kernel knows of its memory, in bytes: `VmRSS` or `VmHWM`.
    pub(crate) fn memory(&self, name: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_matches([':', '\t', ' ']).trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        // It drains what is under way and ends.
        let _ended = self.process.wait();
    }
}

/// The CPU seconds that this process has used so far.
pub(crate) fn own_cpu() -> f64 {
    cpu_of("self")
}

fn cpu_of(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // The name in parentheses may hold anything; the state, the third field, is the first after it.
    let (_, fields) = stat.rsplit_once(") ").unwrap();
    let field = |number: usize| fields.split(' ').nth(number - 3).unwrap().parse::<u32>().unwrap();
    TICK_SECONDS * f64::from(field(14) + field(15))
}
