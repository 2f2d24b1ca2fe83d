//! Histories that are broken on purpose: the checker finds what is wrong with each, and nothing with the sound one.

use cedarkeep_model::{Digest, Event, EventKind, NewEvent, Timestamp, ZoneId};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    check::{check, excerpt},
    record::{Asked, Bound, Decided, History, Operation, Outcome, Slot, Stored, Told},
};

const SHA: &str = "ab";

fn slot(mode: &str) -> Slot {
    Slot { scope: "zone".to_owned(), target: "z".to_owned(), mode: mode.to_owned() }
}

fn bound(id: &str, version: &str, revision: u64) -> Bound {
    Bound {
        id: id.to_owned(),
        slot: slot("active"),
        version: version.to_owned(),
        manifest_sha: SHA.to_owned(),
        revision,
    }
}

fn body(bound: &Bound) -> Value {
    json!({
        "binding_id": bound.id, "mode": bound.slot.mode, "scope_type": bound.slot.scope,
        "scope_target_id": bound.slot.target, "policy_set_version_id": bound.version,
        "manifest_sha": bound.manifest_sha, "revision": bound.revision,
    })
}

fn chained(bodies: &[(EventKind, Value)]) -> Vec<Event> {
    let mut events: Vec<Event> = Vec::new();
    for (seq, (kind, body)) in (1..).zip(bodies) {
        let at = Timestamp::from_micros(i64::try_from(seq).unwrap());
        let new = NewEvent { kind: *kind, actor: "a".to_owned(), at, body: body.clone() };
        let before = events.last().map(|event| event.sha256);
        events.push(Event::chain(ZoneId::new(Uuid::from_u128(1)), seq, before, new).unwrap());
    }
    events
}

fn stored(of: &str, number: u64) -> Stored {
    Stored {
        of: of.to_owned(),
        number,
        sha: SHA.to_owned(),
        archived: false,
        active: false,
        mark: format!("m{number}"),
        permits: true,
        pins: vec![format!("p{number}")],
    }
}

fn version(id: &str, number: u64, active: bool) -> Told {
    Told::Version { id: id.to_owned(), number, sha: SHA.to_owned(), archived: false, active }
}

fn decided(revision: u64, version: &str) -> Told {
    let slots = vec![(slot("active"), version.to_owned(), SHA.to_owned())];
    Told::Decision(Decided { revision, allowed: true, slots })
}

/// The zone is made; two policy versions, two set versions, a binding of the first, then of the second.
fn kinds() -> Vec<(EventKind, Value)> {
    let policy = |number: u64| json!({"policy_id": "p", "policy_version_id": format!("p{number}"), "version": number, "sha": SHA});
    let set = |number: u64| {
        json!({"policy_set_id": "s", "policy_set_version_id": format!("s{number}"), "version": number,
               "manifest_sha": SHA})
    };
    let (first, second) = (bound("b1", "s1", 1), bound("b2", "s2", 2));
    vec![
        (EventKind::ZoneCreated, json!({})),
        (EventKind::PolicyVersionCreated, policy(1)),
        (EventKind::PolicyVersionCreated, policy(2)),
        (EventKind::SetVersionCreated, set(1)),
        (EventKind::SetVersionCreated, set(2)),
        (EventKind::Bound, json!({"to": body(&first), "from": null})),
        (EventKind::Bound, json!({"to": body(&second), "from": body(&first)})),
    ]
}

const BIND_FIRST: usize = 4;
const BIND_SECOND: usize = 5;
const READ: usize = 6;
const LAST_READ: usize = 8;

