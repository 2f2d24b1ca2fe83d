//! Records for the cases: every optional member set, every text with characters that a careless store would change.

use std::str::FromStr;

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use cedarkeep_model::{
    Archived, AttestationStatement, AttestationStatus, AuthzenSettings, Binding, BindingMode, DecisionLogMode,
    Description, Digest, Divergence, DraftContent, Envelope, EventKind, ForbidErrorRule, KeyState, Manifest,
    ManifestEntry, Name, NewEntry, NewEvent, Origin, OwnerType, Policy, PolicyDraft, PolicySchema, PolicySet,
    PolicySetDraft, PolicyVersion, PublicKey, RequestEntities, STATEMENT_TYPE, SchemaStatus, SchemaVersion,
    ScopeCombination, ScopeType, SetVersionRecord, SigningKey, Slug, Timestamp, ValidationMode, Zone, ZoneId,
    ZoneSettings, canonical_bytes,
};

use crate::{AttestationRecord, IdempotentAnswer};

/// Quotes, wildcards, a backslash, a byte order mark, characters of one to four bytes, a combining accent.
pub(super) const AWKWARD: &str = "it's \"50%\" _under_ \\ \u{feff} ü 日本 🦀 e\u{301}";

/// The schema version that every zone of [`zone`] has as its default.
pub(super) const SCHEMA: &str = "2026-03-16";

/// The id with this number, of whichever kind is asked for.
pub(super) fn id<T: FromStr<Err: std::fmt::Debug>>(number: u64) -> T {
    format!("0198c0de-0000-7000-8000-{number:012x}").parse().unwrap()
}

/// The moment so many seconds (and one microsecond) after a fixed one.
pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_767_225_600_000_001).plus_seconds(seconds)
}

pub(super) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(super) fn archived(seconds: i64) -> Archived {
    Archived { at: at(seconds), by: format!("archivist {AWKWARD}") }
}

pub(super) fn zone(number: u64) -> Zone {
    Zone {
        id: id(number),
        organization_id: id(9_000),
        slug: Slug::new(format!("zone-{number}")).unwrap(),
        name: name(&format!("{AWKWARD} {number}")),
        description: Some(Description::new(format!("{AWKWARD}\n\ttwo lines")).unwrap()),
        owner_type: OwnerType::Customer,
        settings: ZoneSettings {
            deletion_protection: true,
            validation_mode: ValidationMode::Off,
            scope_combination: ScopeCombination::Union,
            session_required: true,
            on_forbid_error: ForbidErrorRule::Cedar,
            validate_requests: false,
            request_entities: RequestEntities::Replace,
            user_default_policy_set_id: Some(id(7)),
            divergence_sample_percent: 7,
            decision_log: DecisionLogMode::Sampled,
            decision_log_sample_percent: 8,
            decision_log_retention_days: 9,
            authzen: AuthzenSettings {
                types: [("user".to_owned(), "App::User".to_owned())].into(),
                session_from: Some(AWKWARD.to_owned()),
                validate: true,
            },
            two_person_activation: true,
        },
        default_schema_version: SchemaVersion::new(SCHEMA).unwrap(),
        object_revision: 3,
        revision: 5,
        created_at: at(0),
        created_by: AWKWARD.to_owned(),
        updated_at: at(1),
    }
}

pub(super) fn data_key(number: u64) -> Vec<u8> {
    (0..=255).chain(number.to_be_bytes()).collect()
}

pub(super) fn schema(zone_id: ZoneId, version: &str) -> PolicySchema {
    let cedar_schema_json = format!("{{\"\":{{\"note\":\"{version} ü\"}}}}");
    PolicySchema {
        zone_id,
        version: SchemaVersion::new(version).unwrap(),
        owner_type: OwnerType::Platform,
        cedar_schema: format!("// {AWKWARD}\r\nentity User; // {version}\n\n"),
        schema_sha: Digest::of(cedar_schema_json.as_bytes()),
        cedar_schema_json,
        status: SchemaStatus::Archived,
        is_default: version == SCHEMA,
        revision: 4,
        created_at: at(2),
        created_by: AWKWARD.to_owned(),
        updated_at: at(3),
        deprecated_at: Some(at(4)),
        archived_at: Some(at(5)),
    }
}

