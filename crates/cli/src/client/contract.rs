//! Holds the client to `schemas/openapi.json`: every route that it asks is there with its parameters, and so is every field
//! that it sends or reads.

use std::{collections::BTreeSet, fmt};

use cedarkeep_model::{BindingMode, SchemaVersion, ScopeType};
use serde::{
    Deserialize,
    de::{Deserializer, Visitor, value::Error},
    forward_to_deserialize_any,
};
use serde_json::{Value, json};

use super::{
    routes::{self, ALL, Route},
    wire,
};
use crate::tokens::{Granted, TOKEN_PATH};

fn document() -> Value {
    serde_json::from_str(include_str!("../../../../schemas/openapi.json")).unwrap()
}

fn operation<'a>(document: &'a Value, route: &Route) -> &'a Value {
    let operation = &document["paths"][route.path][route.method];
    assert!(operation.is_object(), "{} {} is not in the document", route.method, route.path);
    operation
}

/// What a reference leads to.
fn resolved<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => resolved(document, document.pointer(reference.strip_prefix('#').unwrap()).unwrap()),
        None => schema,
    }
}

/// The schemas of an object's members, through references, alternatives and compositions.
fn member<'a>(document: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    let schema = resolved(document, schema);
    let direct = schema["properties"].get(name);
    direct.or_else(|| {
        let parts = ["allOf", "oneOf", "anyOf"].iter().filter_map(|kind| schema[*kind].as_array()).flatten();
        parts.into_iter().find_map(|part| member(document, part, name))
    })
}

fn elements<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    let schema = resolved(document, schema);
    let parts = ["allOf", "oneOf", "anyOf"].iter().filter_map(|kind| schema[*kind].as_array()).flatten();
    let mut direct = parts.chain([schema]).map(|part| resolved(document, part)).filter_map(|part| part.get("items"));
    direct.next().unwrap_or_else(|| panic!("no list: {schema}"))
}

/// The schema of what an operation answers when all is well.
fn answer<'a>(document: &'a Value, route: &Route) -> &'a Value {
    let responses = &operation(document, route)["responses"];
    let response = ["200", "201"].iter().find_map(|status| responses.get(*status)).unwrap();
    &response["content"]["application/json"]["schema"]
}

