//! Every operation of the document, by everybody: what each may is written down here a second time, apart from the
//! policies that the server asks.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, header};
use serde_json::{Value, json};

use crate::{
    support::{Ground, request},
    wire::TOKEN,
};

const NIL: &str = "00000000-0000-0000-0000-000000000000";

const O: &str = "owner";
const AD: &str = "administrator";
const AU: &str = "author";
const AC: &str = "activator";
const RE: &str = "auditor";
const DE: &str = "decider";
const ROLES: [&str; 6] = [O, AD, AU, AC, RE, DE];

/// Which roles may, operation by operation; the administrator's token may all of these.
const ALLOWED: &[(&[&str], &[&str])] = &[
    (
        &[O, AD, AU, AC, RE],
        &[
            "getZone",
            "listEvents",
            "getEventHead",
            "listPolicies",
            "getPolicy",
            "getPolicyDraft",
            "listPolicyVersions",
            "getPolicyVersion",
            "getPolicyVersionUsage",
            "listPolicyBindings",
            "getPolicyBinding",
            "listPolicySchemas",
            "getPolicySchema",
            "listPolicySets",
            "getPolicySet",
            "getPolicySetDraft",
            "listPolicySetDraftPolicies",
            "listPolicySetVersions",
            "getPolicySetVersion",
            "getAttestation",
            "listAttestations",
            "listPolicySetVersionPolicies",
            "listSigningKeys",
        ],
    ),
    (
        &[O, AD, AC, RE],
        &["listDecisions", "getDecision", "listEntities", "getEntity", "listShadowDivergences", "listUserTokens"],
    ),
    (
        &[O, AD, AU],
        &[
            "createPolicy",
            "updatePolicy",
            "archivePolicy",
            "putPolicyDraft",
            "deletePolicyDraft",
            "publishPolicyDraft",
            "createPolicyVersion",
            "archivePolicyVersion",
            "createPolicySchema",
            "createPolicySet",
            "updatePolicySet",
            "archivePolicySet",
            "applyPolicySet",
            "putPolicySetDraft",
            "deletePolicySetDraft",
            "publishPolicySetDraft",
            "createPolicySetVersion",
            "archivePolicySetVersion",
        ],
    ),
    (&[O, AD, AU, AC], &["testPolicies"]),
    (
        &[O, AD, AC],
        &[
            "activatePolicySetVersion",
            "putPolicyBinding",
            "deletePolicyBinding",
            "promotePolicyBinding",
            "putEntities",
            "deleteEntities",
            "putEntity",
            "deleteEntity",
        ],
    ),
    (
        &[O, AD],
        &[
            "updateZone",
            "updatePolicySchema",
            "rotateSigningKey",
            "revokeSigningKey",
            "createUserToken",
            "deleteUserToken",
        ],
    ),
    (&[O], &["deleteZone"]),
    (
        &[O, AD, DE],
        &[
            "authorize",
            "authorizeBatch",
            "authzenEvaluation",
            "authzenEvaluations",
            "authzenSearchSubject",
            "authzenSearchResource",
            "authzenSearchAction",
        ],
    ),
    (&[O, AD, AU, AC, RE], &["getOrganization", "listZones", "listOrganizations"]),
    (&[O, AD], &["createZone"]),
    (
        &[O, RE],
        &[
            "listOrganizationEvents",
            "listServiceAccounts",
            "getServiceAccount",
            "listCredentials",
            "getCredential",
            "getRoles",
        ],
    ),
    (
        &[O],
        &[
            "updateOrganization",
            "createServiceAccount",
            "updateServiceAccount",
            "deleteServiceAccount",
            "createCredential",
            "updateCredential",
            "deleteCredential",
            "putRoles",
        ],
    ),
    (&[], &["createOrganization", "getMetrics"]),
];

/// What is a user's own.
const USERS: [&str; 3] = ["getPolicyBundle", "putPolicyBundle", "deletePolicyBundle"];

struct Operation {
    id: String,
    method: Method,
    path: String,
    public: bool,
}

fn operations() -> Vec<Operation> {
    let document: Value = serde_json::from_str(&cedarkeep_http::openapi_json().unwrap()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(id) = operation["operationId"].as_str() else { continue };
            operations.push(Operation {
                id: id.to_owned(),
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                public: operation["security"] == json!([{}]),
            });
        }
    }
    operations
}

fn allowed() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    ALLOWED.iter().flat_map(|(roles, ids)| ids.iter().map(|id| (*id, roles.iter().copied().collect()))).collect()
}

#[test]
fn every_operation_stands_in_the_matrix() {
    let operations = operations();
    let known: BTreeSet<_> = allowed().into_keys().chain(USERS).collect();
    let protected: BTreeSet<_> = operations.iter().filter(|one| !one.public).map(|one| one.id.as_str()).collect();
    assert_eq!(protected, known);
}

