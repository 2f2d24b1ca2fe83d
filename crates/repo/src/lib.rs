//! A policy repository: a folder from which policies are published, described in `docs/cli.md`.
//!
//! Reading it is strict ([`Repository::read`]): what has no place in it is refused by name, because a policy whose file
//! is misspelled would otherwise silently not count. What it says is then checked ([`Repository::check`]) and tested
//! ([`Ready::test`]), with Cedar and no server. What is wrong is a [`Finding`], with its file and place.

mod cases;
mod check;
mod finding;
mod format;
mod init;
mod layout;
mod lints;
mod settings;
mod test;

pub use cases::{Case, Expectation};
pub use check::{Check, PolicyFile, Ready};
pub use finding::{Finding, Rule, Severity};
pub use format::Formatted;
pub use init::init;
pub use layout::{ReadError, Repository, Source};
pub use settings::{SETTINGS, Settings};
pub use test::{TestResult, TestRun};

#[cfg(test)]
mod mutations;
#[cfg(test)]
mod testing;
