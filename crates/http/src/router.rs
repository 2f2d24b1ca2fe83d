//! The router: routes within their frame.

use axum::{Router, middleware, response::IntoResponse, routing::get};
use bytes::Bytes;
use cedarkeep_service::Service;
use metrics_exporter_prometheus::PrometheusHandle;
use utoipa_axum::router::OpenApiRouter;

use crate::{
    access::Operations,
    access_token::AccessTokens,
    app::{App, Parts},
    auth::authenticate,
    conditional::revalidate,
    config::HttpConfig,
    cors,
    drain::drain,
    failure::Failure,
    frame::frame,
    openapi, rate,
    routes::{self, METRICS_TYPE},
};

/// Why there is no router.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    /// The document could not be written.
    #[error("the OpenAPI document could not be written")]
    Document(#[from] serde_json::Error),
    /// There is no secret to sign access tokens with.
    #[error("there is no secret for access tokens")]
    Secret(#[from] cedarkeep_service::Error),
    /// Access tokens cannot be signed.
    #[error("access tokens cannot be signed")]
    Tokens(#[from] jsonwebtoken::errors::Error),
}

/// The whole API over a service. `metrics` renders what the process has recorded.
///
/// # Errors
/// When the `OpenAPI` document could not be written, or the secret of access tokens not be derived.
pub fn router(service: Service, config: &HttpConfig, metrics: PrometheusHandle) -> Result<Router, RouterError> {
    router_with(service, config, metrics, Router::new())
}

/// The same with further routes, which stand behind the same credential and within the same frame, and in no document:
/// a bench finds out with them what everything around a handler costs.
///
/// # Errors
/// As [`router`].
pub fn router_with(
    service: Service,
    config: &HttpConfig,
    metrics: PrometheusHandle,
    further: Router,
) -> Result<Router, RouterError> {
    let openapi = Bytes::from(openapi::write(config.metrics)?);
    let operations = Operations::of(&openapi::describe(config.metrics));
    let tokens = AccessTokens::new(&service.access_token_secret()?)?;
    let app = App::new(Parts { service, config: config.clone(), metrics, openapi, tokens, operations });
    let credential = middleware::from_fn_with_state(app.clone(), authenticate);
    let further = OpenApiRouter::from(further.with_state(()));
    let protected = OpenApiRouter::new().merge(routes::protected(config.metrics)).merge(further);
    let protected = rate::by_caller(protected, &config.limits.rates).route_layer(credential);
    let routes: Router<App> = protected.merge(routes::public()).into();
    let routes = routes
        .fallback(async || Failure::not_found())
        .method_not_allowed_fallback(async || Failure::method_not_allowed());
    let routes = rate::by_address(routes, &config.limits.rates, &config.trusted_proxies);
    let routes = cors::allow(routes, &config.cors_origins)
        .layer(middleware::from_fn(revalidate))
        .layer(middleware::from_fn_with_state(app.clone(), frame))
        .layer(middleware::from_fn_with_state(config.limits.body_timeout, drain));
    Ok(routes.with_state(app))
}

/// `GET /metrics` alone and without a credential, for a listener that only the operators reach.
pub fn metrics_router(metrics: PrometheusHandle) -> Router {
    let render = async move || ([("content-type", METRICS_TYPE)], metrics.render()).into_response();
    Router::new().route("/metrics", get(render))
}
