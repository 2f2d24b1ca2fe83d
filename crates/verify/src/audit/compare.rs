//! What the earlier export holds, against the zone as it is now.

use std::collections::BTreeMap;

use cedarkeep_model::{Event, KeyState, PolicySetVersionId, json};

use super::Difference;
use crate::{
    Evidence,
    zone::{EVENTS, KEYS, ZONE, ZoneCase, ZoneKeys, lines},
};

/// What a comparison found.
#[derive(Default)]
pub(super) struct Compared {
    pub(super) differences: Vec<Difference>,
    pub(super) since: Vec<String>,
}

impl Compared {
    fn differs(&mut self, about: &'static str, what: String) {
        self.differences.push(Difference { about, what });
    }
}

/// Compares an earlier export, which is known to hold, with the zone as it is now, of which nothing is known.
pub(super) fn compare(before: &ZoneCase<'_>, now: &Evidence) -> Compared {
    let mut compared = Compared::default();
    if now.file(ZONE) != before.evidence.file(ZONE) {
        compared.differs("zone", "it is another zone".to_owned());
        return compared;
    }
    events(before, now, &mut compared);
    files(before, now, &mut compared);
    keys(before, now, &mut compared);
    compared
}

/// Each earlier event is there as it was.
fn events(before: &ZoneCase<'_>, now: &Evidence, compared: &mut Compared) {
    let mut there: BTreeMap<u64, &[u8]> = BTreeMap::new();
    for line in lines(now.file(EVENTS).unwrap_or_default()) {
        let event = json::parse(line).ok().and_then(|value| serde_json::from_value::<Event>(value).ok());
        // A line that cannot be read is named by the verification.
        if let Some(event) = event {
            there.insert(event.seq, line);
        }
    }
    let was = lines(before.evidence.file(EVENTS).unwrap_or_default());
    for (event, was) in before.events.iter().zip(was) {
        match there.remove(&event.seq) {
            Some(is) if is == was => {}
            Some(_) => compared.differs("events", format!("event {} ({}) was rewritten", event.seq, event.kind)),
            None => compared.differs("events", format!("event {} ({}) is no longer there", event.seq, event.kind)),
        }
    }
    let last = before.events.last().map_or(0, |event| event.seq);
    compared.since.push(match there.len() {
        0 => format!("no event since event {last}"),
        new => format!("{new} events since event {last}"),
    });
}

/// Each earlier file that says what was published is there as it was.
fn files(before: &ZoneCase<'_>, now: &Evidence, compared: &mut Compared) {
    for (path, was) in before.evidence.files() {
        let Some((about, name)) = published(path) else { continue };
        match now.file(path) {
            Some(is) if is == was => {}
            Some(_) => compared.differs(about, format!("{name} was rewritten ({path})")),
            None => compared.differs(about, format!("{name} is no longer there ({path})")),
        }
    }
    let mut new: BTreeMap<&'static str, u64> = BTreeMap::new();
    for path in now.files().keys().filter(|path| before.evidence.file(path).is_none()) {
        let Some((about, name)) = published(path) else { continue };
        let text = path.strip_suffix(".cedar");
        let json = text.map(|path| format!("{path}.json"));
        if json.is_some_and(|json| before.evidence.file(&json).is_some()) {
            compared.differs(about, format!("{name} was added where there was none ({path})"));
        } else if text.is_none() {
            *new.entry(about).or_default() += 1;
        }
    }
    compared.since.extend(new.into_iter().map(|(about, count)| format!("{count} new in {about}")));
}

/// What a file that never changes belongs to, and in words what it is.
fn published(path: &str) -> Option<(&'static str, String)> {
    let (folder, name) = path.split_once('/')?;
    let (id, kind) = name.rsplit_once('.')?;
    Some(match (folder, kind) {
        ("manifests", _) => ("versions", format!("the manifest of policy set version {id}")),
        ("schemas", _) => ("schemas", format!("schema {id}")),
        ("policies", "cedar") => ("policies", format!("the text of policy version {id}")),
        ("policies", _) => ("policies", format!("policy version {id}")),
        ("attestations", _) => {
            let (version, number) = id.rsplit_once('-').filter(|(id, _)| id.parse::<PolicySetVersionId>().is_ok())?;
            ("attestations", format!("attestation {number} of policy set version {version}"))
        }
        _ => return None,
    })
}

/// Each earlier key is there, and went no way but forward.
fn keys(before: &ZoneCase<'_>, now: &Evidence, compared: &mut Compared) {
    let listed = now.file(KEYS).and_then(|bytes| json::parse(bytes).ok());
    let listed: Option<ZoneKeys> = listed.and_then(|value| serde_json::from_value(value).ok());
    let listed = listed.map(|listed| listed.keys).unwrap_or_default();
    for was in before.history.keys.iter() {
        let kid = &was.kid;
        match listed.iter().find(|key| key.kid == *kid) {
            None => compared.differs("keys", format!("key {kid} is no longer there")),
            Some(is) if is.public != was.public => compared.differs("keys", format!("key {kid} is another")),
            Some(is) if stage(is.state) < stage(was.state) => {
                compared.differs("keys", format!("key {kid} was {} and is {}", was.state, is.state));
            }
            Some(is) if was.revoked_seq.is_some() && is.revoked_seq != was.revoked_seq => {
                compared.differs("keys", format!("the revocation of key {kid} was rewritten"));
            }
            Some(is) if is.state != was.state => {
                compared.since.push(format!("key {kid} was {} and is {}", was.state, is.state));
            }
            Some(_) => {}
        }
    }
}

/// How far a key is in its life.
const fn stage(state: KeyState) -> u8 {
    match state {
        KeyState::Pending => 0,
        KeyState::Signing => 1,
        KeyState::Retired => 2,
        KeyState::Revoked => 3,
    }
}
