//! Fetching everything about a zone that an auditor needs. Nothing that the server says is believed here: it is only put
//! into the form in which it can be verified. What is to be fetched follows from the events.

mod wire;

use std::{collections::BTreeMap, str::FromStr, thread, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use cedarkeep_attest::{Refusal, base64url};
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{
    ChainHead, Envelope, Event, History, PolicySetId, PolicySetVersionId, PolicyVersionId, SchemaVersion, ZoneId,
};
use cedarkeep_verify::{Evidence, PolicyPart, VersionPart, ZoneParts};
use serde::de::DeserializeOwned;

use self::wire::{Key, Policy, Schema, SetVersion, WireBinding};
use crate::{
    fetch::{self, List, Refused, Remote},
    output,
    progress::Progress,
};

/// How often a zone is looked at that changes meanwhile.
const MOST_LOOKS: u32 = 20;
/// How long to wait before a question is asked again, each time.
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];
/// How many objects a page has.
const PAGE: usize = 100;

/// The URL of a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ZoneUrl {
    url: String,
    zone: ZoneId,
}

impl FromStr for ZoneUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let url = text.trim_end_matches('/');
        let zone = url.rsplit_once("/zones/").and_then(|(_, zone)| zone.parse().ok());
        match zone {
            Some(zone) if fetch::is_url(url) => Ok(Self { url: url.to_owned(), zone }),
            _ => Err(anyhow!("the URL of a zone has the form http(s)://…/zones/{{zone_id}}")),
        }
    }
}

/// Everything about a zone, as of one event. A zone that changes meanwhile is looked at again; what was published never
/// changes, so only what is new is fetched again.
pub(crate) fn evidence(remote: &Remote, url: &ZoneUrl, pool: &CedarPool) -> anyhow::Result<Evidence> {
    let mut gathered = Gathered::new(remote, &url.url);
    let mut head = gathered.head()?;
    for _ in 0..MOST_LOOKS {
        gathered.look(head.1)?;
        let (jwks, keys, bindings) = (gathered.jwks()?, gathered.keys()?, gathered.bindings()?);
        let again = gathered.head()?;
        if again.1 == head.1 {
            let parts = ZoneParts {
                zone_id: url.zone,
                events: gathered.events,
                head: again.0,
                jwks,
                keys: keys.into_iter().map(Into::into).collect(),
                bindings: bindings.into_iter().map(Into::into).collect(),
                versions: gathered.versions.into_values().collect(),
                schemas: gathered.schemas.into_values().collect(),
                policies: gathered.policies.into_values().collect(),
            };
            return Ok(Evidence::of_zone(parts, pool)?);
        }
        head = again;
    }
    bail!(
        "{}: the zone changed each of the {MOST_LOOKS} times that it was looked at; try again at a quieter time",
        url.url
    )
}

/// What was fetched so far.
struct Gathered<'a> {
    remote: &'a Remote,
    url: &'a str,
    events: Vec<Event>,
    history: History,
    versions: BTreeMap<PolicySetVersionId, VersionPart>,
    policies: BTreeMap<PolicyVersionId, PolicyPart>,
    schemas: BTreeMap<SchemaVersion, String>,
}

impl<'a> Gathered<'a> {
    fn new(remote: &'a Remote, url: &'a str) -> Self {
        Self {
            remote,
            url,
            events: Vec::new(),
            history: History::default(),
            versions: BTreeMap::new(),
            policies: BTreeMap::new(),
            schemas: BTreeMap::new(),
        }
    }

    /// Fetches what the events up to this number tell of and is not here yet.
    fn look(&mut self, seq: u64) -> anyhow::Result<()> {
        self.follow(seq)?;
        let told: Vec<_> = self
            .history
            .set_versions
            .iter()
            .map(|(id, told)| (told.created.what.policy_set_id, id, told.attested.len()))
            .collect();
        let mut progress = Progress::begin("policy set versions", u64::try_from(told.len()).ok());
        for (set, id, attested) in told {
            self.version(set, id, attested)?;
            progress.advance(1);
        }
        for version in self.history.schemas.keys().cloned().collect::<Vec<_>>() {
            if self.schemas.contains_key(&version) {
                continue;
            }
            let schema: Option<Schema> = self.if_there(&format!("policy-schemas/{version}"))?;
            self.schemas.extend(schema.map(|schema| (version, schema.cedar_schema_json.get().to_owned())));
        }
        Ok(())
    }

    /// The events up to this number. One that is missing is for the verification to name.
    fn follow(&mut self, seq: u64) -> anyhow::Result<()> {
        let last = |events: &[Event]| events.last().map_or(0, |event| event.seq);
        let mut progress = Progress::begin("events", seq.checked_sub(last(&self.events)));
        loop {
            let last = last(&self.events);
            if last >= seq {
                return Ok(());
            }
            let page: List<Event> = self.ask(&format!("events?after_seq={last}&limit={PAGE}"))?;
            if page.items.is_empty() {
                return Ok(());
            }
            progress.advance(u64::try_from(page.items.len())?);
            for event in page.items {
                // What does not fit is for the verification to name too.
                let _ = self.history.apply(&event);
                self.events.push(event);
            }
        }
    }

