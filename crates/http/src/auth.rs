//! Who is calling: bearer tokens (RFC 6750).

use axum::{
    extract::{Request, State},
    http::{HeaderMap, header},
    middleware::Next,
    response::Response,
};
use cedarkeep_service::Code;

use crate::{app::App, failure::Failure};

/// Lets a request through once the service knows its principal, before anything of its body is read.
pub(crate) async fn authenticate(
    State(app): State<App>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let principal = app.service.authenticate(bearer(request.headers())?).await?;
    request.extensions_mut().insert(principal);
    Ok(next.run(request).await)
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
