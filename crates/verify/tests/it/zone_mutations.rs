//! No single change to the export of a zone is accepted: not of one byte anywhere, not of a file, a line or a member.
//! `EXPORT_MUTATIONS` says how many are tried (2,000 unless said).

use std::{collections::BTreeMap, env, thread};

use cedarkeep_attest::Trust;
use cedarkeep_model::canonical_bytes;
use cedarkeep_verify::{Evidence, verify};
use serde_json::Value;

use crate::{
    common::POOL,
    mutations::{Files, Sequence, change, edits, json_files},
    world::World,
};

fn sound() -> (Files, Trust) {
    let world = World::sample();
    let (files, trust) = (world.evidence().files().clone(), world.trust());
    assert!(accepted(files.clone(), &trust));
    (files, trust)
}

fn accepted(files: Files, trust: &Trust) -> bool {
    verify(&Evidence::new(files), trust, &POOL).ok()
}

/// One change to the lines of a file: one left out, twice, elsewhere, another's, or the rest cut off.
fn change_lines(content: &[u8], sequence: &mut Sequence) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
    let (at, other) = (sequence.below(lines.len()), sequence.below(lines.len()));
    match sequence.below(6) {
        0 => drop(lines.remove(at)),
        1 => lines.insert(at, lines[at]),
        2 => lines.swap(at, other),
        3 => lines[at] = lines[other],
        4 => lines.truncate(at),
        _ => return content[..sequence.below(content.len())].to_vec(),
    }
    lines.concat()
}

/// One change to the files: one removed, emptied, cut off, exchanged for another, renamed or added.
fn change_files(files: &mut Files, sequence: &mut Sequence) {
    let names: Vec<String> = files.keys().cloned().collect();
    let (name, other) = (&names[sequence.below(names.len())], &names[sequence.below(names.len())]);
    let content = files[name].clone();
    match sequence.below(7) {
        0 => drop(files.remove(name)),
        1 => drop(files.insert(name.clone(), Vec::new())),
        2 => drop(files.insert(name.clone(), content[..sequence.below(content.len())].to_vec())),
        3 => {
            files.insert(name.clone(), files[other].clone());
            files.insert(other.clone(), content);
        }
        4 => drop(files.insert(name.clone(), files[other].clone())),
        5 => drop(files.insert(format!("{name}.bak"), content)),
        _ => {
            files.remove(name);
            // To where another file of its kind could stand.
            files.insert(name.replacen(|c: char| c.is_ascii_digit(), "9", 1), content);
        }
    }
}

/// One member of a JSON file, or of a line, edited and everything in canonical form again.
fn change_member(files: &mut Files, sequence: &mut Sequence) {
    let names: Vec<String> = files.keys().filter(|name| name.strip_suffix(".cedar").is_none()).cloned().collect();
    let name = &names[sequence.below(names.len())];
    let (content, lined) = (&files[name], name.strip_suffix(".jsonl").is_some());
    let mut parts: Vec<Vec<u8>> = if lined {
        content.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    } else {
        vec![content.clone()]
    };
    let at = sequence.below(parts.len());
    let edits = edits(&serde_json::from_slice(&parts[at]).unwrap());
    parts[at] = canonical_bytes(&edits[sequence.below(edits.len())]).unwrap();
    parts[at].extend(lined.then_some(b'\n'));
    files.insert(name.clone(), parts.concat());
}

fn mutate(files: &Files, sequence: &mut Sequence) -> (String, Files) {
    let mut changed = files.clone();
    let kind = sequence.below(8);
    let how = match kind {
        0..=3 => {
            // Every file is as likely as every other: the small ones matter as much.
            let name = files.keys().nth(sequence.below(files.len())).unwrap();
            format!("{name}: {}", change(changed.get_mut(name).unwrap(), sequence))
        }
        4 | 5 => {
            let name = ["events.jsonl", "bindings-over-time.jsonl"][sequence.below(2)];
            changed.insert(name.to_owned(), change_lines(&files[name], sequence));
            format!("the lines of {name}")
        }
        6 => {
            change_files(&mut changed, sequence);
            "the files".to_owned()
        }
        _ => {
            change_member(&mut changed, sequence);
            "a member".to_owned()
        }
    };
    (how, changed)
}

/// Tries changes drawn from this seed until so many were tried; how many there were of each kind.
fn try_out(files: &Files, trust: &Trust, seed: u64, wanted: usize) -> BTreeMap<String, usize> {
    let (mut sequence, mut tried) = (Sequence(seed), BTreeMap::new());
    while tried.values().sum::<usize>() < wanted {
        let (how, changed) = mutate(files, &mut sequence);
        // A line exchanged for itself changes nothing.
        if changed != *files {
            let kept = env::var_os("KEEP_MUTATION").map(|_| changed.clone());
            assert!(!accepted(changed, trust), "{how} (seed {seed}): {kept:?}");
            let kind = how.split(':').next().unwrap_or_default();
            let kind = if files.contains_key(kind) { "bytes" } else { kind };
            *tried.entry(kind.to_owned()).or_default() += 1;
        }
    }
    tried
}

#[test]
fn no_changed_zone_is_accepted() {
    let wanted: usize = env::var("EXPORT_MUTATIONS").map_or(2_000, |number| number.parse().unwrap());
    let (files, trust) = sound();
    let halves = thread::scope(|scope| {
        let half = |seed| {
            let (files, trust) = (&files, &trust);
            scope.spawn(move || try_out(files, trust, seed, wanted.div_ceil(2)))
        };
        [half(20_260_316), half(20_260_317)].map(|half| half.join().unwrap())
    });
    println!("tried, none accepted: {halves:?}");
    assert!(halves.iter().all(|tried| tried.len() == 5), "every kind of change was among them: {halves:?}");
}

#[test]
fn no_edited_member_of_a_small_file_is_accepted() {
    let (files, trust) = sound();
    for (name, content) in json_files(&files).filter(|(name, _)| !name.contains('/')) {
        let value: Value = serde_json::from_slice(content).unwrap();
        for edited in edits(&value) {
            let mut changed = files.clone();
            changed.insert(name.clone(), canonical_bytes(&edited).unwrap());
            assert!(!accepted(changed, &trust), "{name}: {edited}");
        }
    }
}
