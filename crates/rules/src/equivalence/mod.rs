//! Compiled policies against a reading of the same documents that shares no code with the compiler.

mod generate;
mod interpreter;

use std::{cell::Cell, env};

use cedarkeep_cedar::{Decision, TestDecision, TestReason};
use proptest::{
    strategy::Strategy,
    test_runner::{Config, TestCaseError, TestRunner},
};
use serde_json::Value;

use self::{generate::World, interpreter::Verdict};
use crate::{
    Binding, Obligations, RateLimit, RulePolicy,
    testing::{bed, on_pool, policy},
};

/// How many requests are put to each world of policies.
const REQUESTS: u32 = 10;

/// Requests to generated policies; `make torture` takes more.
fn cases() -> u32 {
    env::var("CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(2_000)
}

#[test]
fn compiled_policies_say_what_their_rules_say() {
    on_pool(|| {
        let config = Config { cases: cases().div_ceil(REQUESTS), failure_persistence: None, ..Config::default() };
        let (allowed, denied, silent) = (Cell::new(0_u32), Cell::new(0_u32), Cell::new(0_u32));
        let worlds = generate::world(REQUESTS as usize).boxed();
        let result = TestRunner::new(config).run(&worlds, |world| {
            for verdict in compare(&world)? {
                let count = match verdict {
                    Verdict::Allow => &allowed,
                    Verdict::Deny => &denied,
                    Verdict::Silent => &silent,
                };
                count.set(count.get() + 1);
            }
            Ok(())
        });
        result.unwrap_or_else(|error| panic!("{error}"));
        // Worlds in which nothing ever happens would prove nothing.
        let (allowed, denied, silent) = (allowed.get(), denied.get(), silent.get());
        let total = allowed + denied + silent;
        for (count, what) in [(allowed, "allowed"), (denied, "denied"), (silent, "left alone")] {
            assert!(count > total / 20, "of {total} requests only {count} are {what}");
        }
    });
}

/// Puts every request of a world to both.
fn compare(world: &World) -> Result<Vec<Verdict>, TestCaseError> {
    let read = |(document, bindings): &(Value, Vec<Value>)| {
        let bindings: Vec<Binding> = bindings.iter().map(|binding| Binding::read(binding).unwrap()).collect();
        (policy(document), bindings)
    };
    let policies: Vec<(RulePolicy, Vec<Binding>)> = world.policies.iter().map(read).collect();
    let ids: Vec<String> = (0..policies.len()).map(|index| format!("pol_{index}")).collect();
    let named: Vec<_> =
        ids.iter().zip(&policies).map(|(id, (policy, bindings))| (id.as_str(), policy, bindings.as_slice())).collect();
    let bed = bed(&named);
    let entities = world.entities();
    let mut verdicts = Vec::new();
    for request in &world.requests {
        let expected: Vec<_> = world
            .policies
            .iter()
            .map(|(document, bindings)| interpreter::say(document, bindings, request, &world.memberships))
            .collect();
        let verdict = interpreter::combine(&expected);
        let decided = request.ask(&bed, &entities);
        let allowed = decided.decision == Decision::Allow;
        let fail = |what: &str| TestCaseError::fail(format!("{what}: {expected:?}, Cedar {decided:?}\n{request:?}"));
        if allowed != (verdict == Verdict::Allow) {
            return Err(fail("the decisions differ"));
        }
        let mut deciding = Vec::new();
        for (id, ((policy, _), said)) in ids.iter().zip(policies.iter().zip(&expected)) {
            // Those who said otherwise do not stand in the reasons of a decision.
            let counts = if allowed { Verdict::Allow } else { Verdict::Deny };
            let rule = said.as_ref().filter(|(verdict, _)| *verdict == counts).map(|(_, rule)| *rule);
            if policy.deciding(&holding(id, &decided)) != rule {
                return Err(fail("another rule decided"));
            }
            deciding.extend(rule.and_then(|rule| policy.rules.get(rule)));
        }
        let obligations = Obligations::of(deciding);
        if obligations.rate_limit.map(RateLimit::to_json) != interpreter::rate_limit(world, &expected) {
            return Err(fail(&format!("another limit holds: {obligations:?}")));
        }
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// The statements of a policy that hold.
fn holding(id: &str, decided: &TestDecision) -> Vec<usize> {
    let statement = |reason: &TestReason| {
        let (of, statement) = reason.cedar_id.rsplit_once("/policy")?;
        (of == id).then(|| statement.parse::<usize>().unwrap())
    };
    decided.reason.iter().filter_map(statement).collect()
}
