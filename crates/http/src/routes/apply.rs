//! Publishing everything at once.

use axum::extract::State;
use cedarkeep_service::ApplyTo;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    path::{Path, PolicySetPath},
    wire::{ApplyRequest, ApplyResult},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(apply))
}

/// Publish a manifest with all the content that it needs
///
/// Policies, versions, the set version and its binding are made in one transaction; any failure leaves nothing. Content
/// that is published already is reused, so applying the same manifest again changes nothing. With `dry_run` it only
/// says what would change.
#[utoipa::path(
    post, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/apply", operation_id = "applyPolicySet",
    tag = "Policy sets", params(PolicySetPath), request_body = ApplyRequest,
    responses(
        (status = 201, description = "Applied, with a new version", body = ApplyResult),
        (status = 200, description = "Applied without a new version, or a dry run", body = ApplyResult),
    ),
)]
async fn apply(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Submitted { call, body }: Submitted<ApplyRequest>,
) -> Answer {
    let applied = app.service.apply(&call, zone_id, ApplyTo::Existing(policy_set_id), body.given()?).await?;
    answer::json(answer::created_or_ok(applied.created), &ApplyResult::from(applied))
}
