//! The content of a version against what the statement says of it.

use cedarkeep_cedar::{CedarPool, Given, load_schema, read_policy};
use cedarkeep_model::{AttestationStatement, Digest, TextDigest, json, texts_digest};

use crate::{
    case::{Case, PolicyFiles, SCHEMA, VERSION, at, policy_paths},
    report::{Found, held},
    strict::unescape_longs,
};

/// The statement is about the version that is asked about.
pub(crate) fn subject(case: &Case<'_>, statement: &AttestationStatement) -> Result<Found<()>, String> {
    let asked = &case.subject;
    let same = [
        ("zone_id", asked.zone_id == statement.zone_id),
        ("policy_set_id", asked.policy_set_id == statement.policy_set_id),
        ("policy_set_version_id", asked.policy_set_version_id == statement.policy_set_version_id),
        ("policy_set_version", asked.policy_set_version == statement.policy_set_version),
        ("manifest_sha", asked.manifest_sha == statement.manifest_sha),
        ("schema_version", asked.schema_version == statement.schema_version),
        ("scope_type", asked.scope_type == statement.scope_type),
    ];
    match same.iter().find(|(_, same)| !same) {
        Some((member, _)) => Err(format!("{VERSION}: {member} is not the one that was signed")),
        None => Ok(held((), format!("version {} of policy set {}", asked.policy_set_version, asked.policy_set_id))),
    }
}

/// The manifest has the digest that was signed.
pub(crate) fn manifest(case: &Case<'_>, statement: &AttestationStatement) -> Result<Found<()>, String> {
    let sha = case.manifest.sha().map_err(|error| error.to_string())?;
    same(sha, statement.manifest_sha)?;
    Ok(held((), format!("{sha}, {} policies", case.manifest.entries().len())))
}

/// The schema has the digest that was signed.
pub(crate) fn schema(case: &Case<'_>, statement: &AttestationStatement) -> Result<Found<()>, String> {
    let sha = Digest::of(case.schema);
    at(SCHEMA, same(sha, statement.schema_sha))?;
    Ok(held((), sha.to_string()))
}

/// Each policy has the content digest of the manifest, and the texts together the digest that was signed.
pub(crate) fn policies(case: &Case<'_>, statement: &AttestationStatement) -> Result<Found<()>, String> {
    let mut texts = Vec::new();
    for policy in case.policies() {
        at(&policy_paths(policy.entry).0, same(Digest::of(policy.json), policy.entry.sha))?;
        let sha256 = policy.text.map(Digest::of);
        texts.push(TextDigest { policy_version_id: policy.entry.policy_version_id, sha256 });
    }
    let with_text = texts.iter().filter(|text| text.sha256.is_some()).count();
    let sha = texts_digest(texts).map_err(|error| error.to_string())?;
    same(sha, statement.texts_sha).map_err(|reason| format!("texts_sha: {reason}"))?;
    Ok(held((), format!("{} policies, {with_text} with a text", case.manifest.entries().len())))
}

fn same(computed: Digest, expected: Digest) -> Result<(), String> {
    if computed == expected { Ok(()) } else { Err(format!("digest {computed}, not {expected}")) }
}

/// Cedar reads the schema, and each policy has its content digest as Cedar reads it: from its text when it has one, else
/// from its JSON.
pub(crate) fn parsing(case: &Case<'_>, pool: &CedarPool) -> Result<Found<()>, String> {
    at(SCHEMA, readable(case.schema, pool))?;
    for policy in case.policies() {
        means_the_same(&policy, pool)?;
    }
    Ok(held((), format!("{} policies", case.manifest.entries().len())))
}

/// Cedar reads the schema.
pub(crate) fn readable(schema: &[u8], pool: &CedarPool) -> Result<(), String> {
    let sha = Digest::of(schema);
    let schema = String::from_utf8(schema.to_vec()).map_err(|_| "not UTF-8")?;
    let loaded = pool.run_blocking(move || load_schema(&schema, sha).map(drop));
    loaded.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// Cedar reads the policy, and what it reads has the content digest.
pub(crate) fn means_the_same(policy: &PolicyFiles<'_>, pool: &CedarPool) -> Result<(), String> {
    let (json, text) = policy_paths(policy.entry);
    let path = if policy.text.is_some() { text } else { json };
    at(&path, parsed(policy, pool).and_then(|sha| same(sha, policy.entry.sha)))
}

/// The content digest of a policy as Cedar reads it.
fn parsed(policy: &PolicyFiles<'_>, pool: &CedarPool) -> Result<Digest, String> {
    let content = if let Some(text) = policy.text {
        let text = String::from_utf8(text.to_vec()).map_err(|_| "not UTF-8")?;
        pool.run_blocking(move || read_policy(Given::Text(&text)).map(|content| content.sha))
    } else {
        let value = unescape_longs(json::parse(policy.json).map_err(|error| error.to_string())?);
        pool.run_blocking(move || read_policy(Given::Json(&value)).map(|content| content.sha))
    };
    content.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}
