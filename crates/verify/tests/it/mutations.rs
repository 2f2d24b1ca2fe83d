//! No single change to an export is accepted: not of one byte anywhere, not of a file, not of a member.

use std::{collections::BTreeMap, env, path::Path};

use cedarkeep_attest::Trust;
use cedarkeep_model::canonical_bytes;
use cedarkeep_verify::{Evidence, verify};
use serde_json::Value;

use crate::common::{POOL, Story};

pub(crate) type Files = BTreeMap<String, Vec<u8>>;

/// An export, with trust in every key that signed: nothing is refused only because its signer is not trusted.
fn sound(story: &Story) -> (Files, Trust) {
    let (files, trust) = (story.evidence().files().clone(), Trust::Kids(Story::kids(&story.signers)));
    assert!(accepted(files.clone(), &trust));
    (files, trust)
}

fn stories() -> [Story; 2] {
    [Story::usual(), Story::sample()]
}

fn accepted(files: Files, trust: &Trust) -> bool {
    verify(&Evidence::new(files), trust, &POOL).ok()
}

pub(crate) fn json_files(files: &Files) -> impl Iterator<Item = (&String, &Vec<u8>)> {
    files.iter().filter(|(name, _)| Path::new(name).extension().is_some_and(|extension| extension == "json"))
}

/// A sequence that looks random and is the same every time (Steele, Lea, Flood: splitmix64).
pub(crate) struct Sequence(pub(crate) u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit as u64).unwrap()
    }
}

/// One change of one byte (or one more, or one less) at any place.
pub(crate) fn change(content: &mut Vec<u8>, sequence: &mut Sequence) -> String {
    let kind = sequence.below(5);
    let at = sequence.below(content.len() + usize::from(kind >= 3));
    let byte = u8::try_from(sequence.below(256)).unwrap();
    match kind {
        0 => content[at] ^= 1 << (byte % 8),
        1 => content[at] = content[at].wrapping_add(byte.max(1)),
        2 => drop(content.remove(at)),
        3 => content.insert(at, byte),
        _ => content.insert(at, b" \t\n\r"[usize::from(byte % 4)]),
    }
    format!("kind {kind} at {at} with {byte}")
}

#[test]
fn no_changed_byte_is_accepted() {
    let wanted: usize = env::var("MUTATIONS").ok().and_then(|number| number.parse().ok()).unwrap_or(10_000);
    let mut sequence = Sequence(20_260_316);
    for story in stories() {
        let (files, trust) = sound(&story);
        let names: Vec<_> = files.keys().cloned().collect();
        for _ in 0..wanted.div_ceil(2) {
            // Every file is as likely as every other: the small ones matter as much.
            let name = &names[sequence.below(names.len())];
            let mut changed = files.clone();
            let how = change(changed.get_mut(name).unwrap(), &mut sequence);
            assert_ne!(changed, files);
            assert!(!accepted(changed, &trust), "{name}: {how}");
        }
    }
}

#[test]
fn no_missing_exchanged_or_added_file_is_accepted() {
    for story in stories() {
        let (files, trust) = sound(&story);
        for name in files.keys() {
            let mut without = files.clone();
            let content = without.remove(name).unwrap();
            assert!(!accepted(without.clone(), &trust), "without {name}");
            without.insert(format!("{name}.bak"), content);
            assert!(!accepted(without, &trust), "{name} renamed");
            let mut empty = files.clone();
            empty.insert(name.clone(), Vec::new());
            assert!(!accepted(empty, &trust), "{name} emptied");
            for other in files.keys().filter(|other| *other > name) {
                let mut exchanged = files.clone();
                exchanged.insert(name.clone(), files[other].clone());
                exchanged.insert(other.clone(), files[name].clone());
                assert!(exchanged == files || !accepted(exchanged, &trust), "{name} and {other} exchanged");
                let mut copied = files.clone();
                copied.insert(name.clone(), files[other].clone());
                assert!(copied == files || !accepted(copied, &trust), "{other} in the place of {name}");
            }
        }
        let without_text = files.keys().find(|name| {
            let text = name.replace(".json", ".cedar");
            name.starts_with("policies/") && !files.contains_key(&text)
        });
        let added_text = without_text.unwrap().replace(".json", ".cedar");
        for name in ["README", "attestations/0004.json", "policies/x.json", "revoked.json", ".hidden", &added_text] {
            let mut more = files.clone();
            if more.insert(name.to_owned(), b"{\"kids\":[]}".to_vec()).is_none() {
                assert!(!accepted(more, &trust), "{name} added");
            }
        }
    }
}

/// Every JSON value that differs from this one by one member or item: taken away, doubled, added, or made null.
pub(crate) fn edits(value: &Value) -> Vec<Value> {
    let mut edits = Vec::new();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let with = |edited: Option<Value>| {
                    let mut members = members.clone();
                    match edited {
                        Some(edited) => members.insert(name.clone(), edited),
                        None => members.remove(name),
                    };
                    Value::Object(members)
                };
                edits.extend([with(None), with(Some(Value::Null))]);
                edits.extend(edits_of(member).map(|edited| with(Some(edited))));
            }
            let mut more = members.clone();
            more.insert("zz".to_owned(), Value::Null);
            edits.push(Value::Object(more));
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                let with = |edited: Vec<Value>| {
                    let mut items = items.clone();
                    items.splice(at..=at, edited);
                    Value::Array(items)
                };
                edits.extend([with(vec![]), with(vec![item.clone(), item.clone()])]);
                edits.extend(edits_of(item).map(|edited| with(vec![edited])));
            }
            let mut reversed = items.clone();
            reversed.reverse();
            edits.push(Value::Array(reversed));
        }
        _ => {}
    }
    edits.retain(|edited| edited != value);
    edits
}

fn edits_of(value: &Value) -> impl Iterator<Item = Value> {
    edits(value).into_iter()
}

#[test]
fn no_edited_member_is_accepted_in_canonical_form() {
    for story in stories() {
        let (files, trust) = sound(&story);
        for (name, content) in json_files(&files) {
            let value: Value = serde_json::from_slice(content).unwrap();
            let edits = edits(&value);
            assert!(edits.len() > 3, "{name}");
            for edited in edits {
                let mut changed = files.clone();
                changed.insert(name.clone(), canonical_bytes(&edited).unwrap());
                assert!(!accepted(changed, &trust), "{name}: {edited}");
            }
        }
    }
}

#[test]
fn no_other_spelling_of_the_same_json_is_accepted() {
    let (files, trust) = sound(&Story::sample());
    for (name, content) in json_files(&files) {
        let value: Value = serde_json::from_slice(content).unwrap();
        let text = std::str::from_utf8(content).unwrap();
        let first_member = text.find(':').unwrap();
        let spellings = [
            serde_json::to_string_pretty(&value).unwrap(),
            format!("{text}\n"),
            format!("\u{feff}{text}"),
            // The first member twice, with the same and with another value; its name with an escape.
            format!("{}:null,{}", &text[..first_member], &text[1..]),
            format!("{},{}", &text[..text.len() - 1], &text[1..]),
            format!("{{\"\\u{:04x}{}", text.as_bytes()[2], &text[3..]),
        ];
        for spelling in spellings {
            assert_ne!(spelling.as_bytes(), content);
            let mut changed = files.clone();
            changed.insert(name.clone(), spelling.clone().into_bytes());
            assert!(!accepted(changed, &trust), "{name}: {spelling}");
        }
    }
}
