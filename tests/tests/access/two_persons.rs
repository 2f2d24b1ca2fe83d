//! Publishing and activating are two rights, and a zone may demand two persons.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{support::Ground, wire::Answer};

const POLICY: &str = "permit (principal, action, resource);";

fn manifest(name: &str, activate: bool) -> Value {
    let entry = json!({"new_policy": {"name": name}, "cedar_raw": POLICY});
    let mut manifest = json!({"entries": [entry]});
    if activate {
        manifest["activate"] = json!(true);
    }
    json!({"name": name, "manifest": manifest})
}

/// Publishes a set with one policy; where its version is.
async fn published(ground: &Ground, zone: &str, credential: &str, name: &str) -> String {
    let made = ground.post(&format!("{zone}/policy-sets"), credential, manifest(name, false)).await;
    assert_eq!(made.status, 201, "{}", made.json());
    let set = made.json();
    let version = set["policy_set_version"]["id"].as_str().unwrap();
    format!("{zone}/policy-sets/{}/versions/{version}", set["id"].as_str().unwrap())
}

async fn activate(ground: &Ground, version: &str, credential: &str) -> Answer {
    ground.ask(Method::PATCH, version, Some(credential), Some(json!({"active": true}))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stolen_publishing_credential_cannot_activate_by_any_way() {
    let ground = Ground::new().await;
    let zone = format!("/zones/{}", ground.zone);
    let author = ground.account(&ground.organization, &[("author", Some(&ground.zone))]).await.1;
    let version = published(&ground, &zone, &author, "one").await;
    let id = version.rsplit('/').next().unwrap();
    assert_eq!(activate(&ground, &version, &author).await.refused(403), "forbidden");
    let bind = json!({"policy_set_version_id": id, "mode": "active"});
    let bound = ground.ask(Method::PUT, &format!("{zone}/policy-bindings"), Some(&author), Some(bind)).await;
    assert_eq!(bound.refused(403), "forbidden");
    let events = ground.wire.get(&format!("{zone}/events")).await.json()["items"][0]["seq"].clone();
    let made = ground.post(&format!("{zone}/policy-sets"), &author, manifest("two", true)).await;
    assert_eq!(made.refused(403), "forbidden");
    let set = version.rsplit_once("/versions").unwrap().0;
    let entry = json!({"new_policy": {"name": "three"}, "cedar_raw": POLICY});
    let apply = json!({"manifest": {"entries": [entry], "activate": true}});
    assert_eq!(ground.post(&format!("{set}/apply"), &author, apply).await.refused(403), "forbidden");
    let settings = json!({"on_forbid_error": "cedar"});
    assert_eq!(ground.ask(Method::PATCH, &zone, Some(&author), Some(settings)).await.refused(403), "forbidden");
    let entities = json!({"entities": []});
    let put = ground.ask(Method::PUT, &format!("{zone}/entities"), Some(&author), Some(entities)).await;
    assert_eq!(put.refused(403), "forbidden");
    // Nothing was left behind, and the version is still the activator's to bind.
    assert_eq!(ground.wire.get(&format!("{zone}/events")).await.json()["items"][0]["seq"], events);
    let activator = ground.account(&ground.organization, &[("activator", Some(&ground.zone))]).await.1;
    assert_eq!(activate(&ground, &version, &activator).await.status, 200);
    let policies = format!("{zone}/policies");
    assert_eq!(ground.post(&policies, &activator, json!({"name": "x"})).await.refused(403), "forbidden");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_two_persons_are_demanded_nobody_activates_the_own_work() {
    let ground = Ground::new().await;
    let zone = format!("/zones/{}", ground.zone);
    let both = [("administrator", Some(ground.zone.as_str()))];
    let one = ground.account(&ground.organization, &both).await.1;
    let two = ground.account(&ground.organization, &both).await.1;
    let (_, path) = ground.bare_account(&ground.organization, &both, Some("dana")).await;
    let dana = ground.wire.post(&format!("{path}/credentials"), json!({"name": "k", "kind": "api_key"})).await;
    let (_, path) = ground.bare_account(&ground.organization, &both, Some("dana")).await;
    let dana_too = ground.wire.post(&format!("{path}/credentials"), json!({"name": "k", "kind": "api_key"})).await;
    let (dana, dana_too) = (dana.text("client_secret"), dana_too.text("client_secret"));
    let on = json!({"two_person_activation": true});
    assert_eq!(ground.ask(Method::PATCH, &zone, Some(&one), Some(on)).await.status, 200);
    // The way out is the owner's.
    let off = json!({"two_person_activation": false});
    assert_eq!(ground.ask(Method::PATCH, &zone, Some(&one), Some(off.clone())).await.refused(403), "forbidden");

    let version = published(&ground, &zone, &one, "one").await;
    let refused = activate(&ground, &version, &one).await;
    assert_eq!(refused.refused(403), "forbidden");
    assert!(refused.text("message").contains("two persons"));
    assert!(refused.json()["details"]["manifest_sha"].is_string());
    assert_eq!(activate(&ground, &version, &two).await.status, 200);
    let made = ground.post(&format!("{zone}/policy-sets"), &two, manifest("two", true)).await;
    assert_eq!(made.refused(403), "forbidden");

    // A shadow decides nothing and may be anybody's; promoting it makes it active.
    let version = published(&ground, &zone, &one, "three").await;
    let shadow = json!({"policy_set_version_id": version.rsplit('/').next().unwrap(), "mode": "shadow"});
    let shadow = ground.ask(Method::PUT, &format!("{zone}/policy-bindings"), Some(&one), Some(shadow)).await;
    let promote = format!("{zone}/policy-bindings/{}/promote", shadow.text("id"));
    assert_eq!(ground.post(&promote, &one, json!({})).await.refused(403), "forbidden");
    assert_eq!(ground.post(&promote, &two, json!({})).await.status, 200);

    // Two accounts of one person are one person.
    let version = published(&ground, &zone, &dana, "four").await;
    assert_eq!(activate(&ground, &version, &dana_too).await.refused(403), "forbidden");
    assert_eq!(activate(&ground, &version, &one).await.status, 200);

    let owner = ground.account(&ground.organization, &[("owner", Some(&ground.zone))]).await.1;
    assert_eq!(ground.ask(Method::PATCH, &zone, Some(&owner), Some(off)).await.status, 200);
    let version = published(&ground, &zone, &one, "five").await;
    assert_eq!(activate(&ground, &version, &one).await.status, 200);
}
