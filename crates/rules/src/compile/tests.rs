use std::{collections::BTreeMap, net::IpAddr};

use cedarkeep_cedar::Decision;
use proptest::{prelude::*, sample::select, test_runner::Config};

use super::*;
use crate::{
    Access, AccessPath, AttributeText, IdentityKind,
    testing::{ask, ask_with, bed, cedar, on_pool, policy},
};

fn binding(kind: &str, id: &str, expires_at: Option<&str>) -> Binding {
    Binding::read(&json!({"identity_type": kind, "identity_id": id, "expires_at": expires_at})).unwrap()
}

fn alice() -> [Binding; 1] {
    [binding("user", "alice", None)]
}

fn access(path: &str, now: &str) -> Access {
    Access {
        identity: Identity { kind: IdentityKind::User, id: "alice".to_owned() },
        permission: Permission::Read,
        path: AccessPath::new(path).unwrap(),
        now: now.parse().unwrap(),
        source_ip: None,
        mfa_verified_at: None,
        attributes: BTreeMap::new(),
    }
}

fn read_rule(conditions: &Value) -> RulePolicy {
    policy(&json!({"name": "p", "rules": [{"path_pattern": "*", "permissions": ["read"], "conditions": conditions}]}))
}

fn allows(policy: &RulePolicy, bindings: &[Binding], access: &Access) -> bool {
    ask(&bed(&[("p", policy, bindings)]), access, &[]).decision == Decision::Allow
}

#[test]
fn the_cedar_of_a_policy_can_be_read() {
    let document = json!({"name": "Enterprise Access", "rules": [
        {"path_pattern": "reports/*", "action": "allow", "priority": 1, "permissions": ["full_access", "commercial_use"],
         "conditions": {"licenseType": "enterprise", "time_window": {"start": "09:00", "end": "17:30"}},
         "rateLimit": {"requests": 10_000, "period": "hour"}},
        {"action": "deny", "priority": 99, "conditions": {"default": true}, "message": "An \"enterprise\" license\nis required"}]});
    let bindings = [
        binding("group", "partners", None),
        binding("user", "alice", Some("2026-02-01T00:00:00Z")),
        binding("user", "bob", Some("2026-02-01T00:00:00Z")),
    ];
    let text = on_pool(move || cedar("pol_1", &policy(&document), &bindings));
    let expected = include_str!("expected.cedar");
    assert_eq!(text, expected);
}

#[test]
fn a_policy_that_says_nothing_keeps_its_statements() {
    on_pool(|| {
        let open =
            json!({"name": "p", "rules": [{"action": "deny", "path_pattern": "secret"}], "defaultAction": "allow"});
        let (mut policy, now) = (policy(&open), "2026-01-01T00:00:00Z");
        assert!(allows(&policy, &alice(), &access("a", now)));
        assert!(!allows(&policy, &alice(), &access("secret", now)));
        assert!(!allows(&policy, &[], &access("a", now)), "a default allow is for those who are bound");
        assert!(!allows(&policy, &[binding("user", "bob", None)], &access("a", now)));
        assert!(cedar("p", &policy, &[]).contains("nobody is bound to it"));
        policy.enabled = false;
        assert!(!allows(&policy, &alice(), &access("a", now)));
        assert!(cedar("p", &policy, &alice()).contains("it is not enabled"));
    });
}

#[test]
fn a_binding_ends_at_its_second() {
    on_pool(|| {
        let rule = read_rule(&json!({}));
        for bindings in [
            vec![binding("user", "alice", Some("2026-01-31T12:00:00Z"))],
            vec![binding("user", "alice", Some("2026-01-31T12:00:00Z")), binding("user", "bob", None)],
        ] {
            for (now, allowed) in [
                ("2026-01-31T11:59:59Z", true),
                ("2026-01-31T11:59:59.999999Z", true),
                ("2026-01-31T12:00:00Z", false),
                ("2026-01-31T12:00:00.000001Z", false),
                ("2026-01-31T12:00:01Z", false),
            ] {
                assert_eq!(allows(&rule, &bindings, &access("a", now)), allowed, "{now}");
            }
        }
    });
}

#[test]
fn windows_are_half_open_and_may_cross_midnight() {
    on_pool(|| {
        let rule = |start: &str, end: &str| read_rule(&json!({"time_window": {"start": start, "end": end}}));
        let (day, night) = (rule("09:00", "17:30"), rule("22:15", "05:00"));
        for (time, in_day, in_night) in [
            ("00:00:00", false, true),
            ("04:59:59.999", false, true),
            ("05:00:00", false, false),
            ("08:59:59.999", false, false),
            ("09:00:00", true, false),
            ("17:29:59.999", true, false),
            ("17:30:00", false, false),
            ("22:15:00", false, true),
        ] {
            for date in ["2026-01-31", "1969-12-31", "0001-01-01"] {
                let access = access("a", &format!("{date}T{time}Z"));
                assert_eq!(allows(&day, &alice(), &access), in_day, "{date} {time}");
                assert_eq!(allows(&night, &alice(), &access), in_night, "{date} {time}");
            }
        }
    });
}

