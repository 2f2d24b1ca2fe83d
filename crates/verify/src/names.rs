//! The names that files of an export have.

use cedarkeep_model::{Digest, PolicySetVersionId, PolicyVersionId};

use crate::{
    case::{JWKS, MANIFEST, REVOKED, SCHEMA, VERSION},
    zone::{BINDINGS, EVENTS, HEAD, KEYS, PERIODS, ZONE},
};

/// Whether a file of this name may stand in an export, of a version or of a zone.
#[must_use]
pub fn belongs(name: &str) -> bool {
    let Some((folder, name)) = name.split_once('/') else {
        let known = [VERSION, MANIFEST, SCHEMA, JWKS, REVOKED, ZONE, EVENTS, HEAD, KEYS, BINDINGS, PERIODS];
        return known.contains(&name);
    };
    let json = name.strip_suffix(".json");
    match folder {
        "attestations" => json.is_some_and(is_attestation),
        "manifests" => json.is_some_and(|id| id.parse::<PolicySetVersionId>().is_ok()),
        "schemas" => json.is_some_and(|sha| sha.parse::<Digest>().is_ok()),
        "policies" => {
            let id = json.or_else(|| name.strip_suffix(".cedar"));
            id.is_some_and(|id| id.parse::<PolicyVersionId>().is_ok())
        }
        _ => false,
    }
}

/// `0001`, or the id of a version and `-0001`.
fn is_attestation(name: &str) -> bool {
    let number = match name.rsplit_once('-') {
        Some((id, number)) if id.parse::<PolicySetVersionId>().is_ok() => number,
        Some(_) => return false,
        None => name,
    };
    number.len() >= 4 && number.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_names_is_closed() {
        let (id, sha) = ("0198c0de-0000-7000-8000-000000000001", Digest::of(b"").to_string());
        for name in [
            "version.json".to_owned(),
            "events.jsonl".to_owned(),
            "attestations/0001.json".to_owned(),
            format!("attestations/{id}-0012.json"),
            format!("manifests/{id}.json"),
            format!("schemas/{sha}.json"),
            format!("policies/{id}.cedar"),
        ] {
            assert!(belongs(&name), "{name}");
        }
        for name in [
            "thesis.txt".to_owned(),
            "events.json".to_owned(),
            "attestations/thesis.json".to_owned(),
            format!("attestations/{id}.json"),
            format!("attestations/{id}-x.json"),
            format!("manifests/{id}.cedar"),
            format!("policies/{sha}.json"),
            format!("policies/deeper/{id}.json"),
            format!("other/{id}.json"),
        ] {
            assert!(!belongs(&name), "{name}");
        }
    }
}
