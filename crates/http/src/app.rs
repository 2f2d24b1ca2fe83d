//! What every handler can reach.

use std::{ops::Deref, sync::Arc};

use bytes::Bytes;
use cedarkeep_service::Service;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::{access::Operations, access_token::AccessTokens, config::HttpConfig};

/// The state of the router. Each layer and each handler of a request takes a clone, so there is one count to touch.
#[derive(Clone)]
pub(crate) struct App(Arc<Parts>);

/// What it is made of.
pub(crate) struct Parts {
    /// The use cases.
    pub(crate) service: Service,
    /// Signs and reads access tokens.
    pub(crate) tokens: AccessTokens,
    /// The operations by route and method.
    pub(crate) operations: Operations,
    /// The configuration.
    pub(crate) config: HttpConfig,
    /// Renders the metrics.
    pub(crate) metrics: PrometheusHandle,
    /// The `OpenAPI` document, as it is served.
    pub(crate) openapi: Bytes,
}

impl App {
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
