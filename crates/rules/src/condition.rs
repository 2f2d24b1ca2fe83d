//! Under which conditions a rule matches.

use std::{collections::BTreeMap, fmt};

use serde_json::{Map, Value, json};

use crate::{
    cidr::{Cidr, InvalidCidr},
    error::{InvalidRules, Place},
    fields::{Fields, shortened},
};

/// The most ranges of a rule.
pub const MAX_IP_RANGES: usize = 100;

/// The most attributes that a rule compares.
pub const MAX_ATTRIBUTES: usize = 20;

/// The longest name and the longest value of an attribute.
pub const MAX_ATTRIBUTE_BYTES: usize = 256;

/// How long a second factor is recent.
pub const MFA_MINUTES: u32 = 15;

/// What a request says in other ways: no attribute has these names, so that a condition on one is no silent mistake.
pub const RESERVED: [&str; 7] = ["source_ip", "mfa_verified", "mfa_verified_at", "timestamp", "now", "path", "request"];

/// All of them must hold. None at all always hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The request comes from one of these; empty for anywhere.
    pub ip_ranges: Vec<Cidr>,
    /// With `true`, a second factor was passed less than [`MFA_MINUTES`] ago.
    pub require_mfa: Option<bool>,
    /// It is that time of the day.
    pub time_window: Option<TimeWindow>,
    /// `true` says that it always holds.
    pub default: bool,
    /// Attributes of the request and the values that they have.
    pub attributes: BTreeMap<String, AttributeText>,
}

/// A time of the day in UTC, from its first minute until before its last; across midnight when it ends before it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeWindow {
    /// Where it begins, in minutes after midnight.
    pub start: u16,
    /// Where it has ended, in minutes after midnight.
    pub end: u16,
}

/// The value of an attribute as it is compared: a string as it is, a boolean or an integer as its JSON text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributeText {
    text: String,
    plain: bool,
}

impl Conditions {
    pub(crate) fn read(place: Place, value: &Value) -> Result<Self, InvalidRules> {
        let mut fields = Fields::of(place, value)?;
        let ip_ranges = read_ranges(&mut fields)?;
        let require_mfa = fields.boolean("require_mfa")?;
        let window = fields.take("time_window");
        let time_window = window.map(|window| TimeWindow::read(fields.at("time_window"), &window)).transpose()?;
        let default = fields.boolean("default")?;
        if default == Some(false) {
            return Err(fields.at("default").error("must be true: it says that the rule always matches"));
        }
        let place = fields.place().clone();
        let attributes = read_attributes(&place, fields.rest())?;
        Ok(Self { ip_ranges, require_mfa, time_window, default: default.is_some(), attributes })
    }

    /// Whether none was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// As they are written in a document.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut members = Map::new();
        let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
        if !self.ip_ranges.is_empty() {
            put("ip_ranges", self.ip_ranges.iter().map(ToString::to_string).collect());
        }
        if let Some(require) = self.require_mfa {
            put("require_mfa", require.into());
        }
        if let Some(window) = self.time_window {
            put("time_window", json!({"start": clock(window.start), "end": clock(window.end)}));
        }
        if self.default {
            put("default", true.into());
        }
        for (name, value) in &self.attributes {
            put(name, value.to_json());
        }
        Value::Object(members)
    }
}

fn read_ranges(fields: &mut Fields) -> Result<Vec<Cidr>, InvalidRules> {
    let Some(items) = fields.list("ip_ranges")? else { return Ok(Vec::new()) };
    let place = fields.at("ip_ranges");
    if items.is_empty() || items.len() > MAX_IP_RANGES {
        return Err(place.error(format!("must be 1 to {MAX_IP_RANGES} ranges; leave it out for any address")));
    }
    let read = |(index, item): (usize, &Value)| {
        let place = place.item(index);
        let text = item.as_str().ok_or_else(|| place.error("must be a string"))?;
        text.parse().map_err(place.refuse::<InvalidCidr>())
    };
    items.iter().enumerate().map(read).collect()
}

fn read_attributes(
    place: &Place,
    members: Map<String, Value>,
) -> Result<BTreeMap<String, AttributeText>, InvalidRules> {
    if members.len() > MAX_ATTRIBUTES {
        return Err(place.error(format!("must compare at most {MAX_ATTRIBUTES} attributes")));
    }
    let read = |(name, value): (String, Value)| {
        if RESERVED.contains(&name.as_str()) {
            let message =
                format!("`{name}` is no attribute: write ip_ranges, require_mfa, time_window or path_pattern");
            return Err(place.error(message));
        }
        if name.is_empty() || name.len() > MAX_ATTRIBUTE_BYTES || name.chars().any(char::is_control) {
            let message = format!(
                "`{}` is no attribute: its name is 1 to {MAX_ATTRIBUTE_BYTES} bytes without control characters",
                shortened(&name)
            );
            return Err(place.error(message));
        }
        let wrong = || {
            place.member(&shortened(&name)).error(format!(
                "must be what the request's attribute equals: a string of at most {MAX_ATTRIBUTE_BYTES} bytes, a \
                 boolean or an integer"
            ))
        };
        Ok((name.clone(), AttributeText::of(&value).ok_or_else(wrong)?))
    };
    members.into_iter().map(read).collect()
}

impl TimeWindow {
    fn read(place: Place, value: &Value) -> Result<Self, InvalidRules> {
        let mut fields = Fields::of(place, value)?;
        let start = read_clock(&mut fields, "start")?;
        let end = read_clock(&mut fields, "end")?;
        let place = fields.place().clone();
        fields.done()?;
        if start == end {
            return Err(place.error("must not end when it begins; leave it out for the whole day"));
        }
        Ok(Self { start, end })
    }
}

fn read_clock(fields: &mut Fields, name: &'static str) -> Result<u16, InvalidRules> {
    let text = fields.text(name)?.ok_or_else(|| fields.at(name).error("is missing: HH:MM in UTC"))?;
    let wrong =
        || fields.at(name).error(format!("`{}` is no time of the day; write HH:MM, 00:00 to 23:59", shortened(&text)));
    minutes(&text).ok_or_else(wrong)
}

fn minutes(text: &str) -> Option<u16> {
    let (hour, minute) = text.split_once(':')?;
    let part = |digits: &str, most: u16| {
        let two = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u16>().ok().filter(|number| two && *number <= most)
    };
    Some(part(hour, 23)? * 60 + part(minute, 59)?)
}

/// `HH:MM`.
fn clock(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

impl AttributeText {
    /// The text under which a value is compared. None for what cannot be compared: null, fractions, lists, objects, and
    /// strings that are too long.
    #[must_use]
    pub fn of(value: &Value) -> Option<Self> {
        let (text, plain) = match value {
            Value::String(text) if text.len() <= MAX_ATTRIBUTE_BYTES => (text.clone(), true),
            Value::Bool(value) => (value.to_string(), false),
            Value::Number(number) if number.is_i64() || number.is_u64() => (number.to_string(), false),
            _ => return None,
        };
        Some(Self { text, plain })
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The value as it was written.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let literal = || serde_json::from_str(&self.text).ok();
        if self.plain { None } else { literal() }.unwrap_or_else(|| Value::String(self.text.clone()))
    }
}

impl fmt::Display for AttributeText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
