//! Organizations with service accounts, and short ways to call as one of them.

use axum::{
    body::Body,
    http::{Method, Request, header},
};
use serde_json::{Value, json};

use crate::wire::{Answer, Wire};

/// A server in process with two organizations; the first has two zones.
pub struct Ground {
    pub wire: Wire,
    pub organization: String,
    pub other_organization: String,
    pub zone: String,
    pub other_zone: String,
    pub foreign_zone: String,
}

impl Ground {
    pub async fn new() -> Self {
        let wire = Wire::start().await;
        let organization = made(&wire, "/organizations", json!({"name": "One"})).await;
        let other_organization = made(&wire, "/organizations", json!({"name": "Two"})).await;
        let zone = made(&wire, "/zones", json!({"name": "Zone", "organization_id": organization})).await;
        let other_zone = made(&wire, "/zones", json!({"name": "Other", "organization_id": organization})).await;
        let foreign_zone =
            made(&wire, "/zones", json!({"name": "Foreign", "organization_id": other_organization})).await;
        Self { wire, organization, other_organization, zone, other_zone, foreign_zone }
    }

    /// A service account of an organization with these roles, as role and zone; its id and an API key.
    pub async fn account(&self, organization: &str, grants: &[(&str, Option<&str>)]) -> (String, String) {
        let (id, path) = self.bare_account(organization, grants, None).await;
        let body = json!({"name": "key", "kind": "api_key"});
        let key = self.wire.post(&format!("{path}/credentials"), body).await.text("client_secret");
        (id, key)
    }

    /// The same without a credential, and with an owner; its id and its path.
    pub async fn bare_account(
        &self,
        organization: &str,
        grants: &[(&str, Option<&str>)],
        owner: Option<&str>,
    ) -> (String, String) {
        let accounts = format!("/organizations/{organization}/service-accounts");
        let id = made(&self.wire, &accounts, json!({"name": "Account", "owner": owner})).await;
        let path = format!("{accounts}/{id}");
        let grants: Vec<_> = grants.iter().map(|(role, zone)| json!({"role": role, "zone_id": zone})).collect();
        let put = self.wire.ask(Method::PUT, &format!("{path}/roles"), Some(json!({"grants": grants}))).await;
        assert_eq!(put.status, 200, "{}", put.json());
        (id, path)
    }

    /// The answer to a request with this credential, or none.
    pub async fn ask(&self, method: Method, path: &str, credential: Option<&str>, body: Option<Value>) -> Answer {
        let body = body.map(|body| body.to_string());
        self.wire.send(request(method, path, credential, body)).await
    }

    pub async fn get(&self, path: &str, credential: &str) -> Answer {
        self.ask(Method::GET, path, Some(credential), None).await
    }

    pub async fn post(&self, path: &str, credential: &str, body: Value) -> Answer {
        self.ask(Method::POST, path, Some(credential), Some(body)).await
    }
}

pub fn request(method: Method, path: &str, credential: Option<&str>, body: Option<String>) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if let Some(credential) = credential {
        request = request.header(header::AUTHORIZATION, format!("Bearer {credential}"));
    }
    if body.is_some() {
        request = request.header(header::CONTENT_TYPE, "application/json");
    }
    request.body(Body::from(body.unwrap_or_default())).unwrap()
}

/// Makes an object as the administrator; its id.
pub async fn made(wire: &Wire, path: &str, body: Value) -> String {
    let answer = wire.post(path, body).await;
    assert_eq!(answer.status, 201, "{path}: {}", answer.json());
    answer.text("id")
}
