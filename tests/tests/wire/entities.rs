//! The entities of a zone over HTTP: bodies, conditions, pages.

use axum::http::Method;
use serde_json::{Value, json};

use crate::support::{Answer, Wire, request};

/// A server with a zone whose default schema is that of [`InProcess`](cedarkeep_tests::in_process::SCHEMA).
async fn zone() -> (Wire, String) {
    let wire = Wire::start().await;
    let at = format!("/zones/{}", wire.inner.zone().await.id);
    wire.ask(Method::PATCH, &format!("{at}/policy-schemas/test"), None).await;
    (wire, format!("{at}/entities"))
}

fn group(id: impl std::fmt::Display) -> Value {
    json!({"uid": {"type": "Group", "id": id.to_string()}, "attrs": {}, "parents": []})
}

fn user(id: &str, level: i64) -> Value {
    json!({"uid": {"type": "User", "id": id}, "attrs": {"level": level}, "parents": [{"type": "Group", "id": "g"}]})
}

async fn put(wire: &Wire, path: &str, body: Value, headers: &[(&str, &str)]) -> Answer {
    wire.send(request(Method::PUT, path, Some(body.to_string().into_bytes()), headers)).await
}

async fn delete(wire: &Wire, path: &str, headers: &[(&str, &str)]) -> Answer {
    wire.send(request(Method::DELETE, path, None, headers)).await
}

fn counts(answer: &Answer) -> [u64; 4] {
    assert_eq!(answer.status.as_u16(), 200, "{}", answer.json());
    ["upserted", "deleted", "unchanged", "total"].map(|name| answer.json()[name].as_u64().unwrap())
}

async fn all(wire: &Wire, at: &str) -> Value {
    wire.get(&format!("{at}?limit=100")).await.json()["items"].clone()
}

#[tokio::test]
async fn what_is_put_is_there_spelled_out() {
    let (wire, at) = zone().await;
    let doc =
        json!({"uid": "Doc::\"1\"", "attrs": {"owner": {"type": "User", "id": "a"}, "level": i64::MAX}, "parents": []});
    let doc = {
        let mut doc = doc;
        doc["uid"] = json!({"__entity": {"type": "Doc", "id": "1"}});
        doc
    };
    let changed = put(&wire, &at, json!({"entities": [user("a", 1), group("g"), doc]}), &[]).await;
    assert_eq!(counts(&changed), [3, 0, 0, 3]);
    let revision = changed.json()["revision"].as_u64().unwrap();
    assert_eq!(changed.header("etag"), format!("\"{revision}\""));
    let spelled_out = json!({
        "uid": {"type": "Doc", "id": "1"}, "parents": [],
        "attrs": {"owner": {"__entity": {"type": "User", "id": "a"}}, "level": i64::MAX},
    });
    let listed = wire.get(&format!("{at}?expand[]=total_count")).await;
    assert_eq!(listed.json()["items"], json!([spelled_out, group("g"), user("a", 1)]));
    assert_eq!(
        (&listed.json()["pagination"]["total_count"], listed.header("etag")),
        (&json!(3), changed.header("etag"))
    );
    let one = wire.get(&format!("{at}/Doc/1")).await;
    assert_eq!((one.json(), one.header("etag")), (spelled_out.clone(), changed.header("etag")));
    // What came out goes in again, and changes nothing.
    let again = put(&wire, &at, json!({"mode": "replace", "entities": listed.json()["items"]}), &[]).await;
    assert_eq!((counts(&again), &again.json()["revision"]), ([0, 0, 3, 3], &json!(revision)));
    let events = wire.get(&format!("{}/events?order=desc&limit=1", at.trim_end_matches("/entities"))).await.json();
    let event = &events["items"][0];
    assert_eq!(
        (&event["kind"], &event["body"]["upserted"], &event["body"]["mode"]),
        (&json!("entities.changed"), &json!(3), &json!("upsert"))
    );
    assert!(event["body"]["changes_sha"].is_string() && !event.to_string().contains("level"), "{event}");
}

