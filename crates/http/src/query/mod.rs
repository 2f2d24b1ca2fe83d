//! Query parameters, in every spelling that the published clients use.
//!
//! An array arrives as `x=a&x=b` or as `x[]=a&x[]=b`, with the brackets percent-encoded or not. Unknown parameters are
//! ignored; what is known must be right.

mod documented;
mod filters;
mod page;

use std::{collections::BTreeSet, fmt::Display};

use axum::{extract::FromRequestParts, http::request::Parts};
use cedarkeep_service::{Code, Error};
use percent_encoding::percent_decode_str;

pub(crate) use self::{
    documented::{
        AccountParameter, AccountParameters, BindingParameters, DecisionParameters, DivergenceParameters,
        DraftPolicyParameters, EntityParameters, EventParameters, FormatParameter, PolicyParameters,
        PolicySetParameters, SchemaParameters, SetVersionPolicyParameters, SingleParameters, UserTokenParameters,
        VersionParameters, ZoneListParameters, ZoneParameters,
    },
    filters::{archived, binding_filter, decision_filter, policy_filter, policy_set_filter},
    page::{Expand, Format, Listing, Sort},
};
use crate::{app::App, failure::Failure};

/// The parameters of a request.
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<Pair>,
}

#[derive(Debug)]
struct Pair {
    /// The name without a trailing `[]`.
    name: String,
    /// Whether it had the trailing `[]`.
    bracketed: bool,
    value: String,
}

impl FromRequestParts<App> for Query {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Failure> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default())?)
    }
}

impl Query {
    /// Takes a query string apart (`application/x-www-form-urlencoded`, but strict about UTF-8).
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let pairs = text.split('&').filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let (name, value) = (decode(name)?, decode(value)?);
            let bare = name.strip_suffix("[]").map(str::to_owned);
            Ok(Pair { bracketed: bare.is_some(), name: bare.unwrap_or(name), value })
        });
        Ok(Self { pairs: pairs.collect::<Result<_, Error>>()? })
    }

    /// All values of a parameter, whatever their spelling.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|pair| pair.name == name).map(|pair| pair.value.as_str()).collect()
    }

    /// The value of a parameter that is no array.
    pub(crate) fn one(&self, name: &str) -> Result<Option<&str>, Error> {
        let plain = self.pairs.iter().filter(|pair| pair.name == name && !pair.bracketed);
        let values: BTreeSet<_> = plain.map(|pair| pair.value.as_str()).collect();
        match values.len() {
            0 | 1 => Ok(values.into_iter().next()),
            _ => Err(bad(name, "stands more than once with different values; give it once")),
        }
    }

    /// A parameter that is `true` or `false`.
    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>, Error> {
        match self.one(name)? {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(Error::new(Code::InvalidFilter, format!("{name} must be true or false"))),
        }
    }

    /// A flag and the deprecated parameter that says the same.
    pub(crate) fn twin_flag(&self, name: &str, deprecated: &str) -> Result<Option<bool>, Error> {
        match (self.flag(name)?, self.flag(deprecated)?) {
            (Some(new), Some(old)) if new != old => {
                Err(Error::new(Code::InvalidFilter, format!("{name} and {deprecated} disagree; give {name} alone")))
            }
            (new, old) => Ok(new.or(old)),
        }
    }

    /// A repeatable parameter whose values come from a closed set.
    pub(crate) fn words<W: Copy + PartialEq + Display>(&self, name: &str, allowed: &[W]) -> Result<Vec<W>, Error> {
        let mut found = Vec::new();
        for value in self.all(name) {
            let word = word(name, value, allowed, Code::InvalidFilter)?;
            if !found.contains(&word) {
                found.push(word);
            }
        }
        Ok(found)
    }

    /// Search terms; an empty one looks for nothing and is left out.
    pub(crate) fn terms(&self, name: &str) -> Vec<String> {
        self.all(name).into_iter().filter(|term| !term.is_empty()).map(str::to_owned).collect()
    }
}

