//! The `OpenID` Authorization API 1.0 (`AuthZEN`), from its text: a test names the section that it holds the server to.
//! The fixture is that of the standard's certification scenario.

mod errors;
mod evaluation;
mod evaluations;
mod mapping;
mod metadata;
mod pages;
mod search;
mod sockets;
mod support;