#[tokio::test]
async fn replace_takes_away_what_is_not_named_and_upsert_does_not() {
    let (wire, at) = zone().await;
    put(&wire, &at, json!({"entities": [group("a"), group("b"), user("u", 1)]}), &[]).await;
    let upserted =
        put(&wire, &at, json!({"mode": "upsert", "entities": [group("c"), group("a"), user("u", 2)]}), &[]).await;
    assert_eq!(counts(&upserted), [2, 0, 1, 4]);
    let replaced = put(&wire, &at, json!({"mode": "replace", "entities": [group("a"), user("u", 3)]}), &[]).await;
    assert_eq!(counts(&replaced), [1, 2, 1, 2]);
    assert_eq!(all(&wire, &at).await, json!([group("a"), user("u", 3)]));
    let nothing = put(&wire, &at, json!({"entities": []}), &[]).await;
    assert_eq!(counts(&nothing), [0, 0, 0, 2]);
    let emptied = put(&wire, &at, json!({"mode": "replace", "entities": []}), &[]).await;
    assert_eq!(counts(&emptied), [0, 2, 0, 0]);
    put(&wire, &at, json!({"entities": [group("a"), group("b")]}), &[]).await;
    assert_eq!(counts(&delete(&wire, &at, &[]).await), [0, 2, 0, 0]);
    assert_eq!(counts(&delete(&wire, &at, &[]).await), [0, 0, 0, 0]);
    assert_eq!(all(&wire, &at).await, json!([]));
}

#[tokio::test]
async fn one_entity_is_put_read_and_deleted_under_its_uid() {
    let (wire, at) = zone().await;
    let id = "a/b c%\"ü";
    let one = format!("{at}/User/a%2Fb%20c%25%22%C3%BC");
    assert_eq!(wire.get(&one).await.refused(404), "not_found");
    let body = json!({"attrs": {"level": 1}, "parents": []});
    let made = put(&wire, &one, body.clone(), &[]).await;
    assert_eq!((made.status.as_u16(), &made.json()["uid"]), (201, &json!({"type": "User", "id": id})));
    let mut with_uid = body.clone();
    with_uid["uid"] = made.json()["uid"].clone();
    let again = put(&wire, &one, with_uid.clone(), &[]).await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (200, made.header("etag")), "nothing has changed");
    let changed = put(&wire, &one, json!({"attrs": {"level": 2}, "parents": []}), &[]).await;
    assert_eq!(changed.status.as_u16(), 200);
    assert_ne!(changed.header("etag"), made.header("etag"));
    with_uid["uid"]["id"] = json!("other");
    assert_eq!(put(&wire, &one, with_uid, &[]).await.refused(400), "bad_request");
    for (path, status) in [("User/%00", 422), ("no%20type/x", 422), ("Action/read", 422), ("Robot/r", 422)] {
        put(&wire, &format!("{at}/{path}"), body.clone(), &[]).await.refused(status);
    }
    let gone = delete(&wire, &one, &[]).await;
    assert_eq!((gone.status.as_u16(), gone.json()), (200, changed.json()));
    assert_eq!(delete(&wire, &one, &[]).await.refused(404), "not_found");
    assert_eq!(all(&wire, &at).await, json!([]));
}

#[tokio::test]
async fn conditions_guard_one_and_all() {
    let (wire, at) = zone().await;
    let one = format!("{at}/User/u");
    let body = |level: i64| json!({"attrs": {"level": level}, "parents": []});
    assert_eq!(put(&wire, &one, body(1), &[("if-match", "*")]).await.refused(412), "precondition_failed");
    let made = put(&wire, &one, body(1), &[("if-none-match", "*")]).await;
    assert_eq!(made.status.as_u16(), 201);
    assert_eq!(put(&wire, &one, body(2), &[("if-none-match", "*")]).await.refused(412), "precondition_failed");
    let whole = wire.get(&at).await.header("etag").to_owned();
    let other = put(&wire, &at, json!({"entities": [group("g")]}), &[("if-match", &whole)]).await;
    assert_eq!(counts(&other), [1, 0, 0, 2]);
    for stale in [
        put(&wire, &at, json!({"entities": []}), &[("if-match", &whole)]).await,
        delete(&wire, &at, &[("if-match", &whole)]).await,
        put(&wire, &one, body(2), &[("if-match", "\"0\"")]).await,
        delete(&wire, &one, &[("if-match", "\"0\"")]).await,
    ] {
        assert_eq!(stale.refused(412), "precondition_failed");
    }
    // The one was not touched by the change of the other.
    let fresh = [("if-match", made.header("etag"))];
    assert_eq!(put(&wire, &one, body(2), &fresh).await.status.as_u16(), 200);
    let read = wire.get(&one).await;
    let held = [("if-none-match", read.header("etag"))];
    assert_eq!(wire.send(request(Method::GET, &one, None, &held)).await.status.as_u16(), 304);
    assert_eq!(delete(&wire, &one, &[("if-match", read.header("etag"))]).await.status.as_u16(), 200);
}

