//! Who is calling: bearer tokens (RFC 6750).

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use cedarkeep_service::{Code, Principal, PrincipalKind};

use crate::{app::App, failure::Failure, routes::BUNDLE_PATH};

/// Lets a request through once the service knows its principal, before anything of its body is read.
pub(crate) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let principal = app.service.authenticate(bearer(request.headers())?).await?;
    permit(&principal, request.extensions().get::<MatchedPath>().map(MatchedPath::as_str))?;
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

/// The one place that says which routes are whose: a user's token is good for the user's own bundle and nothing else, and
/// the administrator has none.
fn permit(principal: &Principal, route: Option<&str>) -> Result<(), Failure> {
    match (&principal.kind, route == Some(BUNDLE_PATH)) {
        (PrincipalKind::User(_), true) | (PrincipalKind::Administrator, false) => Ok(()),
        (PrincipalKind::User(_), false) => {
            let why = format!("a user's token is good for {BUNDLE_PATH} alone; this route is the administrator's");
            Err(Failure::new(Code::Forbidden, why))
        }
        (PrincipalKind::Administrator, true) => {
            let why = "a bundle belongs to a user: call with a token that is bound to one (POST \
                       /zones/{zone_id}/user-tokens)";
            Err(Failure::new(Code::Forbidden, why))
        }
    }
}

/// The token of the one `Authorization: Bearer` header.
fn bearer(headers: &HeaderMap) -> Result<&str, Failure> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, others) = (values.next(), values.next());
    let token = value.filter(|_| others.is_none()).and_then(|value| {
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
    });
    token.ok_or_else(|| Failure::new(Code::Unauthenticated, "this route needs a token: Authorization: Bearer <token>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (header::AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn the_scheme_has_no_case() {
        assert_eq!(bearer(&headers(&["Bearer abc"])).unwrap(), "abc");
        assert_eq!(bearer(&headers(&["bearer  abc"])).unwrap(), "abc");
    }

    #[test]
    fn anything_but_one_bearer_token_is_refused() {
        for values in [&[][..], &["abc"], &["Basic abc"], &["Bearer "], &["Bearer a", "Bearer a"]] {
            assert!(bearer(&headers(values)).is_err(), "{values:?}");
        }
    }
}
