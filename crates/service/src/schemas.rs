//! Schema versions: shipped ones and the zone's own.

use cedarkeep_cedar::{Given, SchemaContent};
use cedarkeep_model::{EventKind, OwnerType, PolicySchema, SchemaStatus, SchemaVersion, Zone, ZoneId};
use serde_json::{Value, json};

use crate::{Call, Code, Error, Page, PageRequest, Service, page::Cursors, publish::cedar_error, transact::Tx};

/// The content of a schema version as it comes.
#[derive(Debug, Clone)]
pub enum GivenSchema {
    /// Cedar schema text.
    Text(String),
    /// Cedar schema JSON.
    Json(Value),
}

impl Service {
    /// Adds a schema version; its content never changes.
    ///
    /// # Errors
    /// `schema_version_conflict`, `invalid_cedar` with the findings.
    pub async fn create_schema(
        &self,
        call: &Call,
        zone: ZoneId,
        version: SchemaVersion,
        given: GivenSchema,
    ) -> Result<PolicySchema, Error> {
        self.once(call, async {
            self.living(zone).await?;
            let content = self.read_schema(zone, given).await?;
            self.transact(call, move |tx| {
                Box::pin(async move {
                    let zone = tx.zone(zone).await?;
                    insert(tx, &zone, version, &content, OwnerType::Customer).await
                })
            })
            .await
        })
        .await
    }

    async fn read_schema(&self, zone: ZoneId, given: GivenSchema) -> Result<SchemaContent, Error> {
        let read = move || match given {
            GivenSchema::Text(text) => cedarkeep_cedar::read_schema(Given::Text(&text)),
            GivenSchema::Json(json) => cedarkeep_cedar::read_schema(Given::Json(&json)),
        };
        self.run_in_turn(zone, read).await?.map_err(|error| cedar_error(&error))
    }

    /// A schema version.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn schema(&self, _call: &Call, zone: ZoneId, version: &str) -> Result<PolicySchema, Error> {
        let (mut store, _) = self.living(zone).await?;
        store.schema(zone, version).await?.ok_or_else(|| Error::not_found("schema version"))
    }

    /// Schema versions by creation; only the default, or only the others, when asked.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn schemas(
        &self,
        _call: &Call,
        zone: ZoneId,
        is_default: Option<bool>,
        page: PageRequest,
    ) -> Result<Page<PolicySchema>, Error> {
        let listing = self.listing(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/policy-schemas"), &is_default);
        let window = cursors.window(&page)?;
        let about = (&window, page.total_count);
        let (slice, total) = listing
            .ask(&about, move |store, (window, counted)| {
                Box::pin(async move {
                    let slice = store.schemas(zone, is_default, window).await?;
                    let total = if *counted { Some(store.count_schemas(zone, is_default).await?) } else { None };
                    Ok((slice, total))
                })
            })
            .await?;
        cursors.page(&window, slice, total, |schema| schema.cedar_schema.len() + schema.cedar_schema_json.len())
    }

    /// Makes a schema version the zone's default.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `schema_version_archived`.
    pub async fn set_default_schema(&self, call: &Call, zone: ZoneId, version: &str) -> Result<PolicySchema, Error> {
        let (condition, version) = (call.clone(), version.to_owned());
        self.transact(call, move |tx| Box::pin(set_default(tx, condition, zone, version))).await
    }

    /// Moves a schema version between active, deprecated and archived.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`; `schema_version_archived` for archiving the zone's default.
    pub async fn set_schema_status(
        &self,
        call: &Call,
        zone: ZoneId,
        version: &str,
        status: SchemaStatus,
    ) -> Result<PolicySchema, Error> {
        let (condition, version) = (call.clone(), version.to_owned());
        self.transact(call, move |tx| Box::pin(set_status(tx, condition, zone, version, status))).await
    }
}

