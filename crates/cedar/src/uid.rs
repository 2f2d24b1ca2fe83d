//! Entity uids: `Type::"id"`.

use std::{fmt, str::FromStr, sync::Arc};

use cedar_policy::{EntityId, EntityTypeName, EntityUid};
use cedar_policy_core::ast;
use serde_json::{Value, json};

use crate::{error::Finding, name};

/// The uid of an entity. Reading and printing one does not recurse and may run on any thread.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Uid(EntityUid);

/// Why something is not an entity uid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an entity uid: {0}; write `Type::\"id\"` or {{\"type\": \"Type\", \"id\": \"id\"}}")]
pub struct InvalidUid(String);

impl Uid {
    /// A uid of its two parts; the type may have a namespace (`App::User`).
    pub fn new(type_name: &str, id: &str) -> Result<Self, InvalidUid> {
        if let Some(uid) = name::uid(type_name, id) {
            return Ok(Self(uid.into()));
        }
        let type_name = EntityTypeName::from_str(type_name).map_err(|error| {
            InvalidUid(Finding::new(format!("`{type_name}` is not an entity type: {error}")).message)
        })?;
        Ok(Self(EntityUid::from_type_name_and_id(type_name, EntityId::new(id))))
    }

    /// Reads `{"type": …, "id": …}`, the same inside `{"__entity": …}`, or a string in Cedar's text form.
    pub fn from_json(value: &Value) -> Result<Self, InvalidUid> {
        match value {
            Value::String(text) => return text.parse(),
            Value::Object(members) if members.len() == 1 => {
                if let Some(inner @ Value::Object(_)) = members.get("__entity") {
                    return Self::from_members(inner);
                }
            }
            _ => {}
        }
        Self::from_members(value)
    }

    fn from_members(value: &Value) -> Result<Self, InvalidUid> {
        let part = |name: &str| value.get(name).and_then(Value::as_str);
        match (part("type"), part("id"), value.as_object().map(serde_json::Map::len)) {
            (Some(type_name), Some(id), Some(2)) => Self::new(type_name, id),
            _ => Err(InvalidUid("it must have the members `type` and `id`, both strings, and no other".to_owned())),
        }
    }

    /// `{"type": …, "id": …}`.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({"type": self.type_name(), "id": self.id()})
    }

    /// The entity type with its namespace.
    #[must_use]
    pub fn type_name(&self) -> String {
        self.0.type_name().to_string()
    }

    /// The id, without quotes and escapes.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0.id().unescaped()
    }

    /// Whether it names an action: Cedar calls every entity so whose type's last part is `Action`.
    #[must_use]
    pub fn is_action(&self) -> bool {
        self.0.type_name().basename() == "Action"
    }

    pub(crate) fn cedar(&self) -> &EntityUid {
        &self.0
    }

    pub(crate) fn shared(&self) -> Arc<ast::EntityUID> {
        Arc::new(self.0.as_ref().clone())
    }
}

impl From<EntityUid> for Uid {
    fn from(uid: EntityUid) -> Self {
        Self(uid)
    }
}

impl fmt::Display for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Uid {
    type Err = InvalidUid;

    /// Reads Cedar's text form in any of its spellings (`\u{27}` is `'`), without white space or comments around its
    /// parts.
    fn from_str(text: &str) -> Result<Self, InvalidUid> {
        let quoted = text.split_once("::\"").and_then(|(name, rest)| Some((name, rest.strip_suffix('"')?)));
        let Some((type_name, id)) = quoted else {
            return Err(InvalidUid(Finding::new(format!("`{text}` has no quoted id")).message));
        };
        let id = unescape(id)
            .ok_or_else(|| InvalidUid("the id has a quote or an escape that Cedar does not know".into()))?;
        Self::new(type_name, &id)
    }
}

/// What stands between the quotes of a Cedar string literal, without its escapes (Cedar takes those of Rust).
fn unescape(quoted: &str) -> Option<String> {
    let (mut plain, mut rest) = (String::with_capacity(quoted.len()), quoted.chars());
    while let Some(c) = rest.next() {
        let meant = match c {
            '"' => return None,
            '\\' => escaped(&mut rest)?,
            _ => c,
        };
        plain.push(meant);
    }
    Some(plain)
}

