//! Who is calling, and whether the caller may: bearer tokens (RFC 6750), and `X-API-Key` for clients that know nothing
//! else.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, header},
    middleware::Next,
    response::Response,
};
use cedarkeep_service::{Code, Principal, PrincipalKind, Target};

use crate::{access::target, access_token::AccessTokens, app::App, failure::Failure};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Lets a request through once the service knows its principal and the server's own rules permit what it asks for, before
/// anything of its body is read.
pub(crate) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let principal = principal(&app, request.headers()).await?;
    // Named before anything is waited for: a request whose body is still to come cannot be shared between threads.
    let (operation, target) = (app.operations.name(&request), target(&request, &principal));
    permit(&app, &principal, operation, target.ok_or_else(Failure::internal)?).await?;
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
}

async fn principal(app: &App, headers: &HeaderMap) -> Result<Principal, Failure> {
    let bearer = bearer(headers)?;
    if AccessTokens::looks_like_one(bearer) {
        let invalid = || Failure::new(Code::Unauthenticated, "the access token is not valid, or no longer");
        let credential = app.tokens.read(bearer, app.service.now()).ok_or_else(invalid)?;
        return Ok(app.service.account_of_token(credential).await?);
    }
    Ok(app.service.authenticate(bearer).await?)
}

async fn permit(app: &App, principal: &Principal, operation: Option<Arc<str>>, target: Target) -> Result<(), Failure> {
    match operation {
        Some(operation) => Ok(app.service.permit(principal, &operation, target).await?),
        None if principal.kind == PrincipalKind::Administrator => Ok(()),
        None => Err(Failure::new(Code::Forbidden, "this route is the administrator's alone")),
    }
}

/// The token of the one `Authorization: Bearer` header, or without that header the one `X-API-Key`.
fn bearer(headers: &HeaderMap) -> Result<&str, Failure> {
    let missing = || {
        Failure::new(
            Code::Unauthenticated,
            "this route needs a token: Authorization: Bearer <token>, or X-API-Key: <key>",
        )
    };
    if !headers.contains_key(header::AUTHORIZATION) {
        return one(headers, &API_KEY).ok_or_else(missing);
    }
    let value = one(headers, &header::AUTHORIZATION).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
    });
    value.ok_or_else(missing)
}

fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let (value, others) = (values.next(), values.next());
    value.filter(|_| others.is_none())?.to_str().ok().filter(|value| !value.is_empty())
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

    #[test]
    fn an_api_key_stands_in_for_a_bearer_that_is_not_there() {
        let mut key = HeaderMap::from_iter([(API_KEY, "key".parse().unwrap())]);
        assert_eq!(bearer(&key).unwrap(), "key");
        key.append(API_KEY, "key".parse().unwrap());
        assert!(bearer(&key).is_err(), "two");
        for (authorization, found) in [("Bearer abc", Some("abc")), ("Basic abc", None)] {
            let both = [(API_KEY, "key".parse().unwrap()), (header::AUTHORIZATION, authorization.parse().unwrap())];
            assert_eq!(bearer(&HeaderMap::from_iter(both)).ok(), found);
        }
    }
}
