//! The chain of events of a zone, and the kept answers to requests with an idempotency key.

use cedarkeep_model::{Digest, Event, NewEvent, Timestamp, ZoneId};
use cedarkeep_store::{EventMark, IdempotentAnswer, Position, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::Columns,
    engine::{SKIP_LOCKED, store_error},
    list::{Keys, List},
    number, to_json,
};

fn event(row: &Row) -> Result<(Position, Event), StoreError> {
    let row = Columns(row);
    let event = Event {
        zone_id: row.parsed("zone_id")?,
        seq: row.number("seq")?,
        kind: row.parsed("kind")?,
        actor: row.text("actor")?,
        at: row.time("at")?,
        body: row.json("body")?,
        prev_sha256: row.parsed_or_null("prev_sha256")?,
        sha256: row.parsed("sha256")?,
    };
    Ok((Position { rank: 0, at: number(event.seq)?, id: String::new() }, event))
}

pub(super) async fn list(db: &mut Sql, zone: ZoneId, window: &Window) -> Result<Slice<Event>, StoreError> {
    let mut list = List::new("SELECT * FROM events WHERE zone_id = ");
    list.text(&zone);
    list.slice(db, Keys { rank: None, at: Some("seq"), id: None }, window, event).await
}

pub(super) async fn count(db: &mut Sql, zone: ZoneId) -> Result<u64, StoreError> {
    let mut list = List::new("SELECT event_seq FROM zones WHERE id = ");
    list.text(&zone);
    list.count(db).await
}

pub(super) async fn newest(db: &mut Sql, zone: ZoneId) -> Result<Option<EventMark>, StoreError> {
    let sql = "SELECT event_seq, event_sha256 FROM zones WHERE id = $1 AND deleted_at IS NULL";
    let row = sqlx::query(sql).bind(zone.to_string()).fetch_optional(db).await.map_err(store_error)?;
    row.as_ref().map_or(Ok(None), mark)
}

/// The end of the chain, in a row of a zone.
pub(super) fn mark(zone: &Row) -> Result<Option<EventMark>, StoreError> {
    let sha256 = Columns(zone).parsed_or_null("event_sha256")?;
    sha256.map(|sha256| Ok(EventMark { seq: Columns(zone).number("event_seq")?, sha256 })).transpose()
}

/// The zone's row holds the end of the chain, and writing it first takes the row for this transaction.
pub(super) async fn append(db: &mut Sql, zone: ZoneId, new: NewEvent) -> Result<Event, StoreError> {
    let sql = "UPDATE zones SET event_seq = event_seq + 1 WHERE id = $1 RETURNING event_seq, event_sha256";
    let row = sqlx::query(sql).bind(zone.to_string()).fetch_one(&mut *db).await.map_err(store_error)?;
    let (seq, prev) = (Columns(&row).number("event_seq")?, Columns(&row).parsed_or_null("event_sha256")?);
    let event = Event::chain(zone, seq, prev, new).map_err(|error| StoreError::Damaged(error.to_string()))?;
    sqlx::query(
        "INSERT INTO events (zone_id, seq, kind, actor, at, body, prev_sha256, sha256) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(zone.to_string())
    .bind(number(event.seq)?)
    .bind(event.kind.as_str())
    .bind(&event.actor)
    .bind(event.at.micros())
    .bind(to_json(&event.body)?)
    .bind(event.prev_sha256.map(|digest| digest.to_string()))
    .bind(event.sha256.to_string())
    .execute(&mut *db)
    .await
    .map_err(store_error)?;
    let sql = "UPDATE zones SET event_sha256 = $2 WHERE id = $1";
    let done = sqlx::query(sql).bind(zone.to_string()).bind(event.sha256.to_string()).execute(db).await;
    done.map(|_| event).map_err(store_error)
}

pub(super) async fn answer(db: &mut Sql, scope: Digest) -> Result<Option<IdempotentAnswer>, StoreError> {
    let sql = "SELECT * FROM idempotent_answers WHERE scope = $1";
    let row = sqlx::query(sql).bind(scope.to_string()).fetch_optional(db).await.map_err(store_error)?;
    row.map(|row| {
        let row = Columns(&row);
        Ok(IdempotentAnswer {
            scope: row.parsed("scope")?,
            request: row.parsed("request")?,
            answer: row.text("answer")?,
            created_at: row.time("created_at")?,
        })
    })
    .transpose()
}

pub(super) async fn keep_answer(
    db: &mut Sql,
    answer: &IdempotentAnswer,
    stale_before: Timestamp,
) -> Result<(), StoreError> {
    let sql = "DELETE FROM idempotent_answers WHERE scope = $1 AND created_at < $2";
    let stale = sqlx::query(sql).bind(answer.scope.to_string()).bind(stale_before.micros());
    stale.execute(&mut *db).await.map_err(store_error)?;
    sqlx::query("INSERT INTO idempotent_answers (scope, request, answer, created_at) VALUES ($1, $2, $3, $4)")
        .bind(answer.scope.to_string())
        .bind(answer.request.to_string())
        .bind(&answer.answer)
        .bind(answer.created_at.micros())
        .execute(db)
        .await
        .map(|_| ())
        .map_err(store_error)
}

pub(super) async fn forget_answers(db: &mut Sql, before: Timestamp, most: u32) -> Result<u64, StoreError> {
    // What another change is clearing away is left to it, else changes in different zones would wait for one another.
    let sql = format!(
        "DELETE FROM idempotent_answers WHERE scope IN \
         (SELECT scope FROM idempotent_answers WHERE created_at < $1 ORDER BY created_at LIMIT $2{SKIP_LOCKED})"
    );
    let done = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(before.micros()).bind(i64::from(most)).execute(db).await;
    done.map(|done| done.rows_affected()).map_err(store_error)
}
