//! Zones: made with a signing key and the shipped schemas, changed, deleted to a tombstone.

use cedarkeep_attest::KeyPair;
use cedarkeep_model::{
    AuthzenSettings, DecisionLogMode, Description, EventKind, ForbidErrorRule, KeyState, Name, OrganizationId,
    OwnerType, PolicySetId, RequestEntities, SchemaVersion, ScopeCombination, SigningKey, Slug, ValidationMode, Zone,
    ZoneId, ZoneSettings,
};
use cedarkeep_store::ZoneFilter;
use serde_json::json;

use crate::{
    Call, Code, Error, Page, PageRequest, PrincipalKind, Service, Target, access, authzen_settings, keys,
    page::Cursors, schemas, transact::Tx,
};

/// A zone to be made.
#[derive(Debug, Clone)]
pub struct NewZone {
    /// Its name.
    pub name: Name,
    /// Its slug; made from the name when absent.
    pub slug: Option<Slug>,
    /// What it is for.
    pub description: Option<Description>,
    /// Who owns it; the default organization when absent.
    pub organization_id: Option<OrganizationId>,
    /// Settings that differ from the defaults.
    pub settings: SettingsPatch,
}

/// Settings to be changed; `None` leaves one as it is.
#[derive(Debug, Clone, Default)]
pub struct SettingsPatch {
    /// See [`ZoneSettings::deletion_protection`].
    pub deletion_protection: Option<bool>,
    /// See [`ZoneSettings::validation_mode`].
    pub validation_mode: Option<ValidationMode>,
    /// See [`ZoneSettings::scope_combination`].
    pub scope_combination: Option<ScopeCombination>,
    /// See [`ZoneSettings::session_required`].
    pub session_required: Option<bool>,
    /// See [`ZoneSettings::on_forbid_error`].
    pub on_forbid_error: Option<ForbidErrorRule>,
    /// See [`ZoneSettings::validate_requests`].
    pub validate_requests: Option<bool>,
    /// See [`ZoneSettings::request_entities`].
    pub request_entities: Option<RequestEntities>,
    /// See [`ZoneSettings::user_default_policy_set_id`]; `Some(None)` clears it.
    pub user_default_policy_set_id: Option<Option<PolicySetId>>,
    /// See [`ZoneSettings::divergence_sample_percent`].
    pub divergence_sample_percent: Option<u8>,
    /// See [`ZoneSettings::decision_log`].
    pub decision_log: Option<DecisionLogMode>,
    /// See [`ZoneSettings::decision_log_sample_percent`].
    pub decision_log_sample_percent: Option<u8>,
    /// See [`ZoneSettings::decision_log_retention_days`].
    pub decision_log_retention_days: Option<u16>,
    /// See [`ZoneSettings::authzen`]; replaced whole.
    pub authzen: Option<AuthzenSettings>,
    /// See [`ZoneSettings::two_person_activation`].
    pub two_person_activation: Option<bool>,
}

impl SettingsPatch {
    fn check(&self) -> Result<(), Error> {
        if self.divergence_sample_percent.is_some_and(|percent| percent > 100) {
            return Err(Error::new(Code::BadRequest, "divergence_sample_percent is a number from 0 to 100"));
        }
        if self.decision_log_sample_percent.is_some_and(|percent| !(1..=100).contains(&percent)) {
            let message = "decision_log_sample_percent is a number from 1 to 100; `decision_log: off` logs none";
            return Err(Error::new(Code::BadRequest, message));
        }
        if self.decision_log_retention_days.is_some_and(|days| !(1..=3_650).contains(&days)) {
            return Err(Error::new(Code::BadRequest, "decision_log_retention_days is a number from 1 to 3650"));
        }
        self.authzen.as_ref().map_or(Ok(()), authzen_settings::check)
    }

    fn apply(self, settings: &mut ZoneSettings) {
        fn set<T>(place: &mut T, value: Option<T>) {
            if let Some(value) = value {
                *place = value;
            }
        }
        set(&mut settings.deletion_protection, self.deletion_protection);
        set(&mut settings.validation_mode, self.validation_mode);
        set(&mut settings.scope_combination, self.scope_combination);
        set(&mut settings.session_required, self.session_required);
        set(&mut settings.on_forbid_error, self.on_forbid_error);
        set(&mut settings.validate_requests, self.validate_requests);
        set(&mut settings.request_entities, self.request_entities);
        set(&mut settings.user_default_policy_set_id, self.user_default_policy_set_id);
        set(&mut settings.divergence_sample_percent, self.divergence_sample_percent);
        set(&mut settings.decision_log, self.decision_log);
        set(&mut settings.decision_log_sample_percent, self.decision_log_sample_percent);
        set(&mut settings.decision_log_retention_days, self.decision_log_retention_days);
        set(&mut settings.authzen, self.authzen);
        set(&mut settings.two_person_activation, self.two_person_activation);
    }
}

