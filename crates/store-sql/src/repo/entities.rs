//! The entities that zones keep. What was deleted leaves its row without a body, so that whoever follows the changes
//! learns of it.

use cedarkeep_model::{EntityChange, EntityRecord, ZoneId};
use cedarkeep_store::{Position, Slice, StoreError, Window};

use super::{
    Row, Sql,
    columns::{Columns, damaged},
    list::{Keys, List},
    number,
};

/// How many rows one statement writes: far from what an engine takes, with parameters for each column.
const ROWS_AT_ONCE: usize = 250;

/// Ordered by type, then by id.
const BY_UID: Keys = Keys { rank: None, at: None, id: Some("entity_type then entity_id") };

fn change(row: &Row) -> Result<EntityChange, StoreError> {
    let row = Columns(row);
    let (entity_type, entity_id) = (row.text("entity_type")?, row.text("entity_id")?);
    let changed_revision = row.number("changed_revision")?;
    match (row.text_or_null("body")?, row.parsed_or_null("sha")?) {
        (Some(body), Some(sha)) => {
            let zone_id = row.parsed("zone_id")?;
            Ok(EntityChange::Kept(EntityRecord { zone_id, entity_type, entity_id, body, sha, changed_revision }))
        }
        (None, None) => Ok(EntityChange::Deleted { entity_type, entity_id, changed_revision }),
        (Some(_), None) | (None, Some(_)) => Err(damaged("body")),
    }
}

fn entity(row: &Row) -> Result<EntityRecord, StoreError> {
    match change(row)? {
        EntityChange::Kept(record) => Ok(record),
        EntityChange::Deleted { .. } => Err(damaged("body")),
    }
}

fn position(at: u64, (entity_type, entity_id): (&str, &str)) -> Result<Position, StoreError> {
    Ok(Position { rank: 0, at: number(at)?, id: format!("{entity_type}/{entity_id}") })
}

pub(super) async fn get(
    db: &mut Sql,
    zone: ZoneId,
    entity_type: &str,
    entity_id: &str,
) -> Result<Option<EntityRecord>, StoreError> {
    let mut list = List::new("SELECT * FROM entities WHERE zone_id = ");
    list.living(zone).sql(" AND entity_type = ").text(entity_type).sql(" AND entity_id = ").text(entity_id);
    list.sql(" AND body IS NOT NULL");
    Ok(list.all(db, entity).await?.pop())
}

fn kept(select: &'static str, zone: ZoneId, entity_type: Option<&str>) -> List {
    let mut list = List::new(select);
    list.living(zone);
    if let Some(entity_type) = entity_type {
        list.sql(" AND entity_type = ").text(entity_type);
    }
    list.sql(" AND body IS NOT NULL");
    list
}

pub(super) async fn list(
    db: &mut Sql,
    zone: ZoneId,
    entity_type: Option<&str>,
    window: &Window,
) -> Result<Slice<EntityRecord>, StoreError> {
    let positioned = |row: &Row| {
        let entity = entity(row)?;
        Ok((position(0, (&entity.entity_type, &entity.entity_id))?, entity))
    };
    kept("SELECT * FROM entities WHERE zone_id = ", zone, entity_type).slice(db, BY_UID, window, positioned).await
}

pub(super) async fn count(db: &mut Sql, zone: ZoneId, entity_type: Option<&str>) -> Result<u64, StoreError> {
    kept("SELECT COUNT(*) FROM entities WHERE zone_id = ", zone, entity_type).count(db).await
}

pub(super) async fn revision(db: &mut Sql, zone: ZoneId) -> Result<u64, StoreError> {
    // Not MAX: with the condition on the zone an engine would look at every row.
    let mut list = List::new("SELECT changed_revision FROM entities WHERE zone_id = ");
    list.living(zone).sql(" ORDER BY changed_revision DESC LIMIT 1");
    list.count(db).await
}

pub(super) async fn changes(
    db: &mut Sql,
    zone: ZoneId,
    after_revision: u64,
    window: &Window,
) -> Result<Slice<EntityChange>, StoreError> {
    let positioned = |row: &Row| {
        let change = change(row)?;
        Ok((position(change.changed_revision(), change.uid())?, change))
    };
    let mut list = List::new("SELECT * FROM entities WHERE zone_id = ");
    list.living(zone).sql(" AND changed_revision > ").number(number(after_revision)?);
    list.slice(db, Keys::created("changed_revision", "entity_type then entity_id"), window, positioned).await
}

pub(super) async fn put(db: &mut Sql, entities: &[EntityRecord]) -> Result<(), StoreError> {
    for rows in entities.chunks(ROWS_AT_ONCE) {
        let mut list =
            List::new("INSERT INTO entities (zone_id, entity_type, entity_id, changed_revision, sha, body) VALUES ");
        for (index, row) in rows.iter().enumerate() {
            list.sql(if index == 0 { "(" } else { ", (" }).text(&row.zone_id);
            list.sql(", ").text(&row.entity_type).sql(", ").text(&row.entity_id);
            list.sql(", ").number(number(row.changed_revision)?);
            list.sql(", ").text(&row.sha).sql(", ").text(&row.body).sql(")");
        }
        list.sql(
            " ON CONFLICT (zone_id, entity_type, entity_id) DO UPDATE SET \
             changed_revision = excluded.changed_revision, sha = excluded.sha, body = excluded.body",
        );
        list.execute(db).await?;
    }
    Ok(())
}

const DELETE: &str = "UPDATE entities SET body = NULL, sha = NULL, changed_revision = ";

pub(super) async fn delete(
    db: &mut Sql,
    zone: ZoneId,
    revision: u64,
    uids: &[(String, String)],
) -> Result<(), StoreError> {
    for uids in uids.chunks(ROWS_AT_ONCE) {
        let mut list = List::new(DELETE);
        list.number(number(revision)?).sql(" FROM ").objects(uids)?;
        list.sql(" AS gone WHERE entities.zone_id = ").text(&zone);
        list.sql(" AND entities.entity_type = gone.value ->> 0 AND entities.entity_id = gone.value ->> 1");
        list.sql(" AND entities.body IS NOT NULL");
        list.execute(db).await?;
    }
    Ok(())
}

pub(super) async fn delete_all(db: &mut Sql, zone: ZoneId, revision: u64) -> Result<(), StoreError> {
    let mut list = List::new(DELETE);
    list.number(number(revision)?).sql(" WHERE zone_id = ").text(&zone).sql(" AND body IS NOT NULL");
    list.execute(db).await
}

/// Of a zone that is deleted nothing is left of its entities.
pub(super) async fn forget(db: &mut Sql, zone: ZoneId) -> Result<(), StoreError> {
    let mut list = List::new("DELETE FROM entities WHERE zone_id = ");
    list.text(&zone);
    list.execute(db).await
}
