//! What every handler can reach.

use std::sync::Arc;

use bytes::Bytes;
use cedarkeep_service::Service;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::config::HttpConfig;

/// The state of the router.
#[derive(Clone)]
pub(crate) struct App {
    /// The use cases.
    pub(crate) service: Service,
    /// The configuration.
    pub(crate) config: Arc<HttpConfig>,
    /// Renders the metrics.
    pub(crate) metrics: PrometheusHandle,
    /// The `OpenAPI` document, as it is served.
    pub(crate) openapi: Bytes,
}