/// What is to change in a zone; `None` leaves a member as it is.
#[derive(Debug, Clone, Default)]
pub struct ZonePatch {
    /// The name.
    pub name: Option<Name>,
    /// The slug.
    pub slug: Option<Slug>,
    /// The description; `Some(None)` clears it.
    pub description: Option<Option<Description>>,
    /// Settings.
    pub settings: SettingsPatch,
}

/// How many numbered slugs are tried when the one made from the name is taken.
const SLUG_TRIES: u32 = 1_000;

impl Service {
    /// Makes a zone with a signing key of its own and the shipped schemas.
    ///
    /// # Errors
    /// `zone_slug_conflict` when a slug was given and is taken.
    pub async fn create_zone(&self, call: &Call, new: NewZone) -> Result<Zone, Error> {
        new.settings.check()?;
        self.once(call, async {
            if new.settings.user_default_policy_set_id.flatten().is_some() {
                let message = "a zone that is being made has no policy set yet; set user_default_policy_set_id later";
                return Err(Error::new(Code::BadRequest, message));
            }
            if let Some(organization) = new.organization_id {
                self.permit(&call.principal, "createZone", Target::Organization(organization)).await?;
            } else if let PrincipalKind::ServiceAccount(account) = &call.principal.kind {
                self.permit(&call.principal, "createZone", Target::Organization(account.organization)).await?;
            }
            let pair = self.new_key_pair().await?;
            self.transact(call, move |tx| Box::pin(create(tx, new, pair))).await
        })
        .await
    }

    /// A zone.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn zone(&self, _call: &Call, id: ZoneId) -> Result<Zone, Error> {
        self.read().await?.zone(id).await?.ok_or_else(|| Error::not_found("zone"))
    }

    /// The zones that the caller reaches, by creation.
    ///
    /// # Errors
    /// `invalid_cursor`.
    pub async fn zones(&self, call: &Call, filter: ZoneFilter, page: PageRequest) -> Result<Page<Zone>, Error> {
        let filter = ZoneFilter { within: within(&call.principal.kind), ..filter };
        let cursors = Cursors::new(&self.0.cursor_key, "zones", &filter);
        let window = cursors.window(&page)?;
        let mut store = self.read().await?;
        let slice = store.zones(&filter, &window).await?;
        let total = if page.total_count { Some(store.count_zones(&filter).await?) } else { None };
        cursors.page(&window, slice, total, |_| 0)
    }

    /// Changes name, slug, description or settings.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `zone_slug_conflict`.
    pub async fn update_zone(&self, call: &Call, id: ZoneId, patch: ZonePatch) -> Result<Zone, Error> {
        patch.settings.check()?;
        let condition = call.clone();
        self.transact(call, move |tx| Box::pin(update(tx, condition, id, patch))).await
    }

    /// Deletes a zone and all in it; a tombstone keeps its JWKS, events and attestations.
    ///
    /// # Errors
    /// `not_found`, `precondition_failed`, `deletion_protected`.
    pub async fn delete_zone(&self, call: &Call, id: ZoneId) -> Result<(), Error> {
        let condition = call.clone();
        self.transact(call, move |tx| {
            Box::pin(async move {
                let zone = tx.zone(id).await?;
                condition.check(&zone.etag())?;
                if zone.settings.deletion_protection {
                    let message = "deletion protection is on; switch it off with PATCH first";
                    return Err(Error::new(Code::DeletionProtected, message));
                }
                tx.event(id, EventKind::ZoneDeleted, json!({"slug": zone.slug, "name": zone.name})).await?;
                tx.decides_anew(id).await?;
                Ok(tx.store.delete_zone(id, tx.now).await?)
            })
        })
        .await
    }

    /// A living zone, or `not_found`: the first line of every read in a zone.
    pub(crate) async fn living(&self, id: ZoneId) -> Result<(Box<dyn cedarkeep_store::Read>, Zone), Error> {
        let mut store = self.read().await?;
        let zone = store.zone(id).await?.ok_or_else(|| Error::not_found("zone"))?;
        Ok((store, zone))
    }
}

/// The organizations and zones that somebody reaches; none where that is all of them.
fn within(caller: &PrincipalKind) -> Option<(Vec<OrganizationId>, Vec<ZoneId>)> {
    match caller {
        PrincipalKind::Administrator => None,
        PrincipalKind::User(_) => Some((Vec::new(), Vec::new())),
        PrincipalKind::ServiceAccount(account) => {
            let everywhere = account.grants.iter().any(|grant| grant.zone_id.is_none());
            let organizations = if everywhere { vec![account.organization] } else { Vec::new() };
            Some((organizations, account.grants.iter().filter_map(|grant| grant.zone_id).collect()))
        }
    }
}

