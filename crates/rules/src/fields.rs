//! The members of an object, taken one by one; what nobody took is refused by name.

use serde_json::{Map, Value};

use crate::error::{InvalidRules, Place};

/// An object that is being read.
#[derive(Debug)]
pub(crate) struct Fields {
    place: Place,
    members: Map<String, Value>,
    asked: Vec<&'static str>,
}

impl Fields {
    /// The members of an object.
    pub(crate) fn of(place: Place, value: &Value) -> Result<Self, InvalidRules> {
        match value {
            Value::Object(members) => Ok(Self { place, members: members.clone(), asked: Vec::new() }),
            _ => Err(place.error("must be an object")),
        }
    }

    /// Where it stands.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Where a member stands.
    pub(crate) fn at(&self, name: &str) -> Place {
        self.place.member(name)
    }

    /// A member; null is the same as absent.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Value> {
        self.asked.push(name);
        self.members.remove(name).filter(|value| !value.is_null())
    }

    pub(crate) fn text(&mut self, name: &'static str) -> Result<Option<String>, InvalidRules> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(self.at(name).error("must be a string")),
        }
    }

    pub(crate) fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, InvalidRules> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(self.at(name).error("must be true or false")),
        }
    }

    pub(crate) fn integer(&mut self, name: &'static str, least: u64, most: u64) -> Result<Option<u64>, InvalidRules> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = value.as_u64().filter(|number| (least..=most).contains(number));
        let wrong = || self.at(name).error(format!("must be an integer from {least} to {most}"));
        number.map(Some).ok_or_else(wrong)
    }

    /// A word, read by `parse` and refused with the words that there are.
    pub(crate) fn word<T>(
        &mut self,
        name: &'static str,
        words: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, InvalidRules> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let wrong = || self.at(name).error(format!("`{}` is not one of {words}", shortened(&text)));
        parse(&text).map(Some).ok_or_else(wrong)
    }

    /// A list.
    pub(crate) fn list(&mut self, name: &'static str) -> Result<Option<Vec<Value>>, InvalidRules> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(self.at(name).error("must be a list")),
        }
    }

    /// What is left, for an object whose other members have names of their own.
    pub(crate) fn rest(self) -> Map<String, Value> {
        self.members
    }

    /// Refuses what is left.
    pub(crate) fn done(self) -> Result<(), InvalidRules> {
        let Some(name) = self.members.keys().next() else { return Ok(()) };
        let message = format!("unknown member `{}`; there are {}", shortened(name), self.asked.join(", "));
        Err(self.place.error(message))
    }
}

/// A quote that does not grow with what it quotes.
pub(crate) fn shortened(text: &str) -> String {
    const MOST: usize = 80;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