/// One client, one operation after the other, each ten moments long.
fn operations() -> Vec<Operation> {
    let publish = |number: u64| {
        let asked = Asked::PublishPolicy { policy: "p".to_owned(), mark: format!("m{number}") };
        (asked, version(&format!("p{number}"), number, false))
    };
    let publish_set = |number: u64| {
        let asked = Asked::PublishSet { set: "s".to_owned(), pins: vec![format!("p{number}")] };
        (asked, version(&format!("s{number}"), number, false))
    };
    let bind = |told: Bound| (Asked::Bind { slot: slot("active"), version: told.version.clone() }, Told::Binding(told));
    let decide = |at_least| Asked::Decide { principal: "u".to_owned(), at_least };
    let all = [
        publish(1),
        publish(2),
        publish_set(1),
        publish_set(2),
        bind(bound("b1", "s1", 1)),
        bind(bound("b2", "s2", 2)),
        (decide(None), decided(2, "s2")),
        (Asked::Bindings, Told::Bindings(vec![bound("b2", "s2", 2)])),
        (decide(Some(2)), decided(2, "s2")),
        (Asked::SetVersion { version: "s2".to_owned() }, version("s2", 2, true)),
    ];
    let operation = |(place, (asked, told)): (u64, (Asked, Told))| Operation {
        client: 0,
        instance: 0,
        asked,
        from: place * 100,
        to: place * 100 + 10,
        tries: 1,
        outcome: Outcome::Done(told),
    };
    (1..).zip(all).map(operation).collect()
}

fn sound() -> History {
    let set = |number| ([format!("s{number}")].concat(), Stored { active: number == 2, ..stored("s", number) });
    let policy = |number| (format!("p{number}"), Stored { pins: Vec::new(), ..stored("p", number) });
    History {
        operations: operations(),
        events: chained(&kinds()),
        begun: (1, 0),
        policy_versions: [policy(1), policy(2)].into(),
        set_versions: [set(1), set(2)].into(),
        bindings: vec![bound("b2", "s2", 2)],
        revision: 2,
    }
}

/// What is found once this is broken.
#[track_caller]
fn caught(says: &str, spoil: impl FnOnce(&mut History)) {
    let mut history = sound();
    spoil(&mut history);
    let faults = check(&history);
    let text = excerpt(&history, &faults);
    assert!(faults.iter().any(|fault| fault.what.contains(says)), "{says:?} is not among {text}");
}

#[test]
fn a_sound_history_is_explained() {
    let history = sound();
    let faults = check(&history);
    assert!(faults.is_empty(), "{}", excerpt(&history, &faults));
}

#[test]
fn an_unknown_outcome_may_be_there_or_not() {
    let mut history = sound();
    history.operations[BIND_SECOND].outcome = Outcome::Unknown("it died".to_owned());
    let asked = Asked::PublishPolicy { policy: "p".to_owned(), mark: "never came".to_owned() };
    let outcome = Outcome::Unknown("it died".to_owned());
    history.operations.push(Operation { asked, outcome, from: 700, to: 705, ..history.operations[0].clone() });
    let faults = check(&history);
    assert!(faults.is_empty(), "{}", excerpt(&history, &faults));
}

#[test]
fn a_lost_write_is_caught() {
    // Acknowledged, and neither stored nor among the events.
    caught("m9 was acknowledged and is gone", |history| {
        let asked = Asked::PublishPolicy { policy: "p".to_owned(), mark: "m9".to_owned() };
        let outcome = Outcome::Done(version("m9", 3, false));
        history.operations.push(Operation { asked, outcome, ..history.operations[0].clone() });
    });
    // Among the events alone.
    caught("event 3 tells of version p2, stored is None", |history| {
        history.policy_versions.remove("p2");
    });
    // A binding that was acknowledged and taken back by nobody.
    caught("the bindings are", |history| history.bindings.clear());
}

#[test]
fn what_was_refused_or_never_asked_for_is_caught() {
    caught("nobody who was not refused asked for event 7", |history| {
        let code = "version_archived".to_owned();
        history.operations[BIND_SECOND].outcome = Outcome::Refused { status: 409, code };
    });
    caught("nothing explains the refusal", |history| {
        let asked = Asked::Unbind { binding: "b2".to_owned() };
        let outcome = Outcome::Refused { status: 404, code: "not_found".to_owned() };
        history.operations.push(Operation { asked, outcome, from: 2_000, to: 2_010, ..history.operations[0].clone() });
    });
    caught("is stored, and no event tells of it", |history| {
        history.policy_versions.insert("p3".to_owned(), stored("p", 3));
    });
}

