//! The built binary: what it prints, what it refuses, what it leaves on disk.

mod evidence;
mod example;
mod postgres;
mod postgres_tls;
mod publishing;
mod repository;
mod settings;
mod startup;
mod stopping;
mod upkeep;

use std::{path::Path, process::Command};

use cedarkeep_tests::server::{Said, Server, made_token, run, serve};
use serde_json::Value;

/// A running server with the example, and what it printed about it.
struct Example {
    server: Server,
    token: String,
    commands: [String; 3],
}

impl Example {
    fn start(data_dir: &Path) -> Self {
        let server = Server::start(serve(data_dir).arg("--with-example"));
        let commands = [(); 3].map(|()| next_command(&server));
        Self { server, token: made_token(data_dir), commands }
    }

    /// The URL of the version that was bound.
    fn version_url(&self) -> &str {
        self.commands[2].split_whitespace().next_back().unwrap()
    }

    /// The id of the key that attested it.
    fn kid(&self) -> &str {
        self.commands[2].split("--trust-kid ").nth(1).unwrap().split_whitespace().next().unwrap()
    }
}

/// The next command that the server prints: lines set off by four spaces, each but the last ending with a backslash.
fn next_command(server: &Server) -> String {
    let mut command = String::new();
    loop {
        let line = server.next_line();
        if line.starts_with("    ") {
            command.push_str(&line);
            command.push('\n');
            if !line.ends_with('\\') {
                return command;
            }
        }
    }
}

/// Runs a command as it was printed, in a shell that knows nothing.
fn shell(command: &str) -> Said {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).env_clear().env("PATH", std::env::var_os("PATH").unwrap());
    run(&mut shell)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}
