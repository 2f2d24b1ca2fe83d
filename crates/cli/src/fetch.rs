//! Fetching the evidence about a policy set version from a server. Nothing that the server says is believed here: it is
//! only put into the form in which it can be verified.

use std::{collections::BTreeSet, fmt, str::FromStr, thread, time::Duration};

use anyhow::{Context as _, anyhow, bail};
use cedarkeep_attest::Jwks;
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{
    Digest, Envelope, IdSource as _, KeyState, Manifest, PolicySetId, PolicySetVersionId, PolicyVersionId,
    SchemaVersion, ScopeType, ZoneId,
};
use cedarkeep_verify::{Evidence, Parts, PolicyPart, Subject};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, value::RawValue};
use ureq::{Agent, Body, RequestBuilder, http::Response, typestate::WithBody};
use zeroize::Zeroizing;

use crate::{args::Credential, sources::SystemIds, tokens::Tokens};

/// The largest answer that is read: a page stops at 8 MiB, but for its last item and its escapes.
const MAX_ANSWER_BYTES: u64 = 64 << 20;
/// How long to wait before what changes something is sent again, each time.
const PAUSES: [Duration; 3] = [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(3)];
/// How long one request may take.
const TIMEOUT: Duration = Duration::from_mins(1);

/// The URL of a policy set version, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VersionUrl {
    /// The URL of its zone.
    zone_url: String,
    zone: ZoneId,
    set: PolicySetId,
    version: PolicySetVersionId,
}

impl VersionUrl {
    fn url(&self) -> String {
        format!("{}/policy-sets/{}/versions/{}", self.zone_url, self.set, self.version)
    }

    fn read(text: &str) -> Option<Self> {
        let (rest, version) = text.trim_end_matches('/').rsplit_once("/versions/")?;
        let (zone_url, set) = rest.rsplit_once("/policy-sets/")?;
        let (_, zone) = zone_url.rsplit_once("/zones/")?;
        Some(Self {
            zone: zone.parse().ok()?,
            set: set.parse().ok()?,
            version: version.parse().ok()?,
            zone_url: zone_url.to_owned(),
        })
    }
}

/// Whether this is a URL, and not a path.
pub(crate) fn is_url(text: &str) -> bool {
    text.starts_with("http://") || text.starts_with("https://")
}

impl FromStr for VersionUrl {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let form = "http(s)://…/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}";
        let read = if is_url(text) { Self::read(text) } else { None };
        read.ok_or_else(|| anyhow!("the URL of a policy set version has the form {form}"))
    }
}

/// A server, and the credential for it.
pub(crate) struct Remote {
    agent: Agent,
    tokens: Tokens,
}

#[derive(Deserialize)]
struct SetVersion {
    version: u64,
    scope_type: ScopeType,
    schema_version: SchemaVersion,
    manifest: Manifest,
    manifest_sha: Digest,
}

#[derive(Deserialize)]
struct Schema {
    cedar_schema_json: Box<RawValue>,
}

#[derive(Deserialize)]
struct Policy {
    id: PolicyVersionId,
    cedar_json: Box<RawValue>,
    cedar_raw: Option<String>,
}

#[derive(Deserialize)]
struct Key {
    kid: String,
    state: KeyState,
}

/// A page of a list.
#[derive(Deserialize)]
pub(crate) struct List<T> {
    pub(crate) items: Vec<T>,
    pagination: Pagination,
}

impl<T> List<T> {
    /// What the next page is asked for with, if there is one.
    pub(crate) fn cursor(&self) -> Option<String> {
        self.pagination.after_cursor.clone()
    }

    /// What a URL takes to ask for the next page, if there is one.
    pub(crate) fn next(&self) -> anyhow::Result<Option<String>> {
        let cursor = self.pagination.after_cursor.as_deref();
        cursor.map(|cursor| Ok(format!("&after={}", query_value(cursor)?))).transpose()
    }
}

#[derive(Deserialize)]
struct Pagination {
    after_cursor: Option<String>,
}

/// What a server says when it refuses.
#[derive(Debug, Deserialize)]
struct Refusal {
    code: String,
    message: String,
    #[serde(default)]
    notices: Vec<String>,
}

/// That a server refused.
#[derive(Debug)]
pub(crate) struct Refused {
    url: String,
    status: u16,
    said: Option<Refusal>,
    hint: &'static str,
}