/// The path with real ids for what the caller may reach, and ids of nobody below.
fn filled(operation: &Operation, zone: &str, organization: &str) -> String {
    let segments = operation.path.split('/').map(|segment| match segment {
        "{zone_id}" => zone.to_owned(),
        "{organization_id}" => organization.to_owned(),
        "{version}" | "{kid}" | "{entity_type}" | "{entity_id}" => "nothing".to_owned(),
        parameter if parameter.starts_with('{') => NIL.to_owned(),
        other => other.to_owned(),
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Sends something that no operation carries out, so that whoever may do it changes nothing: a body that is no JSON, and
/// a condition that never holds.
async fn status(ground: &Ground, operation: &Operation, path: &str, credential: Option<&str>) -> (u16, String) {
    let body = (operation.method != Method::GET).then(|| "{".to_owned());
    let mut request = request(operation.method.clone(), path, credential, body);
    request.headers_mut().insert(header::IF_MATCH, "\"nothing\"".parse().unwrap());
    let answer = ground.wire.send(request).await;
    (answer.status.as_u16(), String::from_utf8_lossy(&answer.body).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_may_do_what_the_matrix_says_and_nothing_else() {
    let ground = Ground::new().await;
    let (zone, organization) = (ground.zone.as_str(), ground.organization.as_str());
    let mut accounts = Vec::new();
    for role in ROLES {
        accounts.push((role, true, ground.account(organization, &[(role, None)]).await.1));
        accounts.push((role, false, ground.account(organization, &[(role, Some(zone))]).await.1));
    }
    let roleless = ground.account(organization, &[]).await.1;
    let elsewhere = ground.account(organization, &[(O, Some(&ground.other_zone))]).await.1;
    let foreign = ground.account(&ground.other_organization, &[(O, None)]).await.1;
    let user = json!({"user": "User::\"alice\""});
    let user = ground.wire.post(&format!("/zones/{zone}/user-tokens"), user).await.text("token");
    let allowed = allowed();
    for operation in operations().iter().filter(|operation| !operation.public) {
        let path = filled(operation, zone, organization);
        let shown = format!("{} {path} ({})", operation.method, operation.id);
        let (of_zone, of_organization) = (path.starts_with("/zones/"), path.starts_with("/organizations/"));
        for nobody in [None, Some("ckak_nothing"), Some("eyJhbGciOiJub25lIn0.e30.")] {
            assert_eq!(status(&ground, operation, &path, nobody).await.0, 401, "{shown} by {nobody:?}");
        }
        let users_own = USERS.contains(&operation.id.as_str());
        for (who, credential) in [("administrator", TOKEN), ("user", user.as_str())] {
            let (found, text) = status(&ground, operation, &path, Some(credential)).await;
            let may = users_own == (who == "user");
            assert_eq!(![401, 403].contains(&found), may, "{shown} by the {who}: {found} {text}");
        }
        for (role, everywhere, key) in &accounts {
            let (found, text) = status(&ground, operation, &path, Some(key)).await;
            let shown = format!("{shown} by {role}, everywhere {everywhere}: {found} {text}");
            let holds = allowed.get(operation.id.as_str()).is_some_and(|roles| roles.contains(role));
            if of_organization && !everywhere {
                assert_eq!(found, 404, "{shown}");
            } else if operation.id == "createZone" {
                // The roles held anywhere open the door; where the zone would go is asked once its body was read.
                assert_eq!(found, if holds { 400 } else { 403 }, "{shown}");
            } else if holds {
                assert!(![401, 403].contains(&found) && found < 500, "{shown}");
            } else {
                assert_eq!(found, 403, "{shown}");
            }
        }
        for (who, credential, expected) in [
            ("nothing", &roleless, if of_zone || of_organization { 404 } else { 403 }),
            ("another zone", &elsewhere, if of_zone || of_organization { 404 } else { 0 }),
            ("another organization", &foreign, if of_zone || of_organization { 404 } else { 0 }),
        ] {
            let (found, text) = status(&ground, operation, &path, Some(credential)).await;
            if expected > 0 {
                assert_eq!(found, expected, "{shown} by who holds a role in {who}: {text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_permitted_is_answered_as_what_is_not_there() {
    let ground = Ground::new().await;
    let foreign = ground.account(&ground.other_organization, &[(O, None)]).await.1;
    for (there, absent) in [
        (format!("/zones/{}", ground.zone), format!("/zones/{NIL}")),
        (format!("/zones/{}/policies", ground.zone), format!("/zones/{NIL}/policies")),
        (format!("/organizations/{}", ground.organization), format!("/organizations/{NIL}")),
    ] {
        let mut bodies = Vec::new();
        for path in [&there, &absent] {
            let answer = ground.get(path, &foreign).await;
            assert_eq!(answer.status, 404);
            let mut body = answer.json();
            for own in ["path", "request_id", "timestamp"] {
                body[own] = Value::Null;
            }
            bodies.push(body);
        }
        assert_eq!(bodies[0], bodies[1]);
    }
}
