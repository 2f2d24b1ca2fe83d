//! What is printed. A reader that has gone away is no error: there is nobody left to tell.

use std::{
    fs,
    io::{self, IsTerminal as _, Write},
    path::Path,
    process::ExitCode,
};

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use serde::Serialize;

use crate::args::Cli;

/// Prints a line to stdout, at once.
pub(crate) fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    quietly(writeln!(out, "{line}").and_then(|()| out.flush()))
}

/// Prints a value to stdout as JSON for machines.
pub(crate) fn say_json(value: &impl Serialize) -> anyhow::Result<()> {
    Ok(say(&serde_json::to_string_pretty(value)?)?)
}

/// Whether a person looks at stdout.
pub(crate) fn is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Says something on stderr beside what is printed.
pub(crate) fn note(line: &str) {
    // Nobody is missed who does not listen.
    let _ = writeln!(io::stderr(), "{line}");
}

/// Says on stderr what went wrong, with its causes.
pub(crate) fn complain(error: &anyhow::Error) {
    // Nothing is left to be done when even this cannot be written.
    let _ = writeln!(io::stderr(), "cedarkeep: {}", plain(&format!("{error:#}")));
}

/// Says how the command line is used. A wrong one is a failure as any other: 2, which clap would end with, says that
/// something differs (docs/cli.md).
pub(crate) fn usage(said: &clap::Error) -> ExitCode {
    // Nothing is left to be done when even this cannot be written.
    let _ = said.print();
    if said.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Prints the completions for a shell.
pub(crate) fn completions(shell: Shell) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "cedarkeep", &mut script);
    quietly(io::stdout().write_all(&script))?;
    Ok(ExitCode::SUCCESS)
}

/// Writes a man page for each verb into a folder.
pub(crate) fn man(folder: &Path) -> anyhow::Result<ExitCode> {
    let at = || format!("the folder {}", folder.display());
    fs::create_dir_all(folder).with_context(at)?;
    clap_mangen::generate_to(Cli::command().name("cedarkeep"), folder).with_context(at)?;
    Ok(ExitCode::SUCCESS)
}

/// The text without control characters: what comes from elsewhere must not steer the reader's terminal.
pub(crate) fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() && c != '\n' {
            plain.extend(c.escape_default());
        } else {
            plain.push(c);
        }
    }
    plain
}

fn quietly(written: io::Result<()>) -> io::Result<()> {
    match written {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_steers_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\r\nü ✓"), "a\\u{1b}[2Jb\\r\nü ✓");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error() {
        assert!(quietly(Err(io::ErrorKind::BrokenPipe.into())).is_ok());
        assert!(quietly(Err(io::ErrorKind::StorageFull.into())).is_err());
    }
}