fn escaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    match rest.next()? {
        'n' => Some('\n'),
        'r' => Some('\r'),
        't' => Some('\t'),
        '0' => Some('\0'),
        c @ ('\\' | '\'' | '"') => Some(c),
        'x' => {
            let (high, low) = (rest.next()?.to_digit(16)?, rest.next()?.to_digit(16)?);
            char::from_u32(high * 16 + low).filter(char::is_ascii)
        }
        'u' => {
            let (digits, after) = rest.as_str().strip_prefix('{')?.split_once('}')?;
            *rest = after.chars();
            let hex = (1..=6).contains(&digits.len()) && digits.chars().all(|c| c.is_ascii_hexdigit());
            char::from_u32(u32::from_str_radix(digits, 16).ok().filter(|_| hex)?)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_name_the_same_entity() {
        let uid: Uid = r#"App::User::"al\"ice""#.parse().unwrap();
        assert_eq!((uid.type_name().as_str(), uid.id()), ("App::User", "al\"ice"));
        assert_eq!(Uid::from_json(&uid.to_json()).unwrap(), uid);
        assert_eq!(Uid::from_json(&json!({"__entity": uid.to_json()})).unwrap(), uid);
        assert_eq!(Uid::from_json(&json!(uid.to_string())).unwrap(), uid);
    }

    #[test]
    fn every_spelling_of_an_id_is_read_as_cedar_reads_it() {
        for (text, id) in [
            (r#"User::"O'Hara""#, "O'Hara"),
            (r#"User::"O\'Hara""#, "O'Hara"),
            (r#"User::"\u{1f600}\x41\n\t\r\0\\""#, "\u{1f600}A\n\t\r\0\\"),
            ("User::\"\u{1f600}\"", "\u{1f600}"),
        ] {
            assert_eq!(text.parse::<Uid>().unwrap().id(), id);
            let policy = format!("permit (principal == {text}, action, resource);");
            assert!(policy.parse::<cedar_policy::PolicySet>().is_ok(), "Cedar does not take {text}");
        }
        for text in
            [r#"User::"\q""#, r#"User::"\x80""#, r#"User::"\u{d800}""#, r#"User::"\u{1234567}""#, r#"User::"\""#]
        {
            assert!(text.parse::<Uid>().is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_uid_is_refused() {
        for text in
            ["", "User", "User::alice", "User :: \"alice\"", "User::\"alice\" // me", "User::\"a\"::\"b\"", "if::\"a\""]
        {
            assert!(text.parse::<Uid>().is_err(), "{text}");
        }
        for value in [
            json!({}),
            json!({"type": "User"}),
            json!({"type": "User", "id": 1}),
            json!(["User", "a"]),
            json!({"type": "User", "id": "a", "more": 1}),
            json!({"type": "a b", "id": "c"}),
            json!(null),
        ] {
            assert!(Uid::from_json(&value).is_err(), "{value}");
        }
    }

    #[test]
    fn reading_one_needs_no_deep_stack() {
        let bombs = ["(".repeat(100_000), "A::".repeat(100_000), "!".repeat(100_000), "A::{".repeat(50_000)];
        let small = std::thread::Builder::new().stack_size(512 << 10);
        let read =
            small.spawn(move || bombs.iter().all(|bomb| bomb.parse::<Uid>().is_err() && Uid::new(bomb, "a").is_err()));
        assert!(read.unwrap().join().unwrap());
    }

    #[test]
    fn actions_are_known_by_their_type() {
        assert!("App::Action::\"read\"".parse::<Uid>().unwrap().is_action());
        assert!(!"Action::App::\"read\"".parse::<Uid>().unwrap().is_action());
    }

    proptest! {
        #[test]
        fn the_text_form_reads_back(id in any::<String>()) {
            let uid = Uid::new("App::User", &id).unwrap();
            prop_assert_eq!(uid.to_string().parse::<Uid>().unwrap(), uid);
        }
    }
}
