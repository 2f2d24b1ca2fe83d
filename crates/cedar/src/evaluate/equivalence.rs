//! The index against Cedar's own authorizer, which reads policies and entities itself and visits every policy.

use std::{fmt::Write as _, sync::Arc};

use cedar_policy::{AuthorizationError, Authorizer, Context, Entities, PolicyId as CedarId, PolicySet, Request};
use cedarkeep_model::ForbidErrorRule;
use proptest::{
    prelude::*,
    sample::{Index as Pick, select},
    test_runner::{Config, TestRunner},
};
use serde_json::{Map, Value, json};

use crate::{
    CompiledSet, Decision, InlineEntities,
    content::Pinned,
    error::Finding,
    testing::{Explained, Question, compiled, generate, on_pool, pinned_json, policy_id, schema, store_of},
};

/// Groups of actions within groups, entities in deep hierarchies, attributes and tags of every type.
const SCHEMA: &str = r"
    type Address = { city: String, zip?: Long };
    entity Org; entity Group in [Group, Org]; entity Folder in [Folder, Org];
    entity User in [Group] { age: Long, flag: Bool, manager?: User, roles: Set<String>, home?: Address, ip?: ipaddr,
        since?: datetime } tags String;
    entity Doc in [Folder] { owner: User, public: Bool, size: Long, readers: Set<User>, price?: decimal };
    action any; action write_any in [any];
    action read in [any] appliesTo { principal: User, resource: Doc, context: { flag?: Bool, n?: Long, via?: User, ip?: ipaddr, a?: { b: { c: Long } } } };
    action write, delete in [write_any] appliesTo { principal: User, resource: Doc, context: { flag?: Bool, n?: Long, via?: User, ip?: ipaddr, a?: { b: { c: Long } } } };";

const ENTITIES: usize = 6;

fn uid_of(kinds: &'static [&'static str]) -> impl Strategy<Value = String> {
    (select(kinds), 0..ENTITIES).prop_map(|(kind, number)| format!("{kind}::\"{number}\""))
}

fn scope(variable: &'static str, kinds: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        2 => Just(variable.to_owned()),
        3 => uid_of(kinds).prop_map(move |uid| format!("{variable} == {uid}")),
        3 => uid_of(kinds).prop_map(move |uid| format!("{variable} in {uid}")),
        1 => select(kinds).prop_map(move |kind| format!("{variable} is {kind}")),
        1 => (select(kinds), uid_of(kinds)).prop_map(move |(kind, uid)| format!("{variable} is {kind} in {uid}")),
    ]
}

fn action() -> impl Strategy<Value = String> {
    let one = || select(vec!["any", "write_any", "read", "write", "delete", "unheard_of"]);
    prop_oneof![
        2 => Just("action".to_owned()),
        3 => one().prop_map(|name| format!("action == Action::\"{name}\"")),
        2 => one().prop_map(|name| format!("action in Action::\"{name}\"")),
        2 => prop::collection::vec(one(), 0..4).prop_map(|names| {
            let names: Vec<_> = names.iter().map(|name| format!("Action::\"{name}\"")).collect();
            format!("action in [{}]", names.join(", "))
        }),
    ]
}

/// Conditions as people write them; some fail for some requests, and that is meant.
const CONDITIONS: &[&str] = &[
    "principal == resource.owner",
    "resource.public",
    "principal.age >= 18 && !principal.flag",
    "principal.age + resource.size > 20 || resource.readers.contains(principal)",
    "principal has manager && principal.manager == resource.owner",
    "principal.manager.age > 30",
    "principal.manager.manager.flag",
    "principal.roles.contains(\"admin\")",
    "principal.roles.containsAny([\"admin\", \"ops\"]) && !principal.roles.isEmpty()",
    "principal.roles.containsAll([\"admin\", \"ops\"])",
    "[\"admin\"].containsAll(principal.roles)",
    "principal.home.city like \"B*n\"",
    "principal has home.zip && principal.home.zip * 2 == 24",
    "principal has home && principal.home == {city: \"Bonn\", zip: 12}",
    "principal has ip && principal.ip.isInRange(ip(\"10.0.0.0/8\"))",
    "context has ip && context.ip.isLoopback()",
    "context.ip == principal.ip",
    "principal.since < datetime(\"2026-01-01\")",
    "principal.since.offset(duration(\"1d\")).toDate() <= datetime(\"2026-01-01\")",
    "resource.price.lessThan(decimal(\"2.5\"))",
    "principal.hasTag(\"team\") && principal.getTag(\"team\") == \"red\"",
    "principal.getTag(\"team\") like \"r*\"",
    "context.via in Group::\"1\"",
    "context has via && context.via in [Group::\"0\", Group::\"3\", User::\"2\"]",
    "resource in Folder::\"2\" && principal in [Group::\"0\", Org::\"1\"]",
    "principal in resource.readers",
    "resource.owner in Group::\"2\"",
    "action in Action::\"write_any\"",
    "action == Action::\"read\"",
    "principal is User && resource is Doc in Folder::\"1\"",
    "if principal.flag then context.n > 3 else resource.public",
    "context.n > 3",
    "context has a.b.c && context.a.b.c == 1",
    "{a: principal.age, b: [1, 2]} == {a: 20, b: [2, 1]}",
    "[principal, resource.owner].contains(User::\"1\")",
    "User::\"1\".flag && User::\"77\" has flag",
    "User::\"77\".flag",
    "principal.age == \"20\"",
    "principal.age < \"20\"",
    "9223372036854775807 + principal.age > 0",
    "-principal.age < 0",
    "-(-9223372036854775808) > 0",
    "ip(context.flag)",
    "!context.n",
    "principal in context.flag",
    "1",
];

