//! Section 8.2: pages of a search, also while the entities change.

use serde_json::{Value, json};

use crate::support::{World, record, user, with};

fn readers(page: &Value) -> Value {
    json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": {"type": "record", "id": "record-1"},
        "page": page})
}

async fn crowd(world: &World, ids: impl Iterator<Item = u32>) {
    let people: Vec<Value> = ids.map(|number| user(&format!("u{number:03}"), &json!({}), &["staff"])).collect();
    world.put(json!(people)).await;
}

fn ids(answer: &Value) -> Vec<String> {
    answer["results"].as_array().unwrap().iter().map(|found| found["id"].as_str().unwrap().to_owned()).collect()
}

fn next(answer: &Value) -> String {
    answer["page"]["next_token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn s8_2_a_result_set_is_walked_by_tokens_to_an_empty_one() {
    let world = World::start().await;
    crowd(&world, 0..5).await;
    let mut page = json!({"limit": 3});
    let mut pages = Vec::new();
    loop {
        let answer = world.post("search/subject", readers(&page)).await.fine();
        assert_eq!(answer["page"]["count"], answer["results"].as_array().unwrap().len());
        pages.push(ids(&answer));
        let token = next(&answer);
        if token.is_empty() {
            break;
        }
        // The second request may leave the limit out, or repeat it.
        page = if pages.len() == 1 { json!({"token": token}) } else { json!({"token": token, "limit": 3}) };
    }
    assert_eq!(pages, [vec!["alice", "bob", "u000"], vec!["u001", "u002", "u003"], vec!["u004"]]);
}

#[tokio::test]
async fn s8_2_2_there_is_a_token_exactly_when_there_is_more() {
    let world = World::start().await;
    let whole = world.post("search/subject", readers(&json!(null))).await.fine();
    assert!(whole.get("page").is_none(), "the whole result set");
    for (limit, found, more) in [(0, 0, true), (1, 1, true), (2, 2, false), (9, 2, false), (u64::MAX, 2, false)] {
        let answer = world.post("search/subject", readers(&json!({"limit": limit}))).await.fine();
        assert_eq!((ids(&answer).len(), !next(&answer).is_empty()), (found, more), "{limit}");
    }
    let empty = with(&readers(&json!({"limit": 0})), &json!({"action": {"name": "fly"}}));
    assert_eq!(
        world.post("search/subject", empty).await.fine(),
        json!({"page": {"next_token": "", "count": 0}, "results": []})
    );
}

#[tokio::test]
async fn s8_2_2_without_a_limit_a_page_still_ends() {
    let world = World::start().await;
    crowd(&world, 0..1_100).await;
    let first = world.post("search/subject", readers(&json!(null))).await.fine();
    assert_eq!(ids(&first).len(), 1_000);
    let second = world.post("search/subject", readers(&json!({"token": next(&first)}))).await.fine();
    assert_eq!((ids(&second).len(), next(&second)), (102, String::new()));
}

#[tokio::test]
async fn s8_2_a_token_belongs_to_one_search() {
    let world = World::start().await;
    let answer = world.post("search/subject", readers(&json!({"limit": 1}))).await.fine();
    let token = next(&answer);
    let asked = readers(&json!({"token": token}));
    for changed in [
        json!({"subject": {"type": "App::User"}}),
        json!({"action": {"name": "write"}}),
        json!({"action": {"name": "read", "properties": {"a": 1}}}),
        json!({"resource": {"type": "record", "id": "record-2"}}),
        json!({"resource": {"type": "record", "id": "record-1", "properties": {}}}),
        json!({"context": {"risk": 1}}),
        json!({"page": {"token": token, "limit": 2}}),
        json!({"page": {"token": format!("{token}A")}}),
        json!({"page": {"token": "bm9uc2Vuc2U"}}),
        json!({"page": {"token": ""}}),
        json!({"page": {"token": 1}}),
    ] {
        assert!(!world.post("search/subject", with(&asked, &changed)).await.refused(400).is_empty(), "{changed}");
    }
    let elsewhere = with(&asked, &json!({"subject": {"type": "user", "id": "alice"}}));
    world.post("search/resource", elsewhere).await.refused(400);
    // The order of members says nothing, and what nobody knows is ignored.
    let same = format!(
        r#"{{"page": {{"token": {token:?}, "future": 1}}, "future": 1, "resource": {{"id": "record-1", "type": "record"}},
        "action": {{"name": "read"}}, "subject": {{"type": "user"}}}}"#
    );
    let answer = world.post("search/subject", serde_json::from_str(&same).unwrap()).await.fine();
    assert_eq!(ids(&answer), ["bob"]);
    world.settings(json!({"authzen": {"types": {"user": "App::Group", "record": "App::Record"}}})).await;
    world.post("search/subject", asked).await.refused(400);
}

