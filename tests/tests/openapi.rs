//! The committed `OpenAPI` document is the one that is served. `UPDATE_SNAPSHOTS=1` writes it anew.

use std::{env, fs, path::Path};

#[test]
fn the_committed_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/openapi.json");
    let served = cedarkeep_http::openapi_json().unwrap();
    if env::var_os("UPDATE_SNAPSHOTS").is_some() {
        fs::write(&path, &served).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap();
    assert!(committed == served, "schemas/openapi.json is not current; run this test with UPDATE_SNAPSHOTS=1");
}
