//! The built binary as an auditor uses it, against a real server: export, verify, audit, and stores that were tampered
//! with.

mod support;
mod tampering;

use std::{
    fs,
    io::{self, Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use cedarkeep_tests::server::{FIXTURE_TOKEN, cedarkeep, run};
use serde_json::json;

use crate::support::{Audited, json, report};

#[test]
fn a_zone_is_exported_verified_and_audited_as_it_grows() {
    let zone = Audited::new();
    let first = zone.exported("first");
    let kid = zone.kid();
    let (code, verified) = report(&mut Audited::verify(&first, &[&kid]));
    assert_eq!((code, &verified["ok"]), (0, &true.into()), "{verified}");
    let words = run(&mut cedarkeep(["verify", first.to_str().unwrap(), "--trust-kid", &kid]));
    for step in ["events", "keys", "head", "authentication", "versions", "bindings", "parsing"] {
        assert!(words.out.contains(&format!("ok       {step}: ")), "{step}: {}", words.out);
    }
    // The same from the server.
    let online = run(cedarkeep(["verify", &zone.url(), "--trust-kid", &kid]).env("CEDARKEEP_TOKEN", FIXTURE_TOKEN));
    assert_eq!(online.code, Some(0), "{online:?}");
    let (code, same) = report(&mut zone.audit(&first, &[&kid]));
    assert_eq!((code, &same["verdict"], &same["differences"]), (0, &"held".into(), &json!([])), "{same}");

    zone.grow();
    let second = zone.kid();
    assert_ne!(kid, second);
    let (code, untrusted) = report(&mut zone.audit(&first, &[&kid]));
    assert_eq!((code, &untrusted["verdict"]), (1, &"not_verified".into()), "a new key is trusted when it is named");
    let (code, grown) = report(&mut zone.audit(&first, &[&kid, &second]));
    assert_eq!((code, &grown["verdict"]), (0, &"held".into()), "{grown}");
    assert!(grown["since"].to_string().contains("events since event"), "{grown}");
    let later = zone.exported("later");
    let (code, verified) = report(&mut Audited::verify(&later, &[&second]));
    assert_eq!(code, 0, "{verified}");
    assert!(verified.to_string().contains("key_revoked"), "{verified}");
    assert_eq!(report(&mut zone.audit(&later, &[&second])).0, 0);
}

#[test]
fn an_export_says_what_it_wrote_and_replaces_only_exports() {
    let zone = Audited::new();
    let folder = zone.exported("zone");
    let again = run(&mut zone.export(&folder));
    assert!(again.code == Some(1) && again.err.contains("--force"), "{again:?}");
    let replaced = run(zone.export(&folder).args(["--force", "--output", "json"]));
    let said = json(&replaced.out);
    assert_eq!((replaced.code, &said["of"]), (Some(0), &"zone".into()), "{replaced:?}");
    assert_eq!(replaced.err, "", "what is done soon says nothing on the way");
    fs::write(folder.join("notes.txt"), "mine").unwrap();
    let foreign = run(zone.export(&folder).arg("--force"));
    assert!(foreign.code == Some(1) && foreign.err.contains("notes.txt"), "{foreign:?}");
    let unknown = report(&mut Audited::verify(&folder, &[&zone.kid()]));
    assert!(unknown.0 == 1 && unknown.1.to_string().contains("notes.txt is not a file"), "{}", unknown.1);

    let other =
        run(cedarkeep(["audit", &zone.url(), "--since", "no such folder"]).env("CEDARKEEP_TOKEN", FIXTURE_TOKEN));
    assert_eq!(other.code, Some(1), "{other:?}");
}

/// Stands before the server and hands on so many bytes of its answers; then every connection is cut, and every later one.
fn cut_after(server: &str, bytes: usize) -> String {
    let (listener, server) = (TcpListener::bind("127.0.0.1:0").unwrap(), server.to_owned());
    let address = listener.local_addr().unwrap();
    let left = Arc::new(AtomicUsize::new(bytes));
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, upstream) = (client.unwrap(), TcpStream::connect(&server).unwrap());
            let (mut questions, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            thread::spawn(move || io::copy(&mut questions, &mut to));
            let left = Arc::clone(&left);
            thread::spawn(move || answer(upstream, client, &left));
        }
    });
    format!("http://{address}")
}

fn answer(mut upstream: TcpStream, mut client: TcpStream, left: &AtomicUsize) {
    let mut part = [0; 1024];
    while let Ok(read @ 1..) = upstream.read(&mut part) {
        let may = left.load(Ordering::SeqCst).min(read);
        left.fetch_sub(may, Ordering::SeqCst);
        if client.write_all(&part[..may]).is_err() || may < read {
            break;
        }
    }
    // Either side may have gone already.
    let _ = (client.shutdown(Shutdown::Both), upstream.shutdown(Shutdown::Both));
}

#[test]
fn a_broken_connection_leaves_no_half_folder() {
    let zone = Audited::new();
    for whole in [0, 5_000, 20_000] {
        let proxy = cut_after(zone.address(), whole);
        let folder = zone.folder().join(format!("cut after {whole}"));
        let url = zone.url().replace(&zone.server_url(), &proxy);
        let cut = run(cedarkeep(["export", &url]).arg(&folder).env("CEDARKEEP_TOKEN", FIXTURE_TOKEN));
        assert!(cut.code == Some(1) && cut.err.contains(&proxy), "{cut:?}");
        assert!(!folder.exists());
    }
    let left: Vec<_> = fs::read_dir(zone.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}
