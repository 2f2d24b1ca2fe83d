//! Reading a request body strictly: media type, size, time, UTF-8, no duplicate keys, no unknown members, right types.

use std::time::Duration;

use axum::{
    body::{Body, HttpBody as _},
    extract::{FromRequest, FromRequestParts as _, Request},
    http::{HeaderMap, header},
};
use bytes::{Bytes, BytesMut};
use cedarkeep_model::json;
use cedarkeep_service::{Call, Code};
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{
    app::App,
    caller::{Caller, condition, idempotency},
    failure::Failure,
};

/// From this size on a body is parsed off the threads that serve other requests.
const PARSED_INLINE_BYTES: usize = 256 << 10;

/// The longest complaint about a body, in characters.
const COMPLAINT_CHARS: usize = 400;

/// A JSON object that a route reads. Types that implement it derive `Deserialize` with `deny_unknown_fields`.
pub(crate) trait RequestBody: DeserializeOwned + Send + 'static {
    /// Whether the larger size limit holds (manifests, entities, batches).
    const LARGE: bool = false;
    /// Whether an empty body stands for an empty object.
    const OPTIONAL: bool = false;
    /// Whether `If-Match` counts on a POST, which then does something with an object that has an entity tag.
    const CONDITIONAL: bool = false;
    /// Whether an `Idempotency-Key` counts; decisions ignore it.
    const KEYED: bool = true;

    /// Reads a body that is as it should be, and says nothing of any other: that is read again, at length, to say what
    /// is wrong with it. For the routes where each microsecond counts.
    fn quick(_body: &[u8]) -> Option<Self> {
        None
    }

    /// Whether a member belongs to the published API but not to this server.
    fn unsupported(_member: &str) -> bool {
        false
    }
}

/// The call of a request together with its body.
pub(crate) struct Submitted<T> {
    pub(crate) call: Call,
    pub(crate) body: T,
}

impl<T: RequestBody> FromRequest<App> for Submitted<T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let Caller(call) = Caller::from_request_parts(&mut parts, app).await?;
        let limits = &app.config.limits;
        let limit = if T::LARGE { limits.large_body_bytes } else { limits.body_bytes };
        let bytes = collect_in_time(body, limit, limits.body_timeout).await?;
        let if_match = if T::CONDITIONAL { condition(&parts, &header::IF_MATCH)? } else { call.if_match };
        let idempotency = if T::KEYED { idempotency(&parts, &bytes)? } else { None };
        check_media_type(&parts.headers, &bytes)?;
        let body = read(bytes).await?;
        Ok(Self { call: Call { idempotency, if_match, ..call }, body })
    }
}

/// The whole body, unless it is too large or too slow.
pub(crate) async fn collect_in_time(body: Body, limit: usize, time: Duration) -> Result<Bytes, Failure> {
    tokio::time::timeout(time, collect(body, limit)).await.map_err(|_| Failure::body_timeout())?
}

