//! Connections over real sockets.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::Request,
    middleware,
    routing::{get, post},
};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{mpsc, oneshot},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsConnector, client,
    rustls::{
        ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName},
        version::{TLS12, TLS13},
    },
};

use super::*;
use crate::{body::collect_in_time, drain::drain, tls::TlsFiles};

const SOON: Duration = Duration::from_millis(50);

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: JoinHandle<io::Result<()>>,
}

async fn start(router: Router, limits: Limits) -> Running {
    start_with(router, limits, None).await
}

async fn start_with(router: Router, limits: Limits, tls: Option<Tls>) -> Running {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let served = tokio::spawn(async move {
        let shutdown = async { drop(stopped.await) };
        match tls {
            Some(tls) => serve_tls(listener, tls, router, &limits, shutdown).await,
            None => serve(listener, router, &limits, shutdown).await,
        }
    });
    Running { address, stop, served }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }
}

fn greeting() -> Router {
    Router::new().route("/", get(async || "hello"))
}

/// Sends a request and reads its whole answer, which ends with `hello`.
async fn greet(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> String {
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"hello") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "the connection ended early");
    }
    String::from_utf8(answer).unwrap()
}

async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn headers_that_never_end_are_not_waited_for() {
    let server = start(greeting(), Limits { header_timeout: SOON, ..Limits::default() }).await;
    let (mut slow, mut silent, mut idle) = (server.connect().await, server.connect().await, server.connect().await);
    slow.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nX-Slow").await.unwrap();
    greet(&mut idle).await;
    assert!(!read_to_end(&mut slow).await.contains("200"));
    assert_eq!(read_to_end(&mut silent).await, "");
    assert_eq!(read_to_end(&mut idle).await, "", "an idle connection is closed");
    server.stop().await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_not_waited_for() {
    let echo = async |request: Request| collect_in_time(request.into_body(), 100, SOON).await;
    let server = start(Router::new().route("/", post(echo)), Limits::default()).await;
    let mut slow = server.connect().await;
    slow.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50\r\n\r\nabc").await.unwrap();
    assert!(read_to_end(&mut slow).await.starts_with("HTTP/1.1 408"));
    server.stop().await;
}

#[tokio::test]
async fn a_refused_body_does_not_cut_the_connection() {
    let read = async |request: Request| collect_in_time(request.into_body(), 100, Duration::from_mins(1)).await;
    let routes = Router::new().route("/read", post(read)).route("/", get(async || "hello"));
    let drained = routes.layer(middleware::from_fn_with_state(Duration::from_mins(1), drain));
    let server = start(drained, Limits::default()).await;
    for (path, head) in [
        ("/read", "Content-Length: 4000000"),
        ("/read", "Transfer-Encoding: chunked"),
        ("/", "Content-Length: 4000000"),
        ("/nowhere", "Content-Length: 4000000"),
    ] {
        let mut sender = server.connect().await;
        let head = format!("POST {path} HTTP/1.1\r\nHost: a\r\n{head}\r\n\r\n");
        sender.write_all(head.as_bytes()).await.unwrap();
        let chunked = head.contains("chunked");
        if chunked {
            sender.write_all(b"3d0900\r\n").await.unwrap();
        }
        sender.write_all(&vec![b'x'; 4_000_000]).await.unwrap();
        if chunked {
            sender.write_all(b"\r\n0\r\n\r\n").await.unwrap();
        }
        let answers = greet(&mut sender).await;
        assert!(answers.starts_with("HTTP/1.1 4") && answers.contains("HTTP/1.1 200"), "{head}: {answers}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_connection_too_many_waits_until_another_ends() {
    let server = start(greeting(), Limits { max_connections: 1, ..Limits::default() }).await;
    let mut first = server.connect().await;
    greet(&mut first).await;
    let mut second = server.connect().await;
    second.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    for _ in 0..50 {
        greet(&mut first).await;
    }
    let early = second.try_read(&mut [0; 1]).map_err(|error| error.kind());
    assert_eq!(early, Err(io::ErrorKind::WouldBlock), "the second is not answered while the first is open");
    drop(first);
    assert!(read_to_end(&mut second).await.ends_with("hello"));
    server.stop().await;
}

/// A route that says when it was reached and answers when it is told to.
fn gated() -> (Router, mpsc::Receiver<oneshot::Sender<()>>) {
    let (reached, requests) = mpsc::channel(1);
    let gate = async move || {
        let (open, opened) = oneshot::channel();
        reached.send(open).await.unwrap();
        opened.await.map_or("cut", |()| "hello")
    };
    (Router::new().route("/", get(gate)), requests)
}

#[tokio::test]
async fn a_request_under_way_is_finished_before_the_server_stops() {
    let (router, mut requests) = gated();
    let server = start(router, Limits::default()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let open = requests.recv().await.unwrap();
    let address = server.address;
    let stopping = tokio::spawn(server.stop());
    while TcpStream::connect(address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    open.send(()).unwrap();
    assert!(read_to_end(&mut stream).await.ends_with("hello"), "answered and closed");
    stopping.await.unwrap();
}

#[tokio::test]
async fn a_request_that_does_not_finish_is_cut_at_the_deadline() {
    let (router, mut requests) = gated();
    let server = start(router, Limits { drain_deadline: SOON, ..Limits::default() }).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let _open = requests.recv().await.unwrap();
    server.stop().await;
    assert_eq!(read_to_end(&mut stream).await, "");
}

#[tokio::test]
async fn a_client_that_does_not_read_its_answer_is_not_waited_for() {
    let much = Router::new().route("/", get(async || vec![b'x'; 64 << 20]));
    let limits = Limits { write_timeout: SOON, max_connections: 1, ..Limits::default() };
    let server = start(much.route("/hello", get(async || "hello")), limits).await;
    let mut greedy = server.connect().await;
    greedy.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // There is one place: the next is answered when the connection of the first has ended.
    let mut next = server.connect().await;
    next.write_all(b"GET /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(read_to_end(&mut next).await.ends_with("hello"));
    drop(greedy);
    server.stop().await;
}

/// A certificate for `localhost`, in a folder of its own.
struct Certified {
    folder: TempDir,
    known: RootCertStore,
}

impl Certified {
    fn new() -> Self {
        let mut new = Self { folder: tempfile::tempdir().unwrap(), known: RootCertStore::empty() };
        new.renew();
        new
    }

    fn files(&self) -> TlsFiles {
        TlsFiles { certificate: self.folder.path().join("cert.pem"), key: self.folder.path().join("key.pem") }
    }

    /// Writes another certificate, which clients then know beside those before.
    fn renew(&mut self) -> CertificateDer<'static> {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.files().certificate, cert.pem()).unwrap();
        fs::write(self.files().key, signing_key.serialize_pem()).unwrap();
        self.known.add(cert.der().clone()).unwrap();
        cert.der().clone()
    }

    async fn connect(
        &self,
        server: &Running,
        version: &'static SupportedProtocolVersion,
    ) -> client::TlsStream<TcpStream> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_protocol_versions(&[version]).unwrap();
        let mut config = config.with_root_certificates(self.known.clone()).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, server.connect().await).await.unwrap()
    }
}

/// The certificate that a server showed.
fn shown(stream: &client::TlsStream<TcpStream>) -> &CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap().first().unwrap()
}

#[tokio::test]
async fn both_versions_of_tls_are_spoken_and_nothing_without() {
    let certified = Certified::new();
    let limits = Limits { handshake_timeout: SOON * 60, ..Limits::default() };
    let server = start_with(greeting(), limits, Some(Tls::load(certified.files()).unwrap())).await;
    for (version, spoken) in [(&TLS13, ProtocolVersion::TLSv1_3), (&TLS12, ProtocolVersion::TLSv1_2)] {
        let mut stream = certified.connect(&server, version).await;
        assert!(greet(&mut stream).await.starts_with("HTTP/1.1 200"));
        let (_, session) = stream.get_ref();
        assert_eq!((session.protocol_version(), session.alpn_protocol()), (Some(spoken), Some(&b"http/1.1"[..])));
    }
    let (mut plain, mut silent) = (server.connect().await, server.connect().await);
    plain.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    let mut said = Vec::new();
    // An alert, or a reset: no answer.
    let _ = plain.read_to_end(&mut said).await;
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    assert_eq!(read_to_end(&mut silent).await, "", "a handshake that does not begin is not waited for");
    server.stop().await;
}

#[tokio::test]
async fn a_new_certificate_is_shown_to_the_next_and_cuts_nobody() {
    let mut certified = Certified::new();
    let limits = Limits { header_timeout: Duration::from_mins(10), ..Limits::default() };
    let server = start_with(greeting(), limits, Some(Tls::load(certified.files()).unwrap())).await;
    let mut first = certified.connect(&server, &TLS13).await;
    greet(&mut first).await;
    let renewed = certified.renew();
    assert_ne!(*shown(&first), renewed);
    while *shown(&certified.connect(&server, &TLS13).await) != renewed {
        sleep(SOON).await;
    }
    greet(&mut first).await;
    drop(first);
    server.stop().await;
}

#[tokio::test]
async fn a_handshake_under_way_does_not_hold_the_end_up() {
    let certified = Certified::new();
    let never = Duration::from_hours(1);
    let limits = Limits { handshake_timeout: never, drain_deadline: never, ..Limits::default() };
    let server = start_with(greeting(), limits, Some(Tls::load(certified.files()).unwrap())).await;
    let mut silent = server.connect().await;
    greet(&mut certified.connect(&server, &TLS13).await).await;
    server.stop().await;
    assert_eq!(read_to_end(&mut silent).await, "");
}
