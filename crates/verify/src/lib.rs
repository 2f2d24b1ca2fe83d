//! Evidence about one policy set version or about a whole zone, and the steps of its verification.
//!
//! An [`Evidence`] is an exported folder. That of a version holds the version that is asked about, its manifest, schema,
//! policies and attestations, and the zone's public keys; that of a zone holds all of this for every version, and the
//! events under their signed head. [`verify`] recomputes and compares everything in it and says, step by step, what was
//! checked and with what result; [`audit`] compares a zone with an earlier export of it. Both need no server and no
//! network, only keys that the auditor trusts ([`Trust`]): what an export says about its own keys proves nothing.

mod attestations;
mod audit;
mod case;
mod content;
mod evidence;
mod names;
mod parts;
mod report;
mod strict;
mod verify;
mod zone;

pub use audit::{Audit, Difference, Verdict, audit};
pub use case::Subject;
pub use cedarkeep_attest::Trust;
pub use evidence::{Evidence, EvidenceError};
pub use names::belongs;
pub use parts::{Parts, PolicyPart};
pub use report::{Outcome, Report, Step};
pub use verify::verify;
pub use zone::{VersionPart, ZoneParts};