fn clauses() -> impl Strategy<Value = String> {
    let clause = prop_oneof![
        6 => select(CONDITIONS).prop_map(str::to_owned),
        2 => (select(CONDITIONS), select(vec!["&&", "||"]), select(CONDITIONS)).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
        1 => generate::expression(),
    ];
    prop::collection::vec((select(vec!["when", "unless"]), clause), 0..3).prop_map(|clauses| {
        clauses.into_iter().fold(String::new(), |mut text, (kind, clause)| {
            let _ = write!(text, " {kind} {{ {clause} }}");
            text
        })
    })
}

/// One version: static policies, and templates with the values of their links.
#[derive(Debug, Clone)]
struct Version {
    text: String,
    links: Vec<(Pick, String, String)>,
}

fn version() -> impl Strategy<Value = Version> {
    let principals: &[&str] = &["User", "Group", "Org"];
    let resources: &[&str] = &["Doc", "Folder", "Org"];
    let effect = || select(vec!["permit", "forbid"]);
    let fixed = (effect(), scope("principal", principals), action(), scope("resource", resources), clauses())
        .prop_map(|(effect, p, a, r, clauses)| format!("{effect}({p}, {a}, {r}){clauses};"));
    let slots = |variable: &str| {
        vec![
            format!("{variable} == ?{variable}"),
            format!("{variable} in ?{variable}"),
            format!("{variable} is {} in ?{variable}", if variable == "principal" { "User" } else { "Doc" }),
        ]
    };
    let template = (effect(), select(slots("principal")), action(), select(slots("resource")), clauses())
        .prop_map(|(effect, p, a, r, clauses)| format!("{effect}({p}, {a}, {r}){clauses};"));
    let statements = prop::collection::vec(prop_oneof![5 => fixed, 1 => template], 1..14);
    let links = prop::collection::vec((any::<Pick>(), uid_of(&["User", "Group"]), uid_of(&["Doc", "Folder"])), 0..6);
    (statements, links).prop_map(|(statements, links)| Version { text: statements.join("\n"), links })
}

impl Version {
    fn policies(&self) -> PolicySet {
        let mut set: PolicySet = self.text.parse().unwrap();
        let mut templates: Vec<CedarId> = set.templates().map(|template| template.id().clone()).collect();
        templates.sort();
        for (number, (pick, principal, resource)) in self.links.iter().enumerate().filter(|_| !templates.is_empty()) {
            let values = [
                (cedar_policy::SlotId::principal(), principal.parse().unwrap()),
                (cedar_policy::SlotId::resource(), resource.parse().unwrap()),
            ];
            set.link(pick.get(&templates).clone(), CedarId::new(format!("link{number}")), values.into()).unwrap();
        }
        set
    }
}

