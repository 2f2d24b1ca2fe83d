//! Schemas, and contexts and entities that fit them, or nearly do.

use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value as Json, json};

/// A type of a schema.
#[derive(Debug, Clone)]
pub(super) enum Type {
    Bool,
    Long,
    String,
    Entity(&'static str),
    Extension(&'static str),
    Set(Box<Type>),
    Record(Record),
}

/// Name, type, whether it is required.
pub(super) type Record = Vec<(&'static str, Type, bool)>;

/// What varies between the schemas.
#[derive(Debug, Clone)]
pub(super) struct Types {
    pub(super) context: Record,
    pub(super) attrs: Record,
    pub(super) tags: Option<Type>,
}

impl Types {
    pub(super) fn schema(&self) -> String {
        let tags = self.tags.as_ref().map_or(String::new(), |tags| format!(" tags {}", text(tags)));
        format!(
            r#"namespace App {{ entity Doc; }}
            entity Group in [App::Doc]; entity Color enum ["red", "green"];
            entity User in [Group, Color] {attrs}{tags};
            action "any";
            action "read" in ["any"] appliesTo {{ principal: [User, Color], resource: [App::Doc, Group], context: {context} }};
            action "make" appliesTo {{ principal: User, resource: Color, context: {{}} }};"#,
            attrs = record_text(&self.attrs),
            context = record_text(&self.context),
        )
    }
}

fn text(of: &Type) -> String {
    match of {
        Type::Bool => "Bool".to_owned(),
        Type::Long => "Long".to_owned(),
        Type::String => "String".to_owned(),
        Type::Entity(name) | Type::Extension(name) => (*name).to_owned(),
        Type::Set(element) => format!("Set<{}>", text(element)),
        Type::Record(members) => record_text(members),
    }
}

fn record_text(members: &Record) -> String {
    let member = |(name, of, required): &(&str, Type, bool)| {
        format!("{}{}: {}", json!(name), if *required { "" } else { "?" }, text(of))
    };
    format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
}

/// Without `odd`, no member is named as an escape.
pub(super) fn types(odd: bool) -> impl Strategy<Value = Types> {
    (record(one_type(odd), odd), record(one_type(odd), odd), prop::option::of(one_type(odd)))
        .prop_map(|(context, attrs, tags)| Types { context, attrs, tags })
}

fn one_type(odd: bool) -> BoxedStrategy<Type> {
    let leaf = prop_oneof![
        Just(Type::Bool),
        Just(Type::Long),
        Just(Type::String),
        select(vec!["User", "Group", "Color", "App::Doc"]).prop_map(Type::Entity),
        select(vec!["ipaddr", "decimal", "datetime", "duration"]).prop_map(Type::Extension),
    ];
    leaf.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            1 => inner.clone().prop_map(|element| Type::Set(Box::new(element))),
            1 => record(inner, odd).prop_map(Type::Record),
        ]
    })
    .boxed()
}

fn record(member: impl Strategy<Value = Type>, odd: bool) -> impl Strategy<Value = Record> {
    prop::collection::btree_map(name(odd), (member, any::<bool>()), 0..5)
        .prop_map(|members| members.into_iter().map(|(name, (of, required))| (name, of, required)).collect())
}

fn name(odd: bool) -> impl Strategy<Value = &'static str> {
    let mut names = vec!["a", "b", "c", "d", "type", "id", "fn", "arg", "uid", "if", "e f", "é", ""];
    if odd {
        names.extend(["__entity", "__extn", "__expr", "__a"]);
    }
    select(names)
}

/// Rarely something; never without mistakes.
fn mistake<T: std::fmt::Debug + Clone>(
    mistakes: bool,
    what: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    (what, prop::bool::weighted(if mistakes { 0.03 } else { 0.0 })).prop_map(|(what, made)| made.then_some(what))
}

/// JSON that fits a type, without mistakes or with a few.
pub(super) fn of_type(of: &Type, mistakes: bool) -> BoxedStrategy<Json> {
    let right = match of {
        Type::Bool => any::<bool>().prop_map(Json::from).boxed(),
        Type::Long => long().boxed(),
        Type::String => string().boxed(),
        Type::Entity(name) => reference(name, mistakes).boxed(),
        Type::Extension(name) => extension(name, mistakes).boxed(),
        Type::Set(element) => prop::collection::vec(of_type(element, mistakes), 0..4).prop_map(Json::Array).boxed(),
        Type::Record(members) => of_record(members, mistakes).prop_map(Json::Object).boxed(),
    };
    if mistakes { prop_oneof![30 => right, 1 => odd_value()].boxed() } else { right }
}

