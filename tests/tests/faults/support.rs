//! A zone in which everything is permitted, the requests of these tests, and limits on what a process may write.

use std::process::{Command, Stdio};

use cedarkeep_tests::{
    client::Client,
    random::Random,
    server::{FIXTURE_TOKEN, Server},
};
use serde_json::{Value, json};

/// A zone on a running server. It outlives the server: [`Zone::on`] finds it on the next one.
pub(crate) struct Zone {
    client: Client,
    /// The path of the zone.
    pub(crate) path: String,
    /// The path of a policy in it.
    pub(crate) policy: String,
}

/// An acknowledged policy version: its path and its digest.
pub(crate) type Acknowledged = (String, String);

const SCHEMA: &str = "entity User, Doc; action read appliesTo { principal: User, resource: Doc, context: {} };";

impl Zone {
    /// Makes one.
    pub(crate) fn make(server: &Server) -> Self {
        let mut zone = Self { client: server.client(), path: String::new(), policy: String::new() };
        let made = zone.must("/zones", &json!({"name": "Test"}));
        zone.path = format!("/zones/{}", made["id"].as_str().unwrap());
        zone.must("/policy-schemas", &json!({"version": "test", "cedar_schema": SCHEMA}));
        let entry = json!({"new_policy": {"name": "all"}, "cedar_raw": "permit (principal, action, resource);"});
        let manifest = json!({"entries": [entry], "schema_version": "test", "activate": true});
        zone.must("/policy-sets", &json!({"name": "all", "manifest": manifest}));
        let policy = zone.must("/policies", &json!({"name": "grows"}));
        zone.policy = format!("/policies/{}", policy["id"].as_str().unwrap());
        zone.decides();
        zone
    }

    /// The same zone on another server.
    pub(crate) fn on(&self, server: &Server) -> Self {
        Self { client: server.client(), path: self.path.clone(), policy: self.policy.clone() }
    }

    /// Status and body of the answer to a POST.
    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.client.send("POST", &format!("{}{path}", self.path), body);
        (answer.status, serde_json::from_str(&answer.text).unwrap())
    }

    /// The answer to a POST that succeeds.
    pub(crate) fn must(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.post(path, body);
        assert!((200..300).contains(&status), "{path}: {status} {answer}");
        answer
    }

    /// It decides, and as it should.
    pub(crate) fn decides(&self) {
        let body = json!({"principal": "User::\"u\"", "action": "Action::\"read\"", "resource": "Doc::\"1\""});
        let decision = self.must("/authorize", &body);
        assert_eq!(decision["decision"], "allow", "{decision}");
    }

    /// Publishes a policy version of about this size; what was acknowledged, or status and body of the refusal.
    pub(crate) fn publish(&self, number: usize, bytes: usize) -> Result<Acknowledged, (u16, Value)> {
        let text = format!("// {}\npermit (principal == User::\"u{number}\", action, resource);", noise(number, bytes));
        let path = format!("{}/versions", self.policy);
        match self.post(&path, &json!({"schema_version": "test", "cedar_raw": text})) {
            (201, version) => {
                let member = |name: &str| version[name].as_str().unwrap().to_owned();
                Ok((format!("{}{path}/{}", self.path, member("id")), member("sha")))
            }
            refusal => Err(refusal),
        }
    }
}

/// Text that no engine can make smaller.
fn noise(seed: usize, bytes: usize) -> String {
    const LETTERS: &[u8; 64] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    let mut random = Random::spread(seed.try_into().unwrap());
    (0..bytes).map(|_| char::from(*random.of(LETTERS))).collect()
}

/// Everything that was acknowledged is there.
pub(crate) fn assert_kept(server: &Server, acknowledged: &[Acknowledged]) {
    for (path, sha) in acknowledged {
        let (status, version) = server.get(path, FIXTURE_TOKEN);
        assert_eq!((status, &version["sha"]), (200, &json!(sha)), "{path} was acknowledged");
    }
}

/// The same command, to which a file that may not grow is an error and not the end.
pub(crate) fn limited(command: &Command) -> Command {
    wrapped(command, Command::new("sh").args(["-c", "trap '' XFSZ; exec \"$@\"", "sh"]))
}

/// The same command, bound by the modes of files and folders even where the tests run as root.
pub(crate) fn bound_by_modes(command: &Command) -> Command {
    wrapped(command, Command::new("sh").args(["-c", BOUND_BY_MODES, "sh"]))
}

const BOUND_BY_MODES: &str =
    "[ \"$(id -u)\" != 0 ] || exec setpriv --bounding-set=-dac_override,-dac_read_search -- \"$@\"; exec \"$@\"";

fn wrapped(command: &Command, by: &Command) -> Command {
    let mut wrapped = Command::new(by.get_program());
    wrapped.args(by.get_args()).arg(command.get_program()).args(command.get_args());
    let given = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    wrapped.env_clear().envs(given).stdin(Stdio::null());
    wrapped
}

/// How large the files may grow that a process writes; none for as large as they like.
#[track_caller]
pub(crate) fn limit(process: u32, bytes: Option<u64>) {
    let bytes = bytes.map_or_else(|| "unlimited".to_owned(), |bytes| bytes.to_string());
    let limits = [format!("--pid={process}"), format!("--fsize={bytes}:")];
    let set = Command::new("prlimit").args(limits).output().unwrap();
    assert!(set.status.success(), "{set:?}");
}
