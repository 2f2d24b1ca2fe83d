use serde_json::json;

use super::*;
use crate::testing::on_pool;

const TEXT: &str = r#"
    // People and what they read.
    entity Group;
    entity User in [Group] { name: String, "full name"?: String };
    entity Doc tags String;
    action "all";
    action read, write in ["all"] appliesTo { principal: User, resource: Doc, context: { ip?: ipaddr } };"#;

fn read(text: &str) -> Result<SchemaContent, CedarError> {
    let text = text.to_owned();
    on_pool(move || read_schema(Given::Text(&text)))
}

fn read_json(value: Value) -> Result<SchemaContent, CedarError> {
    on_pool(move || read_schema(Given::Json(&value)))
}

#[test]
fn the_digest_is_over_the_stored_json_whichever_way_it_came() {
    let content = read(TEXT).unwrap();
    assert_eq!(content.cedar_schema, TEXT);
    let value = json::parse(content.cedar_schema_json.as_bytes()).unwrap();
    assert_eq!(content.schema_sha, canonical_digest(&value).unwrap());
    let again = read_json(value).unwrap();
    assert_eq!((again.schema_sha, &again.cedar_schema_json), (content.schema_sha, &content.cedar_schema_json));
    assert!(read(&again.cedar_schema).is_ok(), "the printed text reads: {}", again.cedar_schema);
}

#[test]
fn a_stored_schema_must_have_its_digest() {
    let content = read(TEXT).unwrap();
    let changed = content.cedar_schema_json.replace("Doc", "Dox");
    assert_ne!(changed, content.cedar_schema_json);
    let loaded = on_pool(move || load_schema(&changed, content.schema_sha).map(drop));
    assert!(matches!(loaded, Err(CedarError::DigestMismatch { .. })));
}

#[test]
fn faults_have_positions() {
    let CedarError::Invalid { findings } = read("entity User;\nentity User2 in [;").unwrap_err() else { panic!() };
    assert_eq!(findings[0].line, Some(2), "{findings:?}");
    let error = read("entity User { friend: Stranger };").unwrap_err();
    assert!(error.to_string().contains("Stranger"), "{error}");
}

#[test]
fn a_schema_declares_something_and_all_of_it() {
    for nothing in ["", "// entity User;", "namespace N {}"] {
        assert!(matches!(read(nothing), Err(CedarError::Invalid { .. })), "{nothing}");
    }
    assert!(matches!(read("external entity User; entity Doc;"), Err(CedarError::Invalid { .. })));
    for wrong in [json!({}), json!([]), json!(null), json!({"": {"entityTypes": {}, "actions": {}, "more": 1}})] {
        assert!(matches!(read_json(wrong.clone()), Err(CedarError::Invalid { .. })), "{wrong}");
    }
}

#[test]
fn bombs_are_refused() {
    let doubling =
        (1..40).map(|line| format!("type T{line} = {{x: T{0}, y: T{0}}};", line - 1)).collect::<Vec<_>>().concat();
    assert!(matches!(read(&format!("type T0 = Long; {doubling} entity E {{t: T39}};")), Err(CedarError::TooLarge(_))));
    let nested = |levels: usize| format!("entity E {{ a: {}Long{} }};", "Set<".repeat(levels), ">".repeat(levels));
    assert!(read(&nested(50)).is_ok());
    assert!(matches!(read(&nested(10_000)), Err(CedarError::TooDeep(_))));
    let records =
        |levels: usize| format!("entity E {}a: Long{};", "{ a: ".repeat(levels) + "{", "}".repeat(levels + 1));
    assert!(matches!(read(&records(10_000)), Err(CedarError::TooDeep(_))));
    let deep = (0..100).fold(json!({"type": "Long"}), |inner, _| json!({"type": "Set", "element": inner}));
    let deep = (0..100).fold(deep, |inner, _| json!({"type": "Set", "element": inner}));
    assert!(matches!(
        read_json(json!({"": {"commonTypes": {"T": deep}, "entityTypes": {"E": {}}, "actions": {}}})),
        Err(CedarError::TooDeep(_))
    ));
    assert!(read("type A = {x: B}; type B = {x: A}; entity E {a: A};").is_err());
}

#[test]
fn sizes_are_limited() {
    let long = format!("entity E; // {}", "x".repeat(MAX_SCHEMA_BYTES));
    assert!(matches!(read(&long), Err(CedarError::TooLarge(_))));
}
