//! Measures schemas before Cedar reads them.
//!
//! Beyond nesting, a schema can be small and still mean something huge: common types are written out wherever they are
//! named (`type B = {x: A, y: A}; type C = {x: B, y: B}; …` doubles with every line), hierarchies are closed over all
//! ancestors, and policies are type-checked once for every combination of principal type, action and resource type.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};

use crate::{
    error::{CedarError, Finding},
    lexer::{Lexer, Token},
};

/// The most entity types of a schema.
pub const MAX_ENTITY_TYPES: usize = 2_000;

/// The most actions of a schema.
pub const MAX_ACTIONS: usize = 2_000;

/// The most members of one record in schema text (Cedar's reader is quadratic in them).
pub const MAX_MEMBERS: usize = 1_000;

/// The most combinations of principal type, action and resource type.
pub const MAX_REQUEST_KINDS: u64 = 50_000;

/// The most work that one validation may be: bytes of policy, times combinations of principal type, action and resource
/// type, times one more for every ten members of the schema's widest record (types of records are compared whole).
/// Reaching it takes minutes.
pub const MAX_VALIDATION_WORK: u64 = 10_000_000_000;

/// The most parts that all types come to once common types are written out.
pub const MAX_TYPE_NODES: u64 = 250_000;

/// The deepest nesting of schema text, and of types once common types are written out. As JSON each level takes two.
const MAX_NESTING: usize = 60;

/// Refuses schema text that nests too deep or has records with too many members.
pub(crate) fn check_text(text: &str) -> Result<(), CedarError> {
    // For each open bracket the number of commas in it.
    let mut open: Vec<usize> = Vec::new();
    for (at, token) in Lexer::new(text) {
        match token {
            Token::Open(_) | Token::Less => open.push(0),
            Token::Close(_) | Token::Greater => drop(open.pop()),
            Token::Semicolon => open.iter_mut().for_each(|commas| *commas = 0),
            Token::Comma => open.iter_mut().rev().take(1).for_each(|commas| *commas += 1),
            _ => {}
        }
        if open.len() > MAX_NESTING {
            return Err(too_nested());
        }
        if open.last().is_some_and(|commas| *commas >= MAX_MEMBERS) {
            let message = format!("more than {MAX_MEMBERS} members stand in one list or record");
            return Err(CedarError::invalid(Finding::at(text, at, message)));
        }
    }
    Ok(())
}

/// Refuses schema JSON that means too much. What is not a schema at all is left to Cedar to say. Answers how much work
/// it is to validate one byte of policy.
pub(crate) fn check_json(value: &Value) -> Result<u64, CedarError> {
    let Value::Object(namespaces) = value else { return Ok(1) };
    let mut size = Size::default();
    let mut common = HashMap::new();
    let mut used = Vec::new();
    for (namespace, definition) in namespaces {
        for (name, definition) in members(definition, "commonTypes") {
            common.insert(qualified(namespace, name), Survey::of(namespace, definition));
        }
        for (_, entity_type) in members(definition, "entityTypes") {
            size.entity_types += 1;
            used.extend(
                ["shape", "tags"]
                    .iter()
                    .filter_map(|part| entity_type.get(*part))
                    .map(|part| Survey::of(namespace, part)),
            );
        }
        for (_, action) in members(definition, "actions") {
            size.actions += 1;
            let Some(applies_to) = action.get("appliesTo") else { continue };
            let count =
                |part: &str| applies_to.get(part).and_then(Value::as_array).map_or(0, |types| types.len() as u64);
            size.request_kinds += count("principalTypes").saturating_mul(count("resourceTypes"));
            used.extend(applies_to.get("context").map(|context| Survey::of(namespace, context)));
        }
    }
    size.check()?;
    check_expansion(&common, &used)?;
    let widest = common.values().chain(&used).map(|survey| survey.widest).max().unwrap_or(0);
    Ok(size.request_kinds.max(1).saturating_mul(1 + widest / 10))
}

#[derive(Debug, Default)]
struct Size {
    entity_types: usize,
    actions: usize,
    request_kinds: u64,
}

impl Size {
    fn check(&self) -> Result<(), CedarError> {
        let Self { entity_types, actions, request_kinds } = self;
        if *entity_types > MAX_ENTITY_TYPES {
            return Err(CedarError::TooLarge(format!(
                "{entity_types} entity types; a schema has at most {MAX_ENTITY_TYPES}"
            )));
        }
        if *actions > MAX_ACTIONS {
            return Err(CedarError::TooLarge(format!("{actions} actions; a schema has at most {MAX_ACTIONS}")));
        }
        if *request_kinds > MAX_REQUEST_KINDS {
            return Err(CedarError::TooLarge(format!(
                "{request_kinds} combinations of principal type, action and resource type; a schema has at most \
                 {MAX_REQUEST_KINDS}"
            )));
        }
        Ok(())
    }
}

/// A type as it is written: its parts, its depth, and the names in it that may be common types, with their depths.
#[derive(Debug)]
struct Survey {
    nodes: u64,
    depth: usize,
    /// The members of the widest record.
    widest: u64,
    names: Vec<(String, String, usize)>,
}

impl Survey {
    /// Counts without recursion.
    fn of(namespace: &str, definition: &Value) -> Self {
        let mut survey = Self { nodes: 0, depth: 0, widest: 0, names: Vec::new() };
        let mut open = vec![(definition, 0)];
        while let Some((value, depth)) = open.pop() {
            survey.nodes += 1;
            survey.depth = survey.depth.max(depth);
            let Value::Object(parts) = value else { continue };
            survey.widest = survey.widest.max(parts.len() as u64);
            for name in ["type", "name"].iter().filter_map(|part| parts.get(*part)).filter_map(Value::as_str) {
                survey.names.push((qualified(namespace, name), name.to_owned(), depth));
            }
            open.extend(parts.values().map(|part| (part, depth + 1)));
        }
        survey
    }

