//! Claims on work that one instance is to do at a time.

use cedarkeep_model::Timestamp;

/// What somebody asks for who wants to do a job alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobClaim {
    /// The job.
    pub job: String,
    /// Who asks.
    pub holder: String,
    /// Now.
    pub from: Timestamp,
    /// Until when the job is the holder's, unless it is claimed on or released.
    pub until: Timestamp,
}

impl JobClaim {
    /// The latest end of another's claim that is believed: whatever ends later was claimed by a clock that goes wrong.
    #[must_use]
    pub fn latest(&self) -> Timestamp {
        let (from, until) = (self.from.micros(), self.until.micros());
        Timestamp::from_micros(until.saturating_add(until.saturating_sub(from)))
    }
}
