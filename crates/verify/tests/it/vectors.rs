//! The vectors under `tests/vectors`, which `tests/vectors/check.py` checks a second time.
//!
//! `UPDATE_VECTORS=1` writes what is computed: the results of the policies, and the sample export.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::PathBuf,
    sync::LazyLock,
};

use cedarkeep_attest::{Trust, thumbprint};
use cedarkeep_model::{Digest, PublicKey, canonical_bytes, escape_longs, json};
use cedarkeep_verify::{Evidence, verify};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, value::Number};

use crate::{
    common::{POOL, Story, read, root},
    world::World,
};

fn path(name: &str) -> PathBuf {
    root().join("tests/vectors").join(name)
}

fn load<T: DeserializeOwned>(name: &str) -> T {
    serde_json::from_slice(&fs::read(path(name)).unwrap()).unwrap()
}

fn updating() -> bool {
    env::var_os("UPDATE_VECTORS").is_some()
}

fn canonical_text(value: &Value) -> String {
    String::from_utf8(canonical_bytes(value).unwrap()).unwrap()
}

#[derive(Deserialize)]
struct Jcs {
    texts: Vec<JcsText>,
    numbers: Vec<JcsNumber>,
    refused_numbers: Vec<String>,
    longs: Vec<JcsLong>,
}

#[derive(Deserialize)]
struct JcsText {
    name: String,
    json: String,
    canonical: String,
    sha256: Digest,
}

#[derive(Deserialize)]
struct JcsNumber {
    ieee754: String,
    canonical: String,
}

#[derive(Deserialize)]
struct JcsLong {
    integer: String,
    canonical: String,
}

fn double(hex: &str) -> f64 {
    f64::from_bits(u64::from_str_radix(hex, 16).unwrap())
}

#[test]
fn canonical_json_is_that_of_rfc_8785() {
    let vectors: Jcs = load("jcs.json");
    for JcsText { name, json, canonical, sha256 } in vectors.texts {
        let value = json::parse(json.as_bytes()).unwrap();
        assert_eq!(canonical_text(&value), canonical, "{name}");
        assert_eq!(Digest::of(canonical.as_bytes()), sha256, "{name}");
    }
    for JcsNumber { ieee754, canonical } in vectors.numbers {
        let number = Value::Number(Number::from_f64(double(&ieee754)).unwrap());
        assert_eq!(canonical_text(&number), canonical, "{ieee754}");
    }
    for ieee754 in vectors.refused_numbers {
        assert!(Number::from_f64(double(&ieee754)).is_none(), "{ieee754}");
    }
    for JcsLong { integer, canonical } in vectors.longs {
        let value = json::parse(integer.as_bytes()).unwrap();
        assert_eq!(canonical_text(&escape_longs(&value)), canonical, "{integer}");
    }
}

#[derive(Deserialize)]
struct Thumbprints {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    n: String,
    e: String,
    thumbprint: String,
}

#[test]
fn thumbprints_are_those_of_rfc_7638() {
    let vectors: Thumbprints = load("thumbprint.json");
    assert!(vectors.keys.len() >= 3);
    for Key { n, e, thumbprint: expected } in vectors.keys {
        assert_eq!(thumbprint(&PublicKey { n, e }).unwrap(), expected);
    }
}

#[derive(Deserialize, Serialize)]
struct Policies {
    comment: String,
    policies: Vec<Policy>,
}

/// One content, its digest, and what lies between the two. JSON stands as text, so that every reader sees every digit.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
struct Policy {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<String>,
    /// Another content with the same meaning, so the same digest.
    #[serde(skip_serializing_if = "Option::is_none")]
    same_as: Option<String>,
    #[serde(default)]
    cedar_json: String,
    #[serde(default)]
    canonical: String,
    #[serde(default)]
    sha: String,
}

/// The same content with its results computed anew.
fn computed(policy: &Policy) -> Policy {
    let content = read(policy.text.as_deref(), policy.json.as_deref());
    let plain = content.cedar_json.clone();
    let canonical = POOL.run_blocking(move || {
        // Not the default reader: it stops at 128 levels.
        let mut deserializer = serde_json::Deserializer::from_str(&plain);
        deserializer.disable_recursion_limit();
        canonical_text(&escape_longs(&Value::deserialize(&mut deserializer).unwrap()))
    });
    Policy {
        cedar_json: content.cedar_json,
        canonical: canonical.unwrap(),
        sha: content.sha.to_string(),
        ..policy.clone()
    }
}

/// The policies of the file, and when updating first the file.
static POLICIES: LazyLock<Vec<Policy>> = LazyLock::new(|| {
    let mut vectors: Policies = load("policies.json");
    if updating() {
        vectors.policies = vectors.policies.iter().map(computed).collect();
        fs::write(path("policies.json"), serde_json::to_string_pretty(&vectors).unwrap() + "\n").unwrap();
    }
    vectors.policies
});

#[test]
fn policies_have_the_digests_of_their_vectors() {
    assert!(POLICIES.len() >= 40);
    for policy in &*POLICIES {
        assert_eq!(policy, &computed(policy));
        assert_eq!(Digest::of(policy.canonical.as_bytes()).to_string(), policy.sha, "{}", policy.name);
    }
}

#[test]
fn policies_share_a_digest_exactly_when_they_mean_the_same() {
    let by_name: BTreeMap<_, _> = POLICIES.iter().map(|policy| (&policy.name, &policy.sha)).collect();
    assert_eq!(by_name.len(), POLICIES.len(), "names are distinct");
    let mut seen = BTreeSet::new();
    for policy in &*POLICIES {
        match &policy.same_as {
            Some(other) => assert_eq!(&policy.sha, by_name[other], "{} and {other}", policy.name),
            None => assert!(seen.insert(&policy.sha), "{} has the digest of another", policy.name),
        }
    }
}

#[test]
fn publishing_the_json_of_a_version_gives_its_digest() {
    for policy in &*POLICIES {
        // What nests too deep as JSON is refused as JSON; it is loaded from its text.
        if json::parse(policy.cedar_json.as_bytes()).is_ok() {
            assert_eq!(read(None, Some(&policy.cedar_json)).sha.to_string(), policy.sha, "{}", policy.name);
        }
    }
}

/// Whether the export that is kept under this name is this one, and verifies with the key that is kept beside it.
fn is_kept(name: &str, evidence: &Evidence) {
    let folder = path(name);
    if updating() {
        if folder.exists() {
            fs::remove_dir_all(&folder).unwrap();
        }
        evidence.write_dir(&folder).unwrap();
    }
    let kept = Evidence::read_dir(&folder).unwrap();
    assert_eq!(kept.files().keys().collect::<Vec<_>>(), evidence.files().keys().collect::<Vec<_>>());
    assert_eq!(kept, *evidence);
    let named = format!("{name}.json");
    let trusted: BTreeSet<String> = load::<BTreeMap<String, _>>(&named).remove("trusted_kids").unwrap();
    assert!(verify(&kept, &Trust::Kids(trusted), &POOL).ok());
}

#[test]
fn the_sample_exports_are_what_we_would_write_and_verify() {
    is_kept("export", &Story::sample().evidence());
    is_kept("zone-export", &World::sample().evidence());
}