#[test]
fn a_second_factor_is_recent_for_fifteen_minutes() {
    on_pool(|| {
        let rule = read_rule(&json!({"require_mfa": true}));
        for (verified, allowed) in [
            (Some("2026-01-31T12:00:00.001Z"), false),
            (Some("2026-01-31T12:00:00Z"), true),
            (Some("2026-01-31T11:45:00.001Z"), true),
            (Some("2026-01-31T11:45:00Z"), false),
            (Some("0001-01-01T00:00:00Z"), false),
            (Some("9999-12-31T23:59:59Z"), false),
            (None, false),
        ] {
            let mut access = access("a", "2026-01-31T12:00:00Z");
            access.mfa_verified_at = verified.map(|at| at.parse().unwrap());
            assert_eq!(allows(&rule, &alice(), &access), allowed, "{verified:?}");
        }
    });
}

/// Without unwrapping, an address of IPv4 in IPv6 lies in no range of IPv4, and gets past a rule that denies.
#[test]
fn an_address_is_the_same_in_both_families() {
    on_pool(|| {
        let deny = policy(&json!({"name": "p", "defaultAction": "allow",
            "rules": [{"action": "deny", "conditions": {"ip_ranges": ["10.0.0.0/8"]}}]}));
        let any_v6 = read_rule(&json!({"ip_ranges": ["::/0"]}));
        let (denying, allowing) = (bed(&[("p", &deny, &alice())]), bed(&[("p", &any_v6, &alice())]));
        for (address, denied, in_v6) in [
            ("10.1.2.3", true, false),
            ("::ffff:10.1.2.3", true, false),
            ("11.1.2.3", false, false),
            ("::ffff:11.1.2.3", false, false),
            ("::a01:203", false, true),
            ("2001:db8::1", false, true),
        ] {
            let mut access = access("a", "2026-01-01T00:00:00Z");
            access.source_ip = Some(address.parse::<IpAddr>().unwrap());
            assert_eq!(ask(&denying, &access, &[]).decision == Decision::Deny, denied, "{address}");
            assert_eq!(ask(&allowing, &access, &[]).decision == Decision::Allow, in_v6, "{address}");
        }
        // Whoever asks Cedar directly cannot slip through in IPv6 clothing either.
        for (address, denied) in [("::ffff:a01:203", true), ("::ffff:b01:203", false)] {
            let known = access("a", "2026-01-01T00:00:00Z");
            let decided = ask_with(&denying, &known, &[], |context| {
                context["source_ip"] = json!({"__extn": {"fn": "ip", "arg": address}});
            });
            assert_eq!(decided.decision == Decision::Deny, denied, "{address}");
        }
    });
}

#[test]
fn what_is_absent_matches_a_deny_and_no_allow() {
    on_pool(|| {
        for conditions in [
            json!({"ip_ranges": ["10.0.0.0/8"]}),
            json!({"require_mfa": true}),
            json!({"licenseType": "trial"}),
            json!({"licenseType": "trial", "ip_ranges": ["10.0.0.0/8"], "require_mfa": true}),
        ] {
            let access = access("a", "2026-01-01T00:00:00Z");
            assert!(!allows(&read_rule(&conditions), &alice(), &access), "{conditions}");
            let deny =
                json!({"name": "p", "rules": [{"action": "deny", "conditions": conditions}], "defaultAction": "allow"});
            assert!(!allows(&policy(&deny), &alice(), &access), "{conditions}");
        }
        let mut access = access("a", "2026-01-01T00:00:00Z");
        access.attributes = [("licenseType".to_owned(), AttributeText::of(&json!("paid")).unwrap())].into();
        let deny = json!({"name": "p", "rules": [{"action": "deny", "conditions": {"licenseType": "trial"}}], "defaultAction": "allow"});
        assert!(allows(&policy(&deny), &alice(), &access));
    });
}