/// Users and documents with attributes, everything in hierarchies without cycles. What is absent is absent on purpose.
fn entities() -> impl Strategy<Value = Value> {
    let one = |_| (prop::collection::btree_set(0..ENTITIES, 0..3), 0..ENTITIES, any::<u16>());
    let all: Vec<_> = (0..ENTITIES * 4).map(one).collect();
    all.prop_map(|all| {
        let uid = |kind: &str, number: usize| json!({"type": kind, "id": number.to_string()});
        let mut list = Vec::new();
        for (place, (parents, other, bits)) in all.into_iter().enumerate() {
            let (kind, number) = (["User", "Doc", "Group", "Folder"][place % 4], place / 4);
            let bit = |n: u16| bits >> n & 1 == 1;
            if bit(15) && bit(14) {
                continue;
            }
            let above = |parent: &usize| kind == "User" || kind == "Doc" || *parent > number;
            let kind_above = if matches!(kind, "User" | "Group") { "Group" } else { "Folder" };
            let mut up: Vec<_> =
                parents.iter().filter(|parent| above(parent)).map(|parent| uid(kind_above, *parent)).collect();
            if kind_above == kind && bit(0) {
                up.push(uid("Org", other));
            }
            let mut attrs = Map::new();
            let mut tags = Map::new();
            let mut put = |name: &str, value: Value| drop(attrs.insert(name.to_owned(), value));
            match kind {
                "User" => {
                    put("age", json!(bits % 40));
                    put("flag", json!(bit(1)));
                    put("roles", json!(["admin", "ops", "dev"][usize::from(bits % 3)..].to_vec()));
                    if bit(2) {
                        put("manager", json!({"__entity": uid("User", other)}));
                    }
                    if bit(3) {
                        put("home", if bit(4) { json!({"city": "Bonn", "zip": 12}) } else { json!({"city": "Ulm"}) });
                    }
                    if bit(5) {
                        put("ip", json!({"__extn": {"fn": "ip", "arg": format!("10.0.0.{}", bits % 4)}}));
                    }
                    if bit(6) {
                        put("since", json!({"__extn": {"fn": "datetime", "arg": format!("202{}-12-31", bits % 9)}}));
                    }
                    if bit(7) {
                        tags.insert("team".into(), json!(if bit(8) { "red" } else { "blue" }));
                    }
                }
                "Doc" => {
                    put("owner", json!({"__entity": uid("User", other)}));
                    put("public", json!(bit(1)));
                    put("size", json!(bits % 30));
                    put("readers", json!([{"__entity": uid("User", other)}, {"__entity": uid("User", number)}]));
                    if bit(2) {
                        put("price", json!({"__extn": {"fn": "decimal", "arg": format!("{}.5", bits % 5)}}));
                    }
                }
                _ => {}
            }
            list.push(json!({"uid": uid(kind, number), "attrs": attrs, "parents": up, "tags": tags}));
        }
        Value::Array(list)
    })
}

fn question() -> impl Strategy<Value = Question> {
    let context = (any::<u16>(), 0..ENTITIES).prop_map(|(bits, other)| {
        let mut context = Map::new();
        let bit = |n: u16| bits >> n & 1 == 1;
        let mut put = |wanted: bool, name: &str, value: Value| {
            if wanted {
                context.insert(name.to_owned(), value);
            }
        };
        put(bit(0), "flag", json!(bit(1)));
        put(bit(2), "n", json!(bits % 7));
        put(bit(3), "via", json!({"__entity": {"type": "User", "id": other.to_string()}}));
        put(bit(4), "ip", json!({"__extn": {"fn": "ip", "arg": if bit(5) { "127.0.0.1" } else { "10.0.0.1" }}}));
        put(bit(6), "a", json!({"b": {"c": bits % 2}}));
        Value::Object(context)
    });
    let action = select(vec!["read", "write", "delete", "read", "write", "any", "fly"]);
    let (principal, resource) = (uid_of(&["User", "User", "User", "Group"]), uid_of(&["Doc", "Doc", "Doc", "Folder"]));
    (principal, action, resource, context).prop_map(|(principal, action, resource, context)| Question {
        validate: false,
        rule: ForbidErrorRule::Cedar,
        ..Question::new(&principal, &format!("Action::\"{action}\""), &resource, context)
    })
}

/// Policies and entities as Cedar's public interface reads them.
struct Plain {
    policies: PolicySet,
    entities: Entities,
}

impl Plain {
    fn new(versions: &[PolicySet], entities: &Value) -> Self {
        let mut policies = PolicySet::new();
        for (number, version) in (1..).zip(versions) {
            let apart = |id: &CedarId| CedarId::new(format!("{}/{id}", policy_id(number)));
            for template in version.templates() {
                policies.add_template(template.new_id(apart(template.id()))).unwrap();
            }
            for policy in version.policies() {
                match (policy.template_id(), policy.template_links()) {
                    (Some(template), Some(values)) => {
                        policies.link(apart(template), apart(policy.id()), values).unwrap();
                    }
                    _ => policies.add(policy.new_id(apart(policy.id()))).unwrap(),
                }
            }
        }
        let (schema, _) = cedar_policy::Schema::from_cedarschema_str(SCHEMA).unwrap();
        let entities = Entities::from_json_value(entities.clone(), None).unwrap();
        Self { policies, entities: entities.add_entities(schema.action_entities().unwrap(), None).unwrap() }
    }

    /// Decision, reason and errors.
    fn ask(&self, question: &Question) -> (Decision, Vec<String>, Vec<String>) {
        plain(&self.policies, &self.entities, question)
    }
}

