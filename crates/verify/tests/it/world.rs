//! A zone with a history: policies, versions, bindings and keys, and the export of it. What stands is kept beside the
//! events, so that what these lead to is compared with something of another origin.

use std::collections::BTreeMap;

use cedarkeep_attest::{Jwks, KeyPair, Signer};
use cedarkeep_cedar::{Given, cedar_version, read_schema};
use cedarkeep_model::{
    AttestationStatement, AttestationStatus, BindingMode, BoundVersionEvent, ChainHead, Digest, Envelope, Event,
    EventKind, HEAD_TYPE, KeyState, Manifest, ManifestEntry, NewEvent, PolicySetVersionId, STATEMENT_TYPE, ScopeType,
    StandingBinding, TextDigest, Timestamp, ValidationMode, ZoneId, ZoneKeyRecord, texts_digest,
};
use cedarkeep_verify::{Evidence, PolicyPart, Trust, VersionPart, ZoneParts};
use serde_json::{Value, json};

use crate::common::{POOL, key, read};

const SCHEMA: &str = "entity User = { level: Long }; entity Doc = { size: Long };
action read appliesTo { principal: [User], resource: [Doc], context: { mfa?: Bool } };";

/// A zone as its server knows it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) events: Vec<Event>,
    pub(crate) keys: Vec<(KeyPair, ZoneKeyRecord)>,
    pub(crate) bindings: BTreeMap<(ScopeType, String, BindingMode), StandingBinding>,
    versions: Vec<(AttestationStatement, VersionPart)>,
    policies: Vec<PolicyPart>,
    schema: (String, Digest),
    ids: u32,
}

impl World {
    /// A zone with a key, the test key of this number, and a schema.
    pub(crate) fn new(number: usize) -> Self {
        let schema = POOL.run_blocking(|| read_schema(Given::Text(SCHEMA))).unwrap().unwrap();
        let mut world = Self {
            events: Vec::new(),
            keys: Vec::new(),
            bindings: BTreeMap::new(),
            versions: Vec::new(),
            policies: Vec::new(),
            schema: (schema.cedar_schema_json, schema.schema_sha),
            ids: 100,
        };
        world.record(EventKind::ZoneCreated, json!({"name": "Z\u{fc}rich \u{1f4c1}", "slug": "zuerich"}));
        world.add_key(number, KeyState::Signing);
        let body = json!({"version": "1", "schema_sha": schema.schema_sha, "owner_type": "customer"});
        world.record(EventKind::SchemaCreated, body);
        world
    }

    /// A zone in which something of everything happened.
    pub(crate) fn sample() -> Self {
        let mut world = Self::new(3);
        let owner =
            world.policy("// \u{fc}\npermit (principal, action, resource) when { resource.size < 9007199254740993 };");
        let readers = world.policy("permit (principal == ?principal, action, resource);");
        let first = world.version(&[&owner]);
        world.bind(&first, BindingMode::Active);
        let second = world.version(&[&owner, &readers]);
        world.bind(&second, BindingMode::Shadow);
        world.record(EventKind::EntitiesChanged, json!({"total": 1}));
        world.rotate(1);
        world.bind(&second, BindingMode::Active);
        world.unbind(BindingMode::Shadow);
        world.revoke(0);
        let deny = world.policy("forbid (principal, action, resource) when { principal.level > 3 };");
        world.version(&[&deny, &owner]);
        world
    }

    fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(&mut self) -> T {
        self.ids += 1;
        format!("0198c0de-0000-7000-8000-{:012}", self.ids).parse().unwrap()
    }

    pub(crate) fn zone() -> ZoneId {
        "0198c0de-0000-7000-8000-000000000001".parse().unwrap()
    }

    fn now(&self) -> Timestamp {
        let events = i64::try_from(self.events.len()).unwrap();
        Timestamp::from_micros(1_767_225_600_000_000).plus_seconds(60 * events)
    }

    /// Appends an event.
    pub(crate) fn record(&mut self, kind: EventKind, body: Value) -> u64 {
        let (last, at) = (self.events.last(), self.now());
        let seq = last.map_or(0, |event| event.seq) + 1;
        let new = NewEvent { kind, actor: "operator".to_owned(), at, body };
        let event = Event::chain(Self::zone(), seq, last.map(|event| event.sha256), new).unwrap();
        self.events.push(event);
        seq
    }