    /// Nodes and depth with the names written out. A name that is not known yet is part of a cycle, which Cedar refuses.
    fn expanded(&self, known: &HashMap<&str, (u64, usize)>) -> (u64, usize) {
        self.names.iter().fold((self.nodes, self.depth), |(nodes, depth), (local, full, at)| {
            let (more, deeper) =
                known.get(local.as_str()).or_else(|| known.get(full.as_str())).copied().unwrap_or((0, 0));
            (nodes.saturating_add(more), depth.max(at + 1 + deeper))
        })
    }
}

fn check_expansion(common: &HashMap<String, Survey>, used: &[Survey]) -> Result<(), CedarError> {
    let mut known: HashMap<&str, (u64, usize)> = HashMap::new();
    let mut entered = HashSet::new();
    for name in common.keys() {
        let mut open = vec![(name.as_str(), false)];
        while let Some((name, parts_known)) = open.pop() {
            let Some((name, survey)) = common.get_key_value(name) else { continue };
            if parts_known {
                known.insert(name, survey.expanded(&known));
            } else if entered.insert(name) {
                open.push((name, true));
                open.extend(
                    survey.names.iter().flat_map(|(local, full, _)| [(local.as_str(), false), (full.as_str(), false)]),
                );
            }
        }
    }
    let expanded = known.values().copied().chain(used.iter().map(|survey| survey.expanded(&known)));
    let (nodes, depth) =
        expanded.fold((0_u64, 0), |(nodes, depth), (more, deep)| (nodes.saturating_add(more), depth.max(deep)));
    if nodes > MAX_TYPE_NODES {
        return Err(CedarError::TooLarge(format!(
            "the types come to more than {MAX_TYPE_NODES} parts once every common type is written out where it is named"
        )));
    }
    // JSON takes two levels for one of a type.
    if depth > 2 * MAX_NESTING { Err(too_nested()) } else { Ok(()) }
}

fn too_nested() -> CedarError {
    CedarError::TooDeep(format!("types are nested deeper than {MAX_NESTING} levels, common types written out"))
}

fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") }
}

fn members<'a>(definition: &'a Value, part: &str) -> impl Iterator<Item = (&'a String, &'a Value)> {
    definition.get(part).and_then(Value::as_object).into_iter().flat_map(Map::iter)
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use serde_json::json;

    use super::*;

    #[test]
    fn common_types_that_double_are_refused() {
        let doubling = |lines: usize| {
            let mut types = Map::new();
            types.insert("T0".into(), json!({"type": "Long"}));
            for line in 1..lines {
                let part = json!({"type": format!("T{}", line - 1)});
                types.insert(format!("T{line}"), json!({"type": "Record", "attributes": {"x": part, "y": part}}));
            }
            json!({"N": {"commonTypes": types, "entityTypes": {}, "actions": {}}})
        };
        assert!(check_json(&doubling(10)).is_ok());
        assert!(matches!(check_json(&doubling(40)), Err(CedarError::TooLarge(_))));
    }

    #[test]
    fn chains_of_common_types_count_as_depth_and_cycles_end() {
        let chain = |length: usize, last: &str| {
            let types: Map<_, _> = (0..length)
                .map(|line| {
                    let next = if line + 1 == length { last.to_owned() } else { format!("T{}", line + 1) };
                    (format!("T{line}"), json!({"type": "EntityOrCommon", "name": next}))
                })
                .collect();
            json!({"": {"commonTypes": types, "entityTypes": {}, "actions": {}}})
        };
        assert!(check_json(&chain(50, "Long")).is_ok());
        assert!(matches!(check_json(&chain(200, "Long")), Err(CedarError::TooDeep(_))));
        assert!(check_json(&chain(20_000, "Long")).is_err());
        assert!(check_json(&chain(3, "T0")).is_ok(), "a cycle is Cedar's to refuse");
    }

    #[test]
    fn counts_are_capped() {
        let many = |part: &str, count: usize| {
            let names: Map<_, _> = (0..count).map(|index| (format!("X{index}"), json!({}))).collect();
            json!({"": {part: names}})
        };
        assert!(check_json(&many("entityTypes", MAX_ENTITY_TYPES)).is_ok());
        assert!(check_json(&many("entityTypes", MAX_ENTITY_TYPES + 1)).is_err());
        assert!(check_json(&many("actions", MAX_ACTIONS + 1)).is_err());
        let types: Vec<_> = (0..1_000).map(|index| format!("X{index}")).collect();
        let action = json!({"appliesTo": {"principalTypes": types, "resourceTypes": types}});
        assert!(check_json(&json!({"": {"entityTypes": {}, "actions": {"a": action}}})).is_err());
    }

    #[test]
    fn text_is_measured_without_recursion() {
        let nested = |levels: usize| format!("type T = {}Long{};", "Set<".repeat(levels), ">".repeat(levels));
        assert!(check_text(&nested(60)).is_ok());
        assert!(check_text(&nested(61)).is_err());
        assert!(check_text(&"{".repeat(1_000_000)).is_err());
        let wide = |members: usize| {
            let mut text = "entity E {".to_owned();
            (0..members).for_each(|index| write!(text, "a{index}: Long, ").unwrap());
            text + "};"
        };
        assert!(check_text(&wide(900)).is_ok());
        assert!(check_text(&wide(1_001)).is_err());
        let many = "namespace N { ".to_owned() + &"entity A, B, C; ".repeat(2_000) + "}";
        assert!(check_text(&many).is_ok(), "declarations do not add up");
    }
}