/// Takes the names of the fields of a struct from what serde derives for it.
struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("no struct"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(serde::de::Error::custom("the fields are known"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn fields<T: for<'de> Deserialize<'de> + fmt::Debug>() -> &'static [&'static str] {
    let mut fields: &'static [&'static str] = &[];
    T::deserialize(Fields(&mut fields)).unwrap_err();
    assert!(!fields.is_empty());
    fields
}

/// The fields of a struct are members of the schema.
fn read<T: for<'de> Deserialize<'de> + fmt::Debug>(document: &Value, schema: &Value) {
    for field in fields::<T>() {
        assert!(member(document, schema, field).is_some(), "{field} is not in {schema}");
    }
}

/// All that stands in a value has a place in the schema.
fn sent(document: &Value, schema: &Value, value: &Value, at: &str) {
    match value {
        Value::Object(members) => {
            let open = resolved(document, schema).get("additionalProperties").is_some_and(|more| *more != json!(false));
            for (name, value) in members {
                let at = format!("{at}.{name}");
                match member(document, schema, name) {
                    Some(schema) => sent(document, schema, value, &at),
                    None => assert!(open, "{at} is not in {schema}"),
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                sent(document, elements(document, schema), item, at);
            }
        }
        _ => {}
    }
}

#[test]
fn every_route_is_in_the_document_with_its_parameters() {
    let document = document();
    for route in ALL {
        let operation = operation(&document, route);
        let given = operation["parameters"].as_array().unwrap().iter();
        let given: BTreeSet<_> = given.filter_map(|parameter| parameter["name"].as_str()).collect();
        for name in route.query {
            assert!(given.contains(name), "{name} of {} {}: {given:?}", route.method, route.path);
        }
    }
}

#[test]
fn every_field_that_is_read_is_in_the_document() {
    let document = document();
    let items =
        |route: &Route| elements(&document, member(&document, answer(&document, route), "items").unwrap()).clone();
    let within = |route: &Route, name: &str| member(&document, answer(&document, route), name).unwrap().clone();
    let whole = |route: &Route| answer(&document, route).clone();
    read::<wire::Zone>(&document, &items(&routes::ZONES));
    read::<wire::Schema>(&document, &whole(&routes::SCHEMA));
    read::<wire::Policy>(&document, &items(&routes::POLICIES));
    read::<wire::PolicySet>(&document, &items(&routes::SETS));
    read::<wire::SetVersion>(&document, &items(&routes::VERSIONS));
    read::<wire::SetVersion>(&document, &whole(&routes::VERSION));
    read::<wire::PinnedPolicy>(&document, &items(&routes::PINNED));
    read::<wire::Binding>(&document, &items(&routes::BINDINGS));
    read::<wire::Binding>(&document, &whole(&routes::BIND));
    read::<wire::Binding>(&document, &whole(&routes::PROMOTE));
    read::<wire::Event>(&document, &items(&routes::EVENTS));
    read::<wire::TestAnswers>(&document, &whole(&routes::TEST));
    let result = elements(&document, &within(&routes::TEST, "results")).clone();
    read::<wire::TestAnswer>(&document, &result);
    let failed = elements(&document, member(&document, &result, "errors").unwrap());
    read::<wire::FailedStatement>(&document, failed);
    read::<wire::Waited>(&document, &whole(&routes::DECIDE));
    let token = Route { method: "post", path: TOKEN_PATH, query: &[] };
    read::<Granted>(&document, &whole(&token));
    for route in [routes::APPLY, routes::CREATE_SET] {
        read::<wire::Applied>(&document, &whole(&route));
        read::<wire::SetVersion>(&document, &within(&route, "policy_set_version"));
        read::<wire::Binding>(&document, &within(&route, "binding"));
        read::<wire::Change>(&document, elements(&document, &within(&route, "changes")));
        read::<wire::Warning>(&document, elements(&document, &within(&route, "warnings")));
    }
}

#[test]
fn every_field_that_is_sent_is_in_the_document() {
    let document = document();
    let id = "0198c0de-0000-7000-8000-000000000001";
    let (version, context) = (SchemaVersion::new("1").unwrap(), json!({}));
    let entry = |policy_id: Option<&str>| wire::Entry {
        policy_id: policy_id.map(|id| id.parse().unwrap()),
        new_policy: Some(wire::NewPolicy { name: "a" }),
        cedar_raw: "",
    };
    let manifest = wire::Manifest {
        schema_version: &version,
        entries: vec![entry(Some(id)), entry(None)],
        activate: Some(true),
        mode: Some(BindingMode::Active),
        scope_target_id: Some("a"),
    };
    let case = wire::TestCase {
        principal: "U::\"a\"".into(),
        action: "Action::\"a\"".into(),
        resource: "R::\"a\"".into(),
        context: &context,
        entities: Some(&context),
    };
    let entities = json!([]);
    let (set, scope_type) = (id.parse().unwrap(), ScopeType::Zone);
    let bodies = [
        (routes::CREATE_SCHEMA, json!(wire::SchemaCreate { version: &version, cedar_schema: "" })),
        (routes::CREATE_SET, json!(wire::SetCreate { name: "a", scope_type, manifest: &manifest })),
        (routes::APPLY, json!(wire::Apply { manifest: &manifest, dry_run: Some(true) })),
        (
            routes::BIND,
            json!(wire::Bind { policy_set_version_id: set, mode: BindingMode::Active, scope_target_id: "a" }),
        ),
        (
            routes::TEST,
            json!(wire::Test {
                policies: wire::Tested { policy_set_version_id: set },
                entities: &entities,
                requests: vec![case],
            }),
        ),
        (routes::DECIDE, json!(wire::Wait { requests: [json!({})], at_least_revision: 1 })),
    ];
    for (route, body) in bodies {
        let schema = &operation(&document, &route)["requestBody"]["content"]["application/json"]["schema"];
        sent(&document, schema, &body, route.path);
    }
}

#[test]
fn what_is_not_in_the_document_is_seen() {
    let document = document();
    let schema = &operation(&document, &routes::APPLY)["requestBody"]["content"]["application/json"]["schema"];
    let strange = json!({"manifest": {"entries": [{"cedar": "a"}]}});
    std::panic::catch_unwind(|| sent(&document, schema, &strange, "")).unwrap_err();
    assert!(member(&document, answer(&document, &routes::APPLY), "policy_set").is_none());
}