/// One value out of a closed set.
fn word<W: Copy + Display>(name: &str, value: &str, allowed: &[W], code: Code) -> Result<W, Error> {
    if let Some(word) = allowed.iter().find(|word| word.to_string() == value) {
        return Ok(*word);
    }
    let allowed: Vec<_> = allowed.iter().map(|word| format!("`{word}`")).collect();
    let joined = if value.contains(',') { "; repeat the parameter instead of joining values with commas" } else { "" };
    Err(Error::new(code, format!("{name} must be one of {}{joined}", allowed.join(", "))))
}

fn bad(name: &str, why: &str) -> Error {
    Error::new(Code::BadRequest, format!("{name} {why}"))
}

fn decode(text: &str) -> Result<String, Error> {
    let spaced = text.replace('+', " ");
    match percent_decode_str(&spaced).decode_utf8() {
        Ok(decoded) if !decoded.contains('\0') => Ok(decoded.into_owned()),
        _ => Err(Error::new(Code::BadRequest, "the query string must be percent-encoded UTF-8 without NUL characters")),
    }
}

#[cfg(test)]
mod tests {
    use cedarkeep_model::OwnerType;

    use super::*;

    fn query(text: &str) -> Query {
        Query::parse(text).unwrap()
    }

    #[test]
    fn an_array_has_many_spellings() {
        for text in [
            "filter[owner_type]=platform&filter[owner_type]=customer",
            "filter[owner_type][]=platform&filter[owner_type][]=customer",
            "filter%5Bowner_type%5D=platform&filter%5Bowner_type%5D%5B%5D=customer",
            "filter%5bowner_type%5d=platform&x=1&filter[owner_type]=customer&filter[owner_type]=customer",
        ] {
            let words = query(text).words("filter[owner_type]", OwnerType::ALL).unwrap();
            assert_eq!(words, [OwnerType::Platform, OwnerType::Customer], "{text}");
        }
    }

    #[test]
    fn an_unknown_or_joined_word_is_answered_with_the_known_ones() {
        let refusal = |text: &str| {
            let error = query(text).words("filter[owner_type]", OwnerType::ALL).unwrap_err();
            assert_eq!(error.code(), Code::InvalidFilter);
            error.message().to_owned()
        };
        assert_eq!(
            refusal("filter[owner_type]=platform,customer"),
            "filter[owner_type] must be one of `platform`, `customer`; repeat the parameter instead of joining values with commas"
        );
        assert_eq!(refusal("filter[owner_type]=mine"), "filter[owner_type] must be one of `platform`, `customer`");
        assert!(refusal("filter[owner_type]=").starts_with("filter[owner_type] must be"));
    }

    #[test]
    fn text_is_decoded_and_must_be_utf8() {
        assert_eq!(query("query=a%20b+c%2B%C3%A9").terms("query"), ["a b c+é"]);
        assert_eq!(query("query=&query=%25").terms("query"), ["%"]);
        for text in ["query=%ff", "%ff=1", "query=%00"] {
            assert_eq!(Query::parse(text).unwrap_err().code(), Code::BadRequest, "{text}");
        }
    }

    #[test]
    fn a_scalar_has_one_value() {
        assert_eq!(query("slug=a&slug=a").one("slug").unwrap(), Some("a"));
        assert_eq!(query("slug[]=a").one("slug").unwrap(), None, "the name of an array that is not known");
        assert_eq!(query("slug=a&slug=b").one("slug").unwrap_err().code(), Code::BadRequest);
    }

    #[test]
    fn a_flag_and_its_deprecated_twin_must_agree() {
        let twin = |text| query(text).twin_flag("filter[active]", "active");
        assert_eq!(twin("").unwrap(), None);
        assert_eq!(twin("active=true").unwrap(), Some(true));
        assert_eq!(twin("filter[active]=false").unwrap(), Some(false));
        assert_eq!(twin("filter[active]=true&active=true").unwrap(), Some(true));
        assert_eq!(twin("filter[active]=true&active=false").unwrap_err().code(), Code::InvalidFilter);
        assert_eq!(twin("active=1").unwrap_err().code(), Code::InvalidFilter);
    }
}
