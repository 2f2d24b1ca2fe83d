//! Archives that are made to do harm: each is refused, and nothing is written.

use std::io::Write as _;

use flate2::{Compression, write::GzEncoder};
use tar::{EntryType, Header};

use crate::support::{ALICE, World};

const MANIFEST: &str = r#"{"version":1,"schema":{"version":"test"},"policies":[{"new_policy":"a"}]}"#;
const POLICY: &str = "permit (principal, action, resource);";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn member(kind: EntryType, name: &str, link: &str, content: &[u8]) -> Vec<u8> {
    let mut header = Header::new_ustar();
    let fields = header.as_old_mut();
    fields.name[..name.len()].copy_from_slice(name.as_bytes());
    fields.linkname[..link.len()].copy_from_slice(link.as_bytes());
    header.set_entry_type(kind);
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    header.set_cksum();
    let mut bytes = [header.as_bytes().as_slice(), content].concat();
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(name: &str, content: &str) -> Vec<u8> {
    member(EntryType::Regular, name, "", content.as_bytes())
}

fn tar(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

/// A good archive with something more in it.
fn with(more: Vec<u8>) -> Vec<u8> {
    gzip(&tar(&[file("manifest.json", MANIFEST), file("policies/a.cedar", POLICY), more]))
}

/// A good archive with another manifest.
fn listing(manifest: &str) -> Vec<u8> {
    gzip(&tar(&[file("manifest.json", manifest), file("policies/a.cedar", POLICY)]))
}

fn archives() -> Vec<(&'static str, Vec<u8>)> {
    let good = with(Vec::new());
    let link = |kind| with(member(kind, "policies/b.cedar", "/etc/passwd", b""));
    let bomb = |size: usize| gzip(&tar(&[file("manifest.json", MANIFEST), vec![0; size]]));
    let many = (0..10_010).map(|number| file(&format!("policies/p{number}.cedar"), ""));
    let whole = |number| file(&format!("policies/p{number}.cedar"), &" ".repeat(256 << 10));
    vec![
        ("nothing", Vec::new()),
        ("text", b"policies".to_vec()),
        ("JSON", MANIFEST.as_bytes().to_vec()),
        ("a bare tar", tar(&[file("manifest.json", MANIFEST), file("policies/a.cedar", POLICY)])),
        ("gzip of nothing", gzip(b"")),
        ("gzip of text", gzip(POLICY.as_bytes())),
        ("a bomb behind the end", bomb(80 << 20)),
        ("a bomb of files", gzip(&tar(&(0..300).map(whole).collect::<Vec<_>>()))),
        ("too many files", gzip(&tar(&many.collect::<Vec<_>>()))),
        ("a large policy", with(file("policies/b.cedar", &" ".repeat((256 << 10) + 1)))),
        ("an absolute path", with(file("/manifest.json", POLICY))),
        ("a path upwards", with(file("policies/../../b.cedar", POLICY))),
        ("a path in its own folder", with(file("policies/x/b.cedar", POLICY))),
        ("a backslash", with(file("policies\\b.cedar", POLICY))),
        ("a dot", with(file("./policies/b.cedar", POLICY))),
        ("an unknown file", with(file("notes.txt", POLICY))),
        ("a symlink", link(EntryType::Symlink)),
        ("a hard link", link(EntryType::Link)),
        ("a device", with(member(EntryType::Char, "policies/b.cedar", "", b""))),
        ("a long name", with(member(EntryType::GNULongName, "././@LongLink", "", b"policies/b.cedar\0"))),
        ("a renamed file", with(member(EntryType::XHeader, "x", "", b"17 path=../b.txt\n"))),
        ("a policy twice", with(file("policies/a.cedar", POLICY))),
        ("a manifest twice", with(file("manifest.json", MANIFEST))),
        ("no manifest", gzip(&tar(&[file("policies/a.cedar", POLICY)]))),
        ("no file for an entry", gzip(&tar(&[file("manifest.json", MANIFEST)]))),
        ("cut off", good[..good.len() - 9].to_vec()),
        ("cut off within", gzip(&file("manifest.json", MANIFEST))),
        ("something behind it", [good.clone(), b"more".to_vec()].concat()),
        ("another archive behind it", [good.clone(), good].concat()),
        ("no UTF-8", with(member(EntryType::Regular, "policies/b.cedar", "", b"// \xff"))),
        ("duplicate keys", listing(&MANIFEST.replace("\"version\":1", "\"version\":1,\"version\":1"))),
        ("an unknown member", listing(&MANIFEST.replace("\"version\":1", "\"version\":1,\"more\":1"))),
        ("another version", listing(&MANIFEST.replace("\"version\":1", "\"version\":2"))),
        ("an entry twice", listing(&MANIFEST.replace('[', "[{\"new_policy\":\"a\"},"))),
        ("no entries", listing(r#"{"version":1,"schema":{"version":"test"}}"#)),
        ("a manifest that nests", listing(&"[".repeat(100_000))),
        ("a manifest that is no object", listing("[]")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_archives_are_refused_by_name() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    alice.fetch().await.bundle();
    let events = world.events().await;
    for (what, archive) in archives() {
        let answer = alice.put_bytes(archive, &[]).await;
        assert_eq!(answer.refused(400), "bundle_invalid", "{what}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.len() < 600 && !message.contains('\0'), "{what}: {message}");
        assert_eq!(world.events().await, events, "{what}");
    }
    assert_eq!(alice.put_bytes(with(Vec::new()), &[]).await.status.as_u16(), 200, "a good one is taken");
    world.clean().await;
}