/// A policy that has no version yet.
pub(super) fn policy(zone_id: ZoneId, number: u64) -> Policy {
    Policy {
        id: id(number),
        zone_id,
        name: name(&format!("policy {number}")),
        description: Some(Description::new(AWKWARD).unwrap()),
        owner_type: OwnerType::Customer,
        revision: 1,
        latest_version: None,
        latest_version_id: None,
        latest_schema_version: None,
        created_at: at(10),
        created_by: AWKWARD.to_owned(),
        updated_at: at(11),
        updated_by: Some("editor".to_owned()),
        archived: None,
    }
}

pub(super) fn policy_version(policy: &Policy, number: u64, version: u64) -> PolicyVersion {
    let cedar_json = format!("{{\"staticPolicies\":{{\"policy0\":\"{number}\"}}}}");
    PolicyVersion {
        id: id(number),
        zone_id: policy.zone_id,
        policy_id: policy.id,
        version,
        owner_type: OwnerType::Customer,
        schema_version: SchemaVersion::new(SCHEMA).unwrap(),
        sha: Digest::of(cedar_json.as_bytes()),
        origin: Origin::Text,
        cedar_raw: Some(format!("// {AWKWARD}\r\npermit(principal, action, resource);\n")),
        cedar_json,
        permits: 2,
        created_at: at(20),
        created_by: AWKWARD.to_owned(),
        archived: None,
    }
}

/// A policy set that has no version yet.
pub(super) fn policy_set(zone_id: ZoneId, number: u64) -> PolicySet {
    PolicySet {
        id: id(number),
        zone_id,
        name: name(&format!("set {number}")),
        owner_type: OwnerType::Customer,
        scope_type: ScopeType::User,
        revision: 1,
        latest_version: None,
        latest_version_id: None,
        created_at: at(30),
        created_by: AWKWARD.to_owned(),
        updated_at: at(31),
        updated_by: Some("editor".to_owned()),
        archived: None,
    }
}

pub(super) fn set_version(set: &PolicySet, number: u64, version: u64, pinned: &[PolicyVersion]) -> SetVersionRecord {
    let entry =
        |pin: &PolicyVersion| ManifestEntry { policy_id: pin.policy_id, policy_version_id: pin.id, sha: pin.sha };
    let manifest = Manifest::new(pinned.iter().map(entry).collect()).unwrap();
    SetVersionRecord {
        id: id(number),
        zone_id: set.zone_id,
        policy_set_id: set.id,
        version,
        owner_type: OwnerType::Customer,
        scope_type: set.scope_type,
        schema_version: SchemaVersion::new(SCHEMA).unwrap(),
        schema_sha: schema(set.zone_id, SCHEMA).schema_sha,
        manifest_sha: manifest.sha().unwrap(),
        manifest,
        texts_sha: Digest::of(b"texts"),
        validation: ValidationMode::Strict,
        cedar_version: "4.5.0".to_owned(),
        created_at: at(40),
        created_by: AWKWARD.to_owned(),
    }
}

pub(super) fn statement(version: &SetVersionRecord, seq: u64) -> AttestationStatement {
    let re_signed = seq > 1;
    AttestationStatement {
        v: 1,
        r#type: STATEMENT_TYPE.to_owned(),
        zone_id: version.zone_id,
        policy_set_id: version.policy_set_id,
        policy_set_version: version.version,
        manifest_sha: version.manifest_sha,
        status: if re_signed { AttestationStatus::ReSigned } else { AttestationStatus::Created },
        attested_at: at(50),
        attested_by: format!("{AWKWARD} {seq}"),
        key_id: kid(1),
        policy_set_version_id: version.id,
        scope_type: version.scope_type,
        schema_version: version.schema_version.clone(),
        schema_sha: version.schema_sha,
        validation: version.validation,
        cedar_version: version.cedar_version.clone(),
        texts_sha: version.texts_sha,
        prev_sha256: re_signed.then(|| Digest::of(b"prev")),
        created_at: re_signed.then_some(version.created_at),
        created_by: re_signed.then(|| version.created_by.clone()),
    }
}

pub(super) fn attestation(version: &SetVersionRecord, seq: u64) -> AttestationRecord {
    let statement = statement(version, seq);
    AttestationRecord {
        zone_id: version.zone_id,
        policy_set_version_id: version.id,
        seq,
        status: statement.status,
        kid: kid(1),
        envelope: Envelope {
            payload: BASE64_URL_SAFE_NO_PAD.encode(canonical_bytes(&statement).unwrap()),
            protected: format!("eyJhbGciOiJSUzI1NiJ9-_{seq}"),
            signature: "c2lnbmF0dXJl".to_owned(),
        },
        created_at: at(50),
    }
}

