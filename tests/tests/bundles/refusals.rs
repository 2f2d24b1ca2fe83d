//! Bundles that are well packed and wrong, and requests that ask for them wrongly: nothing is written.

use axum::http::{Method, StatusCode};
use cedarkeep_http::{HttpConfig, Limits};

use crate::support::{ALICE, Edit, User, World};

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_that_cannot_be_applied_leaves_everything_as_it_is() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let good = alice.edit().await;
    let schema = |version: &str| {
        let mut edit = good.clone();
        edit.manifest.schema.version = version.to_owned().try_into().unwrap();
        edit
    };
    let half = "permit (principal, action, resource);";
    let (events, etag) = (world.events().await, alice.fetch().await.header("etag").to_owned());
    for (edit, status, code) in [
        (Edit::empty(), 422, "manifest_empty"),
        (good.clone().with_text("Readers", ""), 400, "missing_cedar_content"),
        (good.clone().with_text("Readers", "// nothing"), 400, "missing_cedar_content"),
        (good.clone().with_text("Readers", "permit"), 422, "invalid_cedar"),
        (
            good.clone().with_text("Readers", "permit (principal, action, resource) when { resource.no };"),
            422,
            "schema_validation_failed",
        ),
        (good.clone().with_new("a", half).with_new("b", "permit ("), 422, "invalid_cedar"),
        (schema("unknown"), 422, "schema_version_not_found"),
        // Written for another schema version, which does not know the default's entities.
        (schema("2026-03-16"), 422, "schema_validation_failed"),
    ] {
        let refused = alice.put(&edit).await;
        assert_eq!(refused.refused(status), code);
        assert_eq!(world.events().await, events, "{code}");
    }
    let fault = alice.put(&good.clone().with_text("Readers", "permit")).await.json();
    assert_eq!(fault["details"]["policy"], "Readers (User::\"alice\")", "it says where");
    assert!(!fault["notices"].as_array().unwrap().is_empty());
    assert_eq!(alice.fetch().await.header("etag"), etag);
    world.clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundle_has_two_names_and_no_other() {
    let world = World::new().await;
    let alice = world.user(ALICE).await;
    let codec = "application/vnd.keycard.policy-bundle.v1+tar+gzip";
    let archive = alice.edit().await.archive();
    for (accept, given) in [(codec, codec), ("application/octet-stream", "application/octet-stream"), ("*/*", codec)] {
        let answer = alice.call(Method::GET, &[("accept", accept)], Vec::new()).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, given));
        let headers = [("accept", accept), ("content-type", codec)];
        let answer = alice.call(Method::PUT, &headers, archive.clone()).await;
        assert_eq!((answer.status, answer.header("content-type")), (StatusCode::OK, given));
    }
    let events = world.events().await;
    for accept in ["application/json", "application/gzip", "text/*", "*/*;q=0"] {
        let answer = alice.call(Method::GET, &[("accept", accept)], Vec::new()).await;
        assert_eq!(answer.refused(406), "not_acceptable");
        let headers = [("accept", accept), ("content-type", codec)];
        assert_eq!(alice.call(Method::PUT, &headers, archive.clone()).await.refused(406), "not_acceptable");
    }
    for content_type in ["application/json", "application/gzip", "application/x-tar", ""] {
        let answer = alice.call(Method::PUT, &[("content-type", content_type)], archive.clone()).await;
        assert_eq!(answer.refused(415), "unsupported_media_type", "{content_type}");
    }
    assert_eq!(alice.call(Method::PUT, &[], archive.clone()).await.refused(415), "unsupported_media_type");
    let encoded = [("content-type", codec), ("content-encoding", "gzip")];
    assert_eq!(alice.call(Method::PUT, &encoded, archive).await.refused(415), "unsupported_media_type");
    assert_eq!(world.events().await, events);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_has_the_larger_size_limit() {
    let limits = Limits { body_bytes: 100, large_body_bytes: 4_000, ..Limits::default() };
    let config = HttpConfig { limits, ..HttpConfig::default() };
    let world = World::with(HttpConfig::default()).await;
    let token = world.token(ALICE).await;
    let archive = Edit::empty().with_new("a", "permit (principal, action, resource);");
    assert!((100..4_000).contains(&archive.archive().len()));
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder().handle();
    let router = cedarkeep_http::router(world.it.service.clone(), &config, metrics).unwrap();
    let small = World { router, ..world };
    let alice = User::with(&small, token);
    assert_eq!(alice.put(&archive).await.status, StatusCode::OK);
    assert_eq!(alice.put_bytes(vec![0x1f; 4_001], &[]).await.refused(413), "too_large");
}
