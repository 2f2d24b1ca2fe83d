//! How far a long work is: a bar on a terminal, gone when the work ends, and plain lines now and then elsewhere. Both stand
//! on stderr, and neither is there for what is done at once.

use std::{
    io::{self, IsTerminal as _},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};

use crate::output;

/// How long a work takes before a terminal shows it.
const SHOWN_AFTER: Duration = Duration::from_millis(300);
/// How much time lies between two lines. What is done sooner says nothing.
const BETWEEN_LINES: Duration = Duration::from_secs(5);

/// A work under way, of which stderr tells.
pub(crate) struct Progress {
    doing: String,
    done: u64,
    of: Option<u64>,
    begun: Instant,
    said: Instant,
    terminal: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Begins a work of so many steps, if that is known.
    pub(crate) fn begin(doing: impl Into<String>, of: Option<u64>) -> Self {
        let (now, terminal) = (Instant::now(), io::stderr().is_terminal());
        Self { doing: doing.into(), done: 0, of, begun: now, said: now, terminal, bar: None }
    }

    /// So many more steps are done.
    pub(crate) fn advance(&mut self, steps: u64) {
        self.done += steps;
        if self.terminal {
            if self.bar.is_none() && self.begun.elapsed() > SHOWN_AFTER {
                self.bar = Some(bar(&self.doing, self.of));
            }
            if let Some(bar) = &self.bar {
                bar.set_position(self.done);
            }
        } else if self.said.elapsed() > BETWEEN_LINES {
            self.said = Instant::now();
            output::note(&self.line());
        }
    }

    fn line(&self) -> String {
        match (self.done, self.of) {
            (done, Some(of)) => format!("{}: {done} of {of}", self.doing),
            (done, None) => format!("{}: {done}", self.doing),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

fn bar(doing: &str, of: Option<u64>) -> ProgressBar {
    let (bar, template) = match of {
        Some(of) => (ProgressBar::new(of), "{msg} [{wide_bar}] {pos}/{len}"),
        None => (ProgressBar::new_spinner(), "{spinner} {msg} {pos}"),
    };
    // With a template that is none the default one is shown.
    let bar = match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    bar.with_message(doing.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_is_known() {
        let mut counted = Progress::begin("events", Some(3));
        counted.advance(2);
        assert_eq!(counted.line(), "events: 2 of 3");
        let mut open = Progress::begin(String::from("waiting"), None);
        open.advance(1);
        assert_eq!(open.line(), "waiting: 1");
    }

    #[test]
    fn a_bar_has_a_length_where_one_is_known() {
        for of in [None, Some(7)] {
            let bar = bar("reading", of);
            assert_eq!((bar.message().as_str(), bar.length()), ("reading", of));
        }
    }
}
