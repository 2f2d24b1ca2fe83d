use serde_json::json;

use super::*;
use crate::testing::{on_pool, schema};

const SCHEMA: &str = r#"entity Group in [Group]; entity User in [Group] { age?: Long };
    action "readers"; action read in ["readers"] appliesTo { principal: User, resource: Group };"#;

fn entity(id: impl std::fmt::Display, parents: &[String]) -> Value {
    let parents: Vec<_> = parents.iter().map(|id| json!({"type": "Group", "id": id})).collect();
    json!({"uid": {"type": "Group", "id": id.to_string()}, "attrs": {}, "parents": parents})
}

fn read_both(entities: Value) -> Result<(), String> {
    on_pool(move || {
        let schema = schema(SCHEMA);
        let [with, without] = [true, false].map(|validate| match read(&entities, Some(&schema), validate) {
            Ok(_) => Ok(()),
            Err(EvaluateError::InvalidRequest(findings)) => Err(findings[0].message.clone()),
            Err(other) => panic!("{other}"),
        });
        assert_eq!(with.is_ok(), without.is_ok(), "{with:?} {without:?}");
        without
    })
}

#[test]
fn what_a_store_holds_reads() {
    let chain = (0..=MAX_ANCESTOR_DEPTH).map(|n| entity(n, &[(n + 1).to_string()])).collect::<Vec<_>>();
    read_both(json!(chain)).unwrap();
    let many = (0..MAX_ENTITIES).map(|n| entity(n, &[])).collect::<Vec<_>>();
    read_both(json!(many)).unwrap();
    read_both(json!([entity("x", &(0..MAX_PARENTS).map(|n| n.to_string()).collect::<Vec<_>>())])).unwrap();
    read_both(json!([])).unwrap();
}

#[test]
fn the_caps_are_named() {
    let chain = (0..=MAX_ANCESTOR_DEPTH + 1).map(|n| entity(n, &[(n + 1).to_string()])).collect::<Vec<_>>();
    assert!(read_both(json!(chain)).unwrap_err().contains("100 ancestors"));
    let many = (0..=MAX_ENTITIES).map(|n| entity(n, &[])).collect::<Vec<_>>();
    assert!(read_both(json!(many)).unwrap_err().contains("1000"));
    let parents = (0..=MAX_PARENTS).map(|n| n.to_string()).collect::<Vec<_>>();
    assert!(read_both(json!([entity("x", &parents)])).unwrap_err().contains("100"));
}

#[test]
fn duplicates_and_cycles_are_refused() {
    assert!(read_both(json!([entity("a", &[]), entity("a", &[])])).unwrap_err().contains("twice"));
    let escaped = json!({"uid": {"__entity": {"type": "Group", "id": "a"}}, "attrs": {}, "parents": []});
    assert!(read_both(json!([entity("a", &[]), escaped])).unwrap_err().contains("twice"));
    let cycle = [entity("a", &["b".into()]), entity("b", &["c".into()]), entity("c", &["a".into()])];
    assert!(read_both(json!(cycle)).unwrap_err().contains("cycle"));
    assert!(read_both(json!([entity("a", &["a".into()])])).unwrap_err().contains("cycle"));
}

#[test]
fn what_is_no_entity_is_refused() {
    for wrong in [
        json!({}),
        json!(null),
        json!([1]),
        json!([{"attrs": {}, "parents": []}]),
        json!([{"uid": {"type": "Group", "id": "a"}, "attrs": {}}]),
        json!([{"uid": {"type": "Group", "id": "a"}, "attrs": {"x": null}, "parents": []}]),
        json!([{"uid": {"type": "Group", "id": "a"}, "attrs": {"x": 1.5}, "parents": []}]),
        json!([{"uid": {"type": "Group", "id": "a"}, "parents": []}]),
        json!([{"uid": {"type": "Group", "id": "a"}, "attrs": {}, "parents": [{"type": "Group"}]}]),
    ] {
        assert!(read_both(wrong.clone()).is_err(), "{wrong}");
    }
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    assert!(read_both(json!([{"uid": {"type": "User", "id": "a"}, "attrs": {"x": deep}, "parents": []}])).is_err());
}

#[test]
fn the_schema_decides_only_when_asked() {
    on_pool(|| {
        let schema = schema(SCHEMA);
        let misfit = json!([{"uid": {"type": "User", "id": "a"}, "attrs": {"age": "old"}, "parents": []}]);
        assert!(read(&misfit, Some(&schema), true).is_err());
        assert!(read(&misfit, Some(&schema), false).is_ok());
        let unknown = json!([{"uid": {"type": "Robot", "id": "a"}, "attrs": {}, "parents": []}]);
        assert!(read(&unknown, Some(&schema), true).is_err());
        assert!(read(&unknown, Some(&schema), false).is_ok());
    });
}

#[test]
fn action_entities_must_be_those_of_the_schema() {
    let action = |id: &str, parents: &[&str]| {
        let parents: Vec<_> = parents.iter().map(|id| json!({"type": "Action", "id": id})).collect();
        json!([{"uid": {"type": "Action", "id": id}, "attrs": {}, "parents": parents}])
    };
    read_both(action("read", &["readers"])).unwrap();
    for changed in [action("read", &[]), action("readers", &["read"]), action("write", &["readers"])] {
        assert!(read_both(changed.clone()).is_err(), "{changed}");
    }
    let foreign = json!([{"uid": {"type": "Other::Action", "id": "read"}, "attrs": {}, "parents": []}]);
    assert!(read_both(foreign).is_err());
}
