//! What the binary decides about the HTTP side: the public address, limits, and who may read metrics.

use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

use axum::http::{Uri, uri::Authority};

use crate::{cors::Origin, rate::Rates, telemetry::Adopt};

/// The configuration of the router.
#[derive(Debug, Clone, Default)]
pub struct HttpConfig {
    /// Under which URL clients reach this server. Without it the `Host` header of each request says so.
    pub public_base_url: Option<BaseUrl>,
    /// Whether it is reached over TLS of its own, which a URL made of a `Host` header says too.
    pub tls: bool,
    /// Who may read the metrics.
    pub metrics: MetricsAccess,
    /// Sizes and times.
    pub limits: Limits,
    /// Proxies in front, whose `X-Forwarded-For` says where a request came from.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whose pages may call from within a browser.
    pub cors_origins: Vec<Origin>,
    /// How the trace of a request becomes a part of its caller's; none where no traces are collected.
    pub adopt: Option<Adopt>,
}

/// Where `GET /metrics` is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricsAccess {
    /// Beside the other routes, with a credential.
    #[default]
    WithCredential,
    /// Not here: the binary serves [`metrics_router`](crate::metrics_router) on a listener of its own.
    Elsewhere,
}

/// How much and how long a client may keep the server busy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From the beginning of a connection to the end of its TLS handshake, where it has one.
    pub handshake_timeout: Duration,
    /// From the beginning of a connection, or the end of the request before, to the end of a request's headers. So it is
    /// also how long a connection may be idle.
    pub header_timeout: Duration,
    /// From the end of the headers to the end of the body.
    pub body_timeout: Duration,
    /// How long a client may take nothing of an answer that is being written to it.
    pub write_timeout: Duration,
    /// From the end of the headers to the answer; a write under way is finished all the same.
    pub request_deadline: Duration,
    /// How long requests under way may take to finish once shutdown has begun.
    pub drain_deadline: Duration,
    /// How many connections may be open; the next one waits in the accept queue of the kernel.
    pub max_connections: usize,
    /// How often may be asked.
    pub rates: Rates,
    /// The largest body in bytes.
    pub body_bytes: usize,
    /// The largest body in bytes where manifests, entities or batches are sent.
    pub large_body_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(30),
            write_timeout: Duration::from_secs(30),
            request_deadline: Duration::from_mins(1),
            drain_deadline: Duration::from_secs(20),
            max_connections: 4_096,
            rates: Rates::default(),
            body_bytes: 1 << 20,
            large_body_bytes: 16 << 20,
        }
    }
}

/// An absolute `http` or `https` URL without query, fragment, credentials or trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

/// The text is not a base URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a base URL is http:// or https://, a host, and perhaps a port and a path: https://policies.example.com")]
pub struct InvalidBaseUrl;

impl BaseUrl {
    /// The base URL that a `Host` header stands for.
    ///
    /// # Errors
    /// When the header is not a host name or address with an optional port (RFC 9110, section 7.2).
    pub fn from_host(host: &str, tls: bool) -> Result<Self, InvalidBaseUrl> {
        check_authority(host)?;
        let scheme = if tls { "https" } else { "http" };
        Ok(Self(format!("{scheme}://{host}")))
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidBaseUrl)?;
        let scheme = uri.scheme_str().filter(|scheme| ["http", "https"].contains(scheme)).ok_or(InvalidBaseUrl)?;
        let authority = uri.authority().ok_or(InvalidBaseUrl)?.as_str();
        check_authority(authority)?;
        if uri.query().is_some() || text.contains('#') {
            return Err(InvalidBaseUrl);
        }
        Ok(Self(format!("{scheme}://{authority}{}", uri.path().trim_end_matches('/'))))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the header says ends up in answers, so nothing but a host and a port may stand in it.
fn check_authority(text: &str) -> Result<(), InvalidBaseUrl> {
    let known = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    let authority: Authority = text.parse().map_err(|_| InvalidBaseUrl)?;
    let port_is_fine = text.ends_with(authority.host()) || authority.port_u16().is_some();
    if text.chars().all(known) && !authority.host().is_empty() && port_is_fine { Ok(()) } else { Err(InvalidBaseUrl) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_taken_without_its_trailing_slash() {
        for (given, kept) in [
            ("https://policies.example.com", "https://policies.example.com"),
            ("http://localhost:8180/", "http://localhost:8180"),
            ("https://example.com/cedar/", "https://example.com/cedar"),
            ("http://[::1]:8180", "http://[::1]:8180"),
        ] {
            assert_eq!(given.parse::<BaseUrl>().unwrap().to_string(), kept);
        }
    }

    #[test]
    fn anything_that_is_not_one_is_refused() {
        for text in ["", "example.com", "ftp://example.com", "https://a@b", "https://a/?q", "https://a/#f", "https://"]
        {
            assert_eq!(text.parse::<BaseUrl>(), Err(InvalidBaseUrl), "{text}");
        }
    }

    #[test]
    fn a_host_header_is_a_host_and_a_port() {
        assert_eq!(BaseUrl::from_host("example.com:80", false).unwrap().to_string(), "http://example.com:80");
        assert_eq!(BaseUrl::from_host("example.com", true).unwrap().to_string(), "https://example.com");
        for text in ["", "a/b", "a b", "user@a", "a?b", "a:99999", "a:", "a\"", "a,b", ":80"] {
            assert_eq!(BaseUrl::from_host(text, false), Err(InvalidBaseUrl), "{text}");
        }
    }
}
