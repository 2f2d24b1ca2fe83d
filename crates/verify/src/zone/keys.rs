//! The keys of a zone and the head of its events.

use cedarkeep_attest::{Jwks, thumbprint, verify_head};
use cedarkeep_model::{ChainHead, KeyState};

use super::{
    HEAD, KEYS,
    case::{Keys, ZoneCase},
};
use crate::{
    case::{JWKS, at},
    report::{Found, held, settled},
    strict::{demand_canonical, read},
};

/// The key set, with the ids of revoked keys; both it and the list of all keys are what the events lead to.
pub(super) fn keys(case: &ZoneCase<'_>) -> Result<Found<Jwks>, String> {
    let jwks = at(JWKS, Jwks::parse(case.file(JWKS)).map_err(|refusal| refusal.to_string()))?;
    at(JWKS, demand_canonical(&jwks.to_json(), case.file(JWKS)))?;
    let (mut problems, mut revoked) = (Vec::new(), Vec::new());
    for key in case.history.keys.iter() {
        let kid = &key.kid;
        if thumbprint(&key.public).as_ref() != Ok(kid) {
            problems.push(format!("key {kid} has another thumbprint than its id"));
        }
        match (key.state, jwks.public_key(kid)) {
            (KeyState::Revoked, None) => revoked.push(kid.clone()),
            (KeyState::Revoked, Some(_)) => problems.push(format!("{JWKS}: key {kid} is in it although it is revoked")),
            (_, None) => problems.push(format!("{JWKS}: key {kid} is missing")),
            (_, Some(public)) if *public == key.public => {}
            (_, Some(_)) => problems.push(format!("{JWKS}: key {kid} is another than its event tells")),
        }
    }
    for kid in jwks.kids().filter(|kid| case.history.keys.get(kid).is_none()) {
        problems.push(format!("{JWKS}: no event tells of key {kid}"));
    }
    problems.extend(differing(case)?);
    let detail = describe(case, &revoked);
    let jwks = jwks.with_revoked(revoked).map_err(|refusal| refusal.to_string())?;
    settled(jwks, &problems, detail)
}

/// In what the list of all keys differs from what the events lead to.
fn differing(case: &ZoneCase<'_>) -> Result<Vec<String>, String> {
    let listed: Keys = at(KEYS, read(case.file(KEYS)))?;
    let mut problems = Vec::new();
    for key in case.history.keys.iter().filter(|key| !listed.keys.contains(key)) {
        let state = key.state;
        problems.push(format!("{KEYS}: key {} is missing or not as the events tell, which is {state}", key.kid));
    }
    if problems.is_empty() && !listed.keys.iter().eq(case.history.keys.iter()) {
        problems.push(format!("{KEYS}: it lists other keys than the events, or not by their ids"));
    }
    Ok(problems)
}

fn describe(case: &ZoneCase<'_>, revoked: &[String]) -> String {
    let all = case.history.keys.iter().count();
    if revoked.is_empty() {
        return format!("{all}, none of them revoked");
    }
    let revoked: Vec<_> =
        case.history.keys.iter().filter_map(|key| Some(format!("{} by event {}", key.kid, key.revoked_seq?))).collect();
    format!("{all}; key_revoked, so proving nothing by themselves: {}", revoked.join(", "))
}

/// The statement about the newest event, signed by the key that signs as of that event.
pub(super) fn head(case: &ZoneCase<'_>, jwks: &Jwks) -> Result<Found<ChainHead>, String> {
    let (head, kid) = at(HEAD, verify_head(case.file(HEAD), jwks).map_err(|refusal| refusal.to_string()))?;
    let newest = case.events.last().ok_or_else(|| "there are no events".to_owned())?;
    let wrong = |what: &str| Err(format!("{HEAD}: {what}"));
    if head.zone_id != case.zone {
        return wrong("it is about another zone");
    }
    if (head.seq, head.sha256) != (newest.seq, newest.sha256) {
        return wrong(&format!("it is about event {} ({}), which is not the newest here", head.seq, head.sha256));
    }
    if case.history.keys.get(&kid).is_none_or(|key| key.state != KeyState::Signing) {
        return wrong(&format!("key {kid} does not sign as of event {}", head.seq));
    }
    let detail = format!("event {} ({}), stated at {} by {kid}", head.seq, head.sha256, head.at);
    Ok(held(head, detail))
}
