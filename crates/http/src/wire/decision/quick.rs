//! Reading decision requests in one pass over their bytes, straight into what the service takes.
//!
//! It accepts less than the strict reading does and nothing that one would not: whatever it does not take is read again.

use std::fmt;

use cedarkeep_model::json::Strict;
use cedarkeep_service::Uid;
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::{Map, Value};

use super::{AuthorizeBatchRequest, AuthorizeRequest, BatchQuestion, GivenQuestion};

/// The body of `POST Z/authorize`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    principal: QuickUid,
    action: QuickUid,
    resource: QuickUid,
    #[serde(default)]
    context: Option<Strict>,
    #[serde(default)]
    session: Option<String>,
    #[serde(default)]
    entities: Option<Strict>,
    #[serde(default)]
    explain: Option<bool>,
    #[serde(default)]
    at_least_revision: Option<u64>,
}

/// The body of `POST Z/authorize/batch`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    requests: Vec<Question>,
    #[serde(default)]
    entities: Option<Strict>,
    #[serde(default)]
    explain: Option<bool>,
    #[serde(default)]
    at_least_revision: Option<u64>,
}

/// One question of many.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    principal: QuickUid,
    action: QuickUid,
    resource: QuickUid,
    #[serde(default)]
    context: Option<Strict>,
    #[serde(default)]
    session: Option<String>,
}

/// A batch in which nothing is malformed.
pub(super) fn batch(body: &[u8]) -> Option<AuthorizeBatchRequest> {
    let batch: Batch = serde_json::from_slice(body).ok()?;
    let question = |Question { principal, action, resource, context, session }| {
        let question = BatchQuestion {
            principal: principal.0,
            action: action.0,
            resource: resource.0,
            context: Some(object(context)?),
            session,
        };
        Some(GivenQuestion::Read(Box::new(question)))
    };
    Some(AuthorizeBatchRequest {
        requests: batch.requests.into_iter().map(question).collect::<Option<_>>()?,
        entities: Some(list(batch.entities)?),
        explain: batch.explain,
        at_least_revision: batch.at_least_revision,
    })
}

/// An object; none stands for an empty one.
fn object(given: Option<Strict>) -> Option<Map<String, Value>> {
    match given {
        Some(Strict(Value::Object(members))) => Some(members),
        Some(_) => None,
        None => Some(Map::new()),
    }
}

/// A list; none stands for an empty one.
fn list(given: Option<Strict>) -> Option<Vec<Value>> {
    match given {
        Some(Strict(Value::Array(items))) => Some(items),
        Some(_) => None,
        None => Some(Vec::new()),
    }
}

pub(super) fn authorize_request(body: &[u8]) -> Option<AuthorizeRequest> {
    let request: Request = serde_json::from_slice(body).ok()?;
    Some(AuthorizeRequest {
        principal: request.principal.0,
        action: request.action.0,
        resource: request.resource.0,
        context: Some(object(request.context)?),
        session: request.session,
        entities: Some(list(request.entities)?),
        explain: request.explain,
        at_least_revision: request.at_least_revision,
    })
}

/// `"Type::\"id\""` or `{"type": …, "id": …}`.
struct QuickUid(Uid);

impl<'de> Deserialize<'de> for QuickUid {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UidVisitor).map(Self)
    }
}

struct UidVisitor;

impl<'de> Visitor<'de> for UidVisitor {
    type Value = Uid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an entity uid")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Uid, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Uid, A::Error> {
        let (mut kind, mut id) = (None, None);
        while let Some(member) = members.next_key::<Member>()? {
            let place = match member {
                Member::Type => &mut kind,
                Member::Id => &mut id,
            };
            if place.replace(members.next_value::<Text<'de>>()?).is_some() {
                return Err(A::Error::custom("twice"));
            }
        }
        match (kind, id) {
            (Some(kind), Some(id)) => Uid::new(&kind.0, &id.0).map_err(A::Error::custom),
            _ => Err(A::Error::custom("not both")),
        }
    }
}

#[derive(Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Member {
    Type,
    Id,
}

/// A string, borrowed where it has no escapes.
struct Text<'a>(std::borrow::Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(text.to_owned().into()))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

#[cfg(test)]
mod tests {
    use cedarkeep_service::DecisionRequest;
    use serde_json::json;

