//! Canonical JSON (RFC 8785) and what must happen before it.
//!
//! JCS writes numbers as IEEE doubles, Cedar's longs have 64 bits: without care two policies that differ only in
//! 9007199254740992 and 9007199254740993 would have one digest. An integer that a double cannot hold exactly is
//! therefore written as `{"__long": "<decimal digits>"}`, and content in which that key already stands is refused
//! ([`has_reserved_key`]), so the mapping stays one to one.

use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::Digest;

/// The member name under which a large integer is written in canonical form.
pub const LONG_KEY: &str = "__long";

/// The largest integer that every reader of JSON holds exactly (RFC 7493, section 2.2).
const MAX_SAFE: u64 = (1 << 53) - 1;

/// The canonical bytes (RFC 8785) of a value; integers must have gone through [`escape_longs`] when they may be large.
///
/// # Errors
/// When the value cannot be written as JSON (a map with keys that are not strings, a number that is not finite).
pub fn canonical_bytes<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, serde_json::Error> {
    #[expect(clippy::disallowed_methods, reason = "this is the one room that canonicalizes")]
    serde_jcs::to_vec(value)
}

/// SHA-256 over [`canonical_bytes`].
///
/// # Errors
/// As [`canonical_bytes`].
pub fn canonical_digest<T: Serialize + ?Sized>(value: &T) -> Result<Digest, serde_json::Error> {
    canonical_bytes(value).map(|bytes| Digest::of(&bytes))
}

/// The same value with every integer outside ±(2^53−1) replaced by `{"__long": "<decimal digits>"}`.
#[must_use]
pub fn escape_longs(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(escape_longs).collect()),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, member)| (key.clone(), escape_longs(member))).collect())
        }
        Value::Number(number) => {
            let magnitude = number.as_u64().or_else(|| number.as_i64().map(i64::unsigned_abs));
            match magnitude {
                Some(magnitude) if magnitude > MAX_SAFE => {
                    Value::Object(Map::from_iter([(LONG_KEY.to_owned(), Value::String(number.to_string()))]))
                }
                _ => value.clone(),
            }
        }
        _ => value.clone(),
    }
}

/// What [`escape_longs`] was given: every `{"__long": "<decimal digits>"}` is an integer again.
#[must_use]
pub fn unescape_longs(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(unescape_longs).collect()),
        Value::Object(members) => match escaped_long(members) {
            Some(number) => Value::Number(number),
            None => Value::Object(members.iter().map(|(key, member)| (key.clone(), unescape_longs(member))).collect()),
        },
        _ => value.clone(),
    }
}

fn escaped_long(members: &Map<String, Value>) -> Option<Number> {
    let digits = members.get(LONG_KEY).filter(|_| members.len() == 1)?.as_str()?;
    digits.parse::<i64>().map(Number::from).or_else(|_| digits.parse::<u64>().map(Number::from)).ok()
}

/// Whether the reserved key `__long` stands anywhere in the value.
#[must_use]
pub fn has_reserved_key(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(has_reserved_key),
        Value::Object(members) => members.iter().any(|(key, member)| key == LONG_KEY || has_reserved_key(member)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn digest(value: &Value) -> Digest {
        canonical_digest(&escape_longs(value)).unwrap()
    }

    #[test]
    fn integers_beyond_a_double_keep_their_digests_apart() {
        let (even, odd) = (json!(9_007_199_254_740_992_i64), json!(9_007_199_254_740_993_i64));
        assert_eq!(canonical_bytes(&even).unwrap(), canonical_bytes(&odd).unwrap(), "plain JCS cannot tell them apart");
        assert_ne!(digest(&even), digest(&odd));
        assert_eq!(canonical_bytes(&escape_longs(&json!(i64::MIN))).unwrap(), br#"{"__long":"-9223372036854775808"}"#);
        assert_eq!(escape_longs(&json!(9_007_199_254_740_991_i64)), json!(9_007_199_254_740_991_i64));
    }

    #[test]
    fn members_are_sorted_by_utf16_units() {
        // RFC 8785, section 3.2.3.
        let value = json!({"\u{20ac}": 1, "\r": 2, "\u{fb33}": 3, "1": 4, "\u{1f600}": 5, "\u{80}": 6, "\u{f6}": 7});
        let text = String::from_utf8(canonical_bytes(&value).unwrap()).unwrap();
        assert_eq!(text, "{\"\\r\":2,\"1\":4,\"\u{80}\":6,\"\u{f6}\":7,\"\u{20ac}\":1,\"\u{1f600}\":5,\"\u{fb33}\":3}");
    }

    #[test]
    fn the_reserved_key_is_found_at_any_depth() {
        assert!(has_reserved_key(&json!([{"a": {"__long": "1"}}])));
        assert!(!has_reserved_key(&json!([{"a": "__long"}])));
    }

    proptest! {
        #[test]
        fn different_integers_have_different_canonical_forms(a: i64, b: i64) {
            prop_assert_eq!(digest(&json!([a])) == digest(&json!([b])), a == b);
        }

        #[test]
        fn what_is_escaped_comes_back(a: i64, b: u64) {
            let value = json!({"a": [a, {"b": b}], "c": "x"});
            prop_assert_eq!(unescape_longs(&escape_longs(&value)), value);
        }
    }
}
