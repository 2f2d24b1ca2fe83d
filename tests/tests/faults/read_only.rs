//! A disk that cannot be written.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use cedarkeep_tests::{
    home::{Engine, Home},
    server::{FIXTURE_TOKEN, Server, refused, run},
};

use crate::support::{Zone, assert_kept, bound_by_modes, limit, limited};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// Every file in it and itself.
fn modes(folder: &Path, files: u32, itself: u32) {
    for file in fs::read_dir(folder).unwrap() {
        mode(&file.unwrap().path(), files);
    }
    mode(folder, itself);
}

#[test]
fn a_server_that_cannot_write_does_not_start_and_says_why() {
    let home = Home::on(Engine::Sqlite);
    let said = |what: &str| {
        let said = refused(&mut bound_by_modes(&home.serve()));
        let last = said.lines().last().unwrap().to_owned();
        assert!(last.contains(home.folder().to_str().unwrap()), "{what}: {said}");
        last
    };
    mode(home.folder(), 0o500);
    let empty = said("an empty folder");
    assert!(empty.contains("Permission denied"), "{empty}");
    mode(home.folder(), 0o700);
    // Stopped in order: it leaves no journal to be written on.
    assert!(Server::start(&mut bound_by_modes(&home.serve())).stop().0.success());

    modes(home.folder(), 0o400, 0o500);
    let full = said("a folder with a store");
    assert!(full.contains("Permission denied"), "{full}");
    // The store alone: its database, and the folder in which its journal would lie.
    for (files, itself) in [(0o400, 0o700), (0o600, 0o500)] {
        modes(home.folder(), files, itself);
        let store = said("the files of the store");
        assert!(["Permission denied", "readonly database"].iter().any(|why| store.contains(why)), "{store}");
    }
    modes(home.folder(), 0o600, 0o700);
    drop(Server::start(&mut bound_by_modes(&home.serve())));
    let fsck = run(&mut home.cedarkeep(["fsck"]));
    assert_eq!(fsck.code, Some(0), "{fsck:?}");
}

#[test]
fn a_store_that_becomes_unwritable_goes_on_deciding() {
    let home = Home::on(Engine::Sqlite);
    let server = Server::start(limited(&home.serve()).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN));
    let zone = Zone::make(&server);
    let mut acknowledged: Vec<_> = (0..3).map(|number| zone.publish(number, 100).unwrap()).collect();
    // No byte of any file.
    limit(server.id(), Some(0));
    for number in 3..20 {
        let (status, body) = zone.publish(number, 100).unwrap_err();
        assert_eq!((status, &body["code"]), (503, &"unavailable".into()), "{body}");
        zone.decides();
    }
    assert_kept(&server, &acknowledged);
    limit(server.id(), None);
    acknowledged.push(zone.publish(20, 100).unwrap());
    assert_kept(&server, &acknowledged);
    let (status, said) = server.stop();
    assert!(status.success() && said.contains("disk I/O error"), "{said}");
    let fsck = run(&mut home.cedarkeep(["fsck"]));
    assert_eq!(fsck.code, Some(0), "{fsck:?}");
}
