//! The `OpenAPI` document and a page that browses it, both self-contained.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
};
use bytes::Bytes;
use cedarkeep_model::Digest;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
};

/// The page loads its own script and style and asks only this server.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(openapi))
        .routes(routes!(page))
        .route("/docs/docs.js", axum::routing::get(script))
        .route("/docs/docs.css", axum::routing::get(style))
}

/// This API as an `OpenAPI` document
#[utoipa::path(
    get, path = "/openapi.json", operation_id = "getOpenApi", tag = "Operation", security(()),
    responses((status = 200, description = "The document", body = Value)),
)]
async fn openapi(State(app): State<App>) -> Answer {
    unchanging("application/json", app.openapi.clone())
}

/// A page that browses this document
#[utoipa::path(
    get, path = "/docs", operation_id = "getDocs", tag = "Operation", security(()),
    responses((status = 200, description = "The page", body = String, content_type = "text/html")),
)]
async fn page() -> Answer {
    let mut page = unchanging("text/html; charset=utf-8", Bytes::from_static(include_bytes!("../docs/docs.html")))?;
    page.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    Ok(page)
}

async fn script() -> Answer {
    unchanging("text/javascript; charset=utf-8", Bytes::from_static(include_bytes!("../docs/docs.js")))
}

async fn style() -> Answer {
    unchanging("text/css; charset=utf-8", Bytes::from_static(include_bytes!("../docs/docs.css")))
}

/// Bytes that change only with the server itself.
fn unchanging(media_type: &'static str, bytes: Bytes) -> Answer {
    let etag = format!("\"{}\"", Digest::of(&bytes));
    answer::tagged(answer::typed(StatusCode::OK, media_type, bytes), &etag, "public, no-cache")
}
