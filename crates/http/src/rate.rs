//! How often somebody may ask: by whose credential it is, by zone, and, for what fails to authenticate, by address.
//!
//! Each is a token bucket. Where no limit is set the layer is not there, and a request pays nothing. A request that is
//! refused has been authenticated and nothing more: its body is not read, the service is not asked.

mod address;
mod buckets;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use cedarkeep_model::ZoneId;
use cedarkeep_service::{Code, Principal};
use utoipa_axum::router::OpenApiRouter;

pub(crate) use self::address::{Peer, by_address};
use self::buckets::Buckets;
use crate::{app::App, failure::Failure};

/// Counts requests that were refused because there were too many.
pub(crate) const LIMITED_METRIC: &str = "cedarkeep_rate_limited_total";

/// How often may be asked; what is not given is not limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rates {
    /// Requests a second of one principal, with whichever of its credentials.
    pub per_credential: Option<NonZeroU32>,
    /// Requests a second about one zone.
    pub per_zone: Option<NonZeroU32>,
    /// Of so many seconds what was not asked may be asked at once.
    pub burst_seconds: NonZeroU32,
    /// Requests a minute of one client address that fail to authenticate.
    pub failures_per_minute: Option<NonZeroU32>,
}

impl Default for Rates {
    fn default() -> Self {
        Self { per_credential: None, per_zone: None, burst_seconds: NonZeroU32::MIN, failures_per_minute: None }
    }
}

struct Limits {
    per_credential: Option<Buckets>,
    per_zone: Option<Buckets>,
}

/// Limits the routes by caller and zone. Stands within authentication, which says who calls, and turns away whoever has
/// nothing to do with the zone: nobody uses up the turns of others.
pub(crate) fn by_caller(routes: OpenApiRouter<App>, rates: &Rates) -> OpenApiRouter<App> {
    let buckets = |rate: Option<NonZeroU32>| rate.map(|rate| Buckets::a_second(rate, rates.burst_seconds));
    let limits = Limits { per_credential: buckets(rates.per_credential), per_zone: buckets(rates.per_zone) };
    if limits.per_credential.is_none() && limits.per_zone.is_none() {
        return routes;
    }
    routes.route_layer(middleware::from_fn_with_state(Arc::new(limits), limit))
}

async fn limit(State(limits): State<Arc<Limits>>, request: Request, next: Next) -> Response {
    match limits.refusal(&request) {
        Some(refusal) => refusal,
        None => next.run(request).await,
    }
}

impl Limits {
    /// The answer to a request too many. The caller's own bucket comes first: what that refuses takes nothing from the
    /// others of the zone.
    fn refusal(&self, request: &Request) -> Option<Response> {
        let by_credential = || {
            let principal = request.extensions().get::<Principal>()?;
            let wait = self.per_credential.as_ref()?.take(&principal.id).err()?;
            let message = "too many requests with this credential; send it again after the time that Retry-After says";
            Some(refused("credential", wait, message))
        };
        let by_zone = || {
            let buckets = self.per_zone.as_ref()?;
            let wait = buckets.take(&zone_of(request.uri().path())?).err()?;
            let message = "too many requests about this zone; send it again after the time that Retry-After says";
            Some(refused("zone", wait, message))
        };
        by_credential().or_else(by_zone)
    }
}

/// The zone that a request is about.
fn zone_of(path: &str) -> Option<ZoneId> {
    path.strip_prefix("/zones/")?.split('/').next()?.parse().ok()
}

/// The answer to a request too many.
fn refused(limit: &'static str, wait: Duration, message: &'static str) -> Response {
    metrics::counter!(LIMITED_METRIC, "limit" => limit).increment(1);
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    let mut response = Failure::new(Code::RateLimited, message).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_about_the_zone_of_its_path() {
        const ZONE: &str = "01890000-0000-7000-8000-000000000001";
        for (path, zone) in [
            (format!("/zones/{ZONE}"), Some(ZONE)),
            (format!("/zones/{ZONE}/authorize"), Some(ZONE)),
            ("/zones".to_owned(), None),
            ("/zones/".to_owned(), None),
            ("/zones/x/authorize".to_owned(), None),
            (format!("/policy/bundle/{ZONE}"), None),
        ] {
            assert_eq!(zone_of(&path), zone.map(|zone| zone.parse().unwrap()), "{path}");
        }
    }
}
