//! The HTTP face over a whole service in process: every answer as it stands on the wire.

mod cors;
mod decision_log;
mod document;
mod drafts;
mod entities;
mod frame;
mod limits;
mod policy_tests;
mod refusals;
mod repeats;
mod set_drafts;
mod signing_keys;
mod support;
mod walk;