#[test]
fn a_gap_is_caught() {
    caught("event 7 stands where event 6 should", |history| {
        history.events.remove(5);
    });
    caught("version 3 of p stands where version 2 should", |history| {
        let mut kinds = kinds();
        kinds[2].1["version"] = json!(3);
        history.events = chained(&kinds);
    });
    caught("revision 3 follows revision 1", |history| {
        let mut kinds = kinds();
        kinds[6].1["to"]["revision"] = json!(3);
        history.events = chained(&kinds);
    });
    caught("the chain of events is broken", |history| history.events[3].actor = "somebody else".to_owned());
}

#[test]
fn two_in_one_slot_are_caught() {
    caught("two bindings stand in one slot", |history| history.bindings.push(bound("b1", "s1", 1)));
    caught("two bindings of one slot were listed", |history| {
        let all = vec![bound("b1", "s1", 1), bound("b2", "s2", 2)];
        history.operations[READ + 1].outcome = Outcome::Done(Told::Bindings(all));
    });
    caught("b1 stands in the slot, None is replaced", |history| {
        let mut kinds = kinds();
        kinds[6].1["from"] = Value::Null;
        history.events = chained(&kinds);
    });
}

#[test]
fn what_is_bound_and_archived_is_caught() {
    for (kind, body) in [
        (EventKind::SetVersionArchived, json!({"policy_set_version_id": "s2"})),
        (EventKind::PolicyVersionArchived, json!({"policy_version_id": "p2"})),
    ] {
        caught("is archived while something bound uses it", |history| {
            let mut kinds = kinds();
            kinds.push((kind, body.clone()));
            history.events = chained(&kinds);
        });
        caught("is bound, and it or what it pins is archived", |history| {
            let mut kinds = kinds();
            kinds.insert(6, (kind, body));
            history.events = chained(&kinds);
        });
    }
}

#[test]
fn a_stale_read_is_caught() {
    caught("has these bindings", |history| {
        history.operations[READ + 1].outcome = Outcome::Done(Told::Bindings(vec![bound("b1", "s1", 1)]));
    });
    caught("was so in no state", |history| {
        history.operations[READ + 3].outcome = Outcome::Done(version("s2", 2, false));
    });
    caught("instance 0 decides at 1 after it acknowledged 2", |history| {
        history.operations[READ].outcome = Outcome::Done(decided(1, "s1"));
    });
    caught("is before the one that was demanded", |history| {
        history.operations[LAST_READ].outcome = Outcome::Done(decided(1, "s1"));
    });
    caught("6 events were listed", |history| {
        let digests = history.events.iter().take(6).map(|event| event.sha256.to_string()).collect();
        history.operations[LAST_READ].asked = Asked::Events;
        history.operations[LAST_READ].outcome = Outcome::Done(Told::Events(digests));
    });
}

#[test]
fn another_instance_may_be_behind_but_not_ahead() {
    let mut history = sound();
    history.operations[READ].instance = 1;
    history.operations[READ].outcome = Outcome::Done(decided(1, "s1"));
    let faults = check(&history);
    assert!(faults.is_empty(), "{}", excerpt(&history, &faults));
    caught("revision 2 was not there yet", |history| {
        let early = history.operations[BIND_FIRST].to;
        history.operations[READ].from = early;
        history.operations[READ].to = early + 1;
    });
}

#[test]
fn a_read_of_what_never_stood_is_caught() {
    caught("bound to", |history| history.operations[READ].outcome = Outcome::Done(decided(2, "s1")));
    caught("there was no revision 9", |history| history.operations[READ].outcome = Outcome::Done(decided(9, "s2")));
    caught("allowed should be true", |history| {
        let Told::Decision(decided) = decided(2, "s2") else { unreachable!() };
        history.operations[READ].outcome = Outcome::Done(Told::Decision(Decided { allowed: false, ..decided }));
    });
    caught("other events were listed", |history| {
        history.operations[READ].asked = Asked::Events;
        history.operations[READ].outcome = Outcome::Done(Told::Events(vec![Digest::of(b"other").to_string()]));
    });
}

