//! Entities: each must be what was put, and all together what the newest event says.

use cedarkeep_cedar::{CedarPool, EntityReader};
use cedarkeep_model::{Digest, EntityChange, EntityRecord, Event, Zone};
use cedarkeep_store::{Read, StoreError};
use serde::Deserialize;

use super::Report;
use crate::{chain::Pages, entities::changes_sha, entity_cache::read_record};

/// What the events say: how the newest change left the zone.
#[derive(Debug, Default)]
pub(super) struct Entities(Option<Newest>);

#[derive(Debug, Deserialize)]
struct Newest {
    created: u64,
    deleted: u64,
    total: u64,
    revision: u64,
    changes_sha: Digest,
}

impl Entities {
    /// Follows one event about entities.
    pub(super) fn apply(&mut self, event: &Event) -> Result<(), String> {
        let next: Newest = event.read_body()?;
        let (before, revision) = self.0.as_ref().map_or((0, 0), |newest| (newest.total, newest.revision));
        let follows = next.revision > revision && before + next.created == next.total + next.deleted;
        self.0 = Some(next);
        if follows {
            Ok(())
        } else {
            Err(format!("event {}: its numbers of entities do not follow those before it", event.seq))
        }
    }
}

/// Recomputes the digest of every entity, and compares them with what the events say.
pub(super) async fn compare(
    read: &mut dyn Read,
    cedar: &CedarPool,
    zone: &Zone,
    said: &Entities,
    report: &mut Report,
) -> Result<(), StoreError> {
    let (mut total, mut pages) = (0, Pages::new());
    while let Some(window) = pages.next_window() {
        let slice = read.entities(zone.id, None, &window).await?;
        let entities = pages.take(slice);
        total += entities.len() as u64;
        match cedar.run(move || problems(&entities)).await {
            Ok(problems) => problems.into_iter().for_each(|problem| report.problem(zone.id, problem)),
            Err(error) => report.problem(zone.id, error),
        }
    }
    report.entities += total;
    let Some(newest) = &said.0 else {
        if total > 0 || read.entities_revision(zone.id).await? > 0 {
            report.problem(zone.id, "there are entities of which no event tells");
        }
        return Ok(());
    };
    let changes = last_changes(read, zone, newest.revision).await?;
    let listed = changes.iter().map(|change| match change {
        EntityChange::Kept(record) => (record.entity_type.as_str(), record.entity_id.as_str(), Some(record.sha)),
        EntityChange::Deleted { entity_type, entity_id, .. } => (entity_type.as_str(), entity_id.as_str(), None),
    });
    let same = total == newest.total
        && changes.iter().all(|change| change.changed_revision() == newest.revision)
        && changes_sha(listed.collect()).is_ok_and(|sha| sha == newest.changes_sha);
    if !same {
        report.problem(zone.id, "the entities are not those that the events lead to");
    }
    Ok(())
}

/// Everything that changed at this revision or, as must not be, later.
async fn last_changes(read: &mut dyn Read, zone: &Zone, revision: u64) -> Result<Vec<EntityChange>, StoreError> {
    let (mut changes, mut pages) = (Vec::new(), Pages::new());
    while let Some(window) = pages.next_window() {
        let slice = read.entity_changes(zone.id, revision.saturating_sub(1), &window).await?;
        changes.extend(pages.take(slice));
    }
    Ok(changes)
}

fn problems(entities: &[EntityRecord]) -> Vec<String> {
    let mut reader = EntityReader::default();
    entities.iter().filter_map(|record| read_record(&mut reader, record).err()).collect()
}
