use serde_json::{Value, json};

use super::*;
use crate::{
    Change, read_stored,
    testing::{on_pool, schema},
};

const SCHEMA: &str = "
namespace App {
    entity Group;
    entity User in [Group] {
        level: Long, manager?: User, home?: __cedar::ipaddr, roles?: Set<String>, seat?: { row: Long, note?: String },
    };
    entity Doc;
    action all;
    action read, write in [all] appliesTo { principal: User, resource: Doc, context: { mfa?: Bool, action?: { soft: Bool } } };
    action join appliesTo { principal: User, resource: Group };
}
namespace Other {
    entity Doc;
    action read, drop appliesTo { principal: App::User, resource: Doc };
}
";

fn users(attributes: &Value) -> (Value, LeftOut) {
    let attributes = attributes.as_object().unwrap().clone();
    on_pool(move || {
        let uid = Uid::new("App::User", "alice").unwrap();
        let (entity, left_out) = schema(SCHEMA).foreign_entity(&uid, &attributes, &EntityStore::default());
        (entity["attrs"].clone(), left_out)
    })
}

#[test]
fn what_cedar_can_hold_is_kept() {
    let plain = json!({"level": -7, "undeclared": {"a": [true, "x", 9_223_372_036_854_775_807_i64, []]}});
    assert_eq!(users(&plain), (plain, LeftOut::default()));
    assert_eq!(users(&json!({"level": 7.0})).0, json!({"level": 7}), "a whole number in another spelling");
}

#[test]
fn what_cedar_cannot_hold_is_left_out_and_counted() {
    let given = json!({"a": null, "b": 0.5, "c": [1, null, {"d": null, "e": 1}], "f": 1e300, "g": u64::MAX, "__h": 1,
        "i": {"__entity": {"type": "no type", "id": "x"}}, "j": {"__extn": {"fn": "ip", "arg": "nowhere"}},
        "k": {"__expr": "1"}, "l": {"m": {"__long": "1"}}});
    let (kept, left_out) = users(&given);
    assert_eq!(kept, json!({"c": [1, {"e": 1}], "l": {}}));
    assert_eq!(left_out, LeftOut { values: 11, declared: None });
}

#[test]
fn what_is_declared_is_told() {
    for (given, place) in [
        (json!({"level": null}), "App::User.level"),
        (json!({"level": 1.5}), "App::User.level"),
        (json!({"roles": ["a", null]}), "an element of roles"),
        (json!({"seat": {"row": 1, "note": null}}), "seat.note"),
        (json!({"level": {"a": null}}), "level.a"),
        (json!({"manager": {"__entity": {"type": "1", "id": "x"}}}), "App::User.manager"),
    ] {
        assert_eq!(users(&given).1, LeftOut { values: 1, declared: Some(place.to_owned()) }, "{given}");
    }
    let (kept, left_out) = users(&json!({"seat": {"row": 1, "undeclared": null}}));
    assert_eq!((kept, left_out.declared), (json!({"seat": {"row": 1}}), None));
}

#[test]
fn declared_references_and_addresses_are_taken_in_their_plain_form() {
    let manager = json!({"type": "App::User", "id": "bob"});
    let (kept, left_out) =
        users(&json!({"manager": manager, "home": "10.0.0.1", "other": manager, "more": "10.0.0.1"}));
    let read = json!({"manager": {"__entity": manager}, "home": {"__extn": {"fn": "ip", "arg": "10.0.0.1"}},
        "other": manager, "more": "10.0.0.1"});
    assert_eq!((kept, left_out), (read, LeftOut::default()));
    assert_eq!(users(&json!({"home": "nowhere"})).0, json!({"home": "nowhere"}), "nothing is checked");
}

#[test]
fn parents_and_tags_are_those_of_the_store() {
    on_pool(|| {
        let schema = schema(SCHEMA);
        let stored = json!({"uid": {"type": "App::User", "id": "alice"}, "attrs": {"level": 1},
            "parents": [{"type": "App::Group", "id": "staff"}]});
        let stored = read_stored(std::slice::from_ref(&stored), &schema, true).unwrap().remove(0);
        let store = EntityStore::default().with(vec![Change::Upsert(stored.entity)]).unwrap();
        let alice = Uid::new("App::User", "alice").unwrap();
        let given = json!({"level": 9});
        let (entity, _) = schema.foreign_entity(&alice, given.as_object().unwrap(), &store);
        assert_eq!(
            entity,
            json!({"uid": alice.to_json(), "attrs": given,
            "parents": [{"type": "App::Group", "id": "staff"}]})
        );
    });
}

#[test]
fn a_context_is_read_by_its_action() {
    on_pool(|| {
        let schema = schema(SCHEMA);
        let read = Uid::new("App::Action", "read").unwrap();
        let told = |context: Value| schema.foreign_context(&read, context.as_object().unwrap()).1;
        assert_eq!(told(json!({"mfa": null})).declared.as_deref(), Some("context.mfa"));
        assert_eq!(told(json!({"action": {"soft": null}})).declared.as_deref(), Some("action.soft"));
        assert_eq!(told(json!({"action": {"hard": null}, "time": null})), LeftOut { values: 2, declared: None });
        assert!(schema.declares_in_context(&read, "mfa") && !schema.declares_in_context(&read, "time"));
    });
}

#[test]
fn actions_are_found_by_their_names() {
    on_pool(|| {
        let schema = schema(SCHEMA);
        let named = |name: &str, principal, resource| {
            schema.action_named(name, Parties { principal, resource }).map(|uid| uid.to_string())
        };
        assert_eq!(named("read", "App::User", "App::Doc").as_deref(), Some("App::Action::\"read\""));
        assert_eq!(named("read", "App::User", "Other::Doc").as_deref(), Some("Other::Action::\"read\""));
        assert_eq!(named("read", "App::User", "Third::Doc").as_deref(), Some("App::Action::\"read\""));
        assert_eq!(named("read", "User", "Doc"), None, "there are two");
        assert_eq!(named("drop", "User", "Doc").as_deref(), Some("Other::Action::\"drop\""), "there is one");
        assert_eq!(named("fly", "App::User", "App::Doc"), None);
        let between = |principal, resource| schema.actions_between(Parties { principal, resource });
        assert_eq!(between("App::User", "App::Doc"), ["read", "write"]);
        assert_eq!(between("App::User", "App::Group"), ["join"]);
        assert_eq!(between("App::Doc", "App::User"), Vec::<String>::new());
        assert_eq!(between("no type", "App::Doc"), Vec::<String>::new());
    });
}

#[test]
fn types_are_declared_or_not() {
    on_pool(|| {
        let schema = schema(SCHEMA);
        for (name, declared) in
            [("App::User", true), ("User", false), ("App::Action", false), ("", false), ("App :: User", false)]
        {
            assert_eq!(schema.declares_type(name), declared, "{name}");
        }
    });
}