/// Where a zone goes that names no organization: to the caller's own.
fn home(tx: &Tx) -> OrganizationId {
    match &tx.principal.kind {
        PrincipalKind::ServiceAccount(account) => account.organization,
        PrincipalKind::Administrator | PrincipalKind::User(_) => tx.service.0.organization,
    }
}

async fn create(tx: &mut Tx, new: NewZone, pair: KeyPair) -> Result<Zone, Error> {
    let id = ZoneId::new(tx.service.0.ids.next());
    let organization_id = new.organization_id.unwrap_or_else(|| home(tx));
    let unknown = || Error::new(Code::BadRequest, format!("there is no organization {organization_id}"));
    tx.store.organization(organization_id).await?.ok_or_else(unknown)?;
    let slug = match new.slug {
        Some(slug) => slug,
        None => free_slug(tx, organization_id, Slug::from_name(new.name.as_str())).await?,
    };
    let mut settings = ZoneSettings::default();
    new.settings.apply(&mut settings);
    let zone = Zone {
        id,
        organization_id,
        slug,
        name: new.name,
        description: new.description,
        owner_type: OwnerType::Customer,
        settings,
        default_schema_version: default_schema(&tx.service)?,
        object_revision: 1,
        revision: 1,
        created_at: tx.now,
        created_by: tx.actor.clone(),
        updated_at: tx.now,
    };
    let (data_key, wrapped) = tx.service.0.master.new_data_key(id)?;
    tx.store.insert_zone(&zone, &wrapped).await?;
    let body = json!({
        "organization_id": zone.organization_id, "slug": zone.slug, "name": zone.name,
        "description": zone.description, "settings": zone.settings,
        "default_schema_version": zone.default_schema_version,
    });
    tx.event(id, EventKind::ZoneCreated, body).await?;
    let key = SigningKey {
        zone_id: id,
        state: KeyState::Signing,
        sealed_private: data_key.seal(id, &pair.kid, keys::PURPOSE, &pair.private_der)?,
        public: pair.public,
        kid: pair.kid,
        created_at: tx.now,
        created_by: tx.actor.clone(),
        signs_from: tx.now,
        re_signed_at: Some(tx.now),
        revoke_requested: None,
        revoked_seq: None,
    };
    tx.store.insert_key(&key).await?;
    tx.event(id, EventKind::KeyCreated, json!({"kid": key.kid, "state": key.state, "public": key.public})).await?;
    schemas::insert_built_in(tx, id).await?;
    Ok(zone)
}

/// The newest of the shipped schemas.
fn default_schema(service: &Service) -> Result<SchemaVersion, Error> {
    let newest = service.0.built_in.last().map(|(version, _)| version.clone());
    newest.ok_or_else(|| Error::new(Code::Internal, "no schema is shipped"))
}

async fn free_slug(tx: &mut Tx, organization: OrganizationId, wanted: Slug) -> Result<Slug, Error> {
    let mut slug = wanted.clone();
    for number in 2..SLUG_TRIES {
        let filter = ZoneFilter {
            slug: Some(slug.to_string()),
            organization_id: Some(organization.to_string()),
            ..ZoneFilter::default()
        };
        if tx.store.count_zones(&filter).await? == 0 {
            break;
        }
        slug = wanted.numbered(number);
    }
    Ok(slug)
}

async fn update(tx: &mut Tx, call: Call, id: ZoneId, patch: ZonePatch) -> Result<Zone, Error> {
    let before = tx.zone(id).await?;
    call.check(&before.etag())?;
    let mut zone = before.clone();
    if let Some(name) = patch.name {
        zone.name = name;
    }
    if let Some(slug) = patch.slug {
        zone.slug = slug;
    }
    if let Some(description) = patch.description {
        zone.description = description;
    }
    patch.settings.apply(&mut zone.settings);
    if let Some(set) = zone.settings.user_default_policy_set_id
        && before.settings.user_default_policy_set_id != Some(set)
        && tx.store.policy_set(id, set).await?.is_none_or(|state| state.set.archived.is_some())
    {
        let message = "user_default_policy_set_id must name a living policy set of this zone";
        return Err(Error::new(Code::BadRequest, message));
    }
    if zone == before {
        return Ok(before);
    }
    if before.settings.two_person_activation && !zone.settings.two_person_activation {
        tx.permit(access::ENDS_TWO_PERSON_ACTIVATION, id).await?;
    }
    zone.object_revision += 1;
    zone.updated_at = tx.now;
    tx.store.update_zone(&zone).await?;
    let state = |zone: &Zone| json!({"name": zone.name, "slug": zone.slug, "description": zone.description, "settings": zone.settings});
    tx.event(id, EventKind::ZoneUpdated, json!({"from": state(&before), "to": state(&zone)})).await?;
    if zone.settings != before.settings {
        zone.revision = tx.decides_anew(id).await?;
    }
    Ok(zone)
}
