//! Stopping in good order, and metrics on an address of their own.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
};

use cedarkeep_tests::{
    client::Client,
    server::{FIXTURE_TOKEN, Server, get, serve},
};

#[test]
fn a_server_that_is_asked_to_stop_ends_with_0() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::start(&mut serve(folder.path()));
        server.signal(signal);
        let (status, said) = server.ended();
        assert_eq!(status.code(), Some(0), "{signal}: {said}");
        assert!(said.contains("\"stopped\""), "{said}");
    }
}

#[test]
fn a_request_under_way_is_finished_and_no_other_taken() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(serve(folder.path()).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN));
    let body = r#"{"name": "made while stopping"}"#;
    let mut connection = server.connect();
    let head = format!(
        "POST /zones HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {FIXTURE_TOKEN}\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nExpect: 100-continue\r\n\r\n",
        body.len()
    );
    connection.write_all(head.as_bytes()).unwrap();
    // The server asks for the body: the request is under way.
    let mut asked = [0; 25];
    connection.read_exact(&mut asked).unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");

    server.signal("TERM");
    while TcpStream::connect(server.address()).is_ok() {
        thread::yield_now();
    }
    connection.write_all(body.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
    assert_eq!(server.ended().0.code(), Some(0));

    let again = Server::start(&mut serve(folder.path()));
    assert_eq!(again.get("/zones", FIXTURE_TOKEN).1["items"][0]["name"], "made while stopping");
}

#[test]
fn metrics_on_an_address_of_their_own_need_no_credential() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = serve(folder.path());
    command.env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN).args(["--metrics-listen", "127.0.0.1:0"]);
    let server = Server::start(&mut command);
    let address = loop {
        let event = server.next_event();
        if event["message"] == "serving metrics" {
            break event["address"].as_str().unwrap().to_owned();
        }
    };
    assert_eq!(server.get("/zones", FIXTURE_TOKEN).0, 200);
    let metrics = Client::anonymous(&format!("http://{address}")).metrics();
    assert!(metrics.contains("cedarkeep_http_requests_total{"), "{metrics}");
    assert!(metrics.contains("cedarkeep_http_request_duration_seconds_bucket{"), "{metrics}");
    assert_eq!(server.get("/metrics", FIXTURE_TOKEN).0, 404);
    assert_eq!(get(&format!("http://{address}/zones"), FIXTURE_TOKEN).0, 404);
}