impl Refused {
    /// The code of the refusal; none when no server of ours answered.
    pub(crate) fn code(&self) -> Option<&str> {
        self.said.as_ref().map(|said| said.code.as_str())
    }

    /// The status of the answer.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Whether the same question may be answered a moment later.
    fn passes(&self) -> bool {
        // The first of two tries under one key may still be under way.
        matches!(self.status, 429 | 502 | 503 | 504) || self.code() == Some("idempotency_conflict")
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answers {}", self.url, self.status)?;
        if let Some(Refusal { code, message, notices }) = &self.said {
            write!(f, ": {code}: {message}")?;
            notices.iter().try_for_each(|notice| write!(f, "\n  {notice}"))?;
        }
        f.write_str(self.hint)
    }
}

impl std::error::Error for Refused {}

impl Remote {
    /// A client that presents the token of the file, else that of the environment, else what `login` has kept.
    pub(crate) fn new(credential: &Credential) -> anyhow::Result<Self> {
        Ok(Self::presenting(Tokens::settle(credential)?))
    }

    /// A client that presents these tokens.
    pub(crate) fn presenting(tokens: Tokens) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(TIMEOUT))
            .http_status_as_error(false)
            .user_agent(concat!("cedarkeep/", env!("CARGO_PKG_VERSION")));
        Self { agent: config.build().new_agent(), tokens }
    }

    /// Everything about a policy set version that its verification takes. What is asked about is what the URL says, not
    /// what the server answers.
    pub(crate) fn evidence(&self, url: &VersionUrl, pool: &CedarPool) -> anyhow::Result<Evidence> {
        let version: SetVersion = self.get(&url.url())?;
        let schema: Schema = self.get(&format!("{}/policy-schemas/{}", url.zone_url, version.schema_version))?;
        let attestations: List<Envelope> = self.get(&format!("{}/attestations", url.url()))?;
        let parts = Parts {
            subject: Subject {
                zone_id: url.zone,
                policy_set_id: url.set,
                policy_set_version_id: url.version,
                policy_set_version: version.version,
                manifest_sha: version.manifest_sha,
                schema_version: version.schema_version,
                scope_type: version.scope_type,
            },
            schema_json: schema.cedar_schema_json.get().to_owned(),
            policies: self.policies(url, version.manifest.entries().len())?,
            manifest: version.manifest,
            attestations: attestations.items,
            jwks: self.jwks(&format!("{}/.well-known/jwks.json", url.zone_url))?,
            revoked: self.revoked(&url.zone_url)?,
        };
        Ok(Evidence::from_parts(parts, pool)?)
    }

    /// The ids of the keys that the zone has revoked.
    fn revoked(&self, zone_url: &str) -> anyhow::Result<BTreeSet<String>> {
        let keys: List<Key> = self.get(&format!("{zone_url}/signing-keys"))?;
        let revoked = keys.items.into_iter().filter(|key| key.state == KeyState::Revoked);
        Ok(revoked.map(|key| key.kid).collect())
    }

    /// The pinned policy versions, page by page; never more than the manifest has.
    fn policies(&self, url: &VersionUrl, count: usize) -> anyhow::Result<Vec<PolicyPart>> {
        let mut policies = Vec::new();
        let mut after = String::new();
        loop {
            let page: List<Policy> = self.get(&format!("{}/policies?limit=100{after}", url.url()))?;
            let next = page.next()?;
            if page.items.is_empty() || policies.len() + page.items.len() > count {
                bail!("{}: the server lists other policies than the manifest has", url.url());
            }
            policies.extend(page.items.into_iter().map(|policy| PolicyPart {
                policy_version_id: policy.id,
                cedar_json: policy.cedar_json.get().to_owned(),
                cedar_raw: policy.cedar_raw,
            }));
            match next {
                Some(next) => after = next,
                None => return Ok(policies),
            }
        }
    }

    /// The key set at a URL. Key sets are public, so whoever is asked for one never sees the token.
    pub(crate) fn jwks(&self, url: &str) -> anyhow::Result<Jwks> {
        let bytes = self.bytes(url, None)?;
        Jwks::parse(&bytes).with_context(|| format!("{url} is not an acceptable key set"))
    }

    /// The answer to a GET.
    pub(crate) fn get<T: DeserializeOwned>(&self, url: &str) -> anyhow::Result<T> {
        read(url, &self.bytes(url, self.tokens.of(url, &self.agent)?.as_ref())?)
    }

    /// The answer to a POST, and whether it made something. It is sent again when its answer was lost or the server says
    /// to, always under the same idempotency key, so that it is done once.
    pub(crate) fn post<T: DeserializeOwned>(&self, url: &str, body: &Value) -> anyhow::Result<(bool, T)> {
        let key = SystemIds.next().to_string();
        let (made, bytes) = patiently(|| self.sent(self.agent.post(url).header("idempotency-key", &key), url, body))?;
        Ok((made, read(url, &bytes)?))
    }

    /// The answer to a PUT, which comes to the same however often it is sent.
    pub(crate) fn put<T: DeserializeOwned>(&self, url: &str, body: &Value) -> anyhow::Result<T> {
        let (_, bytes) = patiently(|| self.sent(self.agent.put(url), url, body))?;
        read(url, &bytes)
    }

    fn sent(&self, mut request: RequestBuilder<WithBody>, url: &str, body: &Value) -> anyhow::Result<(bool, Vec<u8>)> {
        let token = self.tokens.of(url, &self.agent)?;
        if let Some(token) = &token {
            request = request.header("authorization", format!("Bearer {}", **token));
        }
        let answer = request.content_type("application/json").send(body.to_string());
        let answer = answer.map_err(|error| unreachable(url, &error))?;
        let made = answer.status().as_u16() == 201;
        Ok((made, taken(url, answer, token.is_some())?))
    }

    fn bytes(&self, url: &str, token: Option<&Zeroizing<String>>) -> anyhow::Result<Vec<u8>> {
        let mut request = self.agent.get(url);
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {}", **token));
        }
        let answer = request.call().map_err(|error| unreachable(url, &error))?;
        taken(url, answer, token.is_some())
    }
}

