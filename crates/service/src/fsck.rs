//! Checking a whole store: every digest recomputed, every attestation verified, every chain followed, the state folded
//! from the events and compared with the state that is stored.

mod drafts;
mod fold;
mod versions;

use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{Event, Zone, ZoneId};
use cedarkeep_store::{Direction, Order, Position, Read, Slice, Store, StoreError, Window, ZoneFilter};

/// What a check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Zones looked at.
    pub zones: u64,
    /// Policy versions whose content was read again and hashed.
    pub policy_versions: u64,
    /// Policy set versions whose manifest was hashed.
    pub set_versions: u64,
    /// Attestations verified.
    pub attestations: u64,
    /// Events followed.
    pub events: u64,
    /// What is not as it must be, one line each.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether everything is as it must be.
    #[must_use]
    pub fn clean(&self) -> bool {
        self.problems.is_empty()
    }

    fn problem(&mut self, zone: ZoneId, what: impl std::fmt::Display) {
        self.problems.push(format!("zone {zone}: {what}"));
    }
}

/// Checks every living zone. Reads only; a server may go on writing meanwhile to another zone, not to the one that is
/// being looked at.
///
/// # Errors
/// When the store cannot be read. What is wrong with its contents is in the report.
pub async fn check(store: &dyn Store, cedar: &CedarPool) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut read = store.read().await?;
    let mut zones = Pages::new();
    while let Some(window) = zones.next_window() {
        let slice = read.zones(&ZoneFilter::default(), &window).await?;
        for zone in zones.take(slice) {
            match check_zone(&mut *read, cedar, &zone, &mut report).await {
                // A row that cannot even be read ends the check of its zone, not of the others.
                Err(StoreError::Damaged(what)) => report.problem(zone.id, what),
                other => other?,
            }
        }
    }
    Ok(report)
}

async fn check_zone(
    read: &mut dyn Read,
    cedar: &CedarPool,
    zone: &Zone,
    report: &mut Report,
) -> Result<(), StoreError> {
    report.zones += 1;
    let state = fold::follow(read, zone, report).await?;
    fold::compare(read, zone, &state, report).await?;
    drafts::compare(read, zone, &state.drafts, report).await?;
    versions::check(read, cedar, zone, &state, report).await
}

/// Walks a list from its beginning to its end.
pub(crate) struct Pages {
    start: Option<Position>,
    done: bool,
}

impl Pages {
    pub(crate) const fn new() -> Self {
        Self { start: None, done: false }
    }

    pub(crate) fn next_window(&self) -> Option<Window> {
        if self.done {
            return None;
        }
        Some(Window { order: Order::Asc, start: self.start.clone(), direction: Direction::Forward, limit: 500 })
    }

    pub(crate) fn take<T>(&mut self, slice: Slice<T>) -> Vec<T> {
        self.done = !slice.more;
        self.start = slice.items.last().map(|(position, _)| position.clone());
        slice.items.into_iter().map(|(_, item)| item).collect()
    }
}

/// The number that the next event must have, and the digest it must name.
pub(crate) fn follows(previous: Option<&Event>, event: &Event) -> Result<(), String> {
    let seq = previous.map_or(0, |event| event.seq) + 1;
    if event.seq != seq {
        return Err(format!("event {} stands where event {seq} should", event.seq));
    }
    if event.prev_sha256 != previous.map(|event| event.sha256) {
        return Err(format!("event {seq} does not name the digest of the event before it"));
    }
    match event.recompute() {
        Ok(sha256) if sha256 == event.sha256 => Ok(()),
        _ => Err(format!("event {seq} does not have its digest")),
    }
}
