//! Files that something happened to: none is ever taken in. `FILE_MUTATIONS` says how many are tried (300 unless said).

use std::{env, fs};

use cedarkeep_attest::MasterKey;
use cedarkeep_cedar::CedarPool;
use cedarkeep_service::transfer::{TransferError, restore};
use cedarkeep_tests::{
    home::{Engine, Home},
    random::Random,
};

use crate::support::{Files, close, furnished, is_empty, lines, rows};

/// Something that may happen to a file.
fn damaged(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    let at = random.below(bytes.len());
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let (one, other) = (random.below(lines.len()), random.below(lines.len()));
    match random.below(8) {
        0 | 1 => changed[at] ^= 1 << random.below(8_u32),
        2 => drop(changed.remove(at)),
        3 => changed.insert(at, bytes[random.below(bytes.len())]),
        4 => changed.truncate(at),
        5 => {
            lines.swap(one, other);
            changed = lines.concat();
        }
        6 => {
            lines.remove(one);
            changed = lines.concat();
        }
        _ => {
            lines.insert(other, lines[one]);
            changed = lines.concat();
        }
    }
    changed
}

#[tokio::test(flavor = "multi_thread")]
async fn no_damage_goes_unnoticed() {
    let mutations: usize = env::var("FILE_MUTATIONS").map_or(300, |mutations| mutations.parse().unwrap());
    let files = Files::new();
    let furnished = furnished(Engine::Sqlite).await;
    let whole = fs::read(files.backup(furnished.it.home(), "backup")).unwrap();
    let home = Home::on(Engine::Sqlite);
    let (store, cedar, master) = (home.open().await, CedarPool::new(1).unwrap(), MasterKey::from_bytes([7; 32]));
    // A fixed seed makes a run repeatable.
    let mut random = Random::new(0x5eed_0000_0000_0001);
    for number in 0..mutations {
        let changed = damaged(&whole, &mut random);
        if changed == whole {
            continue;
        }
        let taken = restore(&*store, &master, &cedar, &mut &changed[..], &mut |_| {}).await;
        match taken {
            Err(TransferError::Line { .. }) => {}
            other => panic!("damage {number}: {other:?}"),
        }
    }
    store.close().await;
    assert!(is_empty(&home).await);
    let store = home.open().await;
    restore(&*store, &master, &cedar, &mut &whole[..], &mut |_| {}).await.unwrap();
    store.close().await;
}

/// The line at which each kind of damage is found is the one that has it, or the first that no longer fits.
#[tokio::test(flavor = "multi_thread")]
async fn damage_is_found_where_it_is() {
    let files = Files::new();
    let furnished = furnished(Engine::Sqlite).await;
    let path = files.backup(furnished.it.home(), "backup");
    let whole = lines(&path);
    let count = whole.len();
    let home = Home::on(Engine::Sqlite);
    let (store, cedar, master) = (home.open().await, CedarPool::new(1).unwrap(), MasterKey::from_bytes([7; 32]));
    let line_of = async |lines: Vec<String>| {
        let taken = restore(&*store, &master, &cedar, &mut lines.concat().as_bytes(), &mut |_| {}).await;
        let Err(TransferError::Line { line, reason }) = taken else { panic!("{taken:?}") };
        (usize::try_from(line).unwrap(), reason)
    };
    let middle = rows(&path).iter().position(|line| line.contains("\"event\":")).unwrap() + 3;
    let mut changed = whole.clone();
    changed[middle] = changed[middle].replacen("administrator", "administrador", 1);
    assert_eq!(
        line_of(changed).await,
        (middle + 1, "it was changed since it was written: it does not have its checksum".to_owned())
    );
    let cut = whole[..middle].to_vec();
    let (line, reason) = line_of(cut).await;
    assert!(line == middle + 1 && reason.contains("was cut"), "{line} {reason}");
    // Whoever knows the format gives a forged file a right end.
    let mut swapped = whole.clone();
    swapped.swap(middle, middle + 1);
    let (line, reason) = line_of(close(swapped)).await;
    assert!(line == middle + 2 && reason.contains("was moved"), "{line} {reason}");
    let mut twice = whole.clone();
    twice.insert(middle, whole[middle].clone());
    let (line, reason) = line_of(close(twice)).await;
    assert!(line == middle + 2 && reason.contains("there twice"), "{line} {reason}");
    let mut fewer = whole.clone();
    fewer.remove(middle);
    let (line, reason) = line_of(fewer).await;
    assert!(line == count - 1 && reason.contains("not as many rows"), "{line} {reason}");
    let mut longer = whole.clone();
    longer.push("\n".to_owned());
    let (line, reason) = line_of(longer).await;
    assert!(line == count + 1 && reason.contains("follows the last line"), "{line} {reason}");
    store.close().await;
    assert!(is_empty(&home).await);
}
