//! Accepting connections. `axum::serve` has no header timeout, no connection cap and no deadline for draining, and
//! hyper's own header timeout does nothing without a timer: hence this loop.

use std::{io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::config::Limits;

/// The most bytes that the head of a request may have.
const MAX_HEAD_BYTES: usize = 64 << 10;

/// How long to wait when the process has no file descriptor left for another connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// Serves HTTP/1.1 until `shutdown` ends, then lets requests under way finish within the drain deadline.
///
/// # Errors
/// When the listener is not one that can accept.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let slots = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            // The place is taken before the connection: the one too many waits in the kernel's queue, not in memory.
            let slot = Arc::clone(&slots).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((accept(&listener).await?, slot))
        };
        let (stream, slot) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = next => next?,
        };
        while connections.try_join_next().is_some() {}
        connections.spawn(answer(stream, slot, router.clone(), limits.header_timeout, graceful.watcher()));
    }
    drop(listener);
    if timeout(limits.drain_deadline, graceful.shutdown()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were cut: they did not finish within the drain deadline");
    }
    connections.shutdown().await;
    Ok(())
}

/// The next connection. What concerns one connection only, or passes, does not end the server.
async fn accept(listener: &TcpListener) -> io::Result<TcpStream> {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Ok(stream),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Err(error),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "no connection can be accepted at the moment");
                sleep(EXHAUSTED_PAUSE).await;
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    [ConnectionAborted, ConnectionRefused, ConnectionReset].contains(&error.kind())
}

/// Answers the requests of one connection; `_slot` is held until it is closed.
async fn answer(
    stream: TcpStream,
    _slot: OwnedSemaphorePermit,
    router: Router,
    header_timeout: Duration,
    watcher: Watcher,
) {
    // Answers are written whole: waiting for more to send with them only delays them.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "connection ended early");
    }
}

#[cfg(test)]
mod tests {
    use std::{net::SocketAddr, time::Duration};

    use axum::{
        Router,
        extract::Request,
        middleware,
        routing::{get, post},
    };
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        sync::{mpsc, oneshot},
        task::JoinHandle,
    };

    use super::*;
    use crate::{body::collect_in_time, drain::drain};

    const SOON: Duration = Duration::from_millis(50);

    struct Running {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        served: JoinHandle<io::Result<()>>,
    }

    async fn start(router: Router, limits: Limits) -> Running {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(async move {
            let shutdown = async { drop(stopped.await) };
            serve(listener, router, &limits, shutdown).await
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
    async fn greet(stream: &mut TcpStream) -> String {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"hello") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0, "the connection ended early");
        }
        String::from_utf8(answer).unwrap()
    }

    async fn read_to_end(stream: &mut TcpStream) -> String {
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
}
