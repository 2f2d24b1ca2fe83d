//! Attestations. The statement and the envelope go out exactly as the model writes them, since that is what is signed;
//! here they are only described.

use std::borrow::Cow;

use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr, Schema,
        schema::Type::{Integer, String as Text},
    },
};

use super::kinds::{
    Id, SchemaVersionName, ScopeType, Sha256, Timestamp, ValidationMode, bare, kind, members, reference,
};

kind!(
    /// The signed statement.
    AttestationStatement => members(
        "The signed statement about one policy set version: the decoded payload of its newest attestation.",
        vec![
            ("v", bare(Integer), "Version of the statement's own form: 1."),
            ("type", bare(Text), "`policy_set_attestation`."),
            ("zone_id", reference::<Id>(), "The zone."),
            ("policy_set_id", reference::<Id>(), "The policy set."),
            ("policy_set_version", bare(Integer), "The version's number within its set."),
            ("manifest_sha", reference::<Sha256>(), "The manifest digest of the version."),
            ("status", bare(Text), "`created`, or `re_signed` after a change of keys."),
            ("attested_at", reference::<Timestamp>(), "When it was made."),
            ("attested_by", bare(Text), "Who caused it."),
            ("key_id", bare(Text), "RFC 7638 thumbprint of the signing key; equals the `kid` of the protected header."),
            ("policy_set_version_id", reference::<Id>(), "The version's id."),
            ("scope_type", reference::<ScopeType>(), "The scope of the policy set."),
            ("schema_version", reference::<SchemaVersionName>(), "The pinned schema version."),
            ("schema_sha", reference::<Sha256>(), "The digest of that schema."),
            ("validation", reference::<ValidationMode>(), "Whether the policies were validated against it."),
            ("cedar_version", bare(Text), "The version of the Cedar library that read the policies."),
            ("texts_sha", reference::<Sha256>(), "The digest over the texts of the pinned versions."),
            ("prev_sha256?", reference::<Sha256>(), "In `re_signed`: the digest of the envelope before this one."),
            ("created_at?", reference::<Timestamp>(), "In `re_signed`: when the version was created."),
            ("created_by?", bare(Text), "In `re_signed`: who created the version."),
        ],
    )
);

kind!(
    /// The envelope.
    AttestationEnvelope => members(
        "A JWS in flattened JSON serialization (RFC 7515, section 7.2.2).",
        vec![
            ("payload", bare(Text), "base64url of the canonical statement (RFC 8785)."),
            ("protected", bare(Text), "base64url of the protected header."),
            ("signature", bare(Text), "base64url of the signature over `protected || \".\" || payload`."),
        ],
    )
);

#[cfg(test)]
mod tests {
    use cedarkeep_model as model;
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn the_description_names_exactly_the_members_of_the_statement() {
        let id = "0197a1f0-3c5e-7d1b-8f00-2b6d0e4c9a11";
        let (sha, at) = (model::Digest::of(b""), "2026-03-16T09:30:00.000000Z");
        let statement = json!({
            "v": 1, "type": "policy_set_attestation", "zone_id": id, "policy_set_id": id, "policy_set_version": 1,
            "manifest_sha": sha, "status": "re_signed", "attested_at": at, "attested_by": "a", "key_id": "k",
            "policy_set_version_id": id, "scope_type": "zone", "schema_version": "1", "schema_sha": sha,
            "validation": "strict", "cedar_version": "4", "texts_sha": sha, "prev_sha256": sha, "created_at": at,
            "created_by": "a",
        });
        let parsed: model::AttestationStatement = serde_json::from_value(statement).unwrap();
        let written = serde_json::to_value(parsed).unwrap();
        let schema: Value = serde_json::to_value(AttestationStatement::schema()).unwrap();
        let names = |value: &Value| {
            let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
            names.sort();
            names
        };
        assert_eq!(names(&schema["properties"]), names(&written));
    }
}