#[tokio::test]
async fn what_is_wrong_is_named_and_nothing_is_changed() {
    let (wire, at) = zone().await;
    put(&wire, &at, json!({"entities": [group("g"), user("kept", 1)]}), &[]).await;
    let (before, etag) = (all(&wire, &at).await, wire.get(&at).await.header("etag").to_owned());
    let under = |child: &str, parent: &str| json!({"uid": {"type": "User", "id": child}, "attrs": {"level": 1}, "parents": [{"type": "Group", "id": parent}]});
    let many: Vec<_> = (0..10_001).map(group).collect();
    let action = |parents: &[&str]| json!({"uid": {"type": "Action", "id": "read"}, "attrs": {}, "parents": parents});
    for (body, status, code, about) in [
        (json!({}), 400, "bad_request", "entities"),
        (json!({"entities": {}}), 400, "bad_request", "entities"),
        (json!({"entities": [], "mode": "merge"}), 400, "bad_request", "mode"),
        (json!({"entities": [], "mode": null}), 400, "bad_request", "mode"),
        (json!({"entities": [], "more": 1}), 400, "bad_request", "more"),
        (json!({"entities": many}), 400, "bad_request", "10001"),
        (json!({"entities": [1]}), 422, "invalid_request", "uid"),
        (json!({"entities": [user("x", 1), user("x", 1)]}), 422, "invalid_request", "twice"),
        (
            json!({"entities": [user("new", 1), {"uid": {"type": "User", "id": "u"}, "attrs": {}, "parents": []}]}),
            422,
            "invalid_request",
            "level",
        ),
        (
            json!({"entities": [{"uid": {"type": "Robot", "id": "u"}, "attrs": {}, "parents": []}]}),
            422,
            "invalid_request",
            "Robot",
        ),
        (
            json!({"entities": [under("u", "g"), {"uid": {"type": "Group", "id": "x"}, "attrs": {}, "parents": [{"type": "Group", "id": "g"}]}]}),
            422,
            "invalid_request",
            "Group",
        ),
        (
            json!({"entities": [{"uid": {"type": "User", "id": "u"}, "attrs": {"level": 1}, "parents": [], "tag": {}}]}),
            422,
            "invalid_request",
            "tag",
        ),
        (json!({"entities": [action(&["x"])]}), 422, "invalid_request", "uid"),
        (
            json!({"entities": [{"uid": {"type": "Action", "id": "fly"}, "attrs": {}, "parents": []}]}),
            422,
            "invalid_request",
            "fly",
        ),
    ] {
        let shown = body.to_string().chars().take(200).collect::<String>();
        let answer = put(&wire, &at, body, &[]).await;
        assert_eq!(answer.refused(status), code, "{shown}");
        assert!(answer.text("message").contains(about), "{shown}: {}", answer.text("message"));
    }
    assert_eq!(wire.ask(Method::PUT, &at, Some(json!([group("a")]))).await.refused(400), "bad_request");
    let twice = br#"{"entities": [{"uid": {"type": "Group", "id": "a"}, "attrs": {}, "attrs": {}, "parents": []}]}"#;
    assert_eq!(wire.send(request(Method::PUT, &at, Some(twice.to_vec()), &[])).await.refused(400), "invalid_json");
    let large = format!(r#"{{"entities": ["{}"]}}"#, "x".repeat(17 << 20)).into_bytes();
    assert_eq!(wire.send(request(Method::PUT, &at, Some(large), &[])).await.refused(413), "too_large");
    assert_eq!((all(&wire, &at).await, wire.get(&at).await.header("etag")), (before, etag.as_str()));
    for query in ["filter[type]=no%20type", "filter[type]=", "sort=created_at", "limit=101", "after=x"] {
        let refused = wire.get(&format!("{at}?{query}")).await;
        assert_eq!(refused.status.as_u16(), 400, "{query}");
    }
}

#[tokio::test]
async fn actions_of_the_schema_are_taken_and_not_kept() {
    let (wire, at) = zone().await;
    let read = json!({"uid": {"type": "Action", "id": "read"}, "attrs": {}, "parents": []});
    assert_eq!(counts(&put(&wire, &at, json!({"entities": [read, group("g")]}), &[]).await), [1, 0, 1, 1]);
    assert_eq!(all(&wire, &at).await, json!([group("g")]));
}

#[tokio::test]
async fn the_schema_is_that_of_the_bound_set_else_the_default_unless_the_zone_checks_nothing() {
    let (wire, at) = zone().await;
    let zone = at.trim_end_matches("/entities").to_owned();
    let thing = json!({"entities": [{"uid": {"type": "Thing", "id": "t"}, "attrs": {}, "parents": []}]});
    assert_eq!(put(&wire, &at, thing.clone(), &[]).await.refused(422), "invalid_request");
    let schema = "entity Thing, User, Doc; action read appliesTo { principal: User, resource: Doc };";
    wire.post(&format!("{zone}/policy-schemas"), json!({"version": "things", "cedar_schema": schema})).await;
    let published = wire.post(&format!("{zone}/policy-sets"), json!({"name": "s", "manifest": {"schema_version": "things",
        "activate": true, "entries": [{"new_policy": {"name": "p"}, "cedar_raw": "permit (principal, action, resource);"}]}})).await;
    assert_eq!(published.status.as_u16(), 201, "{}", published.json());
    assert_eq!(counts(&put(&wire, &at, thing, &[]).await), [1, 0, 0, 1]);
    let group = json!({"entities": [group("g")]});
    assert_eq!(put(&wire, &at, group.clone(), &[]).await.refused(422), "invalid_request");
    wire.ask(Method::PATCH, &zone, Some(json!({"validate_requests": false}))).await;
    assert_eq!(counts(&put(&wire, &at, group, &[]).await), [1, 0, 0, 2]);
    let action = json!({"entities": [{"uid": {"type": "Action", "id": "fly"}, "attrs": {}, "parents": []}]});
    assert_eq!(put(&wire, &at, action, &[]).await.refused(422), "invalid_request");
}

#[tokio::test]
async fn pages_stay_in_order_while_entities_come_and_go() {
    let (wire, at) = zone().await;
    let groups: Vec<_> = (0..60).map(|n| group(format!("{n:02}"))).collect();
    put(&wire, &at, json!({"entities": groups}), &[]).await;
    put(&wire, &at, json!({"entities": [user("u", 1), user("v", 1)]}), &[]).await;
    let (mut seen, mut after) = (Vec::new(), String::new());
    for round in 0.. {
        let page = wire.get(&format!("{at}?limit=7&filter[type]=Group{after}")).await.json();
        let ids = page["items"].as_array().unwrap().iter().map(|item| item["uid"]["id"].as_str().unwrap().to_owned());
        seen.extend(ids);
        // What comes before the cursor is not seen any more, what comes behind it is.
        put(&wire, &at, json!({"entities": [group(format!("00{round}")), group(format!("99{round}"))]}), &[]).await;
        delete(&wire, &format!("{at}/Group/00"), &[]).await;
        delete(&wire, &format!("{at}/Group/59"), &[]).await;
        let Some(next) = page["pagination"]["after_cursor"].as_str() else { break };
        after = format!("&after={next}");
    }
    let mut expected: Vec<_> = (0..59).map(|n| format!("{n:02}")).collect();
    expected.extend((0..seen.len() - 59).map(|n| format!("99{n}")));
    assert!(seen.len() > 60);
    assert_eq!(seen, expected);
    let backwards = wire.get(&format!("{at}?limit=2&order=desc")).await.json();
    assert_eq!(backwards["items"], json!([user("v", 1), user("u", 1)]));
    let next = backwards["pagination"]["after_cursor"].as_str().unwrap();
    let next = wire.get(&format!("{at}?limit=1&order=desc&after={next}")).await.json();
    assert_eq!(next["items"][0]["uid"]["type"], "Group");
}

#[tokio::test]
async fn zones_know_nothing_of_one_anothers_entities() {
    let (wire, at) = zone().await;
    let other = format!("/zones/{}/entities", wire.inner.zone().await.id);
    wire.ask(Method::PATCH, &other.replace("entities", "policy-schemas/test"), None).await;
    put(&wire, &at, json!({"entities": [group("g")]}), &[]).await;
    put(&wire, &other, json!({"entities": [group("g"), group("h")]}), &[]).await;
    delete(&wire, &at, &[]).await;
    assert_eq!(all(&wire, &other).await, json!([group("g"), group("h")]));
    assert_eq!(wire.get(&format!("{at}/Group/h")).await.refused(404), "not_found");
    let page = wire.get(&format!("{other}?limit=1")).await.json();
    let cursor = page["pagination"]["after_cursor"].as_str().unwrap();
    assert_eq!(wire.get(&format!("{at}?limit=1&after={cursor}")).await.refused(400), "invalid_cursor");
    let zone = other.trim_end_matches("/entities");
    assert_eq!(wire.ask(Method::DELETE, zone, None).await.status.as_u16(), 204);
    assert_eq!(wire.get(&other).await.refused(404), "not_found");
    assert_eq!(put(&wire, &other, json!({"entities": []}), &[]).await.refused(404), "not_found");
}
