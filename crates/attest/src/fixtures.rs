//! Test keys and a statement to sign. The keys are public: never use them.

use cedarkeep_model::{
    AttestationStatement, AttestationStatus, ChainHead, Digest, HEAD_TYPE, PolicySetId, PolicySetVersionId,
    STATEMENT_TYPE, ScopeType, Timestamp, ValidationMode, ZoneId,
};

use crate::KeyPair;

pub(crate) const RSA: [&str; 3] = [
    include_str!("../../../tests/fixtures/keys/rsa-2048-1.pem"),
    include_str!("../../../tests/fixtures/keys/rsa-2048-2.pem"),
    include_str!("../../../tests/fixtures/keys/rsa-3072-1.pem"),
];
pub(crate) const SHORT: &str = include_str!("../../../tests/fixtures/keys/too-short-rsa-1024.pem");
pub(crate) const EC: &str = include_str!("../../../tests/fixtures/keys/not-rsa-p256.pem");
pub(crate) const ENCRYPTED: &str = include_str!("../../../tests/fixtures/keys/encrypted-rsa-2048.pem");

pub(crate) fn pair(index: usize) -> KeyPair {
    KeyPair::from_pem(RSA[index].as_bytes()).unwrap()
}

pub(crate) fn zone() -> ZoneId {
    "0198c0de-0000-7000-8000-000000000001".parse().unwrap()
}

pub(crate) fn statement(kid: &str) -> AttestationStatement {
    AttestationStatement {
        v: 1,
        r#type: STATEMENT_TYPE.to_owned(),
        zone_id: zone(),
        policy_set_id: "0198c0de-0000-7000-8000-000000000002".parse::<PolicySetId>().unwrap(),
        policy_set_version: 7,
        manifest_sha: Digest::of(b"manifest"),
        status: AttestationStatus::Created,
        attested_at: Timestamp::from_micros(1_767_225_600_000_000),
        attested_by: "admin".to_owned(),
        key_id: kid.to_owned(),
        policy_set_version_id: "0198c0de-0000-7000-8000-000000000003".parse::<PolicySetVersionId>().unwrap(),
        scope_type: ScopeType::Zone,
        schema_version: "2026-03-16".to_owned().try_into().unwrap(),
        schema_sha: Digest::of(b"schema"),
        validation: ValidationMode::Strict,
        cedar_version: "4.14.1".to_owned(),
        texts_sha: Digest::of(b"texts"),
        prev_sha256: None,
        created_at: None,
        created_by: None,
    }
}

pub(crate) fn head(kid: &str) -> ChainHead {
    ChainHead {
        v: 1,
        r#type: HEAD_TYPE.to_owned(),
        zone_id: zone(),
        seq: 7,
        sha256: Digest::of(b"event"),
        at: Timestamp::from_micros(1_767_225_600_000_000),
        key_id: kid.to_owned(),
    }
}
