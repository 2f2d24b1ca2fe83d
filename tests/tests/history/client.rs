//! A client: asks for things drawn by its seed and notes what came of each.

use std::sync::{Mutex, mpsc::Sender};

use cedarkeep_tests::random::Random;
use serde_json::Value;

use crate::{
    cluster::{Cluster, INSTANCES},
    record::{Asked, Bound, Moment, Operation, Outcome, Slot, Told, text},
    wire::{self, Wire},
};

/// How often a POST with an idempotency key is repeated whose outcome is unknown.
const REPEATS: usize = 4;

/// A zone with what the clients know of it.
pub(crate) struct World {
    /// The path of the zone.
    pub(crate) zone: String,
    pub(crate) zone_id: String,
    pub(crate) policies: Vec<String>,
    /// With the scope of each.
    pub(crate) sets: Vec<(String, &'static str)>,
    pub(crate) known: Mutex<Known>,
    pub(crate) begun: std::time::Instant,
}

/// What any client was told.
#[derive(Default)]
pub(crate) struct Known {
    /// Each with its policy.
    pub(crate) policy_versions: Vec<(String, String)>,
    /// Each with its set and the scope of that.
    pub(crate) set_versions: Vec<(String, String, &'static str)>,
    pub(crate) bindings: Vec<Bound>,
}

impl World {
    pub(crate) fn now(&self) -> Moment {
        u64::try_from(self.begun.elapsed().as_micros()).unwrap()
    }

    /// The policy or the set of a version.
    fn of(&self, version: &str) -> String {
        let known = self.known.lock().unwrap();
        let policy = known.policy_versions.iter().find(|(id, _)| id == version).map(|(_, policy)| policy.clone());
        let set = || known.set_versions.iter().find(|(id, ..)| id == version).map(|(_, set, _)| set.clone());
        policy.or_else(set).unwrap()
    }

    fn learn(&self, asked: &Asked, told: &Told) {
        let mut known = self.known.lock().unwrap();
        match (asked, told) {
            (Asked::PublishPolicy { policy, .. }, Told::Version { id, .. }) => {
                known.policy_versions.push((id.clone(), policy.clone()));
            }
            (Asked::PublishSet { set, .. }, Told::Version { id, .. }) => {
                let scope = self.sets.iter().find(|(id, _)| id == set).unwrap().1;
                known.set_versions.push((id.clone(), set.clone(), scope));
            }
            (Asked::Bind { .. } | Asked::Promote { .. }, Told::Binding(bound)) => known.bindings.push(bound.clone()),
            (_, Told::Bindings(all)) => known.bindings.extend(all.iter().cloned()),
            _ => {}
        }
    }
}

pub(crate) struct Client<'w> {
    number: usize,
    world: &'w World,
    cluster: &'w Cluster,
    random: Random,
    wire: Wire,
    /// The newest revision that it was told of.
    seen: u64,
    marks: usize,
}

impl<'w> Client<'w> {
    pub(crate) fn new(number: usize, seed: u64, world: &'w World, cluster: &'w Cluster) -> Self {
        let random = Random::spread(seed.wrapping_mul(1_000).wrapping_add(u64::try_from(number).unwrap()));
        Self { number, world, cluster, random, wire: Wire::new(), seen: 0, marks: 0 }
    }

    /// So many operations, each told to `done` when it has ended.
    pub(crate) fn work(mut self, count: usize, done: &Sender<()>) -> Vec<Operation> {
        let mut operations = Vec::with_capacity(count);
        for _ in 0..count {
            let asked = self.draw();
            let instance = self.random.below(INSTANCES);
            operations.push(self.ask(asked, instance));
            // Nobody counts any more once the last kill is done.
            let _ = done.send(());
        }
        operations
    }

    fn draw(&mut self) -> Asked {
        loop {
            let drawn = match self.random.below(100) {
                0..17 => Some(self.publish_policy()),
                17..30 => self.publish_set(),
                30..45 => self.bind(),
                45..50 => self.binding("shadow").map(|binding| Asked::Promote { binding }),
                50..56 => self.binding("").map(|binding| Asked::Unbind { binding }),
                56..59 => self.policy_version().map(|(version, _)| Asked::ArchivePolicyVersion { version }),
                59..62 => self.set_version().map(|(version, ..)| Asked::ArchiveSetVersion { version }),
                62..69 => Some(Asked::Bindings),
                69..73 => self.policy_version().map(|(version, _)| Asked::PolicyVersion { version }),
                73..78 => self.set_version().map(|(version, ..)| Asked::SetVersion { version }),
                78..81 => Some(Asked::Events),
                _ => Some(self.decide()),
            };
            if let Some(asked) = drawn {
                return asked;
            }
        }
    }

    fn publish_policy(&mut self) -> Asked {
        let permits = if self.random.below(4) == 0 { "-" } else { "" };
        self.marks += 1;
        let mark = format!("c{}-{}{permits}", self.number, self.marks);
        Asked::PublishPolicy { policy: self.random.of(&self.world.policies).clone(), mark }
    }

