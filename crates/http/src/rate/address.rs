//! Clients that fail to authenticate again and again: from then on their address is refused before anybody looks at what
//! they present.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, header},
    middleware::{self, Next},
    response::Response,
};

use super::{Buckets, Rates, refused};
use crate::app::App;

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How many refused addresses are remembered; beyond that the oldest knowledge goes.
const MAX_REFUSED: usize = 100_000;

/// The other end of a connection, put into its requests where somebody wants to know.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

struct Guard {
    failures: Buckets,
    /// Until when an address is refused.
    refused: Mutex<HashMap<u64, Instant>>,
    /// Proxies, whose word counts for where a request came from.
    proxies: Vec<IpAddr>,
}

/// Limits failures to authenticate by address, on all routes.
pub(crate) fn by_address(routes: Router<App>, rates: &Rates, proxies: &[IpAddr]) -> Router<App> {
    let Some(rate) = rates.failures_per_minute else { return routes };
    let guard = Guard { failures: Buckets::a_minute(rate), refused: Mutex::default(), proxies: proxies.to_vec() };
    routes.layer(middleware::from_fn_with_state(Arc::new(guard), limit))
}

async fn limit(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get().copied().filter(|_| presents(&request));
    let Some(Peer(peer)) = peer else { return next.run(request).await };
    let network = network(client(peer, request.headers(), &guard.proxies));
    let key = guard.failures.key(&network);
    if let Some(until) = guard.refused_until(key) {
        let message = "too many requests from this address failed to authenticate; send it again after the time that \
                       Retry-After says";
        return refused("address", until.saturating_duration_since(Instant::now()), message);
    }
    let response = next.run(request).await;
    if response.status() == StatusCode::UNAUTHORIZED
        && let Err(wait) = guard.failures.take(&network)
    {
        guard.refuse(key, Instant::now() + wait);
    }
    response
}

/// Whether a request may bring a credential, in its headers or its body. One that brings none costs nothing to refuse,
/// and whoever asks how the server is must always be told.
fn presents(request: &Request) -> bool {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    !reads || [header::AUTHORIZATION, API_KEY].iter().any(|name| request.headers().contains_key(name))
}

impl Guard {
    fn refused_until(&self, key: u64) -> Option<Instant> {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        let until = *refused.get(&key)?;
        if until > Instant::now() {
            return Some(until);
        }
        refused.remove(&key);
        None
    }

    fn refuse(&self, key: u64, until: Instant) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.len() >= MAX_REFUSED {
            let now = Instant::now();
            refused.retain(|_, until| *until > now);
        }
        if refused.len() >= MAX_REFUSED {
            refused.clear();
        }
        refused.insert(key, until);
    }
}

/// Where a request came from: the other end of the connection, unless that is a proxy of ours. Then it is what the last
/// proxy says that is not one of ours: everything before it in the header is only the client's word.
fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpAddr]) -> IpAddr {
    let peer = peer.to_canonical();
    if !proxies.contains(&peer) {
        return peer;
    }
    let lines: Vec<_> = headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
    let hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
    let mut nearest = peer;
    for hop in hops {
        let Ok(address) = hop.trim().parse::<IpAddr>() else { break };
        nearest = address.to_canonical();
        if !proxies.contains(&nearest) {
            break;
        }
    }
    nearest
}

/// What one client has for certain: an IPv4 address, or an IPv6 network of 64 bits, within which it can choose its
/// address freely.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn only_a_proxy_of_ours_is_believed_and_only_what_it_saw_itself() {
        let proxies = [address("10.0.0.1"), address("10.0.0.2")];
        for (peer, lines, expected) in [
            ("192.0.2.1", &["203.0.113.9"][..], "192.0.2.1"),
            ("10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("::ffff:10.0.0.1", &["203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, 203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6", "203.0.113.9, 10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            let headers = lines.iter().map(|line| (FORWARDED_FOR, line.parse().unwrap())).collect();
            assert_eq!(client(address(peer), &headers, &proxies), address(expected), "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network() {
        assert_eq!(network(address("192.0.2.1")), address("192.0.2.1"));
        assert_eq!(network(address("2001:db8:1:2:3:4:5:6")), address("2001:db8:1:2::"));
    }
}