/// Asks until there is an answer or no more patience.
fn patiently<T>(mut ask: impl FnMut() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let may_pass = |error: &anyhow::Error| error.downcast_ref::<Refused>().is_none_or(Refused::passes);
    for pause in PAUSES {
        match ask() {
            Err(error) if may_pass(&error) => thread::sleep(pause),
            answered => return answered,
        }
    }
    ask()
}

/// That there was no answer, or only a part of one.
fn unreachable(url: &str, why: &ureq::Error) -> anyhow::Error {
    anyhow!("{url} gives no answer ({why}): is the server running there, and is its URL right?")
}

/// What an answer says.
fn read<T: DeserializeOwned>(url: &str, bytes: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes).with_context(|| format!("{url} has not the form that it should have"))
}

/// The body of an answer that is no refusal.
fn taken(url: &str, mut answer: Response<Body>, with_token: bool) -> anyhow::Result<Vec<u8>> {
    let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
    let body = body.map_err(|error| unreachable(url, &error))?;
    if answer.status().is_success() {
        return Ok(body);
    }
    let status = answer.status().as_u16();
    let hint = match (status, with_token) {
        (401, false) => {
            "; give the bearer token with CEDARKEEP_TOKEN or --token-file, or keep one with cedarkeep login"
        }
        (401, true) => "; the server does not know the token that was given, or knows it no longer",
        _ => "",
    };
    Err(Refused { url: url.to_owned(), status, said: serde_json::from_slice(&body).ok(), hint }.into())
}

/// A cursor as it stands in a query; ours are base64url, another server's need not be.
fn query_value(cursor: &str) -> anyhow::Result<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
    if cursor.chars().all(plain) { Ok(cursor) } else { bail!("the server gives a cursor that is none of cedarkeep's") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0198c0de-0000-7000-8000-000000000001";

    #[test]
    fn a_version_is_known_by_its_url() {
        for base in ["http://localhost:8180", "https://example.com/cedar"] {
            let text = format!("{base}/zones/{ID}/policy-sets/{ID}/versions/{ID}");
            let url: VersionUrl = text.parse().unwrap();
            assert_eq!(url.url(), text);
            assert_eq!(format!("{text}/").parse::<VersionUrl>().unwrap(), url);
        }
    }

    #[test]
    fn what_is_no_such_url_is_refused() {
        for text in [
            format!("ftp://a/zones/{ID}/policy-sets/{ID}/versions/{ID}"),
            format!("http://a/zones/{ID}/policy-sets/{ID}"),
            format!("http://a/zones/{ID}/policy-sets/{ID}/versions/1"),
            format!("http://a/zones/{ID}/policy-sets/{ID}/versions/{ID}/attestation"),
            String::new(),
        ] {
            assert!(text.parse::<VersionUrl>().is_err(), "{text}");
        }
    }
}
