//! The example: a zone of people, an agent that acts for one of them, and documents, made through the service as any
//! caller would, and three commands to try on it.

use std::{
    env,
    fs::OpenOptions,
    io::Write as _,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf, absolute},
};

use anyhow::Context as _;
use cedarkeep_model::{
    BindingMode, Description, Name, PolicySetId, PolicySetVersionId, SchemaVersion, ScopeType, ZoneId,
};
use cedarkeep_service::{
    Call, GivenPolicy, GivenSchema, NewEntry, NewPolicy, NewZone, PageRequest, Principal, Service, SettingsPatch,
    ZoneFilter,
};

use crate::{
    place::{Place, private},
    secrets::AdminToken,
};

const SCHEMA: &str = include_str!("../example/documents.cedarschema");
const REQUEST: &str = include_str!("../example/decision.json");

/// Name, purpose and text of each policy.
const POLICIES: [(&str, &str, &str); 6] = [
    ("owners", "What owners may do", include_str!("../example/owners.cedar")),
    ("teams", "What teams may do", include_str!("../example/teams.cedar")),
    ("shared", "What those may do with whom a document was shared", include_str!("../example/shared.cedar")),
    ("agents", "What agents may do for the people they act for", include_str!("../example/agents.cedar")),
    ("approval", "When an agent has to ask", include_str!("../example/approval.cedar")),
    ("confidential", "What confidential documents take", include_str!("../example/confidential.cedar")),
];

/// What was found or made.
pub(crate) enum Example {
    /// The store has zones, so nothing was made.
    NotEmpty,
    /// The zone was made.
    Made {
        zone: ZoneId,
        set: PolicySetId,
        version: PolicySetVersionId,
        /// The key that attested the version.
        kid: String,
        /// The file with the request to be decided.
        request: PathBuf,
    },
}

/// Fills a store that has no zone.
pub(crate) async fn fill(service: &Service, place: &Place) -> anyhow::Result<Example> {
    let call = Call::by(Principal::administrator());
    let first = PageRequest { limit: Some(1), ..PageRequest::default() };
    if !service.zones(&call, ZoneFilter::default(), first).await?.items.is_empty() {
        return Ok(Example::NotEmpty);
    }
    let zone = new_zone(service, &call).await?;
    let schema_version = SchemaVersion::new("documents-1")?;
    service.create_schema(&call, zone, schema_version.clone(), GivenSchema::Text(SCHEMA.to_owned())).await?;
    service.set_default_schema(&call, zone, schema_version.as_str()).await?;
    let mut entries = Vec::new();
    for (name, purpose, text) in POLICIES {
        let new = NewPolicy { name: Name::new(name)?, description: Some(Description::new(purpose)?) };
        let policy = service.create_policy(&call, zone, new).await?;
        let given = GivenPolicy::Text(text.to_owned());
        let version =
            service.publish_policy_version(&call, zone, policy.id, schema_version.clone(), given).await?.object;
        entries.push(NewEntry { policy_id: policy.id, policy_version_id: version.id, sha: Some(version.sha) });
    }
    let set = service.create_policy_set(&call, zone, Name::new("documents")?, ScopeType::Zone).await?.set.id;
    let version = service.publish_set_version(&call, zone, set, schema_version, entries).await?.object;
    let id = version.record.id;
    service.activate_set_version(&call, zone, set, id, BindingMode::Active, None).await?;
    Ok(Example::Made { zone, set, version: id, kid: version.attestation.key_id, request: write_request(place)? })
}

async fn new_zone(service: &Service, call: &Call) -> anyhow::Result<ZoneId> {
    let new = NewZone {
        name: Name::new("Harbour")?,
        slug: None,
        description: Some(Description::new("An example: people, an agent that acts for one of them, and documents")?),
        organization_id: None,
        settings: SettingsPatch::default(),
    };
    Ok(service.create_zone(call, new).await?.id)
}

fn write_request(place: &Place) -> anyhow::Result<PathBuf> {
    let path = absolute(place.data_dir.join("example-decision.json"))?;
    private(OpenOptions::new().write(true).create(true).truncate(true), &path)
        .and_then(|mut file| file.write_all(REQUEST.as_bytes()))
        .with_context(|| format!("the example request {}", path.display()))?;
    Ok(path)
}

impl Example {
    /// What there is to try, with the real ids, for a shell.
    pub(crate) fn describe(&self, base: &str, bearer: &str) -> anyhow::Result<String> {
        let Self::Made { zone, set, version, kid, request } = self else {
            return Ok("\nThe store has zones already, so no example was made.".to_owned());
        };
        let zone = format!("{base}/zones/{zone}");
        let version = format!("{zone}/policy-sets/{set}/versions/{version}");
        let program = quote(&env::current_exe()?);
        let request = quote(Path::new(&format!("@{}", request.display())));
        Ok(format!(
            r#"
The store was empty: the zone "Harbour" was made, with six policies about people, documents and an agent. Three things
to try:

1. A decision: may the agent "minutes", which acts for Alice, summarize a document of her team?

    curl -sS -H "Authorization: Bearer {bearer}" \
      -H "Content-Type: application/json" --data {request} \
      {zone}/authorize

2. The attestation of the policies that decided:

    curl -sS -H "Authorization: Bearer {bearer}" \
      {version}/attestation

3. Its verification, by the key that this zone began with:

    CEDARKEEP_TOKEN="{bearer}" \
      {program} verify --trust-kid {kid} \
      {version}
"#
        ))
    }
}

/// How a shell gets at the token, without the token standing in a command.
pub(crate) fn bearer(token: &AdminToken, place: &Place) -> anyhow::Result<String> {
    let file = absolute(place.admin_token_file())?;
    Ok(match token {
        AdminToken::Made(_) => format!("$(cat {})", quote(&file)),
        AdminToken::Known if file.exists() => format!("$(cat {})", quote(&file)),
        AdminToken::Given | AdminToken::Known => "$CEDARKEEP_ADMIN_TOKEN".to_owned(),
    })
}

/// Under which URL this machine reaches a server that listens here.
pub(crate) fn local_url(mut address: SocketAddr, tls: bool) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(if address.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    let scheme = if tls { "https" } else { "http" };
    format!("{scheme}://{address}")
}

/// A path as one word of a POSIX shell.
fn quote(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-@+:,=".contains(c);
    if !text.is_empty() && text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_to_the_shell() {
        for (path, word) in [("/a/b-c.d", "/a/b-c.d"), ("/a b", "'/a b'"), ("/it's", r"'/it'\''s'"), ("$(x)", "'$(x)'")]
        {
            assert_eq!(quote(Path::new(path)), word);
        }
    }

    #[test]
    fn the_unspecified_address_is_reached_on_loopback() {
        for (listening, url) in [
            ("0.0.0.0:80", "http://127.0.0.1:80"),
            ("[::]:80", "http://[::1]:80"),
            ("192.0.2.1:80", "http://192.0.2.1:80"),
        ] {
            assert_eq!(local_url(listening.parse().unwrap(), false), url);
        }
        assert_eq!(local_url("0.0.0.0:443".parse().unwrap(), true), "https://127.0.0.1:443");
    }
}
