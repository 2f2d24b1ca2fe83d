//! Events: the zone's record of every change.

use axum::{extract::State, http::StatusCode};
use cedarkeep_service::Code;
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    answer::{self, Answer},
    app::App,
    caller::Caller,
    failure::Failure,
    path::{Path, ZonePath},
    query::{EventParameters, Expand, Listing, Query},
    wire::{EventHead, List, ZoneEvent},
};

/// How many events come without a limit.
const DEFAULT_LIMIT: u32 = 50;

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(head))
}

/// List events
///
/// `seq` has no gaps and each event carries the digest of the one before. To follow the record, ask for `after_seq` with
/// the last number that you have.
#[utoipa::path(
    get, path = "/zones/{zone_id}/events", operation_id = "listEvents", tag = "Events",
    params(ZonePath, EventParameters),
    responses((status = 200, description = "A page of events", body = List<ZoneEvent>)),
)]
async fn list(
    State(app): State<App>,
    Path(ZonePath { zone_id }): Path<ZonePath>,
    Caller(call): Caller,
    query: Query,
) -> Answer {
    let listing = query.listing(&[], &[Expand::TotalCount])?;
    let Some(after_seq) = after_seq(&query, &listing)? else {
        let page = app.service.events_page(&call, zone_id, listing.page).await?;
        return answer::list(page, Ok);
    };
    let limit = listing.page.limit.unwrap_or(DEFAULT_LIMIT);
    let items = app.service.events(&call, zone_id, after_seq, limit).await?;
    answer::json(StatusCode::OK, &List::whole(items))
}

/// Get the head of the events, signed
///
/// A JWS in flattened JSON serialization (RFC 7515), by the key that signs as of that event. Each event carries the digest
/// of the one before, so this is a statement about all of them.
#[utoipa::path(
    get, path = "/zones/{zone_id}/events/head", operation_id = "getEventHead", tag = "Events", params(ZonePath),
    responses((
        status = 200, description = "The envelope", body = EventHead, content_type = "application/jose+json",
    )),
)]
async fn head(State(app): State<App>, Path(ZonePath { zone_id }): Path<ZonePath>, Caller(call): Caller) -> Answer {
    let envelope = app.service.events_head(&call, zone_id).await?;
    let bytes = serde_json::to_vec(&envelope).map_err(|_| Failure::internal())?;
    Ok(answer::typed(StatusCode::OK, "application/jose+json", bytes))
}

fn after_seq(query: &Query, listing: &Listing) -> Result<Option<u64>, Failure> {
    let Some(text) = query.one("after_seq")? else { return Ok(None) };
    let bad = |why| Failure::new(Code::BadRequest, why);
    let page = &listing.page;
    if page.after.is_some() || page.before.is_some() || listing.ordered || page.total_count {
        return Err(bad("after_seq goes without cursors, order and expand"));
    }
    let number = text.parse().ok().filter(|_| text.chars().all(|c| c.is_ascii_digit()));
    number.map(Some).ok_or_else(|| bad("after_seq must be a whole number"))
}
