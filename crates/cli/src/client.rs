//! What the verbs that publish ask of a server, typed: the routes are in `routes`, what is sent and read in `wire`.

mod routes;
mod wire;

#[cfg(test)]
mod contract;

use std::{
    fmt::{self, Display},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use cedarkeep_model::{BindingMode, Digest, PolicySetId, PolicySetVersionId, SchemaVersion, ScopeType, ZoneId};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use self::routes::Route;
pub(crate) use self::wire::{
    Applied, Apply, Bind, Binding, Entry, Event, Manifest, NewPolicy, PinnedPolicy, Policy, PolicySet, Schema,
    SchemaCreate, SetCreate, SetVersion, Test, TestAnswer, TestAnswers, TestCase, Tested, Wait, Waited, Word, Zone,
};
use crate::{
    args::Credential,
    fetch::{self, List, Refused, Remote},
    progress::Progress,
};

/// How many objects are asked for at once.
const PAGE: (&str, &str) = ("limit", "100");
/// How long a revision is waited for.
const PATIENCE: Duration = Duration::from_mins(1);
/// How long after a refusal it is asked for again.
const PAUSE: Duration = Duration::from_millis(200);

/// A server.
pub(crate) struct Server {
    remote: Remote,
    url: String,
}

/// A zone of a server.
pub(crate) struct Client {
    server: Server,
    /// The zone.
    pub(crate) zone: ZoneId,
}

/// That the server has no such zone, as far as whoever asks may know.
#[derive(Debug)]
struct NoZone(ZoneId);

impl Display for NoZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the server has no zone {}, or the token may not see it: cedarkeep zones lists those that it may see; say the \
             right one in cedarkeep.toml, or with CEDARKEEP_ZONE or --zone",
            self.0
        )
    }
}

impl Server {
    /// A client of the server at this URL.
    pub(crate) fn new(url: &str, credential: &Credential) -> anyhow::Result<Self> {
        if !fetch::is_url(url) {
            bail!("the server is a URL such as https://cedarkeep.example.com, not {url:?}");
        }
        Ok(Self { remote: Remote::new(credential)?, url: url.trim_end_matches('/').to_owned() })
    }

    /// The zones that the token may see.
    pub(crate) fn zones(&self) -> anyhow::Result<Vec<Zone>> {
        let mut zones = Vec::new();
        self.pages(routes::ZONES, &[], &[], "reading zones", |page| {
            zones.extend(page);
            true
        })?;
        Ok(zones)
    }

    fn get<T: DeserializeOwned>(
        &self,
        route: Route,
        values: &[&dyn Display],
        query: &[(&str, &str)],
    ) -> anyhow::Result<T> {
        debug_assert_eq!(route.method, "get");
        self.remote.get(&route.url(&self.url, values, query))
    }

    /// A list, page by page, for as long as more is wanted.
    fn pages<T: DeserializeOwned>(
        &self,
        route: Route,
        values: &[&dyn Display],
        query: &[(&str, &str)],
        what: &'static str,
        mut take: impl FnMut(Vec<T>) -> bool,
    ) -> anyhow::Result<()> {
        let mut progress = Progress::begin(what, None);
        let mut after: Option<String> = None;
        loop {
            let cursor = after.as_deref().map(|after| ("after", after));
            let query: Vec<_> = [PAGE].into_iter().chain(query.iter().copied()).chain(cursor).collect();
            let page: List<T> = self.get(route, values, &query)?;
            let next = page.cursor();
            progress.advance(page.items.len() as u64);
            if !take(page.items) || next.is_none() {
                return Ok(());
            }
            after = next;
        }
    }
}

impl Client {
    /// A client of a zone of the server at this URL.
    pub(crate) fn new(server: &str, zone: ZoneId, credential: &Credential) -> anyhow::Result<Self> {
        Ok(Self { server: Server::new(server, credential)?, zone })
    }

