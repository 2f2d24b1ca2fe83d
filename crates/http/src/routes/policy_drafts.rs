//! Drafts of policies.

use axum::{extract::State, http::StatusCode};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{Path, PolicyPath},
    query::{FormatParameter, Query},
    wire::{Empty, PolicyDraft, PolicyDraftPut, PolicyVersion},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read, save, discard)).routes(routes!(publish))
}

/// Get the draft of a policy
///
/// Its entity tag stands for what was written; the warnings are those of this moment.
#[utoipa::path(
    get, path = "/zones/{zone_id}/policies/{policy_id}/draft", operation_id = "getPolicyDraft", tag = "Drafts",
    params(PolicyPath), responses((status = 200, description = "The draft", body = PolicyDraft)),
)]
async fn read(
    State(app): State<App>,
    Path(PolicyPath { zone_id, policy_id }): Path<PolicyPath>,
    Caller(call): Caller,
) -> Answer {
    let state = app.service.policy_draft(&call, zone_id, policy_id).await?;
    let etag = state.draft.etag();
    answer::draft(StatusCode::OK, &etag, &PolicyDraft::try_from(state)?)
}

/// Write the draft of a policy
///
/// One draft a policy, replaced whole. What would stop its publication is answered as `warnings`, not refused.
#[utoipa::path(
    put, path = "/zones/{zone_id}/policies/{policy_id}/draft", operation_id = "putPolicyDraft", tag = "Drafts",
    params(PolicyPath), request_body = PolicyDraftPut,
    responses(
        (status = 201, description = "The new draft", body = PolicyDraft),
        (status = 200, description = "The draft, in place of what it was", body = PolicyDraft),
    ),
)]
async fn save(
    State(app): State<App>,
    Path(PolicyPath { zone_id, policy_id }): Path<PolicyPath>,
    Submitted { call, body }: Submitted<PolicyDraftPut>,
) -> Answer {
    let saved = app.service.save_policy_draft(&call, zone_id, policy_id, body.given()?).await?;
    let etag = saved.object.draft.etag();
    answer::draft(answer::created_or_ok(saved.created), &etag, &PolicyDraft::try_from(saved.object)?)
}

/// Throw the draft of a policy away
#[utoipa::path(
    delete, path = "/zones/{zone_id}/policies/{policy_id}/draft", operation_id = "deletePolicyDraft", tag = "Drafts",
    params(PolicyPath), responses((status = 200, description = "The draft as it was", body = PolicyDraft)),
)]
async fn discard(
    State(app): State<App>,
    Path(PolicyPath { zone_id, policy_id }): Path<PolicyPath>,
    Caller(call): Caller,
) -> Answer {
    let state = app.service.delete_policy_draft(&call, zone_id, policy_id).await?;
    let etag = state.draft.etag();
    answer::draft(StatusCode::OK, &etag, &PolicyDraft::try_from(state)?)
}

/// Publish the draft of a policy as its next version
///
/// The draft ends with it. A draft that cannot be published is left as it is, and answered with what is wrong.
#[utoipa::path(
    post, path = "/zones/{zone_id}/policies/{policy_id}/draft/publish", operation_id = "publishPolicyDraft",
    tag = "Drafts", params(PolicyPath, FormatParameter),
    responses(
        (status = 201, description = "The new version", body = PolicyVersion),
        (status = 200, description = "The newest version, which has this content already", body = PolicyVersion),
    ),
)]
async fn publish(
    State(app): State<App>,
    Path(PolicyPath { zone_id, policy_id }): Path<PolicyPath>,
    query: Query,
    Submitted { call, body: Empty {} }: Submitted<Empty>,
) -> Answer {
    let format = query.format()?;
    let published = app.service.publish_policy_draft(&call, zone_id, policy_id).await?;
    let (status, etag) = (answer::created_or_ok(published.created), published.object.etag());
    answer::object(status, &etag, &PolicyVersion::published(published, format)?)
}
