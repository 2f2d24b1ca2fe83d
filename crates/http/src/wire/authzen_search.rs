//! Searches for subjects, resources and actions.

use cedarkeep_service::{AuthzenFound, AuthzenPage, AuthzenSearch, Sought};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use super::authzen::{AuthzenAction, AuthzenEntity, context};
use crate::body::RequestBody;

/// The kind of subject or resource that is sought. An `id` means nothing.
#[derive(Debug, Deserialize, ToSchema)]
pub(crate) struct SoughtEntity {
    /// A Cedar entity type, or what the zone's `authzen.types` maps to one.
    #[serde(rename = "type")]
    type_name: String,
}

/// Which page of the results.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct SearchPageRequest {
    /// The `next_token` of the page before.
    token: Option<String>,
    /// The most results, at most 1000; with a token it is what it was before.
    limit: Option<u64>,
}

/// Who may do this to that resource?
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "subject": {"type": "User"}, "action": {"name": "read"}, "resource": {"type": "Doc", "id": "1"}, "page": {"limit": 10}
}))]
pub(crate) struct SubjectSearchRequest {
    subject: SoughtEntity,
    action: AuthzenAction,
    resource: AuthzenEntity,
    /// The circumstances. `"cedarkeep": {"explain": true}` in it asks what the search went through.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    page: Option<SearchPageRequest>,
}

/// To what may this subject do this?
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({
    "subject": {"type": "User", "id": "alice"}, "action": {"name": "read"}, "resource": {"type": "Doc"}
}))]
pub(crate) struct ResourceSearchRequest {
    subject: AuthzenEntity,
    action: AuthzenAction,
    resource: SoughtEntity,
    /// The circumstances. `"cedarkeep": {"explain": true}` in it asks what the search went through.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    page: Option<SearchPageRequest>,
}

/// What may this subject do to that resource?
#[derive(Debug, Deserialize, ToSchema)]
#[schema(example = json!({"subject": {"type": "User", "id": "alice"}, "resource": {"type": "Doc", "id": "1"}}))]
pub(crate) struct ActionSearchRequest {
    subject: AuthzenEntity,
    resource: AuthzenEntity,
    /// The circumstances. `"cedarkeep": {"explain": true}` in it asks what the search went through.
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    page: Option<SearchPageRequest>,
}

/// A page of results.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchAnswer {
    /// Absent when this is everything and no page was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    page: Option<SearchPage>,
    /// What the search went through, when that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    context: Option<Map<String, Value>>,
    /// Subjects or resources (`type`, `id`), or actions (`name`).
    #[schema(value_type = Vec<Object>)]
    results: Vec<Value>,
}

/// Where the next page is.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SearchPage {
    /// The token of the next page; empty on the last. A page may be short, even empty, and not be the last.
    next_token: String,
    /// How many results this page has.
    count: usize,
}

/// A search, and what its answer takes from the request.
pub(crate) struct Searching {
    pub(crate) search: AuthzenSearch,
    explain: bool,
    paged: bool,
    /// The type of the results; none for actions.
    type_name: Option<String>,
}

impl Searching {
    fn new(
        sought: Sought,
        asked: (Option<Map<String, Value>>, Option<SearchPageRequest>),
        explain: bool,
        type_name: Option<String>,
    ) -> Self {
        let (given, page) = asked;
        let (context, explains) = context(given);
        let paged = page.is_some();
        let SearchPageRequest { token, limit } = page.unwrap_or_default();
        let search = AuthzenSearch { sought, context, page: AuthzenPage { token, limit } };
        Self { search, explain: explain || explains, paged, type_name }
    }

    /// Takes the search, and leaves what makes the answer.
    pub(crate) fn split(self) -> (AuthzenSearch, impl FnOnce(AuthzenFound) -> SearchAnswer) {
        let Self { search, explain, paged, type_name } = self;
        let answer = move |found: AuthzenFound| {
            let AuthzenFound { found, next_token, revision, evaluated } = found;
            let count = found.len();
            let context = [("revision", json!(revision)), ("evaluated", json!(evaluated))];
            let context = context.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let result = |id: String| match &type_name {
                Some(type_name) => json!({"type": type_name, "id": id}),
                None => json!({"name": id}),
            };
            SearchAnswer {
                page: (paged || !next_token.is_empty()).then_some(SearchPage { next_token, count }),
                context: explain.then_some(context),
                results: found.into_iter().map(result).collect(),
            }
        };
        (search, answer)
    }
}

/// The search that a body asks for.
pub(crate) trait IntoSearch {
    /// `explain` is what a header says; the context may say it, too.
    fn into_search(self, explain: bool) -> Searching;
}

impl IntoSearch for SubjectSearchRequest {
    fn into_search(self, explain: bool) -> Searching {
        let type_name = self.subject.type_name;
        let sought = Sought::Subjects {
            type_name: type_name.clone(),
            action: self.action.into(),
            resource: self.resource.into(),
        };
        Searching::new(sought, (self.context, self.page), explain, Some(type_name))
    }
}

impl IntoSearch for ResourceSearchRequest {
    fn into_search(self, explain: bool) -> Searching {
        let type_name = self.resource.type_name;
        let sought = Sought::Resources {
            subject: self.subject.into(),
            action: self.action.into(),
            type_name: type_name.clone(),
        };
        Searching::new(sought, (self.context, self.page), explain, Some(type_name))
    }
}

impl IntoSearch for ActionSearchRequest {
    fn into_search(self, explain: bool) -> Searching {
        let sought = Sought::Actions { subject: self.subject.into(), resource: self.resource.into() };
        Searching::new(sought, (self.context, self.page), explain, None)
    }
}

impl RequestBody for SubjectSearchRequest {
    const KEYED: bool = false;
    const LARGE: bool = true;
}

impl RequestBody for ResourceSearchRequest {
    const KEYED: bool = false;
    const LARGE: bool = true;
}

impl RequestBody for ActionSearchRequest {
    const KEYED: bool = false;
    const LARGE: bool = true;
}
