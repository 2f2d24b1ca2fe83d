use std::{collections::BTreeMap, io::Write as _};

use flate2::{Compression, write::GzEncoder};
use proptest::prelude::*;
use tar::{Builder, Header};

use super::*;
use crate::{MAX_MANIFEST_BYTES, MAX_POLICY_BYTES, MAX_SCHEMA_BYTES, NewPolicy, PolicyEntry, encode};

const MANIFEST: &str = r#"{"version":1,"schema":{"version":"test"},"policies":[{"new_policy":"a"}]}"#;
const POLICY: &str = "permit (principal, action, resource);";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A header that says what it is told, and its content.
fn file(kind: EntryType, name: &str, content: &[u8]) -> Vec<u8> {
    sized(kind, name.as_bytes(), content, content.len() as u64)
}

fn sized(kind: EntryType, name: &[u8], content: &[u8], size: u64) -> Vec<u8> {
    let mut header = Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    bytes
}

fn plain(name: &str, content: &str) -> Vec<u8> {
    file(EntryType::Regular, name, content.as_bytes())
}

fn whole() -> Vec<Vec<u8>> {
    vec![plain("manifest.json", MANIFEST), plain("policies/a.cedar", POLICY)]
}

const END: [u8; 2 * BLOCK] = [0; 2 * BLOCK];

fn tarred(files: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut tar = files.into_iter().collect::<Vec<_>>().concat();
    tar.extend_from_slice(&END);
    tar
}

fn packed(files: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    gzip(&tarred(files))
}

fn with(more: Vec<u8>) -> Vec<u8> {
    packed([whole(), vec![more]].concat())
}

#[test]
fn an_archive_of_any_program_is_read() {
    let bundle = decode(&packed(whole())).unwrap();
    assert_eq!(bundle.texts().values().collect::<Vec<_>>(), [POLICY]);
    let pax = b"30 mtime=1767225600.123456789\n";
    let more = [
        file(EntryType::Directory, "policies/", b""),
        file(EntryType::XHeader, "PaxHeaders/manifest.json", pax),
        plain("schema.cedarschema", "entity User;"),
    ];
    let with_schema = decode(&packed([more.to_vec(), whole()].concat())).unwrap();
    assert_eq!((with_schema.schema(), with_schema.texts()), (Some("entity User;"), bundle.texts()));
    let blocked = [tarred(whole()), vec![0; 20 * BLOCK]].concat();
    assert_eq!(decode(&gzip(&blocked)).unwrap(), bundle);
}