    /// A version that pins one to three policies.
    fn publish_set(&mut self) -> Option<Asked> {
        let (set, _) = self.random.of(&self.world.sets).clone();
        let mut pinned: Vec<(String, String)> = Vec::new();
        for _ in 0..=self.random.below(3) {
            let (version, policy) = self.policy_version()?;
            if pinned.iter().all(|(_, other)| *other != policy) {
                pinned.push((version, policy));
            }
        }
        let mut pins: Vec<_> = pinned.into_iter().map(|(version, _)| version).collect();
        pins.sort();
        Some(Asked::PublishSet { set, pins })
    }

    fn bind(&mut self) -> Option<Asked> {
        let (version, _, scope) = self.set_version()?;
        let target = match scope {
            "user" => user(self.random.below(2)),
            _ => self.world.zone_id.clone(),
        };
        let mode = if self.random.below(4) == 0 { "shadow" } else { "active" };
        Some(Asked::Bind { slot: Slot { scope: scope.to_owned(), target, mode: mode.to_owned() }, version })
    }

    /// Mostly one of the newest.
    fn policy_version(&mut self) -> Option<(String, String)> {
        let known = self.world.known.lock().unwrap();
        let newest = known.policy_versions.len().saturating_sub(12);
        self.random.any_of(&known.policy_versions[newest..]).cloned()
    }

    fn set_version(&mut self) -> Option<(String, String, &'static str)> {
        let known = self.world.known.lock().unwrap();
        let newest = known.set_versions.len().saturating_sub(8);
        self.random.any_of(&known.set_versions[newest..]).cloned()
    }

    /// A binding that may be gone by now.
    fn binding(&mut self, mode: &str) -> Option<String> {
        let known = self.world.known.lock().unwrap();
        let fitting = known.bindings.iter().rev().filter(|bound| mode.is_empty() || bound.slot.mode == mode);
        let newest: Vec<_> = fitting.take(4).collect();
        self.random.any_of(&newest).map(|bound| bound.id.clone())
    }

    fn decide(&mut self) -> Asked {
        let demands = self.random.below(2) == 0;
        Asked::Decide { principal: user(self.random.below(3)), at_least: demands.then_some(self.seen) }
    }

    /// Asks, and where the outcome is unknown asks again as far as the API makes that safe.
    pub(crate) fn ask(&mut self, asked: Asked, wanted: usize) -> Operation {
        let keyed = matches!(asked, Asked::PublishPolicy { .. } | Asked::PublishSet { .. } | Asked::Promote { .. });
        let key = keyed.then(|| format!("{}-{}-{}", self.world.zone_id, self.number, self.world.now()));
        let other_way = self.random.below(2) == 0;
        let repeats = if keyed { self.random.below(REPEATS) } else { 0 };
        let request = wire::request(&self.world.zone, &asked, |version| self.world.of(version), other_way);
        let from = self.world.now();
        let (mut tries, mut wanted) = (0, wanted);
        loop {
            let (instance, url) = self.cluster.url(wanted);
            let answer = match &asked {
                Asked::Events => self.events(&url, &request.1),
                _ => self.wire.send(&url, &request, key.as_deref()),
            };
            tries += 1;
            let outcome = outcome(&asked, answer);
            if matches!(outcome, Outcome::Unknown(_)) && usize::try_from(tries).unwrap() <= repeats {
                wanted = self.random.below(INSTANCES);
                continue;
            }
            let operation =
                Operation { client: self.number, instance, asked, from, to: self.world.now(), tries, outcome };
            self.note(&operation);
            return operation;
        }
    }

    /// All events, page by page: what was appended meanwhile may be among them.
    fn events(&self, url: &str, path: &str) -> Result<(u16, Value), String> {
        let mut all: Vec<Value> = Vec::new();
        loop {
            let request = ("GET", format!("{path}{}", all.len()), None);
            let (status, mut page) = self.wire.send(url, &request, None)?;
            if status != 200 {
                return Ok((status, page));
            }
            let items = page["items"].as_array_mut().unwrap();
            let full = items.len() == 100;
            all.append(items);
            if !full {
                return Ok((200, serde_json::json!({"items": all})));
            }
        }
    }

    fn note(&mut self, operation: &Operation) {
        let Some(told) = operation.told() else { return };
        match told {
            Told::Decision(decided) => self.seen = self.seen.max(decided.revision),
            Told::Binding(bound) => self.seen = self.seen.max(bound.revision),
            _ => {}
        }
        self.world.learn(&operation.asked, told);
    }
}

/// The uid of a user; the third has no slot of its own.
pub(crate) fn user(number: usize) -> String {
    format!("User::\"u{number}\"")
}

fn outcome(asked: &Asked, answer: Result<(u16, Value), String>) -> Outcome {
    match answer {
        Ok((200 | 201, body)) => Outcome::Done(wire::told(asked, &body)),
        // The first try is under way on the same instance.
        Ok((409, body)) if body["code"] == "idempotency_conflict" => Outcome::Unknown(body.to_string()),
        Ok((503, body)) => Outcome::Unknown(body.to_string()),
        // What the server failed at is told whole: nothing else will be known of it.
        Ok((status @ 500.., body)) => Outcome::Refused { status, code: body.to_string() },
        Ok((status, body)) => Outcome::Refused { status, code: text(&body, "code") },
        Err(error) => Outcome::Unknown(error),
    }
}