pub(super) fn of_record(members: &Record, mistakes: bool) -> BoxedStrategy<Map<String, Json>> {
    let members: Vec<_> = members
        .iter()
        .map(|(name, of, required)| {
            let kept = if mistakes { 0.97 } else { 1.0 };
            let present = prop::bool::weighted(if *required { kept } else { 0.5 });
            (Just(*name), of_type(of, mistakes), present)
        })
        .collect();
    (members, mistake(mistakes, (name(true), odd_value())), any::<bool>())
        .prop_map(|(members, extra, reversed)| {
            let mut kept: Vec<_> =
                members.into_iter().filter(|(_, _, present)| *present).map(|(name, value, _)| (name, value)).collect();
            if reversed {
                kept.reverse();
            }
            kept.into_iter().chain(extra).map(|(name, value)| (name.to_owned(), value)).collect()
        })
        .boxed()
}

fn long() -> impl Strategy<Value = Json> {
    prop_oneof![any::<i64>(), select(vec![0, -1, i64::MIN, i64::MAX])].prop_map(Json::from)
}

fn string() -> impl Strategy<Value = Json> {
    prop_oneof![
        "[a-zA-Z0-9 ]{0,40}",
        any::<String>(),
        select(vec!["", "User::\"a\"", "1.0", "127.0.0.1", "__entity"]).prop_map(str::to_owned),
    ]
    .prop_map(Json::from)
}

fn id_of(of: &str) -> BoxedStrategy<String> {
    if of == "Color" {
        select(vec!["red", "green"]).prop_map(str::to_owned).boxed()
    } else {
        prop_oneof![3 => "[0-3]", 1 => any::<String>()].boxed()
    }
}

/// A reference, with its escape or without.
pub(super) fn reference(of: &'static str, mistakes: bool) -> impl Strategy<Value = Json> {
    (escaped_reference(of), any::<bool>(), mistake(mistakes, odd_reference())).prop_map(|(right, escaped, wrong)| {
        wrong.unwrap_or_else(|| if escaped { right } else { right["__entity"].clone() })
    })
}

fn escaped_reference(of: &'static str) -> impl Strategy<Value = Json> {
    (id_of(of), any::<bool>()).prop_map(move |(id, reversed)| {
        let inner = if reversed { json!({"id": id, "type": of}) } else { json!({"type": of, "id": id}) };
        json!({ "__entity": inner })
    })
}

/// An extension value, with its escape, with the function alone, or as nothing but its argument.
fn extension(of: &'static str, mistakes: bool) -> impl Strategy<Value = Json> {
    (escaped_extension(of, mistakes), 0..3_u8).prop_map(|(escaped, form)| match form {
        0 => escaped,
        1 => escaped["__extn"].clone(),
        _ => escaped["__extn"]["arg"].clone(),
    })
}

fn escaped_extension(of: &'static str, mistakes: bool) -> impl Strategy<Value = Json> {
    let (function, right, wrong) = match of {
        "ipaddr" => ("ip", ["127.0.0.1", "10.0.0.0/8", "::1", "ffee::/64"], ["10.0.0.0/33", "1.2.3", " ::1"]),
        "decimal" => ("decimal", ["0.0", "-1.5", "12.3456", "1.50"], ["1", "1.23456", "1e4"]),
        "datetime" => (
            "datetime",
            ["2026-03-16", "2026-03-16T10:00:00Z", "1969-12-31T23:59:59.999Z", "2026-03-16T10:00:00+0200"],
            ["2026-02-30", "2026-03-16 10:00", "now"],
        ),
        _ => ("duration", ["1d2h", "0ms", "-1h30m", "106751991167d7h12m55s807ms"], ["1h1d", "", "9999999999999d"]),
    };
    let other = select(vec!["ip", "decimal", "datetime", "duration", "offset", "unknown", "if", ""]);
    (select(right.to_vec()), mistake(mistakes, select(wrong.to_vec())), mistake(mistakes, other)).prop_map(
        move |(right, wrong, other)| {
            json!({"__extn": {"fn": other.unwrap_or(function), "arg": wrong.unwrap_or(right)}})
        },
    )
}

/// A value such as the schemaless reader takes; with mistakes also what it does not take.
pub(super) fn any_value(mistakes: bool) -> BoxedStrategy<Json> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Json::from),
        long(),
        string(),
        select(vec!["User", "Group", "Color", "App::Doc", "Other", "Action"]).prop_flat_map(escaped_reference),
        select(vec!["ipaddr", "decimal", "datetime", "duration"])
            .prop_flat_map(move |of| escaped_extension(of, mistakes)),
    ];
    let leaf = if mistakes { prop_oneof![30 => leaf, 1 => odd_value()].boxed() } else { leaf.boxed() };
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::Array),
            any_members(inner, mistakes).prop_map(Json::Object),
        ]
    })
    .boxed()
}

