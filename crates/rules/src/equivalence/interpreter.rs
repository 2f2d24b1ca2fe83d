//! A direct reading of rule documents: from JSON, with nothing of the compiler and nothing of Cedar.

use std::net::IpAddr;

use serde_json::Value;

use super::generate::{Memberships, Request, World};

/// What comes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Allow,
    Deny,
    /// Nobody says anything.
    Silent,
}

/// What one policy says, and by which rule. The default action counts as one more rule, behind the last.
pub(super) type Said = Option<(Verdict, usize)>;

const DAY: i64 = 24 * 60 * 60 * 1_000;

pub(super) fn say(document: &Value, bindings: &[Value], request: &Request, memberships: &Memberships) -> Said {
    if document["enabled"] == false || !bindings.iter().any(|binding| is_bound(binding, request, memberships)) {
        return None;
    }
    let mut tried: Vec<(usize, &Value)> = document["rules"].as_array().unwrap().iter().enumerate().collect();
    tried.sort_by_key(|(_, rule)| (rule["priority"].as_u64().unwrap_or(0), rule["action"] != "deny"));
    for (index, rule) in tried {
        let denies = rule["action"] == "deny";
        if matches(rule, denies, request) {
            return Some((if denies { Verdict::Deny } else { Verdict::Allow }, index));
        }
    }
    let behind = document["rules"].as_array().unwrap().len();
    (document["defaultAction"] == "allow").then_some((Verdict::Allow, behind))
}

pub(super) fn combine(said: &[Said]) -> Verdict {
    let anybody = |verdict| said.iter().flatten().any(|(other, _)| *other == verdict);
    if anybody(Verdict::Deny) {
        Verdict::Deny
    } else if anybody(Verdict::Allow) {
        Verdict::Allow
    } else {
        Verdict::Silent
    }
}

/// The strictest limit of the rules that allowed, if it is allowed: the fewest requests a day, over the shortest time.
pub(super) fn rate_limit(world: &World, said: &[Said]) -> Option<Value> {
    if combine(said) != Verdict::Allow {
        return None;
    }
    let rules = world.policies.iter().zip(said).filter_map(|((document, _), said)| {
        let (_, rule) = said.as_ref()?;
        document["rules"].get(*rule)?.get("rateLimit")
    });
    let strictness = |limit: &&Value| {
        let seconds = match limit["period"].as_str().unwrap() {
            "second" => 1,
            "minute" => 60,
            "hour" => 3_600,
            _ => 86_400,
        };
        (limit["requests"].as_u64().unwrap() * 86_400 / seconds, seconds)
    };
    rules.min_by_key(strictness).cloned()
}

fn is_bound(binding: &Value, request: &Request, memberships: &Memberships) -> bool {
    let (kind, id) = (binding["identity_type"].as_str().unwrap(), binding["identity_id"].as_str().unwrap());
    let bound = if kind == "group" {
        is_in((request.kind, &request.id), id, memberships)
    } else {
        (kind, id) == (request.kind, request.id.as_str())
    };
    bound && binding["expires_at"].as_str().is_none_or(|end| request.now < millis(end))
}

fn is_in(member: (&str, &str), group: &str, memberships: &Memberships) -> bool {
    memberships
        .iter()
        .filter(|((kind, id), _)| (*kind, id.as_str()) == member)
        .any(|(_, parent)| parent == group || is_in(("group", parent), group, memberships))
}

/// `2026-01-31T12:00:00Z` in milliseconds since 1970, by counting days.
fn millis(text: &str) -> i64 {
    let part = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (year, month) = (part(0, 4), part(5, 7));
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let months = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let years: i64 = (1970..year).map(|year| 365 + i64::from(leap(year))).sum();
    let days = years + months.iter().take(usize::try_from(month).unwrap() - 1).sum::<i64>() + part(8, 10) - 1;
    days * DAY + ((part(11, 13) * 60 + part(14, 16)) * 60 + part(17, 19)) * 1_000
}

fn matches(rule: &Value, denies: bool, request: &Request) -> bool {
    let permitted = match rule["permissions"].as_array() {
        None => true,
        Some(permissions) => permissions.iter().any(|word| word == "admin" || word == request.permission),
    };
    let path = rule["path_pattern"].as_str().is_none_or(|pattern| glob(pattern.as_bytes(), request.path.as_bytes()));
    let conditions = rule["conditions"].as_object();
    permitted && path && conditions.into_iter().flatten().all(|(key, wanted)| holds(key, wanted, denies, request))
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => (0..=text.len()).any(|skipped| glob(rest, &text[skipped..])),
        Some((c, rest)) => text.first() == Some(c) && glob(rest, &text[1..]),
    }
}

fn holds(key: &str, wanted: &Value, denies: bool, request: &Request) -> bool {
    match key {
        "ip_ranges" => match &request.source_ip {
            None => denies,
            Some(address) => wanted.as_array().unwrap().iter().any(|range| within(address, range.as_str().unwrap())),
        },
        "require_mfa" if wanted == true => match request.mfa_verified_at {
            None => denies,
            Some(at) => (0..15 * 60 * 1_000).contains(&(request.now - at)),
        },
        "default" | "require_mfa" => true,
        "time_window" => {
            let clock = |name: &str| {
                let text = wanted[name].as_str().unwrap();
                (text[..2].parse::<i64>().unwrap() * 60 + text[3..].parse::<i64>().unwrap()) * 60_000
            };
            let (start, end, time) = (clock("start"), clock("end"), request.now.rem_euclid(DAY));
            // Shifted so that the window begins at midnight.
            (time - start).rem_euclid(DAY) < (end - start).rem_euclid(DAY)
        }
        attribute => match request.attributes.iter().find(|(name, _)| name == attribute) {
            None => denies,
            Some((_, value)) => value.as_str().map_or_else(|| value.to_string(), str::to_owned) == written(wanted),
        },
    }
}

fn written(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Bit by bit, each family by itself; IPv4 in IPv6 is IPv4.
fn within(address: &str, range: &str) -> bool {
    let (network, prefix) = range.split_once('/').unwrap();
    let (address, network) = (bits(address), bits(network));
    let mut prefix: usize = prefix.parse().unwrap();
    if network.1 {
        prefix -= 96;
    }
    address.0.len() == network.0.len() && address.0[..prefix] == network.0[..prefix]
}

/// The bits of an address, and whether it is IPv4 in IPv6.
fn bits(text: &str) -> (Vec<bool>, bool) {
    let spread =
        |octets: &[u8]| octets.iter().flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1 == 1)).collect();
    match text.parse::<IpAddr>().unwrap() {
        IpAddr::V4(v4) => (spread(&v4.octets()), false),
        IpAddr::V6(v6) => {
            let octets = v6.octets();
            let mapped = octets[..10] == [0; 10] && octets[10..12] == [0xff; 2];
            (spread(if mapped { &octets[12..] } else { &octets }), mapped)
        }
    }
}
