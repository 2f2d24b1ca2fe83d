mod generate;

use std::collections::HashSet;

use cedar_policy::{Context, Entities, EntityUid, Request};
use cedar_policy_core::ast::{self, PartialValue};
use proptest::{prelude::*, sample::select};
use serde_json::json;

use self::generate::{Type, Types};
use super::*;
use crate::{
    Schema,
    entity::Probe,
    guard_json,
    testing::{on_pool, schema},
};

fn uid(text: &str) -> EntityUid {
    text.parse().unwrap()
}

fn read() -> EntityUid {
    uid("Action::\"read\"")
}

/// The way by Cedar that a decision takes when this module abstains.
fn cedars_context(json: &Json, schema: Option<&Schema>) -> Option<Arc<BTreeMap<SmolStr, Value>>> {
    guard_json::check_request(json).ok()?;
    let (schema, action) = (schema.map(Schema::cedar), read());
    let context = Context::from_json_value(json.clone(), schema.map(|schema| (schema, &action))).ok()?;
    let request = Request::new(uid("User::\"1\""), action, uid("Group::\"1\""), context, schema).ok()?;
    match AsRef::<ast::Request>::as_ref(&request).context() {
        Some(ast::Context::Value(members)) => Some(Arc::clone(members)),
        other => panic!("{other:?}"),
    }
}

fn our_context(json: &Json, schema: Option<&Schema>) -> Option<Arc<BTreeMap<SmolStr, Value>>> {
    let action = schema.map(|schema| schema.shapes().action(Probe::of(read().as_ref())).unwrap());
    context(json, action.map(|action| &action.context))
}

fn cedars_entity(json: &Json, schema: Option<&Schema>) -> Option<ast::Entity> {
    let list = json!([json]);
    guard_json::check_request(&list).ok()?;
    let entities = Entities::from_json_value(list, schema.map(Schema::cedar)).ok()?;
    let declared: HashSet<EntityUid> =
        schema.iter().flat_map(|schema| schema.actions().iter()).map(cedar_policy::Entity::uid).collect();
    let given: Vec<_> = entities.iter().filter(|entity| !declared.contains(&entity.uid())).collect();
    let [entity] = given.as_slice() else { return None };
    Some(AsRef::<ast::Entity>::as_ref(*entity).clone())
}

fn our_entity(json: &Json, schema: Option<&Schema>) -> Option<Entity> {
    entity(json, schema.map(Schema::shapes), &mut Budget::of_entities())
}

fn same(ours: &Entity, cedars: &ast::Entity) -> bool {
    let members =
        |of: &Members| of.iter().map(|(name, value)| (name.clone(), PartialValue::Value(value.clone()))).collect();
    let [attrs, tags]: [Vec<_>; 2] = [members(&ours.attrs), members(&ours.tags)];
    let parents: HashSet<&EntityUID> = ours.parents.iter().map(Key::uid).collect();
    ours.key.uid() == cedars.uid()
        && parents.len() == ours.parents.len()
        && parents == cedars.ancestors().collect()
        && attrs.iter().map(|(name, value)| (name, value)).eq(cedars.attrs())
        && tags.iter().map(|(name, value)| (name, value)).eq(cedars.tags())
}

/// Reads a context by both ways. `plain` is one that must not be left to Cedar.
fn check_context(types: Option<&Types>, json: &Json, plain: bool) {
    let schema = types.map(|types| schema(&types.schema()));
    let ours = our_context(json, schema.as_ref());
    assert!(ours.is_some() || !plain, "left to Cedar: {json}");
    if ours.is_some() {
        assert_eq!(ours, cedars_context(json, schema.as_ref()), "{json}");
    }
}

/// Likewise an entity.
fn check_entity(types: Option<&Types>, json: &Json, plain: bool) {
    let schema = types.map(|types| schema(&types.schema()));
    let ours = our_entity(json, schema.as_ref());
    assert!(ours.is_some() || !plain, "left to Cedar: {json}");
    if let Some(ours) = ours {
        let cedars = cedars_entity(json, schema.as_ref());
        assert!(cedars.as_ref().is_some_and(|cedars| same(&ours, cedars)), "{json}: {ours:?} {cedars:?}");
    }
}

fn with_context(mistakes: bool) -> impl Strategy<Value = (Types, Json)> {
    generate::types(mistakes).prop_flat_map(move |types| {
        let context = generate::of_record(&types.context, mistakes).prop_map(Json::Object);
        (Just(types), context)
    })
}

fn with_entity(mistakes: bool) -> impl Strategy<Value = (Types, Json)> {
    generate::types(mistakes).prop_flat_map(move |types| {
        let attrs = generate::of_record(&types.attrs, mistakes);
        let tags = match &types.tags {
            Some(tags) => generate::any_members(generate::of_type(tags, mistakes), mistakes).boxed(),
            None if mistakes => generate::any_members(generate::of_type(&Type::Long, true), true).boxed(),
            None => Just(Map::new()).boxed(),
        };
        let entity = generate::entity(generate::reference("User", mistakes), attrs, tags, mistakes);
        (Just(types), entity)
    })
}