#[tokio::test]
async fn s8_2_1_a_limit_is_a_non_negative_integer() {
    let world = World::start().await;
    for limit in [json!(-1), json!(1.5), json!("2"), json!([])] {
        world.post("search/subject", readers(&json!({"limit": limit}))).await.refused(400);
    }
    world.post("search/subject", readers(&json!([]))).await.refused(400);
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_what_stays_while_entities_change() {
    let world = World::start().await;
    crowd(&world, (0..200).filter(|number| number % 2 == 0)).await;
    let (mut seen, mut page, mut round) = (Vec::new(), json!({"limit": 7}), 0);
    loop {
        let answer = world.post("search/subject", readers(&page)).await.fine();
        seen.extend(ids(&answer));
        let token = next(&answer);
        if token.is_empty() {
            break;
        }
        page = json!({"token": token});
        // Around the place where the walk stands some come, some go, and some lose what they may.
        crowd(&world, (0..200).filter(|number| number % 2 == 1 && number % 10 == round % 10)).await;
        for number in (0..200).filter(|number| number % 20 == 4 && number / 20 == round) {
            world.delete("App::User", &format!("u{number:03}")).await;
        }
        let moved = user(&format!("u{:03}", 20 * round + 8), &json!({}), &[]);
        if round < 10 {
            world.put(json!([moved])).await;
        }
        round += 1;
    }
    assert!(round >= 10, "the walk has many pages");
    let mut once = seen.clone();
    once.dedup();
    assert_eq!(seen, once, "nothing stands twice");
    assert!(seen.is_sorted(), "ascending, so equal ones stand beside each other");
    for number in (0..200).filter(|number| number % 2 == 0 && number % 20 != 4 && number % 20 != 8) {
        assert!(seen.contains(&format!("u{number:03}")), "u{number:03} was there all the time");
    }
}

#[tokio::test]
async fn a_page_ends_after_so_many_evaluations_and_the_next_goes_on() {
    let world = World::start().await;
    let strangers: Vec<Value> = (0..9_999).map(|number| user(&format!("s{number:05}"), &json!({}), &[])).collect();
    world.put(json!(strangers)).await;
    world.put(json!([user("s99999", &json!({}), &[]), user("zoe", &json!({}), &["staff"])])).await;
    let (mut found, mut page, mut pages) = (Vec::new(), json!({"limit": 10}), 0);
    loop {
        let answer = world.post("search/subject", readers(&page)).await.fine();
        found.extend(ids(&answer));
        pages += 1;
        let token = next(&answer);
        if token.is_empty() {
            break;
        }
        page = json!({"token": token});
    }
    assert_eq!(found, ["alice", "bob", "zoe"]);
    assert!(pages >= 2, "more than one call's worth of candidates");
}

#[tokio::test]
async fn actions_and_resources_have_pages_too() {
    let world = World::start().await;
    world.put(json!([record("record-3", &json!({}))])).await;
    let alice = json!({"type": "user", "id": "alice"});
    for (endpoint, search, expected) in [
        (
            "search/resource",
            json!({"action": {"name": "read"}, "resource": {"type": "record"}}),
            json!(["record-1", "record-2", "record-3"]),
        ),
        ("search/action", json!({"resource": {"type": "record", "id": "record-1"}}), json!(["read", "write"])),
    ] {
        let (mut found, mut page) = (Vec::new(), json!({"limit": 1}));
        loop {
            let answer = world.post(endpoint, with(&search, &json!({"subject": alice, "page": page}))).await.fine();
            let results = answer["results"].as_array().unwrap().clone();
            assert!(results.len() <= 1);
            found.extend(results.into_iter().map(|result| result.get("id").unwrap_or(&result["name"]).clone()));
            let token = next(&answer);
            if token.is_empty() {
                break;
            }
            page = json!({"token": token});
        }
        assert_eq!(json!(found), expected);
    }
}
