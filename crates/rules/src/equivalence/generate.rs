//! Policies, identities and requests of all kinds, near one another: a few paths, addresses and moments that meet the
//! conditions, or miss them by a millisecond.

use std::{collections::BTreeMap, net::Ipv6Addr};

use cedarkeep_cedar::{TestBed, TestDecision};
use cedarkeep_model::Timestamp;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};

use crate::{Access, AccessPath, AttributeText, Identity, IdentityKind, testing::ask_with};

/// Who is in which group: kind and id of the member, id of the group.
pub(super) type Memberships = Vec<((&'static str, String), String)>;

/// Some policies with their bindings, who is in which group, and some requests.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) policies: Vec<(Value, Vec<Value>)>,
    pub(super) memberships: Memberships,
    pub(super) requests: Vec<Request>,
}

/// A request in plain words; times in milliseconds since 1970.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) permission: &'static str,
    pub(super) path: String,
    pub(super) now: i64,
    pub(super) source_ip: Option<String>,
    /// Whether Cedar is asked about the address as it came: it must find by itself that it is of the other family.
    pub(super) clothed: bool,
    pub(super) mfa_verified_at: Option<i64>,
    pub(super) attributes: Vec<(String, Value)>,
}

const PERMISSIONS: [&str; 8] = ["read", "write", "delete", "list", "rotate", "admin", "full_access", "commercial_use"];
const CLOCKS: [&str; 7] = ["00:00", "00:01", "05:00", "09:00", "17:30", "22:15", "23:59"];
const ENDS: [&str; 4] =
    ["2026-01-31T12:00:00Z", "2026-01-31T12:00:01Z", "2028-02-29T23:59:59Z", "2026-03-01T00:00:00Z"];
/// Days around those of [`ENDS`], and from before 1970.
const DAYS: [&str; 5] = ["2026-01-31", "2026-02-28", "2028-02-29", "1969-12-31", "1960-02-29"];
const RANGES: [&str; 11] = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.1.2.3/32",
    "0.0.0.0/0",
    "192.168.0.0/17",
    "2001:db8::/32",
    "2001:db8:8000::/33",
    "::/0",
    "::/80",
    "::ffff:10.0.0.0/104",
    "::a01:200/120",
];
const ADDRESSES: [&str; 11] = [
    "10.1.2.3",
    "10.2.0.1",
    "::ffff:10.1.2.3",
    "::ffff:10.200.0.1",
    "::a01:203",
    "192.168.127.255",
    "192.168.128.0",
    "2001:db8::1",
    "2001:db8:8000::",
    "2001:db7:ffff::",
    "fe80::1",
];
const SEGMENTS: [&str; 5] = ["prod", "db", "prod-eu", "a b", "..."];
const PATTERNS: [&str; 10] = ["*", "prod/*", "prod*", "*/db", "prod/db", "*db*", "p*d/*/db", "prod/*/*", "a b", "*.*"];
const NAMES: [&str; 4] = ["licenseType", "seats", "trial", "größe"];

fn values() -> impl Strategy<Value = Value> {
    select(vec![
        json!("enterprise"),
        json!("5"),
        json!(5),
        json!(true),
        json!("true"),
        json!(false),
        json!(-1),
        json!(""),
    ])
}

fn id() -> impl Strategy<Value = String> {
    (0..3_u8).prop_map(|number| number.to_string())
}

pub(super) fn world(requests: usize) -> impl Strategy<Value = World> {
    let member = prop_oneof![(Just("user"), id()), (Just("service_account"), id())];
    // A group is only ever in one of a higher number, so that there is no cycle.
    let groups = vec((0..3_u8, 0..3_u8), 0..3)
        .prop_map(|pairs| pairs.into_iter().filter(|(low, high)| low < high).collect::<Vec<_>>());
    let memberships = (vec((member, id()), 0..6), groups).prop_map(|(members, groups)| {
        let nested = groups.into_iter().map(|(low, high)| (("group", low.to_string()), high.to_string()));
        members.into_iter().chain(nested).collect::<Memberships>()
    });
    let policies = vec((document(), vec(binding(), 0..5)), 1..4);
    (policies, memberships, vec(request(), requests)).prop_map(|(policies, memberships, requests)| World {
        policies,
        memberships,
        requests,
    })
}

fn binding() -> impl Strategy<Value = Value> {
    let kind = select(vec!["user", "service_account", "group"]);
    let end = prop::option::weighted(0.3, select(ENDS.as_slice()));
    (kind, id(), end).prop_map(|(kind, id, end)| json!({"identity_type": kind, "identity_id": id, "expires_at": end}))
}

fn document() -> impl Strategy<Value = Value> {
    let default = select(vec!["deny", "deny", "allow"]);
    (vec(rule(), 1..6), prop::bool::weighted(0.95), default).prop_map(
        |(rules, enabled, default)| json!({"name": "p", "rules": rules, "enabled": enabled, "defaultAction": default}),
    )
}

fn rule() -> impl Strategy<Value = Value> {
    let permissions = prop::sample::subsequence(PERMISSIONS.to_vec(), 1..6);
    let pattern = prop::option::weighted(0.7, select(PATTERNS.as_slice()));
    let priority = prop::option::weighted(0.8, 0..4_u64);
    let limit = (1..100_u64, select(vec!["second", "minute", "hour", "day"]))
        .prop_map(|(requests, period)| json!({"requests": requests, "period": period}));
    let limit = prop::option::of(limit);
    (permissions, pattern, priority, conditions(), any::<bool>(), any::<bool>(), limit).prop_map(
        |(permissions, pattern, priority, conditions, denies, all, limit)| {
            let mut rule = json!({"action": if denies { "deny" } else { "allow" }, "conditions": conditions,
                "path_pattern": pattern, "priority": priority, "permissions": permissions});
            if denies && all {
                rule["permissions"] = Value::Null;
            }
            if !denies {
                rule["rateLimit"] = limit.into();
            }
            rule.as_object_mut().unwrap().retain(|_, member| !member.is_null());
            rule
        },
    )
}

