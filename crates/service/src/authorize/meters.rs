//! What every decision is measured by.

use std::time::Instant;

use cedarkeep_cedar::Decision;
use metrics::{Counter, Histogram};

/// How long decisions took in the service, in seconds.
pub const DECISION_METRIC: &str = "cedarkeep_decision_seconds";

/// How many statements a set looked at for a decision.
pub const CANDIDATES_METRIC: &str = "cedarkeep_decision_candidates";

/// Counters and histograms, looked up once: looking them up for each decision took longer than counting it. A recorder
/// must be there when the service starts.
pub(crate) struct Meters {
    allowed: Counter,
    denied: Counter,
    seconds: Histogram,
    candidates: Histogram,
}

impl Default for Meters {
    fn default() -> Self {
        Self {
            allowed: metrics::counter!("cedarkeep_decisions_total", "decision" => "allow"),
            denied: metrics::counter!("cedarkeep_decisions_total", "decision" => "deny"),
            seconds: metrics::histogram!(DECISION_METRIC),
            candidates: metrics::histogram!(CANDIDATES_METRIC),
        }
    }
}

impl Meters {
    /// Counts a decision.
    pub(super) fn decided(&self, decision: Decision) {
        match decision {
            Decision::Allow => self.allowed.increment(1),
            Decision::Deny => self.denied.increment(1),
        }
    }

    /// Records how long a decision took.
    pub(super) fn took(&self, begun: Instant) {
        self.seconds.record(begun.elapsed().as_secs_f64());
    }

    /// Records how many statements a set looked at.
    #[expect(clippy::cast_precision_loss, reason = "a count of statements")]
    pub(super) fn looked_at(&self, statements: usize) {
        self.candidates.record(statements as f64);
    }
}