    fn add_key(&mut self, number: usize, state: KeyState) {
        let pair = key(number);
        let (kid, public) = (pair.kid.clone(), pair.public.clone());
        self.record(EventKind::KeyCreated, json!({"kid": kid, "state": state, "public": public}));
        self.keys.push((pair, ZoneKeyRecord { kid, state, public, revoke_requested: false, revoked_seq: None }));
    }

    fn signer(&self) -> Signer {
        let (pair, _) = self.keys.iter().find(|(_, key)| key.state == KeyState::Signing).unwrap();
        Signer::new(pair).unwrap()
    }

    /// Publishes a policy.
    pub(crate) fn policy(&mut self, text: &str) -> ManifestEntry {
        let content = read(Some(text), None);
        let (policy_id, policy_version_id) = (self.id(), self.id());
        let entry = ManifestEntry { policy_id, policy_version_id, sha: content.sha };
        self.record(EventKind::PolicyCreated, json!({"policy_id": policy_id, "name": "a policy"}));
        let mut body = serde_json::to_value(&entry).unwrap();
        body["version"] = json!(1);
        self.record(EventKind::PolicyVersionCreated, body);
        let (cedar_json, cedar_raw) = (content.cedar_json, content.cedar_raw);
        self.policies.push(PolicyPart { policy_version_id, cedar_json, cedar_raw });
        entry
    }

    /// Publishes a version of the set that pins these.
    pub(crate) fn version(&mut self, entries: &[&ManifestEntry]) -> PolicySetVersionId {
        let manifest = Manifest::new(entries.iter().map(|entry| (*entry).clone()).collect()).unwrap();
        let texts = entries.iter().map(|entry| {
            let policy = self.policies.iter().find(|policy| policy.policy_version_id == entry.policy_version_id);
            let text = policy.unwrap().cedar_raw.as_ref();
            let sha256 = text.map(|text| Digest::of(text.as_bytes()));
            TextDigest { policy_version_id: entry.policy_version_id, sha256 }
        });
        let texts_sha = texts_digest(texts.collect()).unwrap();
        let (id, signer) = (self.id(), self.signer());
        let statement = AttestationStatement {
            v: 1,
            r#type: STATEMENT_TYPE.to_owned(),
            zone_id: Self::zone(),
            policy_set_id: "0198c0de-0000-7000-8000-000000000002".parse().unwrap(),
            policy_set_version: self.versions.len() as u64 + 1,
            manifest_sha: manifest.sha().unwrap(),
            status: AttestationStatus::Created,
            attested_at: self.now(),
            attested_by: "operator".to_owned(),
            key_id: signer.kid().to_owned(),
            policy_set_version_id: id,
            scope_type: ScopeType::Zone,
            schema_version: "1".to_owned().try_into().unwrap(),
            schema_sha: self.schema.1,
            validation: ValidationMode::Off,
            cedar_version: cedar_version().to_owned(),
            texts_sha,
            prev_sha256: None,
            created_at: None,
            created_by: None,
        };
        let mut body = serde_json::to_value(&statement).unwrap();
        (body["version"], body["kid"]) = (body["policy_set_version"].clone(), body["key_id"].clone());
        self.record(EventKind::SetVersionCreated, body);
        let attestations = vec![signer.sign(&statement).unwrap()];
        self.versions.push((statement, VersionPart { policy_set_version_id: id, manifest, attestations }));
        id
    }

    fn slot(mode: BindingMode) -> (ScopeType, String, BindingMode) {
        (ScopeType::Zone, Self::zone().to_string(), mode)
    }

    /// Points the zone's slot at a version.
    pub(crate) fn bind(&mut self, version: &PolicySetVersionId, mode: BindingMode) {
        let (statement, _) =
            self.versions.iter().find(|(_, part)| part.policy_set_version_id == *version).unwrap().clone();
        let bound = BoundVersionEvent {
            binding_id: self.id(),
            mode,
            scope_type: ScopeType::Zone,
            scope_target_id: Self::zone().to_string(),
            policy_set_id: statement.policy_set_id,
            policy_set_version_id: *version,
            manifest_sha: statement.manifest_sha,
            revision: self.events.len() as u64,
        };
        let (created_at, created_by) = (self.now(), "operator".to_owned());
        let standing = StandingBinding { bound: bound.clone(), created_at, created_by };
        let former = self.bindings.insert(Self::slot(mode), standing).map(|former| former.bound);
        self.record(EventKind::Bound, json!({"to": bound, "from": former}));
    }

