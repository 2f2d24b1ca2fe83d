//! What nobody read of a request's body.
//!
//! A refusal often needs no body: no token, no such route, too large. Closing the connection then, with bytes still on
//! their way, makes TCP reset it, and the caller may never see the answer. So the answer goes out at once, and what is
//! left of the body is read and dropped beside it, within bounds.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Error,
    body::{Body, HttpBody},
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};
use tokio::{sync::oneshot, time::timeout};

/// So much of a body is read only to be dropped; then the connection is closed.
const DRAINED_BYTES: usize = 32 << 20;

/// Answers a request, then reads and drops for at most this long what its handler left of the body.
pub(crate) async fn drain(State(time): State<Duration>, request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (owner, mut returned) = oneshot::channel();
    let lend = |body| Body::new(Lent { body, owner: Some(owner) });
    let response = next.run(request.map(lend)).await;
    if let Ok(rest) = returned.try_recv()
        && !rest.is_end_stream()
    {
        tokio::spawn(timeout(time, discard(rest)));
    }
    response
}

async fn discard(mut body: Body) {
    let mut size = 0_usize;
    while let Some(Ok(frame)) = body.frame().await {
        size = size.saturating_add(frame.data_ref().map_or(0, Bytes::len));
        if size > DRAINED_BYTES {
            return;
        }
    }
}

/// A body that goes back to its owner when it is dropped.
struct Lent {
    body: Body,
    owner: Option<oneshot::Sender<Body>>,
}

impl HttpBody for Lent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            // Nobody is waiting for it when the whole request was given up.
            let _ = owner.send(std::mem::take(&mut self.body));
        }
    }
}