#[test]
fn a_revision_that_goes_back_is_caught() {
    // Another instance has not made the change itself, but it has decided by it.
    caught("the revision of instance 1 goes back from 2 to 1", |history| {
        history.operations[READ].instance = 1;
        history.operations[LAST_READ].instance = 1;
        history.operations[LAST_READ].asked = Asked::Decide { principal: "u".to_owned(), at_least: None };
        history.operations[LAST_READ].outcome = Outcome::Done(decided(1, "s1"));
    });
    caught("the revision of client 0 goes back from 2", |history| {
        history.operations[LAST_READ].instance = 1;
        history.operations[LAST_READ].asked = Asked::Decide { principal: "u".to_owned(), at_least: Some(1) };
        history.operations[LAST_READ].outcome = Outcome::Done(decided(1, "s1"));
    });
}

#[test]
fn a_write_that_happened_twice_is_caught() {
    caught("2 times published, asked for 1 times", |history| {
        let mut kinds = kinds();
        let body = json!({"policy_id": "p", "policy_version_id": "p3", "version": 3, "sha": SHA});
        kinds.push((EventKind::PolicyVersionCreated, body));
        history.events = chained(&kinds);
        let twin = Stored { mark: "m1".to_owned(), pins: Vec::new(), ..stored("p", 3) };
        history.policy_versions.insert("p3".to_owned(), twin);
    });
}

#[test]
fn the_half_of_a_promotion_is_caught() {
    // A shadow is promoted: its slot is emptied and the active one filled, at the same time. In between nobody can look.
    let shadow = Bound { slot: slot("shadow"), ..bound("b3", "s1", 3) };
    let promoted = |same_time: bool| {
        let mut history = sound();
        let mut kinds = kinds();
        let active = bound("b4", "s1", 5);
        kinds.push((EventKind::Bound, json!({"to": body(&shadow), "from": null})));
        kinds.push((EventKind::Unbound, json!({"from": body(&shadow), "to": null, "revision": 4})));
        kinds.push((EventKind::Bound, json!({"to": body(&active), "from": body(&bound("b2", "s2", 2))})));
        let mut events = chained(&kinds);
        if same_time {
            let Event { zone_id, seq, kind, ref actor, at: _, ref body, prev_sha256, .. } = events[9];
            let new = NewEvent { kind, actor: actor.clone(), at: events[8].at, body: body.clone() };
            events[9] = Event::chain(zone_id, seq, prev_sha256, new).unwrap();
        }
        (history.events, history.revision, history.bindings) = (events, 5, vec![active.clone()]);
        for (version, stands) in [("s1", true), ("s2", false)] {
            history.set_versions.get_mut(version).unwrap().active = stands;
        }
        let last = history.operations[0].clone();
        let bind = Asked::Bind { slot: shadow.slot.clone(), version: "s1".to_owned() };
        let promote = Asked::Promote { binding: "b3".to_owned() };
        for (from, asked, told) in [(1_100, bind, shadow.clone()), (1_200, promote, active)] {
            let outcome = Outcome::Done(Told::Binding(told));
            history.operations.push(Operation { asked, from, to: from + 10, outcome, ..last.clone() });
        }
        // Another instance, meanwhile.
        let outcome = Outcome::Done(decided(4, "s2"));
        let asked = Asked::Decide { principal: "u".to_owned(), at_least: None };
        history.operations.push(Operation { asked, from: 1_205, to: 1_208, instance: 1, outcome, ..last });
        history
    };
    let history = promoted(false);
    assert!(check(&history).is_empty(), "{}", excerpt(&history, &check(&history)));
    let faults = check(&promoted(true));
    assert!(faults.len() == 1 && faults[0].what.contains("there was no revision 4"), "{faults:?}");
}