fn any_entity(mistakes: bool) -> impl Strategy<Value = Json> {
    let members = || generate::any_members(generate::any_value(mistakes), mistakes);
    generate::entity(generate::reference("User", mistakes), members(), members(), mistakes)
}

proptest! {
    #[test]
    fn contexts_with_a_schema_are_cedars((types, json) in with_context(true)) {
        on_pool(move || check_context(Some(&types), &json, false));
    }

    #[test]
    fn plain_contexts_with_a_schema_are_read_here((types, json) in with_context(false)) {
        on_pool(move || check_context(Some(&types), &json, true));
    }

    #[test]
    fn contexts_without_a_schema_are_cedars(json in generate::any_value(true)) {
        on_pool(move || check_context(None, &json, false));
    }

    #[test]
    fn plain_contexts_without_a_schema_are_read_here(json in generate::any_members(generate::any_value(false), false)) {
        on_pool(move || check_context(None, &Json::Object(json), true));
    }

    #[test]
    fn entities_with_a_schema_are_cedars((types, json) in with_entity(true)) {
        on_pool(move || check_entity(Some(&types), &json, false));
    }

    #[test]
    fn plain_entities_with_a_schema_are_read_here((types, json) in with_entity(false)) {
        on_pool(move || check_entity(Some(&types), &json, true));
    }

    #[test]
    fn entities_without_a_schema_are_cedars(json in any_entity(true)) {
        on_pool(move || check_entity(None, &json, false));
    }

    #[test]
    fn plain_entities_without_a_schema_are_read_here(json in any_entity(false)) {
        on_pool(move || check_entity(None, &json, true));
    }
}

const SMALL: Types = Types { context: Vec::new(), attrs: Vec::new(), tags: None };

#[test]
fn requests_fit_exactly_when_cedar_says_so() {
    on_pool(|| {
        let schema = schema(&SMALL.schema());
        let ids = ["1", "red", "green", "read", "make", "any"];
        let types = ["User", "Group", "Color", "App::Doc", "Other", "Action"];
        let uids: Vec<EntityUid> =
            types.iter().flat_map(|of| ids.iter().map(move |id| uid(&format!("{of}::\"{id}\"")))).collect();
        let mut fitting = 0;
        for action in &uids {
            for principal in &uids {
                for resource in &uids {
                    let declared = schema.shapes().action(Probe::of(action.as_ref()));
                    let ours = declared.is_some_and(|of| of.applies(principal.as_ref(), resource.as_ref()));
                    let (principal, resource) = (principal.clone(), resource.clone());
                    let request =
                        Request::new(principal, action.clone(), resource, Context::empty(), Some(schema.cedar()));
                    assert_eq!(ours, request.is_ok(), "{request:?}");
                    fitting += usize::from(ours);
                }
            }
        }
        assert_eq!(fitting, (6 + 2) * (6 + 6) + 6 * 2);
    });
}

/// Cedar reads an unknown even where a record with that member is declared.
#[test]
fn a_declared_member_can_be_an_escape_all_the_same() {
    let types = Types {
        context: vec![("__extn", Type::Record(vec![("fn", Type::String, true), ("arg", Type::String, true)]), true)],
        ..SMALL
    };
    on_pool(move || {
        let schema = schema(&types.schema());
        let with = |function: &str| json!({"__extn": {"fn": function, "arg": "a"}});
        let cedars = Context::from_json_value(with("unknown"), Some((schema.cedar(), &read())));
        assert!(cedars.is_err() || !matches!(cedars.unwrap().as_ref(), ast::Context::Value(_)));
        assert!(cedars_context(&with("other"), Some(&schema)).is_some());
        assert!(["unknown", "other"].iter().all(|function| our_context(&with(function), Some(&schema)).is_none()));
    });
}

/// Cedar overlooks what it does not know there, without a look at how much it is.
#[test]
fn escapes_hold_nothing_else() {
    on_pool(|| {
        for json in [
            json!({"a": {"__entity": {"type": "User", "id": "a", "more": [[]]}}}),
            json!({"a": {"__extn": {"fn": "ip", "arg": "::1", "more": [[]]}}}),
        ] {
            assert!(cedars_context(&json, None).is_some() && our_context(&json, None).is_none(), "{json}");
        }
    });
}

#[test]
fn entities_are_of_declared_types_and_no_actions() {
    on_pool(|| {
        let schema = schema(&SMALL.schema());
        let entity = |of: &str, id: &str| json!({"uid": {"type": of, "id": id}, "attrs": {}, "parents": []});
        for (of, id, fits, reads) in [
            ("Group", "1", true, true),
            ("Color", "red", true, true),
            ("Color", "blue", false, true),
            ("Other", "1", false, true),
            ("Action", "read", false, false),
            ("App::Action", "read", false, false),
        ] {
            let json = entity(of, id);
            assert_eq!(our_entity(&json, Some(&schema)).is_some(), fits, "{json}");
            assert_eq!(our_entity(&json, None).is_some(), reads, "{json}");
            assert!(!fits || cedars_entity(&json, Some(&schema)).is_some());
        }
    });
}

