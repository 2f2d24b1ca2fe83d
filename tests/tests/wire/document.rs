//! Every operation of the `OpenAPI` document: it is there, it asks for a token, it knows no ids that are none.

use axum::{
    body::Body,
    http::{Method, Request},
};
use serde_json::{Value, json};

use crate::support::Wire;

/// One operation of the document.
struct Operation {
    method: Method,
    path: String,
    /// Whether it asks for a credential.
    closed: bool,
    /// The example of its body.
    body: Option<Value>,
}

async fn operations(wire: &Wire) -> Vec<Operation> {
    let document = wire.get("/openapi.json").await.json();
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            let schema = operation.pointer("/requestBody/content/application~1json/schema/$ref");
            let body = schema.map(|schema| {
                let example =
                    document.pointer(schema.as_str().unwrap().trim_start_matches('#')).unwrap()["example"].clone();
                assert!(example.is_object(), "{verb} {path}: its body has no example");
                example
            });
            let (method, closed) = (verb.to_uppercase().parse().unwrap(), operation["security"] != json!([{}]));
            found.push(Operation { method, path: path.clone(), closed, body });
        }
    }
    assert!(found.len() > 30);
    found
}

/// The path with every parameter filled in.
fn filled(path: &str, with: &str) -> String {
    let mut filled = String::new();
    for part in path.split_inclusive(['{', '}']) {
        match part.strip_suffix('}') {
            Some(_) => filled.push_str(with),
            None => filled.push_str(part.trim_end_matches('{')),
        }
    }
    filled
}

/// Whether an error is its message alone there, as `AuthZEN` has it.
fn has_messages_for_errors(path: &str) -> bool {
    path.contains("/access/v1/")
}

#[tokio::test]
async fn the_served_document_is_the_written_one() {
    let wire = Wire::start().await;
    let served = wire.get("/openapi.json").await;
    assert_eq!(String::from_utf8(served.body).unwrap(), cedarkeep_http::openapi_json().unwrap());
}

#[tokio::test]
async fn every_operation_asks_for_a_token_unless_it_says_otherwise() {
    let wire = Wire::start().await;
    let zone = wire.inner.zone().await.id.to_string();
    for Operation { method, path, closed, .. } in operations(&wire).await {
        let path = filled(&path, &zone);
        let request = Request::builder().method(method.clone()).uri(&path).body(Body::empty()).unwrap();
        let answer = wire.send(request).await;
        assert_eq!(answer.status.as_u16() == 401, closed, "{method} {path}: {}", answer.status);
    }
}

#[tokio::test]
async fn ids_that_are_none_are_not_found() {
    let wire = Wire::start().await;
    let nobody = "01890000-0000-7000-8000-000000000000";
    for Operation { method, path, body, .. } in operations(&wire).await {
        if !path.contains('{') {
            continue;
        }
        let ask = async |id: &str| {
            let answer = wire.ask(method.clone(), &filled(&path, id), body.clone()).await;
            if has_messages_for_errors(&path) {
                assert_eq!(answer.status.as_u16(), 404, "{method} {path}");
                return json!({"message": answer.json().as_str().unwrap()});
            }
            assert_eq!(answer.refused(404), "not_found", "{method} {path}");
            answer.json()
        };
        let missing = ask(nobody).await;
        for id in [&nobody[..35], "0", "%00", "%F0%9F%98%80", "a%2Fb", "01890000-0000-7000-8000-00000000000A"] {
            let told = ask(id).await;
            assert_eq!((&told["message"], &told["details"]), (&missing["message"], &missing["details"]), "{path} {id}");
        }
        ask("%ff").await;
    }
}

#[tokio::test]
async fn a_method_that_a_path_does_not_have_is_405() {
    let wire = Wire::start().await;
    for Operation { path, .. } in operations(&wire).await {
        let answer = wire.ask(Method::TRACE, &filled(&path, "x"), None).await;
        if has_messages_for_errors(&path) {
            assert!(answer.json().is_string() && answer.status.as_u16() == 405, "{path}");
        } else {
            assert_eq!(answer.refused(405), "not_found", "{path}");
        }
        assert!(!answer.header("allow").is_empty(), "{path}");
    }
    for path in ["/", "/nowhere", "/zones/", "/zones/x/y"] {
        assert_eq!(wire.get(path).await.refused(404), "not_found", "{path}");
    }
}
