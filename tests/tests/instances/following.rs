//! What one instance changes, the others follow when they look.

use cedarkeep_service::{Code, Decision};
use cedarkeep_tests::in_process::InProcess;

use crate::support::{activate, decide};

#[tokio::test(flavor = "multi_thread")]
async fn an_activation_decides_on_the_others() {
    let one = InProcess::start().await;
    let other = one.beside().await;
    let zone = one.zone().await.id;
    assert_eq!(decide(&other.service, zone, None).await.unwrap().0, Decision::Deny);
    activate(&one, zone).await;
    let (decision, revision) = decide(&one.service, zone, None).await.unwrap();
    assert_eq!(decision, Decision::Allow);
    // Nobody has told the other; a caller that names the revision need not wait until somebody does.
    assert_eq!(decide(&other.service, zone, None).await.unwrap().0, Decision::Deny);
    assert_eq!(decide(&other.service, zone, Some(revision)).await, Ok((Decision::Allow, revision)));
    assert_eq!(decide(&other.service, zone, Some(revision + 1)).await, Err(Code::BadRequest));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_follower_sees_what_others_change_and_delete() {
    let one = InProcess::start().await;
    let other = one.beside().await;
    let zone = one.zone().await.id;
    assert_eq!(decide(&other.service, zone, None).await.unwrap().0, Decision::Deny);
    let token = "a-token-that-the-other-instance-does-not-know-yet".to_owned();
    activate(&one, zone).await;
    other.service.catch_up().await.unwrap();
    assert_eq!(decide(&other.service, zone, None).await.unwrap().0, Decision::Allow);

    one.service.set_admin_token(&token).await.unwrap();
    assert!(other.service.authenticate(&token).await.is_err(), "nobody has told it yet");
    other.service.catch_up().await.unwrap();
    assert!(other.service.authenticate(&token).await.is_ok());

    one.service.delete_zone(&InProcess::call(), zone).await.unwrap();
    other.service.catch_up().await.unwrap();
    assert_eq!(decide(&other.service, zone, None).await, Err(Code::NotFound));
}
