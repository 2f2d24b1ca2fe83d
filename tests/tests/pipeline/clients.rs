//! A client that gets access tokens with its id and secret.

use std::fs;

use cedarkeep_tests::server::{FIXTURE_TOKEN, cedarkeep, run};
use serde_json::json;

use crate::support::{Ground, post};

#[test]
fn a_client_publishes_with_tokens_that_it_gets_itself() {
    let ground = Ground::new();
    let pipeline = ground.pipeline("client");
    let organization = pipeline.get("")["organization_id"].as_str().unwrap().to_owned();
    let accounts = format!("/organizations/{organization}/service-accounts");
    let account = post(&ground.server().url, &accounts, &json!({"name": "Pipeline"}));
    let account = format!("{accounts}/{}", account["id"].as_str().unwrap());
    let credential = post(&ground.server().url, &format!("{account}/credentials"), &json!({"name": "first"}));
    let grants = json!({"grants": [{"role": "administrator", "zone_id": pipeline.zone}]});
    let roles = ureq::put(format!("{}{account}/roles", ground.server().url));
    let roles = roles.header("authorization", format!("Bearer {FIXTURE_TOKEN}")).content_type("application/json");
    assert_eq!(roles.send(grants.to_string()).unwrap().status().as_u16(), 200);

    let config = ground.folder.path().join("config");
    let login = |secret: &str| {
        let id = credential["client_id"].as_str().unwrap();
        let mut command = cedarkeep(["login", "--server", &ground.server().url, "--client-id", id]);
        run(command.env("XDG_CONFIG_HOME", &config).env("CEDARKEEP_CLIENT_SECRET", secret))
    };
    let wrong = login("0123456789abcdef");
    assert!(wrong.code == Some(1) && wrong.err.contains("grants no access token: invalid_client"), "{wrong:?}");
    assert!(!wrong.err.contains("0123456789abcdef") && !config.exists(), "{wrong:?}");
    let secret = credential["client_secret"].as_str().unwrap();
    let kept = login(secret);
    assert_eq!((kept.code, kept.err.as_str()), (Some(0), ""), "{kept:?}");
    assert!(!kept.out.contains(secret), "{kept:?}");
    assert!(fs::read_to_string(config.join("cedarkeep/credentials.toml")).unwrap().contains(secret));

    let mut publish = pipeline.command(&["publish", "--activate", "--wait"]);
    let published = run(publish.env_remove("CEDARKEEP_TOKEN").env("XDG_CONFIG_HOME", &config));
    assert_eq!(published.code, Some(0), "{published:?}");
    let actor = &pipeline.get("/events?limit=1&order=desc")["items"][0]["actor"];
    assert_ne!(actor, "administrator", "who published is the account");
}
