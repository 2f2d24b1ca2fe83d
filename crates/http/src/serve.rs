//! Accepting connections. `axum::serve` has no header timeout, no connection cap and no deadline for draining, and
//! hyper's own header timeout does nothing without a timer: hence this loop.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use hyper::{Request, body::Incoming, server::conn::http1, service::Service};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::{config::Limits, rate::Peer, stall::Unstalled, tls::Tls};

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
    accept_all(listener, Answering { router, limits: *limits, tls: None }, shutdown).await
}

/// The same within TLS, and with nothing to be had without.
///
/// # Errors
/// When the listener is not one that can accept.
pub async fn serve_tls(
    listener: TcpListener,
    tls: Tls,
    router: Router,
    limits: &Limits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let files = tokio::spawn(tls.clone().follow_files());
    let served = accept_all(listener, Answering { router, limits: *limits, tls: Some(tls) }, shutdown).await;
    files.abort();
    served
}

/// What every connection is answered with.
#[derive(Clone)]
struct Answering {
    router: Router,
    limits: Limits,
    tls: Option<Tls>,
}

async fn accept_all(listener: TcpListener, answering: Answering, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let limits = answering.limits;
    let slots = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let graceful = GracefulShutdown::new();
    let (stopping, stop) = watch::channel(());
    let mut connections = JoinSet::new();
    let mut shutdown = pin!(shutdown);
    loop {
        let next = async {
            // The place is taken before the connection: the one too many waits in the kernel's queue, not in memory.
            let slot = Arc::clone(&slots).acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((accept(&listener).await?, slot))
        };
        let ((stream, address), slot) = tokio::select! {
            biased;
            () = &mut shutdown => break,
            next = next => next?,
        };
        while connections.try_join_next().is_some() {}
        let connection =
            Connection { peer: address.ip(), _slot: slot, watcher: graceful.watcher(), stop: stop.clone() };
        connections.spawn(answer(stream, connection, answering.clone()));
    }
    drop(listener);
    drop(stopping);
    if timeout(limits.drain_deadline, graceful.shutdown()).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were cut: they did not finish within the drain deadline");
    }
    connections.shutdown().await;
    Ok(())
}

/// The next connection. What concerns one connection only, or passes, does not end the server.
async fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        match listener.accept().await {
            Ok(connection) => return Ok(connection),
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

/// What goes with a connection.
struct Connection {
    peer: IpAddr,
    /// Held until it is closed.
    _slot: OwnedSemaphorePermit,
    watcher: Watcher,
    /// Closed when the server stops.
    stop: watch::Receiver<()>,
}

/// Answers the requests of one connection.
async fn answer(stream: TcpStream, mut connection: Connection, answering: Answering) {
    // Answers are written whole: waiting for more to send with them only delays them.
    let _ = stream.set_nodelay(true);
    let stream = Unstalled::new(stream, answering.limits.write_timeout);
    let Some(tls) = &answering.tls else {
        return talk(stream, connection, answering).await;
    };
    let secured = tokio::select! {
        secured = tls.accept(stream, answering.limits.handshake_timeout) => secured,
        // Nothing was asked yet.
        _ = connection.stop.changed() => return,
    };
    match secured {
        Ok(stream) => talk(stream, connection, answering).await,
        Err(error) => tracing::debug!(%error, "no TLS came about"),
    }
}

async fn talk(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    connection: Connection,
    answering: Answering,
) {
    let asked_for = answering.limits.rates.failures_per_minute.is_some();
    let peer = asked_for.then_some(Peer(connection.peer));
    let routes = Routes { router: TowerToHyperService::new(answering.router), peer };
    let answered = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(answering.limits.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), routes);
    if let Err(error) = connection.watcher.watch(answered).await {
        tracing::debug!(%error, "connection ended early");
    }
}

/// The routes, which learn with each request where it came from, if they want to know.
struct Routes {
    router: TowerToHyperService<Router>,
    peer: Option<Peer>,
}

impl Service<Request<Incoming>> for Routes {
    type Response = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as Service<Request<Incoming>>>::Future;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
        }
        self.router.call(request)
    }
}

#[cfg(test)]
mod tests;
