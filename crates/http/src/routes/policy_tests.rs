//! Tests of policies.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    path::{Path, ZonePath},
    wire::{PolicyTestRequest, PolicyTestRun},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(test))
}

/// Test policies
///
/// Puts requests to policies that need not decide anywhere, nor be published, and says what Cedar alone answers. Nothing
/// is recorded. Policies that do not validate are tested all the same.
#[utoipa::path(
    post, path = "/zones/{zone_id}/policy-tests", operation_id = "testPolicies", tag = "Decisions", params(ZonePath),
    request_body = PolicyTestRequest,
    responses((status = 200, description = "What came of each request", body = PolicyTestRun)),
)]
async fn test(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Submitted { call, body }: Submitted<PolicyTestRequest>,
) -> Answer {
    let run = app.service.test_policies(&call, zone_id, body.given()?).await?;
    answer::json(StatusCode::OK, &PolicyTestRun::from(run))
}