    /// The digest of a schema version, if the zone has it.
    pub(crate) fn schema(&self, version: &SchemaVersion) -> anyhow::Result<Option<Digest>> {
        match self.get::<Schema>(routes::SCHEMA, &[version], &[]) {
            Ok(schema) => Ok(Some(schema.schema_sha)),
            Err(error) if is_missing(&error) && !error.is::<NoZone>() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Gives the zone a schema version.
    pub(crate) fn create_schema(&self, version: &SchemaVersion, text: &str) -> anyhow::Result<()> {
        let body = SchemaCreate { version, cedar_schema: text };
        self.post::<Value>(routes::CREATE_SCHEMA, &[], &body).map(|_| ())
    }

    /// The policies of the zone: the living ones, or all that there ever were.
    pub(crate) fn policies(&self, archived: bool) -> anyhow::Result<Vec<Policy>> {
        let archived = archived.then_some(("filter[archived]", "any"));
        self.list(routes::POLICIES, &[], archived.as_slice(), "reading policies")
    }

    /// The living policy set of this name.
    pub(crate) fn policy_set(&self, name: &str) -> anyhow::Result<Option<PolicySet>> {
        let scopes = ScopeType::ALL.iter().map(|scope| ("filter[scope_type]", scope.as_str()));
        let query: Vec<_> = [("query[name]", name)].into_iter().chain(scopes).collect();
        let sets: Vec<PolicySet> = self.list(routes::SETS, &[], &query, "reading policy sets")?;
        Ok(sets.into_iter().find(|set| set.name == name))
    }

    /// A version of a policy set.
    pub(crate) fn version(&self, set: PolicySetId, version: PolicySetVersionId) -> anyhow::Result<SetVersion> {
        self.get(routes::VERSION, &[&set, &version], &[])
    }

    /// The version of a policy set that has this number.
    pub(crate) fn version_numbered(&self, set: PolicySetId, number: u64) -> anyhow::Result<Option<SetVersion>> {
        let mut found = None;
        let query = [("filter[archived]", "any")];
        self.pages(routes::VERSIONS, &[&set], &query, "reading versions", |page: Vec<SetVersion>| {
            found = page.into_iter().find(|version| version.version == number);
            found.is_none()
        })?;
        Ok(found)
    }

    /// What a version pins.
    pub(crate) fn pinned(&self, set: PolicySetId, version: PolicySetVersionId) -> anyhow::Result<Vec<PinnedPolicy>> {
        self.list(routes::PINNED, &[&set, &version], &[("format", "cedar")], "reading what is pinned")
    }

    /// The slots that a set's versions stand in.
    pub(crate) fn bindings(&self, set: PolicySetId) -> anyhow::Result<Vec<Binding>> {
        self.list(routes::BINDINGS, &[], &[("filter[policy_set_id]", &set.to_string())], "reading bindings")
    }

    /// What stands in the slot of a target, active and shadow.
    pub(crate) fn bindings_for(&self, scope: ScopeType, target: &str) -> anyhow::Result<Vec<Binding>> {
        let query = [("filter[scope_type]", scope.as_str()), ("filter[scope_target_id]", target)];
        self.list(routes::BINDINGS, &[], &query, "reading bindings")
    }

    /// Points the slot of a set's scope at a version.
    pub(crate) fn bind(&self, version: PolicySetVersionId, mode: BindingMode, target: &str) -> anyhow::Result<Binding> {
        let body = Bind { policy_set_version_id: version, mode, scope_target_id: target };
        debug_assert_eq!(routes::BIND.method, "put");
        let url = routes::BIND.url(&self.server.url, &[&self.zone], &[]);
        self.explained(self.server.remote.put(&url, &json!(body)))
    }

    /// Makes a shadow the active version of its slot.
    pub(crate) fn promote(&self, shadow: &Binding) -> anyhow::Result<Binding> {
        self.post(routes::PROMOTE, &[&shadow.id], &json!({})).map(|(_, binding)| binding)
    }

    /// What was recorded, newest first, for as long as more is wanted.
    pub(crate) fn events(&self, mut wanted: impl FnMut(&Event) -> bool) -> anyhow::Result<()> {
        let read = self.server.pages(routes::EVENTS, &[&self.zone], &[], "reading events", |page: Vec<Event>| {
            page.iter().all(&mut wanted)
        });
        self.explained(read)
    }

    /// Publishes a manifest into a set that is there; whether that made a new version.
    pub(crate) fn apply(&self, set: PolicySetId, manifest: &Manifest<'_>) -> anyhow::Result<(bool, Applied)> {
        self.post(routes::APPLY, &[&set], &Apply { manifest, dry_run: None })
    }

    /// Asks whether a manifest could be published into a set that is there.
    pub(crate) fn try_apply(&self, set: PolicySetId, manifest: &Manifest<'_>) -> anyhow::Result<()> {
        self.post::<Value>(routes::APPLY, &[&set], &Apply { manifest, dry_run: Some(true) }).map(|_| ())
    }

    /// Makes a set together with its first version.
    pub(crate) fn create_set(
        &self,
        name: &str,
        scope_type: ScopeType,
        manifest: &Manifest<'_>,
    ) -> anyhow::Result<(bool, Applied)> {
        self.post(routes::CREATE_SET, &[], &SetCreate { name, scope_type, manifest })
    }

    /// Puts requests to a published version.
    pub(crate) fn test(&self, test: &Test<'_>) -> anyhow::Result<Vec<TestAnswer>> {
        let (_, answers) = self.post::<TestAnswers>(routes::TEST, &[], test)?;
        if answers.results.len() != test.requests.len() {
            bail!("the server answers {} requests of {}", answers.results.len(), test.requests.len());
        }
        Ok(answers.results)
    }

    /// Waits until decisions are made at this revision of the zone, or at a later one. What is asked is no question, so
    /// that nothing is decided, counted or logged for it: the answer says so in its place, once the revision is there.
    pub(crate) fn wait_for(&self, revision: u64) -> anyhow::Result<()> {
        let _working = Progress::begin("waiting for the revision", None);
        let until = Instant::now() + PATIENCE;
        let question = Wait { requests: [json!({})], at_least_revision: revision };
        loop {
            match self.post::<Waited>(routes::DECIDE, &[], &question) {
                Ok((_, answer)) if answer.results.len() == 1 => return Ok(()),
                Ok(_) => bail!("the server does not answer each question"),
                // An instance that lags behind knows of no such revision yet.
                Err(error) if Instant::now() < until && is_refused(&error, &[400, 503]) => thread::sleep(PAUSE),
                Err(error) => {
                    let message =
                        format!("it is published, but no decision is made at revision {revision} of the zone");
                    return Err(error.context(message));
                }
            }
        }
    }

    fn get<T: DeserializeOwned>(
        &self,
        route: Route,
        values: &[&dyn Display],
        query: &[(&str, &str)],
    ) -> anyhow::Result<T> {
        self.explained(self.server.get(route, &self.within(values), query))
    }

    fn post<T: DeserializeOwned>(
        &self,
        route: Route,
        values: &[&dyn Display],
        body: &impl Serialize,
    ) -> anyhow::Result<(bool, T)> {
        debug_assert_eq!(route.method, "post");
        let url = route.url(&self.server.url, &self.within(values), &[]);
        self.explained(self.server.remote.post(&url, &serde_json::to_value(body)?))
    }

    fn list<T: DeserializeOwned>(
        &self,
        route: Route,
        values: &[&dyn Display],
        query: &[(&str, &str)],
        what: &'static str,
    ) -> anyhow::Result<Vec<T>> {
        let mut items = Vec::new();
        self.pages(route, values, query, what, |page| {
            items.extend(page);
            true
        })?;
        Ok(items)
    }

    fn pages<T: DeserializeOwned>(
        &self,
        route: Route,
        values: &[&dyn Display],
        query: &[(&str, &str)],
        what: &'static str,
        take: impl FnMut(Vec<T>) -> bool,
    ) -> anyhow::Result<()> {
        self.explained(self.server.pages(route, &self.within(values), query, what, take))
    }

    fn within<'a>(&'a self, values: &[&'a dyn Display]) -> Vec<&'a dyn Display> {
        [&self.zone as &dyn Display].into_iter().chain(values.iter().copied()).collect()
    }

    /// An answer; when there is none because there is no such zone, that is said.
    fn explained<T>(&self, answer: anyhow::Result<T>) -> anyhow::Result<T> {
        match answer {
            Err(error) if is_missing(&error) => match self.server.get::<Value>(routes::ZONE, &[&self.zone], &[]) {
                Err(none) if is_missing(&none) => Err(none).context(NoZone(self.zone)),
                _ => Err(error),
            },
            answer => answer,
        }
    }
}

/// Whether this says that there is no such thing.
fn is_missing(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Refused>().and_then(Refused::code) == Some("not_found")
}

fn is_refused(error: &anyhow::Error, statuses: &[u16]) -> bool {
    error.downcast_ref::<Refused>().is_some_and(|refused| statuses.contains(&refused.status()))
}
