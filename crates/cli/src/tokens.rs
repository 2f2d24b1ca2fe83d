//! Which bearer token a request presents: the one that is given, else what `login` has kept for its server.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use ureq::Agent;
use zeroize::Zeroizing;

use crate::{
    args::Credential,
    logins::{Login, Logins, Secret},
    secrets,
};

/// Where access tokens are granted.
pub(crate) const TOKEN_PATH: &str = "/service-account-token";
/// How long before its end an access token is no longer presented.
const MARGIN: Duration = Duration::from_secs(30);
/// The largest answer of a token endpoint that is read.
const MAX_ANSWER_BYTES: u64 = 64 << 10;
/// All but the characters that stand for themselves (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Where tokens come from.
pub(crate) enum Tokens {
    /// Given for this run; presented to whomever is asked.
    Given(Zeroizing<String>),
    /// Kept by `login`, each for one server.
    Kept(Kept),
}

/// What `login` has kept, and what was got with it.
pub(crate) struct Kept {
    logins: Logins,
    /// Access tokens by server.
    access: Mutex<HashMap<String, Access>>,
}

struct Access {
    token: Zeroizing<String>,
    until: Instant,
}

/// What a token endpoint grants (RFC 6749, 5.1).
#[derive(Debug, Deserialize)]
pub(crate) struct Granted {
    access_token: Secret,
    token_type: String,
    expires_in: u64,
}

/// What a token endpoint says when it refuses (RFC 6749, 5.2).
#[derive(Deserialize)]
struct Refused {
    error: String,
    error_description: Option<String>,
}

impl Tokens {
    /// The token of the file, else that of the environment, else whatever `login` has kept.
    pub(crate) fn settle(credential: &Credential) -> anyhow::Result<Self> {
        if let Some(file) = &credential.token_file {
            let text = secrets::read(file).with_context(|| format!("the token file {}", file.display()))?;
            return Ok(Self::Given(Zeroizing::new(text.trim().to_owned())));
        }
        match secrets::from_environment("CEDARKEEP_TOKEN")? {
            Some(token) => Ok(Self::Given(token)),
            None => Ok(Self::kept(Logins::read()?)),
        }
    }

    /// Those that are kept.
    pub(crate) fn kept(logins: Logins) -> Self {
        Self::Kept(Kept { logins, access: Mutex::default() })
    }

    /// The token for a request to this URL, if there is one.
    pub(crate) fn of(&self, url: &str, agent: &Agent) -> anyhow::Result<Option<Zeroizing<String>>> {
        match self {
            Self::Given(token) => Ok(Some(token.clone())),
            Self::Kept(kept) => kept.of(url, agent),
        }
    }
}

impl Kept {
    fn of(&self, url: &str, agent: &Agent) -> anyhow::Result<Option<Zeroizing<String>>> {
        let (server, id, secret) = match self.logins.of(url) {
            None => return Ok(None),
            Some((_, Login::Token { token })) => return Ok(Some(token.text())),
            Some((server, Login::Client { client_id, client_secret })) => (server, client_id, client_secret),
        };
        let mut access = self.access.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(access) = access.get(server).filter(|access| Instant::now() < access.until) {
            return Ok(Some(access.token.clone()));
        }
        let granted = grant(agent, server, id, secret)?;
        let token = granted.token.clone();
        access.insert(server.to_owned(), granted);
        Ok(Some(token))
    }
}

/// An access token for a client's id and secret (RFC 6749, 4.4, the client in HTTP Basic as 2.3.1 has it).
fn grant(agent: &Agent, server: &str, id: &str, secret: &Secret) -> anyhow::Result<Access> {
    let url = format!("{server}{TOKEN_PATH}");
    let escaped = |text: &str| Zeroizing::new(utf8_percent_encode(text, RESERVED).to_string());
    let pair = Zeroizing::new(format!("{}:{}", *escaped(id), *escaped(&secret.text())));
    let basic = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    let request = agent.post(&url).header("authorization", format!("Basic {}", *basic));
    let request = request.content_type("application/x-www-form-urlencoded");
    let mut answer = request.send("grant_type=client_credentials").with_context(|| format!("no answer from {url}"))?;
    let body = answer.body_mut().with_config().limit(MAX_ANSWER_BYTES).read_to_vec();
    let body = Zeroizing::new(body.with_context(|| format!("no answer from {url}"))?);
    if !answer.status().is_success() {
        let why = serde_json::from_slice::<Refused>(&body).map_or_else(
            |_| format!("it answers {}", answer.status().as_u16()),
            |refused| {
                [Some(refused.error), refused.error_description].into_iter().flatten().collect::<Vec<_>>().join(": ")
            },
        );
        bail!("{url} grants no access token: {why}; if the client's secret has changed, run cedarkeep login again");
    }
    let granted: Granted = serde_json::from_slice(&body).with_context(|| format!("{url} grants no access token"))?;
    if !granted.token_type.eq_ignore_ascii_case("bearer") {
        bail!("{url} grants a token of the type {:?}, and only bearer tokens are understood here", granted.token_type);
    }
    let lives = Duration::from_secs(granted.expires_in).saturating_sub(MARGIN);
    Ok(Access { token: granted.access_token.text(), until: Instant::now() + lives.min(Duration::from_hours(24)) })
}
