//! TLS of the server's own, by the binary: what it serves, what it refuses to start with, what it does with new files.

use std::{
    fs,
    io::{Read as _, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use cedarkeep_tests::server::{FIXTURE_TOKEN, Server, cedarkeep, refused, serve};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use tempfile::TempDir;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// A data folder, and a certificate for this machine in another.
struct Place {
    data: TempDir,
    files: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { data: tempfile::tempdir().unwrap(), files: tempfile::tempdir().unwrap() };
        place.renew();
        place
    }

    fn certificate(&self) -> PathBuf {
        self.files.path().join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.files.path().join("key.pem")
    }

    /// Writes another certificate and its key.
    fn renew(&self) {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(names).unwrap();
        fs::write(self.certificate(), cert.pem()).unwrap();
        fs::write(self.key(), signing_key.serialize_pem()).unwrap();
    }

    fn serve(&self, certificate: &Path, key: &Path) -> Command {
        let mut command = serve(self.data.path());
        command.arg("--tls-certificate").arg(certificate).arg("--tls-key").arg(key);
        command.env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN);
        command
    }

    /// A client that knows the certificate that is there now, and keeps its connection.
    fn client(&self) -> ureq::Agent {
        let known = Certificate::from_pem(&fs::read(self.certificate()).unwrap()).unwrap();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[known])).build();
        let config = ureq::Agent::config_builder().http_status_as_error(false).tls_config(tls);
        config.timeout_global(Some(PATIENCE)).build().new_agent()
    }
}

fn get(agent: &ureq::Agent, url: &str) -> Result<(u16, Value), ureq::Error> {
    let mut answer = agent.get(url).header("authorization", format!("Bearer {FIXTURE_TOKEN}")).call()?;
    let body = answer.body_mut().read_to_string()?;
    Ok((answer.status().as_u16(), serde_json::from_str(&body).unwrap_or_default()))
}

/// Reads the log up to the event that says this.
fn wait_for(server: &Server, what: &str) -> Value {
    loop {
        let event = server.next_event();
        if event["message"].as_str().is_some_and(|message| message.contains(what)) {
            return event;
        }
    }
}

#[test]
fn everything_is_served_within_tls_and_nothing_without() {
    let place = Place::new();
    let server = Server::start(place.serve(&place.certificate(), &place.key()).arg("--with-example"));
    assert!(server.url.starts_with("https://127.0.0.1:"), "{}", server.url);
    let client = place.client();
    assert_eq!(get(&client, &format!("{}/readyz", server.url)).unwrap().0, 200);
    let (status, zones) = get(&client, &format!("{}/zones", server.url)).unwrap();
    let issuer = zones["items"][0]["protocols"]["oauth2"]["issuer"].as_str().unwrap_or_default().to_owned();
    assert_eq!((status, issuer.starts_with(&server.url)), (200, true), "{zones}");
    // Whoever knows another certificate does not talk to this server.
    assert!(get(&Place::new().client(), &format!("{}/readyz", server.url)).is_err());
    let mut plain = server.connect();
    plain.set_read_timeout(Some(PATIENCE)).unwrap();
    plain.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    let mut said = Vec::new();
    // An alert, or a reset; no answer.
    let _ = plain.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&said));
    assert_eq!(server.stop().0.code(), Some(0));
}

#[test]
fn files_that_cannot_be_used_are_refused_at_the_start() {
    let place = Place::new();
    let (other, nothing) = (Place::new(), place.files.path().join("nothing.pem"));
    for (certificate, key, why) in [
        (&place.certificate(), &other.key(), "cannot be used together"),
        (&place.certificate(), &place.certificate(), "must hold one private key in PEM form"),
        (&place.key(), &place.key(), "must hold certificates in PEM form"),
        (&nothing, &place.key(), "nothing.pem cannot be read"),
    ] {
        let said = refused(&mut place.serve(certificate, key));
        assert!(said.contains(why), "{said}");
    }
    let said = refused(serve(place.data.path()).arg("--tls-key").arg(place.key()));
    assert!(said.contains("both --tls-certificate and --tls-key"), "{said}");
    assert!(!place.data.path().join("cedarkeep.db").exists(), "nothing was begun");
}

#[test]
fn a_new_certificate_is_taken_without_a_restart_and_a_broken_one_is_not() {
    let place = Place::new();
    let server = Server::start(&mut place.serve(&place.certificate(), &place.key()));
    let (url, first) = (format!("{}/healthz", server.url), place.client());
    assert_eq!(get(&first, &url).unwrap().0, 200);

    let good = fs::read(place.key()).unwrap();
    fs::write(place.key(), "no key").unwrap();
    let event = wait_for(&server, "cannot be used");
    assert!(event["error"].as_str().unwrap().contains("private key"), "{event}");
    assert_eq!(get(&place.client(), &url).unwrap().0, 200, "the certificate stays as it was");
    fs::write(place.key(), good).unwrap();
    wait_for(&server, "were read anew");

    place.renew();
    wait_for(&server, "were read anew");
    assert_eq!(get(&place.client(), &url).unwrap().0, 200, "the next sees the new one");
    // It knows the old certificate alone: a new connection would be refused.
    assert_eq!(get(&first, &url).unwrap().0, 200, "a connection that is open goes on");
    assert_eq!(server.stop().0.code(), Some(0));
}

#[test]
fn who_listens_beyond_this_machine_without_tls_is_warned() {
    let beyond = |place: &Place, tls: bool| {
        let mut command = cedarkeep(["serve", "--listen", "0.0.0.0:0", "--data-dir"]);
        command.arg(place.data.path());
        if tls {
            command.arg("--tls-certificate").arg(place.certificate()).arg("--tls-key").arg(place.key());
        }
        Server::start(&mut command).stop().1
    };
    let place = Place::new();
    let warned = |said: String| said.contains("without TLS beyond this machine");
    assert!(warned(beyond(&place, false)));
    assert!(!warned(beyond(&place, true)));
    assert!(!warned(Server::start(&mut serve(place.data.path())).stop().1), "on loopback there is no need");
}
