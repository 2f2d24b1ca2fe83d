//! The `OpenAPI` 3.1 document: what the handlers say of themselves, and what holds for all of them.

use std::collections::BTreeMap;

use serde_json::Value;
use utoipa::{
    OpenApi, ToSchema,
    openapi::{
        self, Content, Ref, RefOr, Required, Response, ResponseBuilder, Schema,
        path::{HttpMethod, Operation, Parameter, ParameterBuilder, ParameterIn, PathItem},
        schema::{ObjectBuilder, Type},
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};
use utoipa_axum::router::OpenApiRouter;

use crate::{
    config::MetricsAccess,
    routes::{self, BUNDLE_PATH},
    wire::{AttestationStatement, ErrorBody, kinds},
};

/// What stands above the paths.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "cedarkeep",
        description = "Versioned Cedar policies with signed attestations.\n\nA version is immutable and \
                       content-addressed, a binding is a pointer, a decision is a pure function of the two. Every body \
                       is JSON in UTF-8; unknown members are refused (and ignored by `AuthZEN`, whose standard \
                       demands it), unknown query parameters ignored.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    servers((url = "/", description = "This server")),
    security(("bearer" = [])),
    tags(
        (name = "Zones", description = "The tenants: each holds policies, policy sets, keys, bindings and events."),
        (name = "Policy schemas", description = "The Cedar schemas that policies are validated against."),
        (name = "Policies", description = "Names for rows of immutable policy versions."),
        (name = "Policy versions", description = "Cedar content, immutable and content-addressed."),
        (name = "Policy sets", description = "Names for rows of immutable, attested set versions."),
        (name = "Policy set versions", description = "Manifests of pinned policy versions, signed by the zone."),
        (name = "Drafts", description = "Next versions in the making: they need not be right until they are published."),
        (name = "Policy bindings", description = "Which version decides, or is observed, in which slot."),
        (name = "Attestations", description = "The signatures, for verifiers who trust nobody."),
        (name = "Organizations", description = "They own zones and service accounts."),
        (name = "Service accounts", description = "The programs that call, what they prove themselves with, and their roles."),
        (name = "User tokens", description = "Credentials that are bound to one user of a zone."),
        (name = "Policy bundle", description = "The calling user's policies as one file, to be fetched, edited and put."),
        (name = "Decisions", description = "May this principal do this to that resource?"),
        (name = "AuthZEN", description = "The OpenID Authorization API 1.0: the same decisions in the terms of that standard."),
        (name = "Events", description = "The gapless, chained record of every change."),
        (name = "Keys", description = "The public keys of a zone."),
        (name = "Operation", description = "For those who run the server."),
    ),
    components(schemas(
        kinds::Id, kinds::Timestamp, kinds::Sha256, kinds::SchemaVersionName, kinds::ScopeType,
        kinds::ValidationMode, kinds::ScopeCombination, AttestationStatement, ErrorBody<'static>,
    )),
)]
struct Document;

/// The router that the document is gathered from, its fixed parts filled in.
pub(crate) fn describe(metrics: MetricsAccess) -> openapi::OpenApi {
    let routes = OpenApiRouter::new().merge(routes::protected(metrics)).merge(routes::public());
    let mut document = Document::openapi();
    document.merge(routes.into_openapi());
    env!("CARGO_PKG_VERSION").clone_into(&mut document.info.version);
    let components = document.components.get_or_insert_default();
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(
        "The administrator's token, a service account's access token or API key (also in `X-API-Key`), or a user's \
             token for /policy/bundle.",
    ));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer.build()));
    components.responses.insert("Error".to_owned(), RefOr::T(error_response()));
    components.responses.insert("AuthzenError".to_owned(), RefOr::T(authzen_error_response()));
    for (path, item) in &mut document.paths.paths {
        complete(path, item);
    }
    document
}

/// The document as it is served and committed, for the default configuration.
///
/// # Errors
/// When it could not be written as JSON.
pub fn openapi_json() -> Result<String, serde_json::Error> {
    write(MetricsAccess::default())
}

