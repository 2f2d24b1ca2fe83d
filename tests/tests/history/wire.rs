//! Requests over HTTP, and what their answers say.

use cedarkeep_tests::{client::Client, server::FIXTURE_TOKEN};
use serde_json::{Value, json};

use crate::record::{Asked, Bound, Decided, Slot, Told, number, text};

/// A client with connections of its own.
pub(crate) struct Wire(Client);

/// Method, path below the zone, and body.
pub(crate) type Request = (&'static str, String, Option<Value>);

impl Wire {
    pub(crate) fn new() -> Self {
        Self(Client::new("", FIXTURE_TOKEN))
    }

    /// Status and body of an answer; why there is none.
    pub(crate) fn send(&self, url: &str, request: &Request, key: Option<&str>) -> Result<(u16, Value), String> {
        let (method, path, body) = request;
        let key: Vec<_> = key.map(|key| ("idempotency-key", key)).into_iter().collect();
        let answer = self.0.try_send(method, &format!("{url}{path}"), body.as_ref().unwrap_or(&Value::Null), &key);
        let answer = answer.map_err(|error| error.to_string())?;
        let body = serde_json::from_str(&answer.text).map_err(|error| format!("{}: {error}", answer.status))?;
        Ok((answer.status, body))
    }

    /// The answer that must come.
    pub(crate) fn must(&self, url: &str, request: &Request) -> Value {
        let (status, body) = self.send(url, request, None).unwrap_or_else(|error| panic!("{request:?}: {error}"));
        assert!((200..300).contains(&status), "{request:?}: {status} {body}");
        body
    }

    /// All pages of a list.
    pub(crate) fn all(&self, url: &str, path: &str) -> Vec<Value> {
        let (mut items, mut cursor) = (Vec::new(), String::new());
        loop {
            let mut page = self.must(url, &("GET", format!("{path}&limit=100&order=asc{cursor}"), None));
            items.append(page["items"].as_array_mut().unwrap());
            let Some(after) = page["pagination"]["after_cursor"].as_str() else { return items };
            cursor = format!("&after={after}");
        }
    }
}

/// The schema of the zones.
pub(crate) const SCHEMA: &str = "
entity User, Doc;
action read appliesTo { principal: User, resource: Doc, context: {} };
";

/// The text of a policy that carries a mark.
pub(crate) fn policy(mark: &str, permits: bool) -> String {
    let effect = if permits { "permit" } else { "forbid" };
    format!("@mark(\"{mark}\")\n{effect} (principal, action, resource);")
}

/// How something is asked for. What knows two ways takes the one or the other.
pub(crate) fn request(zone: &str, asked: &Asked, set_of: impl Fn(&str) -> String, other_way: bool) -> Request {
    let policy_of = |version: &str| set_of(version);
    match asked {
        Asked::PublishPolicy { policy, mark } => {
            // The mark says whether it permits.
            let content = self::policy(mark, !mark.ends_with('-'));
            let body = json!({"schema_version": "test", "cedar_raw": content});
            ("POST", format!("{zone}/policies/{policy}/versions"), Some(body))
        }
        Asked::PublishSet { set, pins } => {
            let entry = |pin: &String| json!({"policy_id": policy_of(pin), "policy_version_id": pin});
            let entries: Vec<_> = pins.iter().map(entry).collect();
            let body = json!({"schema_version": "test", "manifest": {"entries": entries}});
            ("POST", format!("{zone}/policy-sets/{set}/versions"), Some(body))
        }
        Asked::Bind { slot, version } if other_way => {
            let body = json!({"active": true, "mode": slot.mode, "scope_target_id": slot.target});
            ("PATCH", format!("{zone}/policy-sets/{}/versions/{version}", set_of(version)), Some(body))
        }
        Asked::Bind { slot, version } => {
            let body = json!({"policy_set_version_id": version, "mode": slot.mode, "scope_target_id": slot.target});
            ("PUT", format!("{zone}/policy-bindings"), Some(body))
        }
        Asked::Promote { binding } => ("POST", format!("{zone}/policy-bindings/{binding}/promote"), Some(json!({}))),
        Asked::Unbind { binding } => ("DELETE", format!("{zone}/policy-bindings/{binding}"), None),
        Asked::ArchivePolicyVersion { version } => {
            ("DELETE", format!("{zone}/policies/{}/versions/{version}", policy_of(version)), None)
        }
        Asked::ArchiveSetVersion { version } => {
            ("DELETE", format!("{zone}/policy-sets/{}/versions/{version}", set_of(version)), None)
        }
        Asked::Bindings => ("GET", format!("{zone}/policy-bindings?limit=100"), None),
        Asked::SetVersion { version } => {
            ("GET", format!("{zone}/policy-sets/{}/versions/{version}", set_of(version)), None)
        }
        Asked::PolicyVersion { version } => {
            ("GET", format!("{zone}/policies/{}/versions/{version}", policy_of(version)), None)
        }
        Asked::Events => ("GET", format!("{zone}/events?limit=100&after_seq="), None),
        Asked::Decide { principal, at_least } => {
            let mut body = json!({"principal": principal, "action": "Action::\"read\"", "resource": "Doc::\"1\""});
            if let Some(at_least) = at_least {
                body["at_least_revision"] = json!(at_least);
            }
            ("POST", format!("{zone}/authorize"), Some(body))
        }
    }
}

/// What a good answer tells.
pub(crate) fn told(asked: &Asked, body: &Value) -> Told {
    let items = |body: &Value| body["items"].as_array().unwrap().clone();
    match asked {
        Asked::Bindings => Told::Bindings(items(body).iter().map(Bound::of).collect()),
        Asked::Events => Told::Events(items(body).iter().map(|event| text(event, "sha256")).collect()),
        Asked::Decide { .. } => Told::Decision(decided(body)),
        _ if body["scope_target_id"].is_string() => Told::Binding(Bound::of(body)),
        _ => Told::Version {
            id: text(body, "id"),
            number: number(body, "version"),
            sha: text(body, if body["manifest_sha"].is_string() { "manifest_sha" } else { "sha" }),
            archived: body["archived_at"].is_string(),
            active: body["active"] == true,
        },
    }
}

fn decided(body: &Value) -> Decided {
    let slots = |member: &str, mode: &'static str| {
        let all = body[member].as_array().unwrap_or_else(|| panic!("{member} of {body}")).clone();
        let slot =
            move |slot: &Value| (Slot::of(slot, mode), text(slot, "policy_set_version_id"), text(slot, "manifest_sha"));
        all.iter().map(slot).collect::<Vec<_>>()
    };
    Decided {
        revision: number(body, "revision"),
        allowed: body["decision"] == "allow",
        slots: [slots("scopes", "active"), slots("shadow", "shadow")].concat(),
    }
}