/// What everybody writes may be large: it is compiled, valid, has a text, and is refused whole when it is too large.
#[test]
fn the_largest_policies_compile_or_are_refused() {
    on_pool(|| {
        let ranges: Vec<String> = (0..100).map(|number| format!("10.{number}.0.0/16")).collect();
        let attributes: Map<String, Value> = (0..20).map(|number| (format!("a{number}"), "x".into())).collect();
        let mut conditions =
            json!({"ip_ranges": ranges, "require_mfa": true, "time_window": {"start": "01:00", "end": "00:30"}});
        conditions.as_object_mut().unwrap().extend(attributes);
        let rule = |action: &str, priority: usize| json!({"action": action, "priority": priority, "path_pattern": format!("p{priority}/*"), "permissions": ["read"], "conditions": conditions});
        let heavy = policy(&json!({"name": "p", "rules": [rule("allow", 1), rule("allow", 2), rule("deny", 3)]}));
        bed(&[("p", &heavy, &alice())]);

        let plain = |number: usize| {
            json!({"action": if number.is_multiple_of(2) { "allow" } else { "deny" }, "priority": number,
            "path_pattern": format!("p{number}/*"), "permissions": ["read"]})
        };
        let many = policy(&json!({"name": "p", "rules": (0..100).map(plain).collect::<Vec<_>>()}));
        bed(&[("p", &many, &alice())]);

        let bindings: Vec<Binding> = (0..1_000)
            .map(|number| {
                let end = format!("2026-01-01T00:{:02}:{:02}Z", number % 10, number % 50);
                binding("user", &format!("user-{number}"), Some(&end))
            })
            .collect();
        bed(&[("p", &read_rule(&json!({})), &bindings)]);
        assert!(matches!(compile("p", &many, &bindings), Err(CedarError::TooLarge(_))));
        let rules: Vec<Value> =
            (0..100).map(|number| rule(if number < 50 { "allow" } else { "deny" }, number)).collect();
        let open: Vec<Value> = rules
            .into_iter()
            .map(|mut rule| {
                rule["path_pattern"] = "*".into();
                rule
            })
            .collect();
        let heaviest = policy(&json!({"name": "p", "rules": open}));
        assert!(matches!(compile("p", &heaviest, &alice()), Err(CedarError::TooLarge(_))));
    });
}

#[test]
fn what_can_never_be_tried_is_found() {
    on_pool(|| {
        let shadowed = policy(&json!({"name": "p", "rules": [
            {"action": "allow", "priority": 1, "permissions": ["admin"]},
            {"action": "deny", "priority": 2, "permissions": ["read"]},
            {"action": "deny", "priority": 0, "permissions": ["write"]}]}));
        let bed = bed(&[("p", &shadowed, &alice())]);
        let warned: Vec<_> = bed.findings().unwrap().warnings.iter().map(|finding| finding.cedar_id.clone()).collect();
        // The second rule can never be tried, and Cedar says so.
        assert_eq!(warned, [Some("policy1".to_owned())]);
    });
}

/// What [`AccessPath`] refuses, the guard denies, and nothing else.
#[test]
fn the_guard_denies_what_is_no_path() {
    on_pool(|| {
        let any = read_rule(&json!({}));
        let bed = bed(&[("p", &any, &alice())]);
        let known = access("a", "2026-01-01T00:00:00Z");
        let segment = select(vec!["", ".", "..", "...", "a", "b.c", "%", "\\", "*", "..a", "a..", " "]);
        let paths = prop::collection::vec(segment, 0..6).prop_map(|segments| segments.join("/"));
        let mut runner = proptest::test_runner::TestRunner::new(Config { cases: 2_000, ..Config::default() });
        runner
            .run(&paths, |path| {
                let decided = ask_with(&bed, &known, &[], |context| context["path"] = path.as_str().into());
                let reason: Vec<_> = decided.reason.iter().map(|reason| reason.cedar_id.as_str()).collect();
                let expected = if AccessPath::new(path).is_ok() { ["p/policy0"] } else { ["guard/policy0"] };
                prop_assert_eq!(reason, expected);
                Ok(())
            })
            .unwrap();
    });
}

proptest! {
    #![proptest_config(Config { cases: 64, ..Config::default() })]

    /// Whatever stands in a document stays a literal: it is compiled to one statement a rule, and the text means the same.
    #[test]
    fn texts_stay_texts(message in "[^\\p{Cc}<]{1,40}", key in "[^\\p{Cc}]{1,20}", value in any::<String>(), id in "[^\\p{Cc}]{1,20}") {
        prop_assume!(value.len() <= 256 && id.len() <= 256 && !crate::RESERVED.contains(&key.as_str()) && !["ip_ranges", "require_mfa", "time_window", "default"].contains(&key.as_str()));
        let document = json!({"name": "p", "rules": [
            {"action": "deny", "conditions": {key.clone(): value.clone()}, "message": message},
            {"path_pattern": "*", "permissions": ["read"], "conditions": {key: value}}]});
        let bindings = [Binding::read(&json!({"identity_type": "user", "identity_id": id})).unwrap()];
        on_pool(move || { bed(&[("p", &policy(&document), &bindings)]); });
    }
}