async fn collect(mut body: Body, limit: usize) -> Result<Bytes, Failure> {
    let too_large = || Failure::new(Code::TooLarge, format!("the body must have at most {limit} bytes"));
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large());
    }
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Failure::new(Code::BadRequest, "the request body broke off"))?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len().saturating_add(data.len()) > limit {
            return Err(too_large());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

/// Clients name the media type even where they send nothing, so an empty body may have any.
fn check_media_type(headers: &HeaderMap, body: &[u8]) -> Result<(), Failure> {
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?").to_ascii_lowercase());
    let is_json = header(header::CONTENT_TYPE).is_some_and(|media_type| {
        let (essence, parameters) = media_type.split_once(';').unwrap_or((&media_type, ""));
        let essence = essence.trim();
        let charset = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("charset="));
        let json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
        json && charset.is_none_or(|charset| charset.trim_matches('"') == "utf-8")
    });
    let plain = header(header::CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    if body.is_empty() || (is_json && plain) {
        return Ok(());
    }
    let wanted = "the body must be sent as Content-Type: application/json, UTF-8, without a Content-Encoding";
    Err(Failure::new(Code::UnsupportedMediaType, wanted))
}

async fn read<T: RequestBody>(bytes: Bytes) -> Result<T, Failure> {
    if bytes.is_empty() && T::OPTIONAL {
        return typed(Map::new());
    }
    let inline = bytes.len() <= PARSED_INLINE_BYTES;
    let read = move || match T::quick(&bytes) {
        Some(body) => Ok(body),
        None => members(&bytes).and_then(typed),
    };
    if inline {
        return read();
    }
    tokio::task::spawn_blocking(read).await.map_err(|_| Failure::internal())?
}

/// The members of the JSON object in the body.
fn members(bytes: &[u8]) -> Result<Map<String, Value>, Failure> {
    let invalid = |why: String| Failure::new(Code::InvalidJson, shortened(why));
    if bytes.is_empty() {
        return Err(invalid("the body is empty; a JSON object is expected".to_owned()));
    }
    std::str::from_utf8(bytes).map_err(|error| invalid(format!("the body is not UTF-8: {error}")))?;
    match json::parse(bytes).map_err(|error| invalid(unacceptable(&error)))? {
        Value::Object(members) => Ok(members),
        _ => Err(Failure::new(Code::BadRequest, "the body must be a JSON object")),
    }
}

/// What is wrong with JSON that does not parse. Content that is only too deep has another way in.
fn unacceptable(error: &json::InvalidJson) -> String {
    let why = error.to_string();
    let other_way = if why.contains("recursion limit") {
        "; JSON may nest at most 128 levels deep, so send what is deeper as Cedar text"
    } else {
        ""
    };
    format!("the body is not acceptable JSON: {why}{other_way}")
}

fn typed<T: RequestBody>(members: Map<String, Value>) -> Result<T, Failure> {
    if let Some(member) = members.keys().find(|member| T::unsupported(member)) {
        let why = format!("{member:?} belongs to an identity provider, which this server is not; leave it out");
        return Err(Failure::new(Code::UnsupportedField, shortened(why)));
    }
    serde_path_to_error::deserialize(Value::Object(members)).map_err(|error| {
        let path = error.path().to_string();
        let why = error.into_inner();
        let message = if path == "." { why.to_string() } else { format!("{path}: {why}") };
        Failure::new(Code::BadRequest, shortened(message))
    })
}

fn shortened(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(COMPLAINT_CHARS) {
        text.truncate(end);
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Sample {
        name: String,
        entries: Option<Vec<Entry>>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Entry {
        number: u64,
    }

    impl RequestBody for Sample {
        fn unsupported(member: &str) -> bool {
            member == "protocols"
        }
    }

    async fn refused(body: impl Into<Bytes>) -> String {
        let failure = format!("{:?}", read::<Sample>(body.into()).await.unwrap_err());
        failure.chars().filter(|c| *c != '\\').collect()
    }

    #[tokio::test]
    async fn a_complaint_names_the_place_and_what_would_be_right() {
        for (body, code, message) in [
            (r#"{"name": 1}"#, "BadRequest", "name: invalid type: integer `1`, expected a string"),
            (
                r#"{"name": "a", "entries": [{"number": 1}, {"number": "2"}]}"#,
                "BadRequest",
                "entries[1].number: invalid type",
            ),
            (r"{}", "BadRequest", "missing field `name`"),
            (r#"{"name": "a", "nme": 1}"#, "BadRequest", "unknown field `nme`, expected `name` or `entries`"),
            (r#"{"name": "a", "protocols": {}}"#, "UnsupportedField", "\"protocols\""),
            (r#"{"name": "a", "name": "b"}"#, "InvalidJson", "the member \"name\" stands twice"),
            (r#"{"name": "a"} x"#, "InvalidJson", "trailing characters"),
            ("[]", "BadRequest", "must be a JSON object"),
            ("", "InvalidJson", "is empty"),
        ] {
            let failure = refused(body).await;
            assert!(failure.contains(&format!("code: {code}")) && failure.contains(message), "{body}: {failure}");
        }
    }

    #[tokio::test]
    async fn bytes_that_are_no_json_are_refused() {
        assert!(refused(&b"{\"name\": \"\xff\"}"[..]).await.contains("not UTF-8"));
        let deep = format!(r#"{{"name": {}{}}}"#, "[".repeat(200), "]".repeat(200));
        assert!(refused(deep).await.contains("send what is deeper as Cedar text"));
        let long = format!(r#"{{"name": "a", "{}": 1}}"#, "n".repeat(400_000));
        assert!(refused(long).await.len() < 1_000, "a complaint stays short");
    }

    #[test]
    fn json_comes_under_its_own_names_only() {
        let check = |name, value: &str, body: &[u8]| {
            check_media_type(&HeaderMap::from_iter([(name, value.parse().unwrap())]), body).is_ok()
        };
        for fine in ["application/json", "Application/JSON; charset=UTF-8", "application/merge-patch+json"] {
            assert!(check(header::CONTENT_TYPE, fine, b"{}"), "{fine}");
        }
        for other in ["text/json", "application/xml", "application/json; charset=latin1", "application/jsonx"] {
            assert!(!check(header::CONTENT_TYPE, other, b"{}"), "{other}");
            assert!(check(header::CONTENT_TYPE, other, b""), "an empty body has no type");
        }
        assert!(!check(header::ACCEPT, "application/json", b"{}"), "absent");
        let zipped = [(header::CONTENT_TYPE, "application/json"), (header::CONTENT_ENCODING, "gzip")];
        let zipped = zipped.into_iter().map(|(name, value)| (name, value.parse().unwrap())).collect();
        assert!(check_media_type(&zipped, b"{}").is_err());
    }

    #[tokio::test]
    async fn the_size_limit_is_exact() {
        assert_eq!(collect(Body::from("12345"), 5).await.unwrap(), "12345");
        assert!(collect(Body::from("123456"), 5).await.is_err());
    }
}