pub(crate) async fn insert_built_in(tx: &mut Tx, zone: ZoneId) -> Result<(), Error> {
    let zone = tx.zone(zone).await?;
    let service = tx.service.clone();
    for (version, content) in &service.0.built_in {
        insert(tx, &zone, version.clone(), content, OwnerType::Platform).await?;
    }
    Ok(())
}

async fn insert(
    tx: &mut Tx,
    zone: &Zone,
    version: SchemaVersion,
    content: &SchemaContent,
    owner_type: OwnerType,
) -> Result<PolicySchema, Error> {
    let schema = PolicySchema {
        zone_id: zone.id,
        is_default: zone.default_schema_version == version,
        version,
        owner_type,
        cedar_schema: content.cedar_schema.clone(),
        cedar_schema_json: content.cedar_schema_json.clone(),
        schema_sha: content.schema_sha,
        status: SchemaStatus::Active,
        revision: 1,
        created_at: tx.now,
        created_by: tx.actor.clone(),
        updated_at: tx.now,
        deprecated_at: None,
        archived_at: None,
    };
    tx.store.insert_schema(&schema).await?;
    let body = json!({"version": schema.version, "schema_sha": schema.schema_sha, "owner_type": owner_type});
    tx.event(zone.id, EventKind::SchemaCreated, body).await?;
    Ok(schema)
}

async fn existing(tx: &mut Tx, call: &Call, zone: ZoneId, version: &str) -> Result<PolicySchema, Error> {
    let schema = tx.store.schema(zone, version).await?.ok_or_else(|| Error::not_found("schema version"))?;
    call.check(&schema.etag())?;
    Ok(schema)
}

async fn set_default(tx: &mut Tx, call: Call, zone: ZoneId, version: String) -> Result<PolicySchema, Error> {
    let mut owner = tx.zone(zone).await?;
    let mut schema = existing(tx, &call, zone, &version).await?;
    if schema.is_default {
        return Ok(schema);
    }
    if schema.status == SchemaStatus::Archived {
        let message = "an archived schema version cannot be the default; make it active first";
        return Err(Error::new(Code::SchemaVersionArchived, message));
    }
    if let Some(mut former) = tx.store.schema(zone, owner.default_schema_version.as_str()).await? {
        former.revision += 1;
        former.updated_at = tx.now;
        tx.store.update_schema(&former).await?;
    }
    let body = json!({"from": owner.default_schema_version, "to": schema.version});
    owner.default_schema_version = schema.version.clone();
    owner.object_revision += 1;
    owner.updated_at = tx.now;
    tx.store.update_zone(&owner).await?;
    schema.is_default = true;
    schema.revision += 1;
    schema.updated_at = tx.now;
    tx.store.update_schema(&schema).await?;
    tx.event(zone, EventKind::SchemaDefaultChanged, body).await?;
    Ok(schema)
}

async fn set_status(
    tx: &mut Tx,
    call: Call,
    zone: ZoneId,
    version: String,
    status: SchemaStatus,
) -> Result<PolicySchema, Error> {
    tx.zone(zone).await?;
    let mut schema = existing(tx, &call, zone, &version).await?;
    if schema.status == status {
        return Ok(schema);
    }
    if status == SchemaStatus::Archived && schema.is_default {
        let message = "the zone's default schema version cannot be archived; make another the default first";
        return Err(Error::new(Code::SchemaVersionArchived, message));
    }
    let body = json!({"version": schema.version, "from": schema.status, "to": status});
    schema.status = status;
    schema.deprecated_at = match status {
        SchemaStatus::Active => None,
        SchemaStatus::Deprecated => Some(tx.now),
        SchemaStatus::Archived => schema.deprecated_at,
    };
    schema.archived_at = (status == SchemaStatus::Archived).then_some(tx.now);
    schema.revision += 1;
    schema.updated_at = tx.now;
    tx.store.update_schema(&schema).await?;
    tx.event(zone, EventKind::SchemaStatusChanged, body).await?;
    Ok(schema)
}
