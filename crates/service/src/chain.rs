//! Following a zone's chain of events, and what it says of the set versions that were published.

use std::collections::HashMap;

use cedarkeep_model::{
    Digest, Event, EventKind, PolicySetId, PolicySetVersionId, SchemaVersion, ScopeType, Timestamp, ValidationMode,
    ZoneId,
};
use cedarkeep_store::{Direction, Order, Position, Read, Slice, StoreError, Window};
use serde::{Deserialize, de::DeserializeOwned};

/// How many items are read at once.
const PAGE: u32 = 500;

/// Walks a list from its beginning, or from behind a position, to its end.
pub(crate) struct Pages {
    start: Option<Position>,
    done: bool,
    limit: u32,
}

impl Pages {
    pub(crate) const fn new() -> Self {
        Self::of(PAGE)
    }

    /// With so many items at once.
    pub(crate) const fn of(limit: u32) -> Self {
        Self { start: None, done: false, limit }
    }

    pub(crate) const fn behind(start: Option<Position>) -> Self {
        Self { start, done: false, limit: PAGE }
    }

    pub(crate) fn next_window(&self) -> Option<Window> {
        if self.done {
            return None;
        }
        Some(Window { order: Order::Asc, start: self.start.clone(), direction: Direction::Forward, limit: self.limit })
    }

    pub(crate) fn take<T>(&mut self, slice: Slice<T>) -> Vec<T> {
        self.done = !slice.more;
        self.start = slice.items.last().map(|(position, _)| position.clone());
        slice.items.into_iter().map(|(_, item)| item).collect()
    }
}

/// A zone's chain of events, followed so far.
#[derive(Debug, Default)]
pub(crate) struct Chain {
    last: Option<Event>,
}

impl Chain {
    /// The number of the last event that was followed.
    pub(crate) fn seq(&self) -> u64 {
        self.last.as_ref().map_or(0, |event| event.seq)
    }

    /// Follows what has been added, giving each event to `fold`. Answers what is wrong with the chain or was not to the
    /// liking of `fold`.
    pub(crate) async fn advance(
        &mut self,
        read: &mut dyn Read,
        zone: ZoneId,
        mut fold: impl FnMut(&Event) -> Result<(), String> + Send,
    ) -> Result<Vec<String>, StoreError> {
        let mut problems = Vec::new();
        let behind = |event: &Event| {
            let at = i64::try_from(event.seq).unwrap_or(i64::MAX);
            Position { rank: 0, at, id: String::new() }
        };
        let mut pages = Pages::behind(self.last.as_ref().map(behind));
        while let Some(window) = pages.next_window() {
            let slice = read.events(zone, &window).await?;
            for event in pages.take(slice) {
                problems.extend(follows(self.last.as_ref(), &event).and_then(|()| fold(&event)).err());
                self.last = Some(event);
            }
        }
        Ok(problems)
    }
}

/// Whether an event has the number and the digests that it must have behind this one.
fn follows(previous: Option<&Event>, event: &Event) -> Result<(), String> {
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

/// The body of an event of a known kind.
pub(crate) fn body<T: DeserializeOwned>(event: &Event) -> Result<T, String> {
    serde_json::from_value(event.body.clone()).map_err(|error| format!("event {}: {error}", event.seq))
}

/// Counts a version in, which must be the next of its row.
pub(crate) fn next_number(event: &Event, newest: &mut u64, number: u64) -> Result<(), String> {
    *newest += 1;
    if *newest == number { Ok(()) } else { Err(format!("event {}: version {number} follows a gap", event.seq)) }
}

/// What was recorded, when and of whom.
#[derive(Debug)]
pub(crate) struct Recorded<T> {
    pub(crate) what: T,
    pub(crate) at: Timestamp,
    pub(crate) by: String,
}

impl<T> Recorded<T> {
    pub(crate) fn of(event: &Event, what: T) -> Self {
        Self { what, at: event.at, by: event.actor.clone() }
    }
}

/// What the event of its publication says of a set version.
#[derive(Debug, Deserialize)]
pub(crate) struct SetVersionEvent {
    pub(crate) policy_set_id: PolicySetId,
    policy_set_version_id: PolicySetVersionId,
    pub(crate) version: u64,
    pub(crate) manifest_sha: Digest,
    pub(crate) scope_type: ScopeType,
    pub(crate) schema_version: SchemaVersion,
    pub(crate) schema_sha: Digest,
    pub(crate) texts_sha: Digest,
    pub(crate) validation: ValidationMode,
    pub(crate) cedar_version: String,
    kid: String,
}

#[derive(Deserialize)]
struct ReSignedEvent {
    policy_set_version_id: PolicySetVersionId,
    kid: String,
}

/// A set version as the events tell of it.
#[derive(Debug)]
pub(crate) struct PublishedSetVersion {
    pub(crate) created: Recorded<SetVersionEvent>,
    /// The keys of its attestations, oldest first.
    pub(crate) attested: Vec<Recorded<String>>,
}

/// Every set version that the events tell of.
#[derive(Debug, Default)]
pub(crate) struct SetVersions {
    versions: HashMap<PolicySetVersionId, PublishedSetVersion>,
    newest: HashMap<PolicySetId, u64>,
}

impl SetVersions {
    /// Folds an event in; those of other kinds leave it as it is.
    pub(crate) fn apply(&mut self, event: &Event) -> Result<(), String> {
        match event.kind {
            EventKind::SetVersionCreated => {
                let version: SetVersionEvent = body(event)?;
                next_number(event, self.newest.entry(version.policy_set_id).or_default(), version.version)?;
                let attested = vec![Recorded::of(event, version.kid.clone())];
                let created = Recorded::of(event, version);
                let id = created.what.policy_set_version_id;
                self.versions.insert(id, PublishedSetVersion { created, attested });
            }
            EventKind::SetVersionReSigned => {
                let ReSignedEvent { policy_set_version_id, kid } = body(event)?;
                let version = self.versions.get_mut(&policy_set_version_id);
                let version =
                    version.ok_or_else(|| format!("event {}: nothing of that id was published", event.seq))?;
                version.attested.push(Recorded::of(event, kid));
            }
            _ => {}
        }
        Ok(())
    }

    pub(crate) fn get(&self, id: PolicySetVersionId) -> Option<&PublishedSetVersion> {
        self.versions.get(&id)
    }

    /// How many attestations they have.
    pub(crate) fn attestations(&self) -> usize {
        self.versions.values().map(|version| version.attested.len()).sum()
    }

    pub(crate) fn len(&self) -> usize {
        self.versions.len()
    }
}
