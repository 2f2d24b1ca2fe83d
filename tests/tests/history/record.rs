//! What a history is: who asked for what, when, and what came of it; and what is stored in the end.

use std::collections::HashMap;

use cedarkeep_model::Event;
use serde_json::Value;

/// Microseconds since the history began, by one clock.
pub(crate) type Moment = u64;

/// Where a version can be bound.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Slot {
    pub(crate) scope: String,
    pub(crate) target: String,
    pub(crate) mode: String,
}

/// A binding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bound {
    pub(crate) id: String,
    pub(crate) slot: Slot,
    pub(crate) version: String,
    pub(crate) manifest_sha: String,
    pub(crate) revision: u64,
}

/// What a client asked for. The marks and versions are ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A policy version that carries this mark.
    PublishPolicy {
        policy: String,
        mark: String,
    },
    /// A set version that pins these policy versions, ascending.
    PublishSet {
        set: String,
        pins: Vec<String>,
    },
    /// A version for a slot, by PUT of a binding or by PATCH of the version.
    Bind {
        slot: Slot,
        version: String,
    },
    /// A shadow for the active slot beside it.
    Promote {
        binding: String,
    },
    Unbind {
        binding: String,
    },
    ArchivePolicyVersion {
        version: String,
    },
    ArchiveSetVersion {
        version: String,
    },
    /// The list of bindings.
    Bindings,
    SetVersion {
        version: String,
    },
    PolicyVersion {
        version: String,
    },
    /// All events.
    Events,
    /// Whether this principal may do it.
    Decide {
        principal: String,
        at_least: Option<u64>,
    },
}

/// What the server told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Told {
    /// A version; `active` means something only for those of sets.
    Version {
        id: String,
        number: u64,
        sha: String,
        archived: bool,
        active: bool,
    },
    Binding(Bound),
    Bindings(Vec<Bound>),
    /// The digests of the events from the first on.
    Events(Vec<String>),
    Decision(Decided),
}

/// A decision: the slots that it names, with version and manifest digest of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    pub(crate) revision: u64,
    pub(crate) allowed: bool,
    pub(crate) slots: Vec<(Slot, String, String)>,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Acknowledged.
    Done(Told),
    /// Refused by name: nothing of it may be there.
    Refused { status: u16, code: String },
    /// The server died, or said that it does not know: it may be there or not, but whole.
    Unknown(String),
}

/// One thing that a client asked for, repeated with its idempotency key where it repeated it.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) client: usize,
    /// Which instance gave the last answer.
    pub(crate) instance: usize,
    pub(crate) asked: Asked,
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    pub(crate) tries: u32,
    pub(crate) outcome: Outcome,
}

impl Operation {
    pub(crate) fn told(&self) -> Option<&Told> {
        if let Outcome::Done(told) = &self.outcome { Some(told) } else { None }
    }

    pub(crate) fn refused(&self) -> bool {
        matches!(self.outcome, Outcome::Refused { .. })
    }
}

/// A version as it is stored in the end.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// Its policy or its set.
    pub(crate) of: String,
    pub(crate) number: u64,
    pub(crate) sha: String,
    pub(crate) archived: bool,
    pub(crate) active: bool,
    /// The mark of a policy version; whether it permits.
    pub(crate) mark: String,
    pub(crate) permits: bool,
    /// The policy versions that a set version pins, ascending.
    pub(crate) pins: Vec<String>,
}

/// A run, and what is stored after it.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    pub(crate) operations: Vec<Operation>,
    pub(crate) events: Vec<Event>,
    /// How many events, and which revision, there were when the clients began.
    pub(crate) begun: (u64, u64),
    pub(crate) policy_versions: HashMap<String, Stored>,
    pub(crate) set_versions: HashMap<String, Stored>,
    pub(crate) bindings: Vec<Bound>,
    pub(crate) revision: u64,
}

/// A text member of an object.
pub(crate) fn text(object: &Value, member: &str) -> String {
    object[member].as_str().unwrap_or_else(|| panic!("{member} of {object}")).to_owned()
}

/// A number member of an object.
pub(crate) fn number(object: &Value, member: &str) -> u64 {
    object[member].as_u64().unwrap_or_else(|| panic!("{member} of {object}"))
}

impl Slot {
    /// The slot that an object names; its mode where the object has none.
    pub(crate) fn of(object: &Value, mode: &str) -> Self {
        let mode = object["mode"].as_str().unwrap_or(mode).to_owned();
        Self { scope: text(object, "scope_type"), target: text(object, "scope_target_id"), mode }
    }

    /// The active slot beside a shadow's.
    pub(crate) fn active(&self) -> Self {
        Self { mode: "active".to_owned(), ..self.clone() }
    }
}

impl Bound {
    /// From the wire, where the id is `id`, or from an event, where it is `binding_id`.
    pub(crate) fn of(object: &Value) -> Self {
        let id = if object["id"].is_string() { "id" } else { "binding_id" };
        Self {
            id: text(object, id),
            slot: Slot::of(object, ""),
            version: text(object, "policy_set_version_id"),
            manifest_sha: text(object, "manifest_sha"),
            revision: number(object, "revision"),
        }
    }
}