/// The document for a configuration, as it is served.
pub(crate) fn write(metrics: MetricsAccess) -> Result<String, serde_json::Error> {
    let document = sorted(serde_json::to_value(describe(metrics))?);
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// The same value with sorted members, so that the text depends neither on the order in which routes are added nor on
/// which map `serde_json` was built with.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<_, _> = members.into_iter().collect();
            Value::Object(members.into_iter().map(|(name, member)| (name, sorted(member))).collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn error_response() -> Response {
    let schema = Ref::from_schema_name(ErrorBody::name());
    let content = Content::new(Some(schema));
    ResponseBuilder::new().description("The request was refused.").content("application/json", content).build()
}

/// What `AuthZEN` has for an error.
fn authzen_error_response() -> Response {
    let message = ObjectBuilder::new().schema_type(Type::String).description(Some("What is wrong."));
    let content = Content::new(Some(Schema::Object(message.build())));
    ResponseBuilder::new().description("The request was refused.").content("application/json", content).build()
}

/// Operations whose body may be left out.
const OPTIONAL_BODIES: [&str; 2] = ["updatePolicySchema", "rotateSigningKey"];

/// Adds to each operation of a path the headers that it reads and the ways in which it can be refused.
fn complete(path: &str, item: &mut PathItem) {
    let operations = [
        (HttpMethod::Get, &mut item.get),
        (HttpMethod::Post, &mut item.post),
        (HttpMethod::Put, &mut item.put),
        (HttpMethod::Patch, &mut item.patch),
        (HttpMethod::Delete, &mut item.delete),
    ];
    for (method, operation) in operations {
        let Some(operation) = operation else { continue };
        let optional = operation.operation_id.as_deref().is_some_and(|id| OPTIONAL_BODIES.contains(&id));
        if let Some(RefOr::T(body)) = operation.request_body.as_mut().filter(|_| optional) {
            body.required = Some(Required::False);
        }
        let headers = headers(path, &method);
        operation.parameters.get_or_insert_default().extend(headers.into_iter().map(Into::into));
        for status in refusals(path, &method, operation) {
            let name = if path.contains("/access/v1/") { "AuthzenError" } else { "Error" };
            let refusal = RefOr::Ref(Ref::from_response_name(name));
            operation.responses.responses.entry(status.to_owned()).or_insert(refusal);
        }
    }
}

/// Whether a POST does something with an object that has an entity tag.
fn acts_on_an_object(path: &str) -> bool {
    ["/draft/publish", "/promote"].iter().any(|action| path.ends_with(action))
}

/// Whether a POST only answers a question.
fn records_nothing(path: &str) -> bool {
    path.contains("/access/v1/") || ["/authorize", "/policy-tests"].iter().any(|question| path.ends_with(question))
}

/// Whether the answer to a POST bears a secret, and so is never kept.
fn shows_a_secret(path: &str) -> bool {
    ["/user-tokens", "/credentials"].iter().any(|secret| path.ends_with(secret))
}

/// Whether it is a route of the tenants, not of those who run the server.
fn of_tenants(path: &str) -> bool {
    path.contains("/zones") || path.starts_with("/organizations") || path == BUNDLE_PATH
}

fn headers(path: &str, method: &HttpMethod) -> Vec<Parameter> {
    if !path.starts_with("/zones") && !path.starts_with("/organizations") && path != BUNDLE_PATH {
        return Vec::new();
    }
    let mut headers = vec![
        header("X-API-Version", "The API version that the client was written for, a date; echoed."),
        header("X-Client-Request-ID", "The client's id for the request; echoed and logged."),
    ];
    match method {
        HttpMethod::Get => headers.push(header("If-None-Match", "Answer 304 when the object still has this ETag.")),
        HttpMethod::Post if !records_nothing(path) && !shows_a_secret(path) => headers.push(header(
            "Idempotency-Key",
            "1 to 255 visible ASCII characters: the same key and body within 24 hours gives the first answer again.",
        )),
        HttpMethod::Patch | HttpMethod::Put | HttpMethod::Delete => {
            headers.push(header("If-Match", "Answer 412 when the object no longer has this ETag."));
        }
        _ => {}
    }
    if *method == HttpMethod::Post && acts_on_an_object(path) {
        headers.push(header("If-Match", "Answer 412 when the object no longer has this ETag."));
    }
    if *method == HttpMethod::Put && (path.ends_with("/draft") || path.ends_with("/{entity_id}")) {
        headers.push(header("If-None-Match", "`*`: answer 412 when there is one already."));
    }
    headers
}

fn header(name: &str, meaning: &str) -> Parameter {
    let text = Schema::Object(ObjectBuilder::new().schema_type(Type::String).build());
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Header).required(Required::False);
    parameter.schema(Some(text)).description(Some(meaning)).build()
}

fn refusals(path: &str, method: &HttpMethod, operation: &Operation) -> Vec<&'static str> {
    let mut statuses = vec!["503"];
    if operation.security.is_none() {
        statuses.extend(["401", "403"]);
    }
    if !of_tenants(path) {
        return statuses;
    }
    if path == BUNDLE_PATH && *method != HttpMethod::Delete {
        statuses.extend(["406", "409", "422"]);
    }
    statuses.extend(["400", "404", "429"]);
    if operation.request_body.is_some() {
        statuses.extend(["408", "413"]);
        if !path.contains("/access/v1/") {
            statuses.extend(["415", "422"]);
        }
    }
    if *method != HttpMethod::Get && !records_nothing(path) {
        statuses.push("409");
    }
    let changes = [HttpMethod::Patch, HttpMethod::Put, HttpMethod::Delete].contains(method);
    if changes || (*method == HttpMethod::Post && acts_on_an_object(path)) {
        statuses.push("412");
    }
    statuses
}
