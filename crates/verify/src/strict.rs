//! Reading files of an export: every JSON file is the canonical form (RFC 8785) of what it says.

use cedarkeep_model::{LONG_KEY, canonical_bytes, escape_longs, json};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Number, Value};

/// The deepest JSON that is read where the default limit of 128 levels does not do: Cedar text is at most 400 levels
/// deep, and a level of text is at most three of JSON.
const MAX_DEPTH: usize = 2_048;

/// Reads a value and demands that the bytes are its one spelling.
pub(crate) fn read<T: DeserializeOwned + Serialize>(bytes: &[u8]) -> Result<T, String> {
    let value = json::parse(bytes).map_err(|error| error.to_string())?;
    let value: T = serde_json::from_value(value).map_err(|error| error.to_string())?;
    demand_canonical(&value, bytes)?;
    Ok(value)
}

/// Demands that the bytes are the canonical form of the value. What was read into types and is written from them has
/// no second spelling: neither in white space and order nor in ids, digests and times.
pub(crate) fn demand_canonical<T: Serialize>(value: &T, bytes: &[u8]) -> Result<(), String> {
    match canonical_bytes(value) {
        Ok(canonical) if canonical == bytes => Ok(()),
        _ => Err("not in canonical form (RFC 8785)".to_owned()),
    }
}

/// The canonical form of Cedar JSON with plain integers. Recurses as deep as the JSON does, at most [`MAX_DEPTH`]: call
/// it where stacks are deep.
pub(crate) fn canonical_cedar_json(text: &str) -> Result<Vec<u8>, String> {
    if depth(text) > MAX_DEPTH {
        return Err(format!("nested deeper than {MAX_DEPTH} levels"));
    }
    let mut deserializer = serde_json::Deserializer::from_str(text);
    deserializer.disable_recursion_limit();
    let value = Value::deserialize(&mut deserializer)
        .and_then(|value| deserializer.end().map(|()| value))
        .map_err(|error| error.to_string())?;
    canonical_bytes(&escape_longs(&value)).map_err(|error| error.to_string())
}

/// Undoes [`escape_longs`]: the plain integer for every `{"__long": "<decimal digits>"}`.
pub(crate) fn unescape_longs(value: Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.into_iter().map(unescape_longs).collect()),
        Value::Object(members) => match members.get(LONG_KEY).and_then(Value::as_str).and_then(long) {
            Some(number) if members.len() == 1 => Value::Number(number),
            _ => Value::Object(members.into_iter().map(|(key, member)| (key, unescape_longs(member))).collect()),
        },
        other => other,
    }
}

fn long(digits: &str) -> Option<Number> {
    digits.parse().map(i64::into).ok()
}

/// How deep objects and arrays nest, without recursing into them.
fn depth(text: &str) -> usize {
    let (mut depth, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn escaped_integers_come_back(a: i64, b in -(1_i64 << 54)..(1 << 54)) {
            let value = json!([{"a": a, "b": [b]}, {"__long": a.to_string(), "other": 1}, "x"]);
            prop_assert_eq!(unescape_longs(escape_longs(&value)), value);
        }
    }

    #[test]
    fn depth_counts_brackets_outside_of_strings() {
        assert_eq!(depth(r#"{"a":[1,"[[[\"[[",{}],"b\\":[[[]]]}"#), 4);
        assert_eq!(depth("]]]["), 1);
    }

    #[test]
    fn what_nests_too_deep_is_refused_before_it_is_read() {
        assert!(canonical_cedar_json(&"[".repeat(1_000_000)).unwrap_err().contains("2048"));
        let deep = format!("{}9007199254740993{}", "[".repeat(300), "]".repeat(300));
        let canonical = String::from_utf8(canonical_cedar_json(&deep).unwrap()).unwrap();
        assert!(canonical.contains(r#"[{"__long":"9007199254740993"}]"#));
    }
}
