//! The one resource that is not JSON: bundles come and go as bytes of a media type of their own.

use axum::{
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use bytes::Bytes;
use cedarkeep_service::{BUNDLE_TYPE, Call, Code};

use crate::{app::App, body::collect_in_time, caller::Caller, failure::Failure};

/// Bytes that say nothing of what they are; the published clients name a bundle so.
const ANY_BYTES: &str = "application/octet-stream";

/// The media type that the answer is given as, of those that the caller accepts.
pub(crate) struct Accepted(pub(crate) &'static str);

impl FromRequestParts<App> for Accepted {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        let why = || format!("a bundle is given as {BUNDLE_TYPE} or {ANY_BYTES}; accept one of them");
        accepted(&parts.headers).map(Self).ok_or_else(|| Failure::new(Code::NotAcceptable, why()))
    }
}

/// Content negotiation (RFC 9110, section 12.5.1) between the two names of a bundle.
fn accepted(headers: &HeaderMap) -> Option<&'static str> {
    let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
    let ranges: Vec<_> = lines.flat_map(|line| line.split(',')).filter_map(range).collect();
    if !headers.contains_key(header::ACCEPT) {
        return Some(BUNDLE_TYPE);
    }
    let (named, unnamed) = (quality(&ranges, BUNDLE_TYPE), quality(&ranges, ANY_BYTES));
    match (named > 0.0, unnamed > 0.0) {
        (true, _) if named >= unnamed => Some(BUNDLE_TYPE),
        (_, true) => Some(ANY_BYTES),
        _ => None,
    }
}

/// A media range in lower case, and its weight.
fn range(text: &str) -> Option<(String, f32)> {
    let mut parts = text.split(';').map(|part| part.trim().to_ascii_lowercase());
    let essence = parts.next().filter(|essence| essence.contains('/'))?;
    let weight = parts.find_map(|parameter| parameter.strip_prefix("q=").map(str::to_owned));
    let weight = weight.map_or(Ok(1.0), |weight| weight.parse()).ok()?;
    Some((essence, weight)).filter(|_| (0.0..=1.0).contains(&weight))
}

/// The weight of a media type: that of the range which says most of it.
fn quality(ranges: &[(String, f32)], media_type: &str) -> f32 {
    let group = media_type.split_once('/').map(|(group, _)| format!("{group}/*")).unwrap_or_default();
    let weight =
        |name: &str| ranges.iter().filter(|(range, _)| range == name).map(|(_, weight)| *weight).reduce(f32::max);
    weight(media_type).or_else(|| weight(&group)).or_else(|| weight("*/*")).unwrap_or(0.0)
}

/// The call of a request together with the archive in its body.
pub(crate) struct SubmittedBundle {
    pub(crate) call: Call,
    pub(crate) archive: Bytes,
}

impl FromRequest<App> for SubmittedBundle {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let Caller(call) = Caller::from_request_parts(&mut parts, app).await?;
        if !is_bundle(&parts.headers) {
            let why = format!("the body must be sent as {BUNDLE_TYPE} or {ANY_BYTES}, without a Content-Encoding");
            return Err(Failure::new(Code::UnsupportedMediaType, why));
        }
        let limits = &app.config.limits;
        let archive = collect_in_time(body, limits.large_body_bytes, limits.body_timeout).await?;
        Ok(Self { call, archive })
    }
}

fn is_bundle(headers: &HeaderMap) -> bool {
    let header = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?").trim().to_ascii_lowercase());
    let media_type = header(header::CONTENT_TYPE).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    let plain = header(header::CONTENT_ENCODING).is_none_or(|encoding| encoding == "identity");
    [BUNDLE_TYPE, ANY_BYTES].contains(&essence) && plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &header::HeaderName, values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_bundle_is_given_under_a_name_that_is_accepted() {
        for (accept, given) in [
            (&[][..], Some(BUNDLE_TYPE)),
            (&["*/*"], Some(BUNDLE_TYPE)),
            (&["application/*"], Some(BUNDLE_TYPE)),
            (&[BUNDLE_TYPE], Some(BUNDLE_TYPE)),
            (&["Application/VND.Keycard.Policy-Bundle.v1+tar+gzip; q=0.5"], Some(BUNDLE_TYPE)),
            (&["application/octet-stream"], Some(ANY_BYTES)),
            (&["application/json, application/octet-stream"], Some(ANY_BYTES)),
            (&["application/json", "*/*;q=0.1"], Some(BUNDLE_TYPE)),
            (&["application/octet-stream, */*;q=0.1"], Some(ANY_BYTES)),
            (&["application/octet-stream;q=0, */*"], Some(BUNDLE_TYPE)),
            (&["application/json"], None),
            (&["text/*"], None),
            (&["*/*;q=0"], None),
            (&["application/*;q=0, text/*"], None),
            (&["application/octet-stream;q=2"], None),
            (&["gzip"], None),
            (&[""], None),
        ] {
            assert_eq!(accepted(&headers(&header::ACCEPT, accept)), given, "{accept:?}");
        }
    }

    #[test]
    fn a_bundle_comes_under_its_own_name_or_as_mere_bytes() {
        for fine in [BUNDLE_TYPE, ANY_BYTES, "Application/Octet-Stream; x=y"] {
            assert!(is_bundle(&headers(&header::CONTENT_TYPE, &[fine])), "{fine}");
        }
        for other in ["application/gzip", "application/json", "", "*/*", "application/octet-streams"] {
            assert!(!is_bundle(&headers(&header::CONTENT_TYPE, &[other])), "{other}");
        }
        assert!(!is_bundle(&HeaderMap::new()));
        let mut encoded = headers(&header::CONTENT_TYPE, &[ANY_BYTES]);
        encoded.insert(header::CONTENT_ENCODING, "gzip".parse().unwrap());
        assert!(!is_bundle(&encoded));
    }
}
