//! From one engine to the other and back: what comes out is what went in.

use std::os::unix::fs::PermissionsExt as _;

use cedarkeep_model::ZoneId;
use cedarkeep_store::{Member, RowKind};
use cedarkeep_tests::home::{Engine, Home};

use crate::support::{Files, done, failed, furnished, lines, member, rows, text};

/// A backup of a furnished store, restored into each of these in turn; every backup of those is the same.
async fn goes_round(from: Engine, over: &[Engine]) {
    let files = Files::new();
    let furnished = furnished(from).await;
    let first = files.backup(furnished.it.home(), "first");
    let mode = std::fs::metadata(&first).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let mut last = first.clone();
    for (number, engine) in over.iter().enumerate() {
        let home = Home::on(*engine);
        let said = done(&home, ["restore", text(&last)]);
        assert!(said.out.contains("clean"), "{}", said.out);
        done(&home, ["fsck"]);
        let next = files.backup(&home, &format!("{number}"));
        assert_eq!(rows(&next), rows(&first), "{engine:?}");
        last = next;
        // What is deleted can still be verified, and was not forgotten.
        let store = home.open().await;
        let mut read = store.read().await.unwrap();
        assert!(!read.signing_keys(furnished.deleted).await.unwrap().is_empty());
        assert!(read.attestations(furnished.deleted, furnished.versions[1]).await.unwrap().is_empty());
        assert_eq!(read.attestations(furnished.zone, furnished.versions[1]).await.unwrap().len(), 3);
        drop(read);
        store.close().await;
    }
    let kinds: std::collections::BTreeSet<_> = rows(&first).iter().map(|line| member(line).0).collect();
    // Nothing was refused, so no refusal is there; all else is.
    let expected =
        RowKind::ALL.iter().filter(|kind| ![RowKind::ReSignRefusal, RowKind::SetVersionArchive].contains(kind));
    for kind in expected {
        assert!(kinds.contains(kind.word()), "there is no {} to be moved", kind.word());
    }
    let deleted: ZoneId = furnished.deleted;
    assert!(rows(&first).iter().filter(|line| line.contains(&deleted.to_string())).count() > 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sqlite_to_sqlite() {
    goes_round(Engine::Sqlite, &[Engine::Sqlite]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_sqlite_to_postgres_and_back() {
    goes_round(Engine::Sqlite, &[Engine::Postgres, Engine::Sqlite]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_postgres_to_sqlite_and_back() {
    goes_round(Engine::Postgres, &[Engine::Sqlite, Engine::Postgres]).await;
}

/// Whoever adds a kind or a member tells how it is written.
#[test]
fn every_member_is_documented() {
    let document = include_str!("../../../docs/backup.md");
    for kind in RowKind::ALL {
        let named = |members: &[Member]| {
            let null = |member: &Member| if member.nullable { "?" } else { "" };
            members.iter().map(|member| format!("`{}`{}", member.name, null(member))).collect::<Vec<_>>().join(", ")
        };
        let (key, others) = kind.members().split_at(kind.keys());
        let line = format!("| `{}` | {}; {} |", kind.word(), named(key), named(others));
        assert!(document.contains(&line), "docs/backup.md does not have\n{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_says_what_it_leaves_out() {
    let files = Files::new();
    let furnished = furnished(Engine::Sqlite).await;
    let home = furnished.it.home();
    let (with, without) = (files.backup(home, "with"), files.path("without"));
    let said = done(home, ["backup", text(&without)]);
    assert!(said.out.contains("master key is not in it") && said.out.contains("--decisions"), "{}", said.out);
    let decisions = |line: &String| member(line).0 == "decision";
    assert_eq!(rows(&with).iter().filter(|line| decisions(line)).count(), 2);
    let rest: Vec<_> = rows(&with).into_iter().filter(|line| !decisions(line)).collect();
    assert_eq!(rows(&without), rest);
    let (kind, header) = member(&lines(&with)[0]);
    assert_eq!(
        (kind.as_str(), &header["format"], &header["format_version"]),
        ("header", &"cedarkeep-archive".into(), &1.into())
    );
    assert!(failed(home, ["backup", text(&with)]).contains("is there already"));
    done(home, ["backup", text(&with), "--force"]);
    assert_eq!(rows(&with), rest);
}
