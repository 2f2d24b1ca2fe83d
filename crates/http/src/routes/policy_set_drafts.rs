//! Drafts of policy sets.

use axum::{extract::State, http::StatusCode};
use cedarkeep_service::Order;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    body::Submitted,
    caller::Caller,
    path::{Path, PolicySetPath},
    query::{DraftPolicyParameters, Expand, Query},
    wire::{Empty, List, PolicySetDraft, PolicySetDraftPut, PolicySetVersion, PolicyVersion},
};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(read, save, discard)).routes(routes!(publish)).routes(routes!(policies))
}

/// Get the draft of a policy set
///
/// Its entity tag stands for what was written; the warnings are those of this moment.
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/draft", operation_id = "getPolicySetDraft",
    tag = "Drafts", params(PolicySetPath),
    responses((status = 200, description = "The draft", body = PolicySetDraft)),
)]
async fn read(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Caller(call): Caller,
) -> Answer {
    let state = app.service.set_draft(&call, zone_id, policy_set_id).await?;
    let etag = state.draft.etag();
    answer::draft(StatusCode::OK, &etag, &PolicySetDraft::from(state))
}

/// Write the draft of a policy set
///
/// One draft a set, replaced whole. What would stop its publication is answered as `warnings`, not refused.
#[utoipa::path(
    put, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/draft", operation_id = "putPolicySetDraft",
    tag = "Drafts", params(PolicySetPath), request_body = PolicySetDraftPut,
    responses(
        (status = 201, description = "The new draft", body = PolicySetDraft),
        (status = 200, description = "The draft, in place of what it was", body = PolicySetDraft),
    ),
)]
async fn save(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Submitted { call, body }: Submitted<PolicySetDraftPut>,
) -> Answer {
    let saved = app.service.save_set_draft(&call, zone_id, policy_set_id, body.given()?).await?;
    let etag = saved.object.draft.etag();
    answer::draft(answer::created_or_ok(saved.created), &etag, &PolicySetDraft::from(saved.object))
}

/// Throw the draft of a policy set away
#[utoipa::path(
    delete, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/draft", operation_id = "deletePolicySetDraft",
    tag = "Drafts", params(PolicySetPath),
    responses((status = 200, description = "The draft as it was", body = PolicySetDraft)),
)]
async fn discard(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Caller(call): Caller,
) -> Answer {
    let state = app.service.delete_set_draft(&call, zone_id, policy_set_id).await?;
    let etag = state.draft.etag();
    answer::draft(StatusCode::OK, &etag, &PolicySetDraft::from(state))
}

/// Publish the draft of a policy set as its next version, attested
///
/// The draft ends with it, and the set takes the draft's name. A draft that cannot be published is left as it is, and
/// answered with what is wrong.
#[utoipa::path(
    post, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/draft/publish", operation_id = "publishPolicySetDraft",
    tag = "Drafts", params(PolicySetPath),
    responses(
        (status = 201, description = "The new version", body = PolicySetVersion),
        (status = 200, description = "The newest version, which has this content already", body = PolicySetVersion),
    ),
)]
async fn publish(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Submitted { call, body: Empty {} }: Submitted<Empty>,
) -> Answer {
    let published = app.service.publish_set_draft(&call, zone_id, policy_set_id).await?;
    let (status, etag) = (answer::created_or_ok(published.created), published.object.etag());
    answer::object(status, &etag, &PolicySetVersion::from(published))
}

/// List the policy versions that the draft of a policy set pins
///
/// Entries that name what the zone does not have are left out; the draft's warnings name them.
#[utoipa::path(
    get, path = "/zones/{zone_id}/policy-sets/{policy_set_id}/draft/policies",
    operation_id = "listPolicySetDraftPolicies", tag = "Drafts", params(PolicySetPath, DraftPolicyParameters),
    responses((status = 200, description = "A page of policy versions", body = List<PolicyVersion>)),
)]
async fn policies(
    State(app): State<App>,
    Path(PolicySetPath { zone_id, policy_set_id }): Path<PolicySetPath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let mut listing = query.listing(&[], &[Expand::TotalCount, Expand::User])?;
    let format = query.format()?;
    if !listing.ordered {
        listing.page.order = Order::Asc;
    }
    let page = app.service.set_draft_policies(&call, zone_id, policy_set_id, listing.page).await?;
    answer::list(page, |version| PolicyVersion::new(version, format))
}
