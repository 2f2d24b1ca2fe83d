//! The routes, one file a resource. A handler extracts, calls the service and answers.

mod apply;
mod attestations;
mod authorize;
mod authzen;
mod bindings;
mod credentials;
mod decisions;
mod divergences;
mod documents;
mod entities;
mod events;
mod jwks;
mod organizations;
mod policies;
mod policy_bundle;
mod policy_drafts;
mod policy_schemas;
mod policy_set_drafts;
mod policy_set_versions;
mod policy_sets;
mod policy_tests;
mod policy_versions;
mod probes;
mod roles;
mod service_account_token;
mod service_accounts;
mod signing_keys;
mod user_tokens;
mod zones;

pub(crate) use self::{authzen::speaks_authzen, policy_bundle::PATH as BUNDLE_PATH, probes::METRICS_TYPE};
use utoipa_axum::router::OpenApiRouter;

use crate::{app::App, config::MetricsAccess};

/// The routes that need a credential.
pub(crate) fn protected(metrics: MetricsAccess) -> OpenApiRouter<App> {
    let routes = OpenApiRouter::new()
        .merge(zones::routes())
        .merge(policy_schemas::routes())
        .merge(policies::routes())
        .merge(policy_versions::routes())
        .merge(policy_drafts::routes())
        .merge(policy_sets::routes())
        .merge(policy_set_versions::routes())
        .merge(policy_set_drafts::routes())
        .merge(apply::routes())
        .merge(bindings::routes())
        .merge(attestations::routes())
        .merge(signing_keys::routes())
        .merge(user_tokens::routes())
        .merge(policy_bundle::routes())
        .merge(entities::routes())
        .merge(authorize::routes())
        .merge(authzen::routes())
        .merge(policy_tests::routes())
        .merge(divergences::routes())
        .merge(decisions::routes())
        .merge(events::routes())
        .merge(organizations::routes())
        .merge(service_accounts::routes())
        .merge(credentials::routes())
        .merge(roles::routes());
    match metrics {
        MetricsAccess::WithCredential => routes.merge(probes::metrics_routes()),
        MetricsAccess::Elsewhere => routes,
    }
}

/// The routes that anybody may ask.
pub(crate) fn public() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .merge(jwks::routes())
        .merge(service_account_token::routes())
        .merge(authzen::public())
        .merge(probes::routes())
        .merge(documents::routes())
}