pub(super) fn kid(number: u64) -> String {
    format!("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9X{number}")
}

/// The key that signs when its number is 1, else a pending one; its halves are not those of any real key.
pub(super) fn key(zone_id: ZoneId, number: u64) -> SigningKey {
    SigningKey {
        zone_id,
        kid: kid(number),
        state: if number == 1 { KeyState::Signing } else { KeyState::Pending },
        public: PublicKey { n: format!("0vx7agoebGcQSuuPiLJXZptN9-_{number}"), e: "AQAB".to_owned() },
        sealed_private: data_key(number),
        created_at: at(60),
        created_by: "rotator".to_owned(),
        signs_from: at(61),
        re_signed_at: (number == 1).then(|| at(61)),
        revoke_requested: None,
        revoked_seq: None,
    }
}

pub(super) fn binding(
    version: &SetVersionRecord,
    number: u64,
    mode: BindingMode,
    target: &str,
    revision: u64,
) -> Binding {
    Binding {
        id: id(number),
        zone_id: version.zone_id,
        mode,
        scope_type: version.scope_type,
        scope_target_id: target.to_owned(),
        policy_set_id: version.policy_set_id,
        policy_set_version_id: version.id,
        version: version.version,
        manifest_sha: version.manifest_sha,
        revision,
        created_at: at(70),
        created_by: AWKWARD.to_owned(),
    }
}

pub(super) fn new_event(number: u64) -> NewEvent {
    NewEvent {
        kind: EventKind::PolicyUpdated,
        actor: format!("{AWKWARD} {number}"),
        at: at(80),
        body: serde_json::json!({
            "z": number, "a": [null, true, -1, 0.5], "ü": {"text": AWKWARD, "big": i64::MIN, "bigger": u64::MAX},
        }),
    }
}

pub(super) fn answer(number: u64, seconds: i64) -> IdempotentAnswer {
    IdempotentAnswer {
        scope: Digest::of(&number.to_be_bytes()),
        request: Digest::of(b"request"),
        answer: format!("{{\"text\": \"ü 🦀\",  \"number\": {number}}}"),
        created_at: at(seconds),
    }
}

pub(super) fn policy_draft(policy: &Policy) -> PolicyDraft {
    PolicyDraft {
        zone_id: policy.zone_id,
        policy_id: policy.id,
        schema_version: SchemaVersion::new("not-there").unwrap(),
        content: Some(DraftContent { origin: Origin::Text, body: format!("permit( // {AWKWARD}\r\n") }),
        base_version_id: None,
        revision: 9,
        created_at: at(100),
        created_by: AWKWARD.to_owned(),
        updated_at: at(101),
        updated_by: "editor".to_owned(),
    }
}

pub(super) fn set_draft(set: &PolicySet) -> PolicySetDraft {
    let entry = |number, sha| NewEntry { policy_id: id(number), policy_version_id: id(10 + number), sha };
    PolicySetDraft {
        zone_id: set.zone_id,
        policy_set_id: set.id,
        entries: vec![entry(9, None), entry(1, Some(Digest::of(b"sha"))), entry(9, None)],
        schema_version: SchemaVersion::new("not-there").unwrap(),
        base_version_id: None,
        name: Some(name(AWKWARD)),
        description: Some(Description::new(AWKWARD).unwrap()),
        revision: 9,
        created_at: at(100),
        created_by: AWKWARD.to_owned(),
        updated_at: at(101),
        updated_by: "editor".to_owned(),
    }
}

pub(super) fn divergence(zone_id: ZoneId, number: u64) -> Divergence {
    Divergence {
        zone_id,
        decision_id: id(number),
        at: at(110),
        scope_type: ScopeType::User,
        scope_target_id: AWKWARD.to_owned(),
        active_version_id: Some(id(21)),
        shadow_version_id: id(22),
        active_allowed: true,
        shadow_allowed: false,
        principal: format!("User::\"{AWKWARD}\""),
        action: "Action::\"read\"".to_owned(),
        resource: "Doc::\"1\"".to_owned(),
    }
}