pub(super) fn any_members(
    value: impl Strategy<Value = Json>,
    mistakes: bool,
) -> impl Strategy<Value = Map<String, Json>> {
    let name = prop_oneof![12 => name(false), 1 => name(mistakes)].prop_map(str::to_owned);
    prop::collection::btree_map(name, value, 0..5).prop_map(|members| members.into_iter().collect())
}

/// Parents of a `User`, as entities name them.
pub(super) fn parents(mistakes: bool) -> impl Strategy<Value = Json> {
    let right = select(vec!["Group", "Color", "App::Doc"]).prop_flat_map(move |of| reference(of, mistakes));
    prop::collection::vec(right, 0..5).prop_map(Json::Array)
}

/// Entities out of their parts, all in place or with mistakes in the frame.
pub(super) fn entity(
    uid: impl Strategy<Value = Json> + 'static,
    attrs: impl Strategy<Value = Map<String, Json>> + 'static,
    tags: impl Strategy<Value = Map<String, Json>> + 'static,
    mistakes: bool,
) -> BoxedStrategy<Json> {
    let part = select(vec!["uid", "attrs", "parents", "tags", "more"]);
    let frame = mistake(mistakes, (part, prop::option::of(odd_value())));
    (uid, attrs, parents(mistakes), prop::option::of(tags), frame)
        .prop_map(|(uid, attrs, parents, tags, frame)| {
            let mut entity = json!({"uid": uid, "attrs": attrs, "parents": parents});
            if let Some(tags) = tags {
                entity["tags"] = Json::Object(tags);
            }
            match frame {
                Some((part, Some(odd))) => entity[part] = odd,
                Some((part, None)) => drop(entity.as_object_mut().unwrap().remove(part)),
                None => {}
            }
            entity
        })
        .boxed()
}

fn odd_reference() -> impl Strategy<Value = Json> {
    select(vec![
        json!("User::\"a\""),
        json!({"type": "User"}),
        json!({"type": "User", "id": 1}),
        json!({"type": "User", "id": "a", "more": 1}),
        json!({"__entity": {"type": "User", "id": "a", "more": 1}}),
        json!({"__entity": {"type": "User", "id": "a"}, "more": 1}),
        json!({"__entity": {"__entity": {"type": "User", "id": "a"}}}),
        json!({"__entity": {"type": "User", "id": "0"}}),
        json!({"__entity": {"type": "Group", "id": "0"}}),
        json!({"__entity": {"type": "Color", "id": "blue"}}),
        json!({"type": "Color", "id": "blue"}),
        json!({"type": "Other", "id": "a"}),
        json!({"type": "User ", "id": "a"}),
        json!({"type": "if", "id": "a"}),
        json!({"type": "__cedar::A", "id": "a"}),
        json!({"type": "Action", "id": "read"}),
        json!({"__entity": {"type": "Action", "id": "nothing"}}),
        json!({"type": "", "id": ""}),
        json!(["User", "a"]),
    ])
}

fn odd_value() -> BoxedStrategy<Json> {
    let others = select(vec![
        json!(null),
        json!(true),
        json!(1),
        json!("text"),
        json!(1.5),
        json!(1.0),
        json!(-0.0),
        json!(u64::MAX),
        json!(9_223_372_036_854_775_808_u64),
        json!([]),
        json!({}),
        json!([1, "a", null]),
        json!([[1], [], [true]]),
        json!({"__expr": "1"}),
        json!({"__expr": 1}),
        json!({"__extn": {"fn": "unknown", "arg": "x"}}),
        json!({"__extn": {"fn": "unknown", "arg": "x"}, "more": 1}),
        json!({"__extn": {"fn": "ip", "arg": "127.0.0.1"}, "more": 1}),
        json!({"__extn": {"fn": "ip", "arg": "127.0.0.1", "more": 1}}),
        json!({"__extn": {"fn": "ip", "args": ["127.0.0.1"]}}),
        json!({"__extn": {"fn": "ip", "arg": 1}}),
        json!({"__extn": {"fn": "ip"}}),
        json!({"__extn": "127.0.0.1"}),
        json!({"__extn": {"fn": "isIpv4", "arg": {"__extn": {"fn": "ip", "arg": "127.0.0.1"}}}}),
        json!({"__extn": {"fn": "offset", "args": [{"__extn": {"fn": "datetime", "arg": "2026-03-16"}}, {"__extn": {"fn": "duration", "arg": "1h"}}]}}),
        json!({"fn": "decimal", "arg": "1.0"}),
        json!({"fn": "ip", "arg": "::1", "more": 1}),
        json!({"fn": "datetime", "args": ["2026-03-16"]}),
        json!({"__a": 1}),
        json!({"a": {"__entity": 1}}),
    ]);
    prop_oneof![3 => others, 1 => odd_reference()].boxed()
}
