//! Which operation a request is, and what it is about: what the server's own rules are asked with.

use std::{collections::HashMap, sync::Arc};

use axum::{
    extract::{MatchedPath, Request},
    http::Method,
};
use cedarkeep_service::{Principal, PrincipalKind, Target};
use utoipa::openapi::OpenApi;

use crate::path::id_or_nobody;

/// The operations by route and method, named as the `OpenAPI` document names them.
pub(crate) struct Operations(HashMap<String, Vec<(Method, Arc<str>)>>);

impl Operations {
    /// All that the document describes.
    pub(crate) fn of(document: &OpenApi) -> Self {
        let mut operations: HashMap<_, Vec<_>> = HashMap::new();
        for (path, item) in &document.paths.paths {
            let methods = [
                (Method::GET, &item.get),
                (Method::POST, &item.post),
                (Method::PUT, &item.put),
                (Method::PATCH, &item.patch),
                (Method::DELETE, &item.delete),
            ];
            for (method, operation) in methods {
                if let Some(id) = operation.as_ref().and_then(|operation| operation.operation_id.as_deref()) {
                    operations.entry(path.clone()).or_default().push((method, Arc::from(id)));
                }
            }
        }
        Self(operations)
    }

    /// The operation of a request. One that no document describes has no name, and so no rule permits it to anybody but
    /// the administrator.
    pub(crate) fn name(&self, request: &Request) -> Option<Arc<str>> {
        let route = request.extensions().get::<MatchedPath>()?.as_str();
        let method = if *request.method() == Method::HEAD { &Method::GET } else { request.method() };
        let (_, name) = self.0.get(route)?.iter().find(|(of, _)| of == method)?;
        Some(Arc::clone(name))
    }
}

/// What a request is about: what its path names; for a user, who has one zone, that zone.
pub(crate) fn target(request: &Request, principal: &Principal) -> Option<Target> {
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
    let named = request.uri().path().split('/').nth(2).unwrap_or_default();
    if route.starts_with("/zones/{zone_id}") {
        return id_or_nobody(named).map(Target::Zone);
    }
    if route.starts_with("/organizations/{organization_id}") {
        return id_or_nobody(named).map(Target::Organization);
    }
    Some(match &principal.kind {
        PrincipalKind::User(user) => Target::Zone(user.zone),
        PrincipalKind::Administrator | PrincipalKind::ServiceAccount(_) => Target::Server,
    })
}