    /// Empties the zone's slot.
    pub(crate) fn unbind(&mut self, mode: BindingMode) {
        let former = self.bindings.remove(&Self::slot(mode)).unwrap().bound;
        self.record(EventKind::Unbound, json!({"from": former, "to": null, "revision": 9}));
    }

    /// Lets the test key of this number sign from now on, and signs every version again.
    pub(crate) fn rotate(&mut self, number: usize) {
        self.add_key(number, KeyState::Pending);
        let (former, next) = (self.keys.len() - 2, self.keys.len() - 1);
        let (old, new) = (self.keys[former].1.kid.clone(), self.keys[next].1.kid.clone());
        self.record(EventKind::KeyActivated, json!({"kid": new, "in_place_of": old}));
        self.record(EventKind::KeyRetired, json!({"kid": old}));
        self.keys[former].1.state = KeyState::Retired;
        self.keys[next].1.state = KeyState::Signing;
        for at in 0..self.versions.len() {
            self.sign_again(at);
        }
    }

    fn sign_again(&mut self, at: usize) {
        let (created, part) = self.versions[at].clone();
        let (signer, before) = (self.signer(), part.attestations.last().unwrap().digest().unwrap());
        let statement = AttestationStatement {
            status: AttestationStatus::ReSigned,
            attested_at: self.now(),
            key_id: signer.kid().to_owned(),
            prev_sha256: Some(before),
            created_at: Some(created.attested_at),
            created_by: Some(created.attested_by.clone()),
            ..created.clone()
        };
        let body = json!({
            "policy_set_id": created.policy_set_id, "policy_set_version_id": created.policy_set_version_id,
            "version": created.policy_set_version, "attestation": part.attestations.len() + 1, "kid": signer.kid(),
            "prev_sha256": before,
        });
        self.record(EventKind::SetVersionReSigned, body);
        self.versions[at].1.attestations.push(signer.sign(&statement).unwrap());
    }

    /// Revokes the key that was made as this one, from 0.
    pub(crate) fn revoke(&mut self, at: usize) {
        let kid = self.keys[at].1.kid.clone();
        self.record(EventKind::KeyRevokeRequested, json!({"kid": kid}));
        let seq = self.record(EventKind::KeyRevoked, json!({"kid": kid, "re_signed": 2, "refused": []}));
        let key = &mut self.keys[at].1;
        (key.state, key.revoke_requested, key.revoked_seq) = (KeyState::Revoked, true, Some(seq));
    }

    /// The signed head of the events.
    pub(crate) fn head(&self) -> Envelope {
        let (signer, newest) = (self.signer(), self.events.last().unwrap());
        let head = ChainHead {
            v: 1,
            r#type: HEAD_TYPE.to_owned(),
            zone_id: Self::zone(),
            seq: newest.seq,
            sha256: newest.sha256,
            at: self.now(),
            key_id: signer.kid().to_owned(),
        };
        signer.sign_head(&head).unwrap()
    }

    /// What a server would give.
    pub(crate) fn parts(&self) -> ZoneParts {
        let published = self.keys.iter().filter(|(_, key)| key.state != KeyState::Revoked);
        let published: Vec<_> = published.map(|(_, key)| (key.public.clone(), key.kid.clone())).collect();
        ZoneParts {
            zone_id: Self::zone(),
            events: self.events.clone(),
            head: self.head(),
            jwks: Jwks::from_keys(&published).unwrap(),
            keys: self.keys.iter().map(|(_, key)| key.clone()).collect(),
            bindings: self.bindings.values().cloned().collect(),
            versions: self.versions.iter().map(|(_, part)| part.clone()).collect(),
            schemas: vec![self.schema.0.clone()],
            policies: self.policies.clone(),
        }
    }

    /// The export.
    pub(crate) fn evidence(&self) -> Evidence {
        Evidence::of_zone(self.parts(), &POOL).unwrap()
    }

    /// Trust in every key: nothing is refused only because its signer is not trusted.
    pub(crate) fn trust(&self) -> Trust {
        Trust::Kids(self.keys.iter().map(|(_, key)| key.kid.clone()).collect())
    }

    /// Makes the digests of all events right again from this number on, as the server itself could.
    pub(crate) fn chain_again(&mut self, change: impl Fn(u64, &mut Event)) {
        let mut before: Option<Digest> = None;
        for event in &mut self.events {
            change(event.seq, event);
            event.prev_sha256 = before;
            event.sha256 = event.recompute().unwrap();
            before = Some(event.sha256);
        }
    }
}