#[test]
fn the_manifest_says_which_policies_count() {
    assert_eq!(decode(&with(plain("policies/b.cedar", "forbid"))).unwrap(), decode(&packed(whole())).unwrap());
    let missing = decode(&packed([plain("manifest.json", MANIFEST)]));
    assert_eq!(missing, Err(BundleError::NoFile { index: 0, name: "policies/a.cedar".to_owned() }));
    assert_eq!(decode(&packed([plain("policies/a.cedar", POLICY)])), Err(BundleError::NoManifest));
    let twice = MANIFEST.replace(']', r#",{"new_policy":"a"}]"#);
    let twice = decode(&packed([plain("manifest.json", &twice), plain("policies/a.cedar", POLICY)]));
    assert_eq!(twice, Err(BundleError::ListedTwice(1)));
    let not_json = decode(&packed([plain("manifest.json", "{]")]));
    assert!(matches!(not_json, Err(BundleError::Manifest(_))));
}

#[test]
fn only_plain_files_of_the_layout_are_taken() {
    for name in [
        "/manifest.json",
        "./manifest.json",
        "policies/../manifest.json",
        "policies/../../a.cedar",
        "../a.cedar",
        "policies/a/a.cedar",
        "policies/a\\b.cedar",
        "..\\a.cedar",
        "C:\\a.cedar",
        "policies/.cedar",
        "policies/b",
        "README.md",
        "",
        "policies/",
    ] {
        assert_eq!(decode(&with(plain(name, POLICY))), Err(BundleError::Unrecognized(format!("{name:?}"))));
    }
    for kind in [
        EntryType::Symlink,
        EntryType::Link,
        EntryType::Char,
        EntryType::Block,
        EntryType::Fifo,
        EntryType::Continuous,
        EntryType::GNULongName,
        EntryType::GNULongLink,
        EntryType::GNUSparse,
        EntryType::XGlobalHeader,
        EntryType::Directory,
        EntryType::new(b'?'),
    ] {
        let refused = decode(&with(file(kind, "policies/b.cedar", b"")));
        assert_eq!(refused, Err(BundleError::NotAFile("\"policies/b.cedar\"".to_owned())), "{kind:?}");
    }
    let folder = file(EntryType::Directory, "policies", b"");
    assert!(decode(&with(folder.clone())).is_ok());
    assert!(matches!(decode(&with([folder.clone(), folder].concat())), Err(BundleError::NotAFile(_))));
}

#[test]
fn a_pax_header_can_rename_nothing() {
    let record = |key: &str, value: &str| {
        let body = format!(" {key}={value}\n");
        let length =
            (body.len()..body.len() + 9).find(|length| length.to_string().len() + body.len() == *length).unwrap();
        format!("{length}{body}").into_bytes()
    };
    for (key, value) in [("path", "/etc/passwd"), ("linkpath", "x"), ("size", "7"), ("GNU.sparse.name", "x"), ("", "")]
    {
        let pax = file(EntryType::XHeader, "x", &record(key, value));
        let refused = decode(&with([pax, plain("policies/b.cedar", POLICY)].concat()));
        assert_eq!(refused, Err(BundleError::Pax(format!("{key:?}"))));
    }
    let long = file(EntryType::XHeader, "x", &record("mtime", &"1".repeat(10_000)));
    assert!(matches!(decode(&with(long)), Err(BundleError::Pax(_))));
    let fine = file(EntryType::XHeader, "x", &record("mtime", "1.5"));
    assert!(matches!(decode(&with([fine.clone(), fine].concat())), Err(BundleError::NotAFile(_))));
    assert_eq!(decode(&with(file(EntryType::XHeader, "x", b"mtime"))), Err(BundleError::Tar));
}

#[test]
fn every_file_stands_in_it_once() {
    for (name, content) in [("manifest.json", MANIFEST), ("policies/a.cedar", POLICY)] {
        assert_eq!(decode(&with(plain(name, content))), Err(BundleError::Duplicate(name.to_owned())));
    }
    let schema = plain("schema.cedarschema", "");
    let twice = decode(&with([schema.clone(), schema].concat()));
    assert_eq!(twice, Err(BundleError::Duplicate("schema.cedarschema".to_owned())));
}

#[test]
fn text_is_utf_8() {
    for name in ["policies/b.cedar", "schema.cedarschema", "manifest.json"] {
        let latin = file(EntryType::Regular, name, b"// \xe4");
        assert_eq!(decode(&packed([latin])), Err(BundleError::NotUtf8(name.to_owned())));
    }
    let named = sized(EntryType::Regular, b"policies/\xe4.cedar", b"", 0);
    assert!(matches!(decode(&with(named)), Err(BundleError::Unrecognized(_))));
}

#[test]
fn the_limits_are_exact() {
    for (name, max) in [
        ("policies/b.cedar", MAX_POLICY_BYTES),
        ("schema.cedarschema", MAX_SCHEMA_BYTES),
        ("manifest.json", MAX_MANIFEST_BYTES),
    ] {
        let of = |size: usize| decode(&packed([plain(name, &" ".repeat(size))]));
        let too_large = BundleError::FileTooLarge { name: name.to_owned(), max };
        assert_eq!(of(max + 1), Err(too_large.clone()));
        assert_ne!(of(max), Err(too_large));
    }
    let many = |count: usize| {
        let policies = (0..count).map(|number| plain(&format!("policies/p{number}.cedar"), ""));
        decode(&packed(whole().into_iter().chain(policies)))
    };
    assert!(many(MAX_FILES - 2).is_ok());
    assert_eq!(many(MAX_FILES - 1), Err(BundleError::TooManyFiles));
}

#[test]
fn a_bomb_is_let_off_early() {
    let zeros = vec![0; MAX_EXPANDED_BYTES + 1];
    assert_eq!(decode(&gzip(&[tarred(whole()), zeros].concat())), Err(BundleError::Expands));
    let policy = " ".repeat(MAX_POLICY_BYTES);
    let many = (0..300).map(|number| plain(&format!("policies/p{number}.cedar"), &policy));
    assert_eq!(decode(&packed(many)), Err(BundleError::Expands));
    for size in [1 << 33, 1 << 62] {
        let liar = sized(EntryType::Regular, b"policies/b.cedar", b"", size);
        assert!(matches!(decode(&with(liar)), Err(BundleError::FileTooLarge { .. })), "{size}");
        let liar = sized(EntryType::XHeader, b"x", b"", size);
        assert!(matches!(decode(&with(liar)), Err(BundleError::Pax(_))), "{size}");
    }
}

#[test]
fn what_is_cut_off_or_goes_on_is_refused() {
    let good = packed(whole());
    for end in [0, 1, 9, 10, 20, good.len() / 2, good.len() - 8, good.len() - 1] {
        assert_eq!(decode(&good[..end]), Err(BundleError::Gzip), "{end}");
    }
    for more in [vec![0], b"more".to_vec(), good.clone(), gzip(b"")] {
        assert_eq!(decode(&[good.clone(), more].concat()), Err(BundleError::AfterGzip));
    }
    let mut wrong_sum = good.clone();
    let at = wrong_sum.len() - 6;
    wrong_sum[at] ^= 1;
    assert_eq!(decode(&wrong_sum), Err(BundleError::Gzip));
    let tar = tarred(whole());
    assert_eq!(decode(&tar), Err(BundleError::Gzip), "not compressed");
    let blocks = tar.len() / BLOCK;
    for cut in [1, 2, 3, blocks] {
        assert_eq!(decode(&gzip(&tar[..(blocks - cut) * BLOCK])), Err(BundleError::CutOff), "{cut} blocks less");
    }
    assert!(matches!(decode(&gzip(&tar[..700])), Err(BundleError::Tar | BundleError::CutOff)));
    assert_eq!(decode(&gzip(&[tar.clone(), plain("policies/b.cedar", "")].concat())), Err(BundleError::AfterTar));
    assert_eq!(decode(&gzip(&[tar.clone(), vec![1]].concat())), Err(BundleError::AfterTar));
    assert_eq!(decode(&gzip(&[b'x'; 4 * BLOCK])), Err(BundleError::Tar));
}

#[test]
fn the_same_bundle_is_the_same_bytes() {
    let bundle = decode(&packed(whole())).unwrap();
    let mut other_order = whole();
    other_order.reverse();
    let bytes = encode(&bundle).unwrap();
    assert_eq!(encode(&decode(&packed(other_order)).unwrap()).unwrap(), bytes);
    // RFC 1952, section 2.3: magic, deflate, no flags, no time, no extra flags, no system.
    assert_eq!(bytes[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
}

#[test]
fn the_files_come_in_order_and_belong_to_nobody() {
    let mut tar = Vec::new();
    let schema = Bundle::new(
        BundleManifest::new("test".to_owned().try_into().unwrap(), vec![]),
        Some("x".into()),
        BTreeMap::new(),
    );
    GzDecoder::new(encode(&schema.unwrap()).unwrap().as_slice()).read_to_end(&mut tar).unwrap();
    let mut archive = Archive::new(tar.as_slice());
    let headers = archive.entries().unwrap().map(|entry| entry.unwrap().header().clone());
    let seen: Vec<_> = headers
        .map(|header| {
            assert_eq!(
                (header.mode().unwrap(), header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
                (0o644, 0, 0, 0)
            );
            String::from_utf8(header.path_bytes().into_owned()).unwrap()
        })
        .collect();
    assert_eq!(seen, ["manifest.json", "schema.cedarschema"]);
}

/// A bundle of random names and texts.
fn bundles() -> impl Strategy<Value = Bundle> {
    let texts = proptest::collection::btree_map("[A-Za-z0-9][A-Za-z0-9._-]{0,63}", ".{0,200}", 0..12);
    (texts, proptest::option::of(".{0,300}"), "[a-z0-9]{1,9}").prop_map(|(texts, schema, version)| {
        let texts: BTreeMap<Stem, String> =
            texts.into_iter().map(|(name, text)| (Stem::new(name).unwrap(), text)).collect();
        let entry = |file: &Stem| PolicyEntry::New(NewPolicy { file: file.clone(), name: None, description: None });
        let manifest = BundleManifest::new(version.try_into().unwrap(), texts.keys().map(entry).collect());
        Bundle::new(manifest, schema, texts).unwrap()
    })
}

fn unpacked(archive: &[u8]) -> Vec<u8> {
    let mut tar = Vec::new();
    GzDecoder::new(archive).read_to_end(&mut tar).unwrap();
    tar
}

proptest! {
    #[test]
    fn what_is_written_is_read(bundle in bundles()) {
        let bytes = encode(&bundle).unwrap();
        prop_assert_eq!(decode(&bytes).unwrap(), bundle);
    }

    #[test]
    fn anything_may_be_read(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(decode(&bytes).is_err());
        prop_assert!(decode(&gzip(&bytes)).is_err());
    }

    /// Changed bytes of the tar, with the header's checksums as they were and made right again.
    #[test]
    fn a_changed_archive_is_refused_or_read_as_some_bundle(
        bundle in bundles(), changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        mend: bool,
    ) {
        let mut tar = unpacked(&encode(&bundle).unwrap());
        for (at, byte) in changes {
            let at = at.index(tar.len());
            tar[at] = byte;
            if mend {
                let begin = at / BLOCK * BLOCK;
                let mut header = Header::from_byte_slice(&tar[begin..begin + BLOCK]).clone();
                header.set_cksum();
                tar[begin..begin + BLOCK].copy_from_slice(header.as_bytes());
            }
        }
        if let Ok(read) = decode(&gzip(&tar)) {
            prop_assert_eq!(&decode(&encode(&read).unwrap()).unwrap(), &read);
        }
    }

    #[test]
    fn a_changed_byte_of_the_compressed_archive_is_no_other_bundle(bundle in bundles(), at: prop::sample::Index, by in 1..=255_u8) {
        let mut bytes = encode(&bundle).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= by;
        // Time, flags and system of the gzip header are nobody's business.
        if let Ok(read) = decode(&bytes) {
            prop_assert!(at < 10);
            prop_assert_eq!(read, bundle);
        }
    }
}

#[test]
fn the_builder_of_the_library_makes_what_we_read() {
    let mut builder = Builder::new(Vec::new());
    for (name, content) in [("manifest.json", MANIFEST), ("policies/a.cedar", POLICY)] {
        let mut header = Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        builder.append_data(&mut header, name, content.as_bytes()).unwrap();
    }
    assert!(decode(&gzip(&builder.into_inner().unwrap())).is_ok());
}
