use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    MAX_JSON_DEPTH, MAX_PARENTS,
    testing::{on_pool, schema},
};

const SCHEMA: &str = r#"
    entity Group in [Group];
    entity User in [Group] {
        age: Long, home?: ipaddr, since?: datetime, friend?: User, friends?: Set<User>,
        address?: { street: String, lines?: Set<String> },
    } tags decimal;
    action "readers"; action read in ["readers"] appliesTo { principal: User, resource: Group };"#;

fn read_one(value: Value, validate: bool) -> Result<Option<GivenEntity>, String> {
    on_pool(move || match read_stored(&[value], &schema(SCHEMA), validate) {
        Ok(mut read) => Ok(read.pop()),
        Err(EvaluateError::InvalidRequest(findings)) => Err(findings[0].message.clone()),
        Err(other) => panic!("{other}"),
    })
}

#[expect(clippy::needless_pass_by_value, reason = "the tests read better")]
fn user(attrs: Value) -> Value {
    json!({"uid": {"type": "User", "id": "a"}, "attrs": attrs, "parents": []})
}

#[test]
fn what_a_schema_leaves_implicit_is_kept_explicit() {
    let friend = json!({"type": "User", "id": "b"});
    let given = json!({
        "uid": "User::\"a\"",
        "attrs": {"age": 9_007_199_254_740_993_i64, "home": "10.0.0.1", "since": "2026-01-01", "friend": friend,
            "friends": [friend, {"__entity": friend}], "address": {"street": "x", "lines": ["b", "a", "b"]}},
        "parents": [{"type": "Group", "id": "g2"}, {"type": "Group", "id": "g1"}, {"type": "Group", "id": "g2"}],
        "tags": {"t": {"fn": "decimal", "arg": "1.5"}},
    });
    // Without a schema a text uid is no uid.
    let given = {
        let mut given = given;
        given["uid"] = json!({"type": "User", "id": "a"});
        given
    };
    let kept = read_one(given, true).unwrap().unwrap();
    let expected = json!({
        "attrs": {
            "address": {"lines": ["a", "b"], "street": "x"},
            "age": {"__long": "9007199254740993"},
            "friend": {"__entity": friend}, "friends": [{"__entity": friend}],
            "home": {"__extn": {"fn": "ip", "arg": "10.0.0.1"}},
            "since": {"__extn": {"fn": "datetime", "arg": "2026-01-01"}},
        },
        "parents": [{"type": "Group", "id": "g1"}, {"type": "Group", "id": "g2"}],
        "tags": {"t": {"__extn": {"fn": "decimal", "arg": "1.5"}}},
        "uid": {"type": "User", "id": "a"},
    });
    assert_eq!(serde_json::from_str::<Value>(&kept.body).unwrap(), expected);
    // What is kept can be given again, with and without a schema, and is kept the same.
    let again = cedarkeep_model::unescape_longs(&expected);
    for validate in [true, false] {
        assert_eq!(read_one(again.clone(), validate).unwrap().unwrap().body, kept.body);
    }
}

#[test]
fn the_schema_counts_only_when_asked() {
    for (misfit, about) in [
        (user(json!({"age": "old"})), "age"),
        (user(json!({})), "age"),
        (user(json!({"age": 1, "other": 1})), "other"),
        (json!({"uid": {"type": "Robot", "id": "r"}, "attrs": {}, "parents": []}), "Robot"),
        (json!({"uid": {"type": "Group", "id": "g"}, "attrs": {}, "parents": [{"type": "User", "id": "a"}]}), "User"),
    ] {
        let message = read_one(misfit.clone(), true).unwrap_err();
        assert!(message.contains(about), "{message}");
        assert!(read_one(misfit, false).unwrap().is_some());
    }
}

