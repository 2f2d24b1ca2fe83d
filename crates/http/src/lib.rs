//! The HTTP face of cedarkeep: routes, wire types, authentication, status codes, the `OpenAPI` document.
//!
//! [`router`] builds everything over a [`Service`](cedarkeep_service::Service); [`serve`] answers connections with it.
//! Nothing here decides anything about policies: a handler extracts, calls the service and answers.

mod access;
mod access_token;
mod answer;
mod app;
mod auth;
mod base;
mod body;
mod caller;
mod conditional;
mod config;
mod cors;
mod drain;
mod failure;
mod frame;
mod octets;
mod openapi;
mod path;
mod permissions;
mod query;
mod rate;
mod router;
mod routes;
mod serve;
mod stall;
mod status;
mod telemetry;
mod tls;
mod wire;

pub use config::{BaseUrl, HttpConfig, InvalidBaseUrl, Limits, MetricsAccess};
pub use cors::{InvalidOrigin, Origin};
pub use openapi::openapi_json;
pub use rate::Rates;
pub use router::{RouterError, metrics_router, router, router_with};
pub use serve::{serve, serve_tls};
pub use telemetry::{Adopt, LATENCY_BUCKETS, LATENCY_METRIC, REQUESTS_METRIC};
pub use tls::{Tls, TlsError, TlsFiles, choose_tls_library};