fn conditions() -> impl Strategy<Value = Value> {
    let ranges = vec(select(RANGES.as_slice()), 1..7);
    let window = (select(CLOCKS.as_slice()), select(CLOCKS.as_slice())).prop_filter("it has a length", |(a, b)| a != b);
    let attributes = prop::collection::btree_map(select(NAMES.as_slice()), values(), 0..3);
    let attributes = prop_oneof![2 => Just(BTreeMap::new()), 1 => attributes];
    (
        prop::option::weighted(0.2, ranges),
        prop::option::weighted(0.15, any::<bool>()),
        prop::option::weighted(0.2, window),
        attributes,
        prop::bool::weighted(0.1),
    )
        .prop_map(|(ranges, mfa, window, attributes, default)| {
            let mut conditions = Map::new();
            let mut put =
                |name: &str, value: Option<Value>| value.map(|value| conditions.insert(name.to_owned(), value));
            put("ip_ranges", ranges.map(Into::into));
            put("require_mfa", mfa.map(Into::into));
            put("time_window", window.map(|(start, end)| json!({"start": start, "end": end})));
            put("default", default.then_some(true.into()));
            conditions.extend(attributes.into_iter().map(|(name, value)| (name.to_owned(), value)));
            Value::Object(conditions)
        })
}

fn request() -> impl Strategy<Value = Request> {
    let path = vec(select(SEGMENTS.as_slice()), 1..4).prop_map(|segments| segments.join("/"));
    // At a clock of the windows or at the end of a binding, or beside it.
    let clock =
        (select(DAYS.as_slice()), select(CLOCKS.as_slice())).prop_map(|(day, clock)| format!("{day}T{clock}:00Z"));
    let moment = prop_oneof![2 => clock, 1 => select(ENDS.as_slice()).prop_map(str::to_owned)];
    let beside = select(vec![-1_000_i64, -1, 0, 0, 0, 1, 1_000, 3_600_000]);
    let now =
        (moment, beside).prop_map(|(moment, beside)| moment.parse::<Timestamp>().unwrap().micros() / 1_000 + beside);
    let age = select(vec![0_i64, 1, -1, 899_999, 900_000, 60_000, 86_400_000]);
    let attributes = prop::collection::btree_map(select(NAMES.as_slice()), values(), 0..4)
        .prop_map(|map| map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
    (
        select(vec!["user", "user", "service_account"]),
        id(),
        prop_oneof![select(vec!["read", "write"]), select(PERMISSIONS.as_slice())],
        path,
        now,
        (prop::option::weighted(0.8, select(ADDRESSES.as_slice())), any::<bool>()),
        prop::option::weighted(0.7, age),
        attributes,
    )
        .prop_map(|(kind, id, permission, path, now, (source_ip, clothed), age, attributes)| Request {
            kind,
            id,
            permission,
            path,
            now,
            source_ip: source_ip.map(str::to_owned),
            clothed,
            mfa_verified_at: age.map(|age| now - age),
            attributes,
        })
}

impl World {
    /// The identities and groups, in Cedar's entity JSON.
    pub(super) fn entities(&self) -> Vec<Value> {
        let kinds = [("user", "User"), ("service_account", "ServiceAccount"), ("group", "Group")];
        let every = kinds.into_iter().flat_map(|kind| (0..3).map(move |number: u8| (kind, number.to_string())));
        every
            .map(|((kind, entity_type), id)| {
                let own = |((member, member_id), _): &&((&str, String), String)| *member == kind && *member_id == id;
                let mut parents: Vec<&String> = self.memberships.iter().filter(own).map(|(_, group)| group).collect();
                parents.sort();
                parents.dedup();
                let parents: Vec<_> =
                    parents.iter().map(|group| json!({"type": "Rules::Group", "id": group})).collect();
                json!({"uid": {"type": format!("Rules::{entity_type}"), "id": id}, "attrs": {}, "parents": parents})
            })
            .collect()
    }
}

impl Request {
    pub(super) fn access(&self) -> Access {
        let moment = |millis: i64| Timestamp::from_micros(millis * 1_000);
        let attribute = |(name, value): &(String, Value)| (name.clone(), AttributeText::of(value).unwrap());
        Access {
            identity: Identity { kind: IdentityKind::of_word(self.kind).unwrap(), id: self.id.clone() },
            permission: self.permission.parse().unwrap(),
            path: AccessPath::new(self.path.as_str()).unwrap(),
            now: moment(self.now),
            source_ip: self.source_ip.as_ref().map(|address| address.parse().unwrap()),
            mfa_verified_at: self.mfa_verified_at.map(moment),
            attributes: self.attributes.iter().map(attribute).collect(),
        }
    }

    /// The access as Cedar is asked, with the address as it came if that is wanted.
    pub(super) fn ask(&self, bed: &TestBed, entities: &[Value]) -> TestDecision {
        ask_with(bed, &self.access(), entities, |context| {
            if let (true, Some(Ok(address))) =
                (self.clothed, self.source_ip.as_ref().map(|text| text.parse::<Ipv6Addr>()))
            {
                // Cedar reads no dots in it.
                let segments = address.segments().map(|segment| format!("{segment:x}")).join(":");
                context["source_ip"] = json!({"__extn": {"fn": "ip", "arg": segments}});
            }
        })
    }
}