#[test]
fn actions_must_be_those_of_the_schema_and_are_not_kept() {
    let action = |id: &str, parents: &[&str]| {
        let parents: Vec<_> = parents.iter().map(|id| json!({"type": "Action", "id": id})).collect();
        json!({"uid": {"type": "Action", "id": id}, "attrs": {}, "parents": parents})
    };
    for validate in [true, false] {
        assert!(read_one(action("read", &["readers"]), validate).unwrap().is_none());
        for changed in [action("read", &[]), action("readers", &["read"]), action("write", &["readers"])] {
            assert!(read_one(changed.clone(), validate).is_err(), "{changed}");
        }
        let foreign = json!({"uid": {"type": "Other::Action", "id": "read"}, "attrs": {}, "parents": []});
        assert!(read_one(foreign, validate).is_err());
    }
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let parents = |count: usize| (0..count).map(|n| json!({"type": "Group", "id": n.to_string()})).collect::<Vec<_>>();
    let with_parents = |count| json!({"uid": {"type": "User", "id": "a"}, "attrs": {}, "parents": parents(count)});
    assert!(read_one(with_parents(MAX_PARENTS), false).is_ok());
    let nested =
        |levels: usize| (0..levels).fold(json!({"__entity": {"type": "U", "id": "1"}}), |inner, _| json!([inner]));
    for (wrong, about) in [
        (with_parents(MAX_PARENTS + 1), "101 parents"),
        (user(json!({"x": null})), "null"),
        (user(json!({"x": 1.5})), "User::\"a\": error"),
        (user(json!({"x": u64::MAX})), "User::\"a\": error"),
        (user(json!({"x": {"__long": "1"}})), "__long"),
        (user(json!({"__long": 1})), "__long"),
        (user(json!({"x": {"__entity": {"type": "User", "id": "b"}, "y": 1}})), "__entity"),
        (user(json!({"x": {"__extn": {"fn": "ip", "arg": "nowhere"}}})), "nowhere"),
        (user(json!({"x": {"__extn": {"fn": "unknown", "arg": "y"}}})), "not known"),
        (user(json!({"x": nested(MAX_JSON_DEPTH)})), "128"),
        (user(json!({"x": vec![1; usize::try_from(MAX_ENTITY_VALUES).unwrap()]})), "10000"),
        (user(json!({"x": "x".repeat(MAX_ENTITY_BYTES)})), "262144"),
        (json!({"uid": {"type": "User", "id": "a\0"}, "attrs": {}, "parents": []}), "NUL"),
        (
            json!({"uid": {"type": "User", "id": "a".repeat(MAX_ENTITY_ID_BYTES + 1)}, "attrs": {}, "parents": []}),
            "1024",
        ),
        (json!({"uid": {"type": "U".repeat(MAX_ENTITY_TYPE_BYTES + 1), "id": "a"}, "attrs": {}, "parents": []}), "512"),
        (json!({"uid": {"type": "User", "id": "a"}, "attrs": {}}), "parents"),
        (json!({"uid": {"type": "User", "id": "a"}, "attrs": {}, "parents": [], "more": 1}), "more"),
        (json!({"uid": {"type": "a b", "id": "a"}, "attrs": {}, "parents": []}), "a b"),
        (json!([]), "uid"),
        (json!(1), "uid"),
    ] {
        let message = read_one(wrong.clone(), false).map(|kept| kept.unwrap().body).unwrap_err();
        assert!(message.contains(about), "{about}: {message}");
    }
    let named_like_an_escape = user(json!({"__entity": 1, "__extn": {"a": 1}}));
    assert!(read_one(named_like_an_escape, false).is_ok(), "attributes themselves may have any other name");
}

#[test]
fn what_nobody_wrote_does_not_read() {
    on_pool(|| {
        let mut reader = EntityReader::default();
        let fine = r#"{"attrs":{"x":[1,{"y":true}]},"parents":[],"uid":{"id":"a","type":"User"}}"#;
        assert_eq!(reader.read(fine).unwrap().body().unwrap(), fine);
        for (from, to) in [
            (r#""parents":[],"#, ""),
            (r#""type":"User""#, r#""type":"User","type":"User""#),
            (r#""type":"User""#, r#""type":"no type""#),
            (r#"{"y":true}"#, r#"{"y":null}"#),
            (r#"{"y":true}"#, r#"{"y":1.5}"#),
            (r#"{"y":true}"#, r#"{"y":true,"y":true}"#),
            (r#"{"y":true}"#, r#"{"__long":"x"}"#),
            (r#"{"y":true}"#, r#"{"__long":"1","y":1}"#),
            (r#"{"y":true}"#, r#"{"__extn":{"fn":"nothing","arg":"1"}}"#),
            (r#""x":"#, r#""x":1,"x":"#),
            ("}}", "}}x"),
        ] {
            let body = fine.replace(from, to);
            assert!(body == fine.replacen(from, to, 1) && body != fine, "{from}");
            assert!(reader.read(&body).is_err(), "{body}");
        }
    });
}

/// Any value without an escape's name in it.
fn values() -> impl Strategy<Value = Value> {
    let uid = ("[A-C](::[A-C])?", any::<String>()).prop_map(|(t, id)| json!({"__entity": {"type": t, "id": id}}));
    let call = |name: &'static str, arg: &'static str| {
        arg.prop_map(move |arg: String| json!({"__extn": {"fn": name, "arg": arg}}))
    };
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        uid,
        call("decimal", r"-?[0-9]{1,5}\.[0-9]{1,4}"),
        call("ip", r"1?[0-9]\.0\.0\.1(/(8|32))?"),
        call("datetime", "20[0-9]{2}-0[1-9]-1[0-9](T1[0-9]:00:00Z)?"),
        call("duration", "-?[1-9]d[1-9]h"),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    /// The reader of what is kept reads what Cedar reads, and what it has read is printed the same.
    #[test]
    fn what_is_kept_reads_back_as_cedar_reads_it(
        id in any::<String>(),
        attrs in prop::collection::btree_map(any::<String>(), values(), 0..4),
        tags in prop::collection::btree_map(any::<String>(), values(), 0..3),
        parents in prop::collection::vec("[a-c]", 0..4),
    ) {
        let parents: Vec<_> = parents.iter().map(|id| json!({"type": "A", "id": id})).collect();
        let id = id.replace('\0', "0");
        let given = json!({"uid": {"type": "A::B", "id": id}, "attrs": attrs, "parents": parents, "tags": tags});
        on_pool(move || {
            let kept = read_stored(std::slice::from_ref(&given), &schema(SCHEMA), false).unwrap().pop().unwrap();
            let plain = cedarkeep_model::unescape_longs(&serde_json::from_str(&kept.body).unwrap());
            for value in [given, plain] {
                let cedar = cedar_policy::Entity::from_json_value(value, None).unwrap();
                assert!(Entity::of(cedar.as_ref()).unwrap().same_as(&kept.entity.0));
            }
            assert_eq!(kept.entity.body().unwrap(), kept.body);
            assert_eq!(EntityReader::default().read(&kept.body).unwrap().body().unwrap(), kept.body);
        });
    }
}
