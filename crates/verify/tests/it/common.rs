//! An export made of real policies, signed with test keys.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use cedarkeep_attest::{Jwks, KeyPair, Signer};
use cedarkeep_cedar::{CedarPool, Given, PolicyContent, cedar_version, read_policy, read_schema};
use cedarkeep_model::{
    AttestationStatement, AttestationStatus, Digest, Envelope, Manifest, ManifestEntry, PolicyVersionId,
    STATEMENT_TYPE, ScopeType, TextDigest, Timestamp, ValidationMode, json, texts_digest,
};
use cedarkeep_verify::{Evidence, Parts, PolicyPart, Subject};

pub(crate) static POOL: LazyLock<CedarPool> = LazyLock::new(|| CedarPool::new(1).unwrap());

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A test key, from 1.
pub(crate) fn key(number: usize) -> KeyPair {
    let path = root().join(format!("tests/fixtures/keys/rsa-2048-{number}.pem"));
    KeyPair::from_pem(&std::fs::read(path).unwrap()).unwrap()
}

const SCHEMA: &str = r"
entity User in [Group] = { level: Long, name?: String };
entity Group;
entity Doc in [Folder] = { owner: User, size: Long, tags: Set<String> };
entity Folder;
action read, write appliesTo { principal: [User], resource: [Doc], context: { mfa?: Bool } };
";

const TEXTS: [&str; 4] = [
    "// Who owns a document may do anything with it.\n\
     @id(\"owner\")\npermit (principal, action, resource) when { resource.owner == principal };\n",
    "permit (principal in Group::\"Lehrk\u{e4}fte\", action == Action::\"read\", resource in Folder::\"\u{1f4c1} shared\");\r\n\
     forbid (principal, action, resource) unless { context has mfa && context.mfa }; // \u{2713}",
    "permit (principal == ?principal, action == Action::\"read\", resource == ?resource) when { principal.level > 3 };",
    "forbid (principal, action, resource) when { resource.size >= 9007199254740993 || resource.size < -9007199254740993 };\n\
     permit (principal, action, resource) when { [\"a\", \"b\"].containsAny(resource.tags) || principal.name like \"a*\\*\" };",
];

/// Ids of another form, a template and its link: what has no text.
const JSON_WITHOUT_TEXT: &str = r#"{"staticPolicies": {"deny-all-large": {"effect": "forbid",
    "principal": {"op": "All"}, "action": {"op": "All"}, "resource": {"op": "All"},
    "conditions": [{"kind": "when", "body": {"==": {"left": {".": {"left": {"Var": "resource"}, "attr": "size"}},
        "right": {"Value": 9223372036854775807}}}}]}},
  "templates": {"reader": {"effect": "permit", "principal": {"op": "==", "slot": "?principal"},
    "action": {"op": "==", "entity": {"type": "Action", "id": "read"}}, "resource": {"op": "All"}, "conditions": []}},
  "templateLinks": [{"templateId": "reader", "newId": "reader-alice", "values": {"?principal": {"type": "User", "id": "alice"}}}]}"#;

const JSON_WITH_TEXT: &str = r#"{"effect": "permit", "principal": {"op": "is", "entity_type": "User"},
    "action": {"op": "in", "entities": [{"type": "Action", "id": "read"}, {"type": "Action", "id": "write"}]},
    "resource": {"op": "in", "entity": {"type": "Folder", "id": "public"}}, "conditions": []}"#;

/// What a policy version with this content would hold.
pub(crate) fn read(text: Option<&str>, json: Option<&str>) -> PolicyContent {
    let (text, json) = (text.map(str::to_owned), json.map(|json| json::parse(json.as_bytes()).unwrap()));
    let read = POOL.run_blocking(move || match (&text, &json) {
        (Some(text), None) => read_policy(Given::Text(text)),
        (None, Some(json)) => read_policy(Given::Json(json)),
        _ => panic!("one of the two"),
    });
    read.unwrap().unwrap()
}

/// One side of the story: who signs, and what became of the keys.
pub(crate) struct Story {
    /// Test keys that sign one after the other.
    pub(crate) signers: Vec<usize>,
    /// Those of them that were revoked since.
    pub(crate) revoked: Vec<usize>,
}

impl Story {
    /// The key ids of these test keys.
    pub(crate) fn kids(keys: &[usize]) -> BTreeSet<String> {
        keys.iter().map(|number| key(*number).kid).collect()
    }

    /// Created by key 1, signed again by key 2.
    pub(crate) fn usual() -> Self {
        Self { signers: vec![1, 2], revoked: vec![] }
    }

    /// Created by a key that was revoked later, signed again by two others.
    pub(crate) fn sample() -> Self {
        Self { signers: vec![3, 1, 2], revoked: vec![3] }
    }

    /// The export of a version that was signed so.
    pub(crate) fn evidence(&self) -> Evidence {
        self.evidence_with(contents())
    }