#[test]
fn parents_are_few_and_others() {
    let user = |id: String| json!({"type": "User", "id": id});
    let with = |parents: Vec<Json>| json!({"uid": user("a".to_owned()), "attrs": {}, "parents": parents});
    let most: Vec<Json> = (0..MAX_PARENTS).map(|number| user(number.to_string())).collect();
    assert_eq!(our_entity(&with(most.clone()), None).unwrap().parents.len(), MAX_PARENTS);
    let too_many = most.into_iter().chain([user("b".to_owned())]).collect();
    assert!(our_entity(&with(too_many), None).is_none());
    assert!(our_entity(&with(vec![user("a".to_owned())]), None).is_none());
    assert_eq!(our_entity(&with(vec![user("b".to_owned()); 3]), None).unwrap().parents.len(), 1);
}

fn nested(levels: usize, innermost: Json, wrap: impl Fn(Json) -> Json) -> Json {
    (0..levels).fold(innermost, |inner, _| wrap(inner))
}

#[test]
fn nothing_is_read_that_is_longer_or_deeper_than_it_may_be() {
    let most = usize::try_from(MAX_PASSING_VALUES).unwrap();
    // `{"a": [1, 1, …]}` holds two values more.
    for (count, read) in [(most - 2, true), (most - 1, false)] {
        let json = json!({"a": vec![1; count]});
        assert_eq!((context(&json, None).is_some(), guard_json::check_request(&json).is_ok()), (read, true));
    }
    for (innermost, levels_of_it) in [
        (json!(1), 1),
        (json!({"__entity": {"type": "User", "id": "a"}}), 3),
        (json!({"__extn": {"fn": "ip", "arg": "::1"}}), 3),
    ] {
        for (levels, read) in [(MAX_JSON_DEPTH - levels_of_it, true), (MAX_JSON_DEPTH + 1 - levels_of_it, false)] {
            let json = nested(levels, innermost.clone(), |inner| json!({"a": inner}));
            assert_eq!((context(&json, None).is_some(), guard_json::check_request(&json).is_ok()), (read, read));
        }
    }
}

#[test]
fn nor_are_entities() {
    let with = |values: usize, depth: usize| {
        let deep = nested(depth, json!(1), |inner| json!([inner]));
        json!({"uid": {"__entity": {"type": "User", "id": "a"}}, "parents": [{"type": "User", "id": "b"}],
               "attrs": {"a": vec![1; values], "deep": deep}, "tags": {"b": 1}})
    };
    // A list of two entities: the budget is one for both.
    let read = |values: usize, depth: usize| {
        let list = [with(values, depth), with(0, 0)];
        let mut budget = Budget::of_entities();
        let ours = list.iter().all(|json| entity(json, None, &mut budget).is_some());
        (ours, guard_json::check_request(&json!(list)).is_ok())
    };
    // The list, the outermost and the innermost value, and the entity and `attrs` between them.
    let deepest = MAX_JSON_DEPTH - 4;
    assert_eq!([read(0, deepest), read(0, deepest + 1)], [(true, true), (false, false)]);
    let others = 1 + 2 * 14;
    let most = usize::try_from(MAX_PASSING_VALUES).unwrap() - others;
    assert_eq!([read(most, 0), read(most + 1, 0)], [(true, true), (false, true)]);
}

/// An async worker has 2 MiB, and something else on it already.
#[test]
fn a_small_stack_is_enough() {
    let reads = || {
        let records = nested(MAX_JSON_DEPTH - 1, json!(1), |inner| json!({"a": inner}));
        let sets = json!({"a": nested(MAX_JSON_DEPTH - 2, json!(1), |inner| json!([inner, 1]))});
        [records, sets].iter().all(|json| context(json, None).is_some())
    };
    let small = std::thread::Builder::new().stack_size(512 << 10);
    assert!(small.spawn(reads).unwrap().join().unwrap());
}

proptest! {
    /// Where the schema nests as deep as it may, the shapes do.
    #[test]
    fn shapes_nest_with_the_schema(levels in 1..25_usize, wrap in select(vec!["Set<", "{a: "])) {
        let close = if wrap == "{a: " { "}" } else { ">" };
        let schema_text = format!(
            "entity User, Group, Doc; action read appliesTo {{ principal: User, resource: Group, context: {{ a: {}Long{} }} }};",
            wrap.repeat(levels), close.repeat(levels),
        );
        let json = json!({"a": nested(levels, json!(1), |inner| if wrap == "Set<" { json!([inner]) } else { json!({"a": inner}) })});
        on_pool(move || {
            let schema = schema(&schema_text);
            let ours = our_context(&json, Some(&schema));
            assert!(ours.is_some());
            assert_eq!(ours, cedars_context(&json, Some(&schema)));
        });
    }
}
