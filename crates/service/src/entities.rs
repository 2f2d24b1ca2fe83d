//! The entities that a zone keeps for its decisions.

mod change;

use cedarkeep_cedar::Uid;
use cedarkeep_model::{EntityRecord, ZoneId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub(crate) use self::change::changes_sha;
use self::change::{Condition, Wanted};
use crate::{Call, Code, Error, Page, PageRequest, Saved, Service, page::Cursors};

/// The most entities that one call puts.
pub const MAX_PUT_ENTITIES: usize = 10_000;

/// What becomes of entities that a call does not name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PutMode {
    /// They stay.
    #[default]
    Upsert,
    /// They go: the zone has those of the call from then on, and no others.
    Replace,
}

/// What a change of entities came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntitiesChanged {
    /// How many are new, or other than before.
    pub upserted: u64,
    /// How many are gone.
    pub deleted: u64,
    /// How many of those given were there already, just so; action entities, which the schema has, among them.
    pub unchanged: u64,
    /// How many the zone has now.
    pub total: u64,
    /// The zone's revision from which on decisions see it.
    pub revision: u64,
    /// The entity tag of all entities together.
    pub entities_revision: u64,
}

impl EntitiesChanged {
    /// The entity tag of all entities of the zone together.
    #[must_use]
    pub fn etag(&self) -> String {
        collection_etag(self.entities_revision)
    }
}

/// A page of entities.
#[derive(Debug)]
pub struct EntityPage {
    /// The entities.
    pub page: Page<EntityRecord>,
    /// The entity tag of all entities of the zone together. What is on the page may be newer, never older.
    pub etag: String,
}

fn collection_etag(revision: u64) -> String {
    format!("\"{revision}\"")
}

impl Service {
    /// An entity.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn entity(
        &self,
        _call: &Call,
        zone: ZoneId,
        entity_type: &str,
        entity_id: &str,
    ) -> Result<EntityRecord, Error> {
        let (mut store, _) = self.living(zone).await?;
        store.entity(zone, entity_type, entity_id).await?.ok_or_else(not_found)
    }

    /// Entities by type and id; all, or those of one type.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn entities(
        &self,
        _call: &Call,
        zone: ZoneId,
        entity_type: Option<&str>,
        page: PageRequest,
    ) -> Result<EntityPage, Error> {
        let listing = self.listing(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/entities"), &entity_type);
        let window = cursors.window(&page)?;
        let about = (entity_type, &window, page.total_count);
        let (etag, slice, total) = listing
            .ask(&about, move |store, (entity_type, window, counted)| {
                Box::pin(async move {
                    let etag = collection_etag(store.entities_revision(zone).await?);
                    let slice = store.entities(zone, *entity_type, window).await?;
                    let total = if *counted { Some(store.count_entities(zone, *entity_type).await?) } else { None };
                    Ok((etag, slice, total))
                })
            })
            .await?;
        Ok(EntityPage { page: cursors.page(&window, slice, total, |entity| entity.body.len())?, etag })
    }

    /// Puts entities, Cedar entity JSON each, in one step: all of them or none.
    ///
    /// They must fit the schema of the version that is bound to the zone, or else the zone's default, unless the zone
    /// takes requests unchecked too. Equal entities change nothing.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`; `bad_request` for too many; `invalid_request` for what cannot be kept.
    pub async fn put_entities(
        &self,
        call: &Call,
        zone: ZoneId,
        mode: PutMode,
        entities: Vec<Value>,
    ) -> Result<EntitiesChanged, Error> {
        if entities.len() > MAX_PUT_ENTITIES {
            let message = format!("{} entities; one call puts at most {MAX_PUT_ENTITIES}", entities.len());
            return Err(Error::new(Code::BadRequest, message));
        }
        let wanted = Wanted::Put { mode, entities };
        Ok(self.change_entities(call, zone, wanted, Condition::Collection).await?.counts)
    }

    /// Deletes every entity of the zone.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`.
    pub async fn delete_entities(&self, call: &Call, zone: ZoneId) -> Result<EntitiesChanged, Error> {
        Ok(self.change_entities(call, zone, Wanted::DeleteAll, Condition::Collection).await?.counts)
    }

    /// Puts one entity, in place of what had its uid. The uid may be left out of it.
    ///
    /// # Errors
    /// As [`Service::put_entities`]; `bad_request` for another uid.
    pub async fn put_entity(
        &self,
        call: &Call,
        zone: ZoneId,
        entity_type: &str,
        entity_id: &str,
        entity: Value,
    ) -> Result<Saved<EntityRecord>, Error> {
        self.living(zone).await?;
        let uid = uid(entity_type, entity_id)?;
        if uid.is_action() {
            let message = "an action is not kept as an entity: the schema declares it, with the groups that it is in";
            return Err(Error::new(Code::InvalidRequest, message));
        }
        let entity = under(entity, &uid)?;
        let wanted = Wanted::Put { mode: PutMode::Upsert, entities: vec![entity] };
        let condition = Condition::Entity(entity_type.to_owned(), entity_id.to_owned());
        let changed = self.change_entities(call, zone, wanted, condition).await?;
        Ok(Saved { object: changed.after.ok_or_else(not_found)?, created: changed.before.is_none() })
    }

    /// Deletes one entity, and answers what it was.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`.
    pub async fn delete_entity(
        &self,
        call: &Call,
        zone: ZoneId,
        entity_type: &str,
        entity_id: &str,
    ) -> Result<EntityRecord, Error> {
        self.entity(call, zone, entity_type, entity_id).await?;
        let condition = Condition::Entity(entity_type.to_owned(), entity_id.to_owned());
        let wanted = Wanted::Delete(uid(entity_type, entity_id)?);
        self.change_entities(call, zone, wanted, condition).await?.before.ok_or_else(not_found)
    }
}

fn not_found() -> Error {
    Error::not_found("entity")
}

fn uid(entity_type: &str, entity_id: &str) -> Result<Uid, Error> {
    Uid::new(entity_type, entity_id).map_err(|error| Error::new(Code::InvalidRequest, error.to_string()))
}

/// The entity under the uid that it is put to.
fn under(mut entity: Value, uid: &Uid) -> Result<Value, Error> {
    let Some(members) = entity.as_object_mut() else {
        return Err(Error::new(Code::BadRequest, "an entity is an object with `attrs`, `parents` and, maybe, `tags`"));
    };
    match members.get("uid").map(Uid::from_json) {
        None => drop(members.insert("uid".to_owned(), uid.to_json())),
        Some(Ok(given)) if given == *uid => {}
        Some(_) => {
            let message = format!("uid: leave it out, or give the one in the path, {uid}");
            return Err(Error::new(Code::BadRequest, message));
        }
    }
    Ok(entity)
}
