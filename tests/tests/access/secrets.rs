//! No secret is kept or told in clear: not by the database, not by any answer but the one that made it, and not by what
//! is printed for debugging.

use std::path::Path;

use axum::http::Method;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::json;

use crate::support::Ground;

fn holds(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret)
}

fn files(folder: &Path, found: &mut Vec<Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(std::fs::read(path).unwrap()) }
    }
}

/// Everything that is kept.
fn stored(ground: &Ground) -> Vec<Vec<u8>> {
    let home = ground.wire.inner.home();
    if home.url().is_some() {
        let tables = ["credentials", "user_tokens", "organization_events", "events", "organizations", "meta"];
        return tables.map(|table| home.psql(&format!("SELECT * FROM {table}")).into_bytes()).into();
    }
    let mut found = Vec::new();
    files(home.folder(), &mut found);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_neither_stored_nor_shown_again() {
    let ground = Ground::new().await;
    let (_, path) = ground.bare_account(&ground.organization, &[("owner", None)], None).await;
    let mut secrets = Vec::new();
    for kind in ["client_secret", "api_key"] {
        let made = ground.wire.post(&format!("{path}/credentials"), json!({"name": kind, "kind": kind})).await;
        secrets.push(made.text("client_secret"));
    }
    let user = json!({"user": "User::\"alice\""});
    secrets.push(ground.wire.post(&format!("/zones/{}/user-tokens", ground.zone), user).await.text("token"));
    let key = secrets[1].clone();
    let mut answers = Vec::new();
    let organization = format!("/organizations/{}", ground.organization);
    for asked in [
        path.clone(),
        format!("{path}/credentials"),
        format!("{path}/roles"),
        format!("{organization}/events"),
        format!("{organization}/service-accounts"),
        format!("/zones/{}/user-tokens", ground.zone),
        format!("/zones/{}/events?limit=100", ground.zone),
        format!("/zones/{}/signing-keys", ground.zone),
        "/metrics".to_owned(),
    ] {
        let answer = ground.wire.get(&asked).await;
        assert_eq!(answer.status, 200, "{asked}");
        answers.push(answer.body);
    }
    let refused = ground.ask(Method::GET, "/zones", Some(&format!("{key}x")), None).await;
    assert_eq!(refused.status, 401);
    answers.push(refused.body);
    // The random part of each secret, as it is, in base64 and in hex.
    let database = stored(&ground);
    for secret in &secrets {
        let random = secret.rsplit('_').next().unwrap().get(..24).unwrap_or(secret);
        let forms = [
            random.to_owned(),
            BASE64_STANDARD.encode(secret).trim_end_matches('=').to_owned(),
            secret.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")),
        ];
        for form in forms {
            for (number, place) in answers.iter().chain(&database).enumerate() {
                assert!(!holds(place, form.as_bytes()), "place {number} holds a secret");
            }
        }
    }
    // What is looked through does hold what is no secret.
    assert!(database.iter().any(|place| holds(place, ground.organization.as_bytes())));
}