    /// A set version with its attestations and what it pins.
    fn version(&mut self, set: PolicySetId, id: PolicySetVersionId, attested: usize) -> anyhow::Result<()> {
        let here = self.versions.get(&id).map(|version| version.attestations.len());
        if here == Some(attested) {
            return Ok(());
        }
        let path = format!("policy-sets/{set}/versions/{id}");
        if here.is_none() {
            let Some(SetVersion { manifest }) = self.if_there(&path)? else { return Ok(()) };
            self.pinned(&path, &manifest)?;
            let version = VersionPart { policy_set_version_id: id, manifest, attestations: Vec::new() };
            self.versions.insert(id, version);
        }
        let attestations: Option<List<Envelope>> = self.if_there(&format!("{path}/attestations"))?;
        if let (Some(version), Some(attestations)) = (self.versions.get_mut(&id), attestations) {
            version.attestations = attestations.items;
        }
        Ok(())
    }

    /// The pinned policy versions that are not here yet: one by one when they are few, else the whole list.
    fn pinned(&mut self, path: &str, manifest: &cedarkeep_model::Manifest) -> anyhow::Result<()> {
        let entries = manifest.entries();
        let missing: Vec<_> =
            entries.iter().filter(|entry| !self.policies.contains_key(&entry.policy_version_id)).collect();
        if missing.len() > entries.len().div_ceil(PAGE) {
            for policy in self.list::<Policy>(&format!("{path}/policies?limit={PAGE}"), entries.len())? {
                self.policies.insert(policy.id, PolicyPart::from(policy));
            }
            return Ok(());
        }
        for entry in missing {
            let path = format!("policies/{}/versions/{}", entry.policy_id, entry.policy_version_id);
            let policy: Option<Policy> = self.if_there(&path)?;
            self.policies.extend(policy.map(|policy| (policy.id, PolicyPart::from(policy))));
        }
        Ok(())
    }

    /// The signed head of the events, and its number.
    fn head(&self) -> anyhow::Result<(Envelope, u64)> {
        let envelope: Envelope = self.ask("events/head")?;
        let read = || -> anyhow::Result<u64> {
            let head: ChainHead = serde_json::from_slice(&base64url::decode_strict(&envelope.payload)?)?;
            Ok(head.seq)
        };
        let seq = read().with_context(|| format!("{}/events/head has not the form that it should have", self.url))?;
        Ok((envelope, seq))
    }

    fn jwks(&self) -> anyhow::Result<cedarkeep_attest::Jwks> {
        patiently(|| self.remote.jwks(&format!("{}/.well-known/jwks.json", self.url)))
    }

    fn keys(&self) -> anyhow::Result<Vec<Key>> {
        Ok(self.ask::<List<Key>>("signing-keys")?.items)
    }

    fn bindings(&self) -> anyhow::Result<Vec<WireBinding>> {
        self.list(&format!("policy-bindings?limit={PAGE}"), usize::MAX)
    }

    /// All items of a list, page by page; more than there may be are refused. The path has a query.
    fn list<T: DeserializeOwned>(&self, path: &str, most: usize) -> anyhow::Result<Vec<T>> {
        let (mut items, mut after) = (Vec::new(), String::new());
        loop {
            let page: List<T> = self.ask(&format!("{path}{after}"))?;
            let next = page.next()?;
            if items.len() + page.items.len() > most || (page.items.is_empty() && next.is_some()) {
                bail!("{}/{path}: the server lists more than there is", self.url);
            }
            items.extend(page.items);
            match next {
                Some(next) => after = next,
                None => return Ok(items),
            }
        }
    }

    /// What the zone answers.
    fn ask<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        patiently(|| self.remote.get(&format!("{}/{path}", self.url)))
    }

    /// What the zone answers, if it has what its events tell of. What it has not, or cannot read any more, is left out,
    /// and the verification names it.
    fn if_there<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<Option<T>> {
        match self.ask(path) {
            Ok(answer) => Ok(Some(answer)),
            Err(error) => match error.downcast_ref::<Refused>().and_then(Refused::code) {
                Some("not_found" | "integrity_error") => {
                    output::note(&format!("left out: {}", output::plain(&format!("{error:#}"))));
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }
}

/// Asks again when the answer was lost or the server says to.
fn patiently<T>(ask: impl Fn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let mut pauses = PAUSES.iter();
    loop {
        match (ask(), pauses.next()) {
            (Err(error), Some(pause)) if may_pass(&error) => thread::sleep(*pause),
            (answer, _) => return answer,
        }
    }
}

fn may_pass(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<Refused>() {
        // Without a code it is no server of ours that answered, but something on the way to it.
        Some(refused) => matches!(refused.code(), None | Some("rate_limited" | "unavailable" | "deadline_exceeded")),
        // An answer of another form is not lost; it would be the same again.
        None => error.downcast_ref::<serde_json::Error>().is_none() && error.downcast_ref::<Refusal>().is_none(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_known_by_its_url() {
        let id = "0198c0de-0000-7000-8000-000000000001";
        let url: ZoneUrl = format!("https://example.com/cedar/zones/{id}/").parse().unwrap();
        assert_eq!((url.url, url.zone.to_string()), (format!("https://example.com/cedar/zones/{id}"), id.to_owned()));
        for text in
            [format!("ftp://a/zones/{id}"), "http://a/zones/1".to_owned(), format!("http://a/zones/{id}/events")]
        {
            assert!(text.parse::<ZoneUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn only_what_may_pass_is_asked_again() {
        let asked = std::cell::Cell::new(0);
        let answer: anyhow::Result<()> = patiently(|| {
            asked.set(asked.get() + 1);
            Ok(serde_json::from_str("no JSON")?)
        });
        assert!(answer.is_err() && asked.get() == 1);
    }
}
