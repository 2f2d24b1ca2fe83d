//! Evidence about one policy set version, and the steps of its verification.
//!
//! An [`Evidence`] is an exported folder: the version that is asked about, its manifest, schema, policies and
//! attestations, and the zone's public keys. [`verify`] recomputes and compares everything in it and says, step by step,
//! what was checked and with what result. It needs no server and no network, only keys that the auditor trusts
//! ([`Trust`]): what an export says about its own keys proves nothing.

mod attestations;
mod case;
mod content;
mod evidence;
mod parts;
mod report;
mod strict;
mod verify;

pub use case::Subject;
pub use cedarkeep_attest::Trust;
pub use evidence::{Evidence, EvidenceError};
pub use parts::{Parts, PolicyPart};
pub use report::{Outcome, Report, Step};
pub use verify::verify;