    use super::*;

    /// What the strict reading makes of it.
    fn strictly(body: &[u8]) -> Option<AuthorizeRequest> {
        let Value::Object(members) = cedarkeep_model::json::parse(body).ok()? else { return None };
        serde_json::from_value(Value::Object(members)).ok()
    }

    fn same(body: &str) -> bool {
        let said = |request: AuthorizeRequest| format!("{:?}", DecisionRequest::from(request));
        let quick = authorize_request(body.as_bytes()).map(said);
        let strict = strictly(body.as_bytes()).map(said);
        assert!(quick.is_none() || quick == strict, "{body}: {quick:?} {strict:?}");
        quick.is_some()
    }

    #[test]
    fn what_is_usual_is_read_at_once_and_alike() {
        for body in [
            json!({"principal": {"type": "User", "id": "a"}, "action": {"type": "Action", "id": "r"}, "resource": "Doc::\"1\""}),
            json!({"principal": "App::User::\"a\\u{41}\"", "action": {"id": "r\n\"", "type": "Action"},
                "resource": {"type": "Doc", "id": ""}, "context": {"a": [1, {"b": null}]}, "session": "s", "explain": true,
                "entities": [{"uid": {"type": "User", "id": "a"}, "attrs": {}, "parents": []}], "at_least_revision": 7}),
            json!({"principal": "User::\"a\"", "action": "Action::\"r\"", "resource": "Doc::\"1\"", "context": null,
                "entities": null, "session": null, "explain": null, "at_least_revision": null}),
        ] {
            assert!(same(&body.to_string()), "{body}");
        }
    }

    #[test]
    fn a_batch_is_read_at_once_when_nothing_in_it_is_malformed() {
        let said = |request: AuthorizeBatchRequest| format!("{:?}", request.into_batch().unwrap());
        let good = json!({"principal": {"type": "User", "id": "a"}, "action": "Action::\"r\"", "resource": "Doc::\"1\"",
            "context": {"n": 1}, "session": "s"});
        let body = json!({"requests": [good, good], "entities": [], "explain": true}).to_string();
        let strict: AuthorizeBatchRequest = serde_json::from_str(&body).unwrap();
        assert_eq!(batch(body.as_bytes()).map(said).unwrap(), said(strict));
        for (wrong, by) in [(r#"{"n":1}"#, "[]"), (r#""s""#, "7"), (r#""explain":true"#, r#""more":true"#)] {
            assert!(batch(body.replace(wrong, by).as_bytes()).is_none(), "{by}");
        }
    }

    #[test]
    fn what_is_wrong_is_never_taken() {
        let with = |more: &str| {
            format!(r#"{{"principal": "User::\"a\"", "action": "Action::\"r\"", "resource": "Doc::\"1\""{more}}}"#)
        };
        for body in [
            with(r#", "principal": "User::\"b\"""#),
            with(r#", "more": 1"#),
            with(r#", "context": {"a": 1, "a": 2}"#),
            with(r#", "context": []"#),
            with(r#", "context": {"a": {"b": [{"c": 1, "c": 1}]}}"#),
            with(r#", "entities": {}"#),
            with(r#", "at_least_revision": -1"#),
            with(r#", "explain": "yes""#),
            with("") + "x",
            with("").replace("User::", "User:"),
            with("").replace(r#""User::\"a\"""#, r#"{"type": "User"}"#),
            with("").replace(r#""User::\"a\"""#, r#"{"type": "User", "id": "a", "id": "b"}"#),
            with("").replace(r#""User::\"a\"""#, r#"{"type": "User", "id": 1}"#),
            with("").replace(r#""User::\"a\"""#, r#"{"type": "User", "id": "a", "more": 1}"#),
            with("").replace(r#""User::\"a\"""#, "7"),
            String::new(),
            "[]".to_owned(),
        ] {
            assert!(!same(&body) && strictly(body.as_bytes()).is_none(), "{body}");
        }
        // Rare, and right: the strict reading takes it.
        let wrapped = with("").replace(r#""User::\"a\"""#, r#"{"__entity": {"type": "User", "id": "a"}}"#);
        assert!(!same(&wrapped) && strictly(wrapped.as_bytes()).is_some());
    }
}