/// What Cedar's public interface says, in our words.
fn plain(policies: &PolicySet, entities: &Entities, question: &Question) -> (Decision, Vec<String>, Vec<String>) {
    let context = Context::from_json_value(question.request.context.clone(), None).unwrap();
    let uid = |uid: &crate::Uid| uid.cedar().clone();
    let crate::DecisionRequest { principal, action, resource, .. } = &question.request;
    let request = Request::new(uid(principal), uid(action), uid(resource), context, None).unwrap();
    let response = Authorizer::new().is_authorized(&request, policies, entities);
    let decision = match response.decision() {
        cedar_policy::Decision::Allow => Decision::Allow,
        cedar_policy::Decision::Deny => Decision::Deny,
    };
    let mut reason: Vec<_> = response.diagnostics().reason().map(ToString::to_string).collect();
    let errors = response.diagnostics().errors();
    let mut errors: Vec<_> = errors
        .map(|AuthorizationError::PolicyEvaluationError(error)| {
            format!("{}: {}", error.policy_id(), Finding::from_cedar(error.inner(), None).message)
        })
        .collect();
    reason.sort();
    errors.sort();
    (decision, reason, errors)
}

fn indexed(set: &CompiledSet, entities: &InlineEntities, question: &Question) -> (Decision, Vec<String>, Vec<String>) {
    let facts = question.facts_among(set, entities).unwrap();
    let Explained { decision, determining_policies, errors, .. } = question.decide(set, &facts).unwrap();
    let reason = determining_policies.iter().map(|policy| format!("{}/{}", policy.policy_id, policy.cedar_id));
    let errors = errors.iter().map(|error| format!("{}/{}: {}", error.policy_id, error.cedar_id, error.message));
    let (mut reason, mut errors): (Vec<_>, Vec<_>) = (reason.collect(), errors.collect());
    reason.sort();
    errors.sort();
    (decision, reason, errors)
}

/// The type of an entity.
fn kind(entity: &Value) -> &str {
    entity["uid"]["type"].as_str().unwrap()
}

/// How often each kind of answer came up: a property over requests that are all denied would say little.
#[derive(Debug, Default)]
struct Tally {
    cases: u32,
    allowed: u32,
    forbidden: u32,
    errored: u32,
}

/// `CASES` requests (100,000 unless told), a hundred to each policy set.
#[test]
fn the_index_says_what_cedar_says() {
    const REQUESTS: u32 = 100;
    let cases: u32 = std::env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(100_000);
    let sets = cases.div_ceil(REQUESTS);
    let tally = on_pool(move || {
        let mut tally = Tally::default();
        let mut runner = TestRunner::new(Config { cases: sets, failure_persistence: None, ..Config::default() });
        let stored = prop::sample::subsequence(vec!["User", "Doc", "Group", "Folder"], 0..=4);
        let questions = prop::collection::vec(question(), REQUESTS as usize);
        let input = (prop::collection::vec(version(), 1..5), entities(), stored, questions);
        let tally_here = std::cell::RefCell::new(&mut tally);
        let schema = schema(SCHEMA);
        let run = runner.run(&input, |(versions, entities, stored_kinds, questions)| {
            let versions: Vec<PolicySet> = versions.iter().map(Version::policies).collect();
            let pinned: Vec<Pinned> =
                (1..).zip(&versions).map(|(n, set)| pinned_json(n, &set.clone().to_json().unwrap())).collect();
            let set = compiled(&pinned, schema.clone()).unwrap();
            let plain = Plain::new(&versions, &entities);
            // Cedar is given all of them; here some come with the request and the others lie in the zone's store.
            let (stored, inline): (Vec<_>, Vec<_>) =
                entities.as_array().unwrap().iter().cloned().partition(|entity| stored_kinds.contains(&kind(entity)));
            let store = store_of(&stored, &schema);
            let with = |question: Question| Question { store: Arc::clone(&store), ..question };
            let given = Question { entities: Value::Array(inline), ..with(questions[0].clone()) };
            let given = given.read_entities(&set).unwrap();
            for question in questions.into_iter().map(with) {
                let expected = plain.ask(&question);
                prop_assert_eq!(&indexed(&set, &given, &question), &expected, "{:?}", question);
                let mut tally = tally_here.borrow_mut();
                tally.cases += 1;
                tally.allowed += u32::from(expected.0 == Decision::Allow);
                tally.forbidden += u32::from(expected.0 == Decision::Deny && !expected.1.is_empty());
                tally.errored += u32::from(!expected.2.is_empty());
            }
            Ok(())
        });
        if let Err(error) = run {
            panic!("{error}");
        }
        tally
    });
    let Tally { cases: seen, allowed, forbidden, errored } = tally;
    assert!(seen >= cases, "{tally:?}");
    for kind in [allowed, forbidden, errored] {
        assert!(kind > seen / 20, "too few of a kind: {tally:?}");
    }
}
