//! The log of decisions.

use cedarkeep_model::{DecisionId, Digest, LoggedBody, LoggedDecision, Timestamp, ZoneId};
use cedarkeep_store::{DecisionFilter, Position, Slice, StoreError, Window};
use serde::Serialize;

use super::{
    Row, Sql,
    columns::Columns,
    engine::{SKIP_LOCKED, store_error},
    given,
    list::{Keys, List},
    number, to_json,
};

/// What a text is looked up by: texts may be longer than an index takes.
pub(super) fn hash(text: &str) -> i64 {
    Digest::of(text.as_bytes()).bytes().first_chunk().map_or(0, |first| i64::from_be_bytes(*first))
}

fn decision(row: &Row) -> Result<(Position, LoggedDecision), StoreError> {
    let row = Columns(row);
    let decision = LoggedDecision {
        zone_id: row.parsed("zone_id")?,
        decision_id: row.parsed("decision_id")?,
        at: row.time("at")?,
        allowed: row.flag("allowed")?,
        reason: row.text_or_null("reason")?,
        revision: row.number("revision")?,
        principal: row.text("principal")?,
        action: row.text("action")?,
        resource: row.text("resource")?,
        session: row.text_or_null("session")?,
        body: row.json("body")?,
    };
    Ok((Position { rank: 0, at: decision.at.micros(), id: decision.decision_id.to_string() }, decision))
}

pub(super) async fn get(db: &mut Sql, zone: ZoneId, id: DecisionId) -> Result<Option<LoggedDecision>, StoreError> {
    let mut list = List::new("SELECT * FROM decisions WHERE zone_id = ");
    list.living(zone).sql(" AND decision_id = ").text(&id);
    Ok(list.all(db, decision).await?.pop().map(|(_, decision)| decision))
}

pub(super) async fn list(
    db: &mut Sql,
    zone: ZoneId,
    filter: &DecisionFilter,
    window: &Window,
) -> Result<Slice<LoggedDecision>, StoreError> {
    let mut list = List::new("SELECT * FROM decisions WHERE zone_id = ");
    list.living(zone);
    if let Some(allowed) = filter.allowed {
        list.sql(" AND allowed = ").number(i64::from(allowed));
    }
    if let Some(principal) = &filter.principal {
        list.sql(" AND principal_hash = ").number(hash(principal)).sql(" AND principal = ").text(given(principal)?);
    }
    if let Some(action) = &filter.action {
        list.sql(" AND action = ").text(given(action)?);
    }
    if let Some(resource) = &filter.resource {
        list.sql(" AND resource_hash = ").number(hash(resource)).sql(" AND resource = ").text(given(resource)?);
    }
    if let Some(version) = filter.policy_set_version_id {
        list.sql(" AND policy_set_version_ids LIKE ").text(&format!("%{version}%"));
    }
    if let Some(from) = filter.from {
        list.sql(" AND at >= ").number(from.micros());
    }
    if let Some(to) = filter.to {
        list.sql(" AND at < ").number(to.micros());
    }
    list.slice(db, Keys::created("at", "decision_id"), window, decision).await
}

/// A row as it goes to the engine.
#[derive(Serialize)]
struct Entry<'a> {
    zone_id: ZoneId,
    decision_id: DecisionId,
    at: i64,
    allowed: u8,
    reason: Option<&'a str>,
    revision: i64,
    principal: &'a str,
    principal_hash: i64,
    action: &'a str,
    resource: &'a str,
    resource_hash: i64,
    session: Option<&'a str>,
    policy_set_version_ids: String,
    body: String,
}

impl<'a> Entry<'a> {
    fn new(decision: &'a LoggedDecision) -> Result<Self, StoreError> {
        Ok(Self {
            zone_id: decision.zone_id,
            decision_id: decision.decision_id,
            at: decision.at.micros(),
            allowed: u8::from(decision.allowed),
            reason: decision.reason.as_deref(),
            revision: number(decision.revision)?,
            principal: given(&decision.principal)?,
            principal_hash: hash(&decision.principal),
            action: given(&decision.action)?,
            resource: given(&decision.resource)?,
            resource_hash: hash(&decision.resource),
            session: decision.session.as_deref().map(given).transpose()?,
            policy_set_version_ids: version_ids(&decision.body),
            body: to_json(&decision.body)?,
        })
    }
}

/// The versions that decided, between spaces.
pub(super) fn version_ids(body: &LoggedBody) -> String {
    let ids: Vec<_> = body.scopes.iter().map(|scope| scope.policy_set_version_id.to_string()).collect();
    ids.join(" ")
}

/// One statement, however many they are. What is there already stays: whoever does not learn whether they were written
/// may write them again.
pub(super) async fn insert(db: &mut Sql, decisions: &[LoggedDecision]) -> Result<(), StoreError> {
    let entries = decisions.iter().map(Entry::new).collect::<Result<Vec<_>, _>>()?;
    let mut list = List::new(
        "INSERT INTO decisions (zone_id, decision_id, at, allowed, reason, revision, principal, principal_hash, action, \
         resource, resource_hash, session, policy_set_version_ids, body) \
         SELECT value ->> 'zone_id', value ->> 'decision_id', CAST(value ->> 'at' AS BIGINT), \
         CAST(value ->> 'allowed' AS BIGINT), value ->> 'reason', CAST(value ->> 'revision' AS BIGINT), \
         value ->> 'principal', CAST(value ->> 'principal_hash' AS BIGINT), value ->> 'action', value ->> 'resource', \
         CAST(value ->> 'resource_hash' AS BIGINT), value ->> 'session', value ->> 'policy_set_version_ids', \
         value ->> 'body' FROM ",
    );
    list.objects(&entries)?.sql(" WHERE TRUE ON CONFLICT (zone_id, decision_id) DO NOTHING");
    list.execute(db).await
}

pub(super) async fn next_zone(db: &mut Sql, after: Option<ZoneId>) -> Result<Option<(ZoneId, Timestamp)>, StoreError> {
    let mut list = List::new("SELECT zone_id, at FROM decisions WHERE zone_id > ");
    list.text(&after.map(|zone| zone.to_string()).unwrap_or_default()).sql(" ORDER BY zone_id, at LIMIT 1");
    let found = list.all(db, |row| Ok((Columns(row).parsed("zone_id")?, Columns(row).time("at")?))).await?;
    Ok(found.into_iter().next())
}

pub(super) async fn forget(db: &mut Sql, zone: ZoneId, before: Timestamp, most: u32) -> Result<u64, StoreError> {
    // What another instance is forgetting is left to it.
    let sql = format!(
        "DELETE FROM decisions WHERE zone_id = $1 AND decision_id IN \
         (SELECT decision_id FROM decisions WHERE zone_id = $1 AND at < $2 ORDER BY at LIMIT $3{SKIP_LOCKED})"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(zone.to_string()).bind(before.micros());
    let done = query.bind(i64::from(most)).execute(db).await;
    done.map(|done| done.rows_affected()).map_err(store_error)
}
