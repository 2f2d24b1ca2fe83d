//! Checking a whole store: every digest recomputed, every attestation verified, every chain followed, the state folded
//! from the events and compared with the state that is stored.

mod drafts;
mod entities;
mod fold;
mod keys;
mod users;
mod versions;
mod zone;

use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{Zone, ZoneId};
use cedarkeep_store::{Read, Store, StoreError, ZoneFilter};

use crate::chain::Pages;

/// How often a zone is looked at that changes meanwhile.
const MOST_LOOKS: u32 = 5;

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
    /// Entities whose text was read again and hashed.
    pub entities: u64,
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

    fn add(&mut self, other: Self) {
        self.zones += other.zones;
        self.policy_versions += other.policy_versions;
        self.set_versions += other.set_versions;
        self.attestations += other.attestations;
        self.entities += other.entities;
        self.events += other.events;
        self.problems.extend(other.problems);
    }

    fn problem(&mut self, zone: ZoneId, what: impl std::fmt::Display) {
        self.problems.push(format!("zone {zone}: {what}"));
    }
}

/// Checks every living zone. Reads only, and may run beside a server.
///
/// # Errors
/// When the store cannot be read. What is wrong with its contents is in the report.
pub async fn check(store: &dyn Store, cedar: &CedarPool) -> Result<Report, StoreError> {
    check_read(&mut *store.read().await?, cedar).await
}

/// Checks every living zone that this view sees.
pub(crate) async fn check_read(read: &mut dyn Read, cedar: &CedarPool) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut zones = Pages::new();
    while let Some(window) = zones.next_window() {
        let slice = read.zones(&ZoneFilter::default(), &window).await?;
        for zone in zones.take(slice) {
            report.add(check_one(read, cedar, &zone).await?);
        }
    }
    Ok(report)
}

/// Checks a zone. What is read of it is not of one moment: where something was found while the zone changed, it is
/// looked at again.
pub(crate) async fn check_one(read: &mut dyn Read, cedar: &CedarPool, zone: &Zone) -> Result<Report, StoreError> {
    let mut looks = 0;
    loop {
        looks += 1;
        let (mut report, before) = (Report::default(), read.count_events(zone.id).await?);
        match check_zone(read, cedar, zone, &mut report).await {
            // A row that cannot even be read ends the check of its zone, not of the others.
            Err(StoreError::Damaged(what)) => report.problem(zone.id, what),
            other => other?,
        }
        if report.clean() || looks == MOST_LOOKS || read.count_events(zone.id).await? == before {
            return Ok(report);
        }
    }
}

async fn check_zone(
    read: &mut dyn Read,
    cedar: &CedarPool,
    zone: &Zone,
    report: &mut Report,
) -> Result<(), StoreError> {
    report.zones += 1;
    let state = fold::follow(read, zone, report).await?;
    // It may have changed since it was listed.
    if let Some(zone) = read.zone(zone.id).await? {
        zone::compare(&zone, &state.itself, report);
    }
    fold::compare(read, zone, &state, report).await?;
    drafts::compare(read, zone, &state.drafts, report).await?;
    entities::compare(read, cedar, zone, &state.entities, report).await?;
    keys::compare(read, zone, &state.history.keys, report).await?;
    users::compare(read, zone, &state.users, report).await?;
    versions::check(read, cedar, zone, &state, report).await
}
