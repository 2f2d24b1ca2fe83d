//! The HTTP face over a whole service in process: every answer as it stands on the wire.

mod document;
mod frame;
mod refusals;
mod support;
mod walk;
