//! The `OpenID` Authorization API 1.0 (`AuthZEN`) of a zone.

use axum::{
    extract::{FromRequestParts, State},
    http::{HeaderName, StatusCode, request::Parts},
};
use cedarkeep_model::{Digest, ZoneId};
use cedarkeep_service::Call;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    base::Base,
    body::Submitted,
    failure::Failure,
    path::{Path, ZonePath},
    wire::{
        ActionSearchRequest, Asked, AuthzenMetadata, EvaluationAnswer, EvaluationRequest, EvaluationsAnswer,
        EvaluationsRequest, IntoSearch, ResourceSearchRequest, SearchAnswer, SubjectSearchRequest,
    },
};

/// Asks for reasons, as `"cedarkeep": {"explain": true}` in the context does.
const EXPLAIN: HeaderName = HeaderName::from_static("x-cedarkeep-explain");

/// How long the metadata may be kept.
const PUBLIC: &str = "public, max-age=300";

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(evaluation))
        .routes(routes!(evaluations))
        .routes(routes!(search_subject))
        .routes(routes!(search_resource))
        .routes(routes!(search_action))
}

pub(super) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(metadata))
}

/// Whether a route is of this API, whose errors have a form of their own.
pub(crate) fn speaks_authzen(route: &str) -> bool {
    route.starts_with("/zones/{zone_id}/access/v1/")
}

/// Whether a header asks for reasons.
struct Explain(bool);

impl FromRequestParts<App> for Explain {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        Ok(Self(parts.headers.get(EXPLAIN).is_some_and(|value| value == "true")))
    }
}

/// Decide a request in the terms of `AuthZEN`
///
/// A deny is a 200 too. Properties and context members that the schema does not declare are taken.
#[utoipa::path(
    post, path = "/zones/{zone_id}/access/v1/evaluation", operation_id = "authzenEvaluation", tag = "AuthZEN",
    params(ZonePath, ("X-Cedarkeep-Explain" = Option<bool>, Header, description = "`true` asks for the reasons.")),
    request_body = EvaluationRequest,
    responses((status = 200, description = "The decision", body = EvaluationAnswer)),
)]
async fn evaluation(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Explain(explain): Explain,
    Submitted { call, body }: Submitted<EvaluationRequest>,
) -> Answer {
    let decision = app.service.authzen_evaluation(&call, zone_id, body.into_request(explain)).await?;
    answer::json(StatusCode::OK, &EvaluationAnswer::from(decision))
}

/// Decide many requests in the terms of `AuthZEN`
///
/// Defaults are replaced whole. A request that is malformed is denied, with an `error` in its `context`, and harms no
/// other.
#[utoipa::path(
    post, path = "/zones/{zone_id}/access/v1/evaluations", operation_id = "authzenEvaluations", tag = "AuthZEN",
    params(ZonePath, ("X-Cedarkeep-Explain" = Option<bool>, Header, description = "`true` asks for the reasons.")),
    request_body = EvaluationsRequest,
    responses((status = 200, description = "The decisions, in order", body = EvaluationsAnswer)),
)]
async fn evaluations(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Explain(explain): Explain,
    Submitted { call, body }: Submitted<EvaluationsRequest>,
) -> Answer {
    match body.into_asked(explain)? {
        Asked::One(request) => {
            let decision = app.service.authzen_evaluation(&call, zone_id, *request).await?;
            answer::json(StatusCode::OK, &EvaluationAnswer::from(decision))
        }
        Asked::Many(requests, semantic) => {
            let answers = app.service.authzen_evaluations(&call, zone_id, requests, semantic).await?;
            let evaluations = answers.into_iter().map(EvaluationAnswer::from).collect();
            answer::json(StatusCode::OK, &EvaluationsAnswer { evaluations })
        }
    }
}

/// Search the subjects that may
///
/// Over the stored entities of the type, ascending by id. Pages neither repeat nor skip what stays while entities change.
#[utoipa::path(
    post, path = "/zones/{zone_id}/access/v1/search/subject", operation_id = "authzenSearchSubject", tag = "AuthZEN",
    params(ZonePath, ("X-Cedarkeep-Explain" = Option<bool>, Header, description = "`true` asks what it went through.")),
    request_body = SubjectSearchRequest,
    responses((status = 200, description = "A page of subjects", body = SearchAnswer)),
)]
async fn search_subject(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Explain(explain): Explain,
    Submitted { call, body }: Submitted<SubjectSearchRequest>,
) -> Answer {
    search(&app, &call, zone_id, body, explain).await
}

/// Search the resources that the subject may
///
/// Over the stored entities of the type, ascending by id. Pages neither repeat nor skip what stays while entities change.
#[utoipa::path(
    post, path = "/zones/{zone_id}/access/v1/search/resource", operation_id = "authzenSearchResource", tag = "AuthZEN",
    params(ZonePath, ("X-Cedarkeep-Explain" = Option<bool>, Header, description = "`true` asks what it went through.")),
    request_body = ResourceSearchRequest,
    responses((status = 200, description = "A page of resources", body = SearchAnswer)),
)]
async fn search_resource(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Explain(explain): Explain,
    Submitted { call, body }: Submitted<ResourceSearchRequest>,
) -> Answer {
    search(&app, &call, zone_id, body, explain).await
}

/// Search the actions that the subject may
///
/// Over the actions that the schema declares for the two types, ascending by name.
#[utoipa::path(
    post, path = "/zones/{zone_id}/access/v1/search/action", operation_id = "authzenSearchAction", tag = "AuthZEN",
    params(ZonePath, ("X-Cedarkeep-Explain" = Option<bool>, Header, description = "`true` asks what it went through.")),
    request_body = ActionSearchRequest,
    responses((status = 200, description = "A page of actions", body = SearchAnswer)),
)]
async fn search_action(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Explain(explain): Explain,
    Submitted { call, body }: Submitted<ActionSearchRequest>,
) -> Answer {
    search(&app, &call, zone_id, body, explain).await
}

async fn search(app: &App, call: &Call, zone: ZoneId, body: impl IntoSearch, explain: bool) -> Answer {
    let (search, wire) = body.into_search(explain).split();
    let found = app.service.authzen_search(call, zone, search).await?;
    answer::json::<SearchAnswer>(StatusCode::OK, &wire(found))
}

/// Get the zone's `AuthZEN` metadata
///
/// At the place where the standard looks for it: the well-known part before the path of the zone's base URL.
#[utoipa::path(
    get, path = "/.well-known/authzen-configuration/zones/{zone_id}", operation_id = "getAuthzenMetadata",
    tag = "AuthZEN", params(ZonePath), security(()),
    responses((status = 200, description = "The metadata", body = AuthzenMetadata)),
)]
async fn metadata(State(app): State<App>, Path(ZonePath { zone_id }): Path<ZonePath>, Base(base): Base) -> Answer {
    // Whether the zone exists is no secret: its keys are public.
    app.service.jwks(zone_id).await.map_err(Failure::from)?;
    let metadata = serde_json::to_vec(&AuthzenMetadata::new(&base, zone_id)).map_err(|_| Failure::internal())?;
    let etag = format!("\"{}\"", Digest::of(&metadata));
    answer::tagged(answer::typed(StatusCode::OK, "application/json", metadata), &etag, PUBLIC)
}
