//! The routes that are asked, as `schemas/openapi.json` names them.

use std::fmt::{self, Display, Write as _};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All but the characters that mean nothing anywhere in a URL (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A method, a path with the names of its parts in braces, and the parameters that are given.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) query: &'static [&'static str],
}

macro_rules! routes {
    ($($name:ident: $method:literal $path:literal [$($query:literal),*];)+) => {
        $(pub(super) const $name: Route = Route { method: $method, path: $path, query: &[$($query),*] };)+

        /// All of them.
        #[cfg(test)]
        pub(super) const ALL: &[Route] = &[$($name),+];
    };
}

routes! {
    ZONES: "get" "/zones" ["limit", "after"];
    ZONE: "get" "/zones/{zone_id}" [];
    SCHEMA: "get" "/zones/{zone_id}/policy-schemas/{version}" [];
    CREATE_SCHEMA: "post" "/zones/{zone_id}/policy-schemas" [];
    POLICIES: "get" "/zones/{zone_id}/policies" ["limit", "after", "filter[archived]"];
    SETS: "get" "/zones/{zone_id}/policy-sets" ["limit", "after", "query[name]", "filter[scope_type]"];
    CREATE_SET: "post" "/zones/{zone_id}/policy-sets" [];
    APPLY: "post" "/zones/{zone_id}/policy-sets/{policy_set_id}/apply" [];
    VERSIONS: "get" "/zones/{zone_id}/policy-sets/{policy_set_id}/versions" ["limit", "after", "filter[archived]"];
    VERSION: "get" "/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}" [];
    PINNED: "get" "/zones/{zone_id}/policy-sets/{policy_set_id}/versions/{version_id}/policies" ["limit", "after", "format"];
    BINDINGS: "get" "/zones/{zone_id}/policy-bindings" [
        "limit", "after", "filter[policy_set_id]", "filter[scope_type]", "filter[scope_target_id]"
    ];
    BIND: "put" "/zones/{zone_id}/policy-bindings" [];
    PROMOTE: "post" "/zones/{zone_id}/policy-bindings/{binding_id}/promote" [];
    EVENTS: "get" "/zones/{zone_id}/events" ["limit", "after"];
    TEST: "post" "/zones/{zone_id}/policy-tests" [];
    DECIDE: "post" "/zones/{zone_id}/authorize/batch" [];
}

impl Route {
    /// The URL with these values in place of the names in braces, in their order, and these parameters.
    pub(super) fn url(&self, server: &str, values: &[&dyn Display], query: &[(&str, &str)]) -> String {
        let mut values = values.iter();
        let mut url = server.to_owned();
        for part in self.path.split('/').skip(1) {
            let _ = match values.as_slice().first().filter(|_| part.starts_with('{')) {
                Some(value) => {
                    values.next();
                    write!(url, "/{}", Escaped(&value.to_string()))
                }
                None => write!(url, "/{part}"),
            };
        }
        debug_assert!(values.next().is_none() && !url.contains('{'), "{url}");
        for (number, (name, value)) in query.iter().enumerate() {
            debug_assert!(self.query.contains(name), "{name} of {}", self.path);
            let sign = if number == 0 { '?' } else { '&' };
            let _ = write!(url, "{sign}{}={}", Escaped(name), Escaped(value));
        }
        url
    }
}

struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        utf8_percent_encode(self.0, RESERVED).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_places_of_names_and_break_out_of_nothing() {
        let url = SCHEMA.url("http://a/b", &[&"1", &"../x?y"], &[]);
        assert_eq!(url, "http://a/b/zones/1/policy-schemas/..%2Fx%3Fy");
        let url = SETS.url("http://a", &[&"1"], &[("limit", "100"), ("query[name]", "a&b c")]);
        assert_eq!(url, "http://a/zones/1/policy-sets?limit=100&query%5Bname%5D=a%26b%20c");
    }
}