    /// The same with other policies.
    pub(crate) fn evidence_with(&self, contents: Vec<PolicyContent>) -> Evidence {
        let schema = POOL.run_blocking(|| read_schema(Given::Text(SCHEMA))).unwrap().unwrap();
        let entries = (1_u32..).zip(&contents).map(|(number, content)| ManifestEntry {
            // Against the order of the versions, as time may have it.
            policy_id: format!("0198c0de-0000-7000-8000-0000000001{:02}", 99 - number).parse().unwrap(),
            policy_version_id: version_id(number),
            sha: content.sha,
        });
        let manifest = Manifest::new(entries.collect()).unwrap();
        let statement = statement(&contents, &manifest, schema.schema_sha);
        let published: Vec<_> = self
            .signers
            .iter()
            .filter(|number| !self.revoked.contains(number))
            .map(|number| (key(*number).public, key(*number).kid))
            .chain([(key(8).public, key(8).kid)])
            .collect();
        let policies = (1_u32..).zip(contents).map(|(number, content)| PolicyPart {
            policy_version_id: version_id(number),
            cedar_json: content.cedar_json,
            cedar_raw: content.cedar_raw,
        });
        let parts = Parts {
            subject: subject(&statement),
            manifest,
            schema_json: schema.cedar_schema_json,
            policies: policies.collect(),
            attestations: self.sign(&statement),
            jwks: Jwks::from_keys(&published).unwrap(),
            revoked: Self::kids(&self.revoked),
        };
        Evidence::from_parts(parts, &POOL).unwrap()
    }

    fn sign(&self, created: &AttestationStatement) -> Vec<Envelope> {
        let mut envelopes: Vec<Envelope> = Vec::new();
        for (hours, number) in (0..).zip(&self.signers) {
            let signer = Signer::new(&key(*number)).unwrap();
            let mut statement = AttestationStatement { key_id: signer.kid().to_owned(), ..created.clone() };
            if let Some(before) = envelopes.last() {
                statement.status = AttestationStatus::ReSigned;
                statement.attested_at = created.attested_at.plus_seconds(3_600 * hours);
                statement.attested_by = "operator".to_owned();
                statement.prev_sha256 = Some(before.digest().unwrap());
                statement.created_at = Some(created.attested_at);
                statement.created_by = Some(created.attested_by.clone());
            }
            envelopes.push(signer.sign(&statement).unwrap());
        }
        envelopes
    }
}

fn contents() -> Vec<PolicyContent> {
    let mut contents: Vec<_> = TEXTS.iter().map(|text| read(Some(text), None)).collect();
    contents.extend([JSON_WITHOUT_TEXT, JSON_WITH_TEXT].map(|json| read(None, Some(json))));
    let texts: Vec<_> = contents.iter().map(|content| content.cedar_raw.is_some()).collect();
    assert_eq!(texts, [true, true, true, true, false, true], "both kinds of JSON must be in it");
    contents
}

fn version_id(number: u32) -> PolicyVersionId {
    format!("0198c0de-0000-7000-8000-0000000002{number:02}").parse().unwrap()
}

fn statement(contents: &[PolicyContent], manifest: &Manifest, schema_sha: Digest) -> AttestationStatement {
    let texts = (1_u32..).zip(contents).map(|(number, content)| TextDigest {
        policy_version_id: version_id(number),
        sha256: content.cedar_raw.as_ref().map(|text| Digest::of(text.as_bytes())),
    });
    AttestationStatement {
        v: 1,
        r#type: STATEMENT_TYPE.to_owned(),
        zone_id: "0198c0de-0000-7000-8000-000000000001".parse().unwrap(),
        policy_set_id: "0198c0de-0000-7000-8000-000000000002".parse().unwrap(),
        policy_set_version: 7,
        manifest_sha: manifest.sha().unwrap(),
        status: AttestationStatus::Created,
        attested_at: Timestamp::from_micros(1_767_225_600_000_000),
        attested_by: "admin".to_owned(),
        key_id: String::new(),
        policy_set_version_id: "0198c0de-0000-7000-8000-000000000003".parse().unwrap(),
        scope_type: ScopeType::Zone,
        schema_version: "2026-03-16".to_owned().try_into().unwrap(),
        schema_sha,
        validation: ValidationMode::Off,
        cedar_version: cedar_version().to_owned(),
        texts_sha: texts_digest(texts.collect()).unwrap(),
        prev_sha256: None,
        created_at: None,
        created_by: None,
    }
}

fn subject(statement: &AttestationStatement) -> Subject {
    Subject {
        zone_id: statement.zone_id,
        policy_set_id: statement.policy_set_id,
        policy_set_version_id: statement.policy_set_version_id,
        policy_set_version: statement.policy_set_version,
        manifest_sha: statement.manifest_sha,
        schema_version: statement.schema_version.clone(),
        scope_type: statement.scope_type,
    }
}
