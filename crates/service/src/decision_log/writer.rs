//! The task that writes the log.

use std::{
    sync::{
        Arc, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cedarkeep_model::LoggedDecision;
use cedarkeep_store::{Store, StoreError};
use tokio::{sync::mpsc, time::sleep};

use super::{Message, dropped, record};
use crate::service::Inner;

/// How many decisions are written at once.
const BATCH: usize = 500;
/// The pauses after which a batch is tried again; then it is given up.
const PAUSES: [Duration; 3] = [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(3)];

/// The other end of the queue, until the service that it writes for is there.
pub(crate) struct Backlog {
    queue: mpsc::Receiver<Message>,
    /// Of what waits.
    bytes: Arc<AtomicUsize>,
}

impl Backlog {
    pub(super) fn new(queue: mpsc::Receiver<Message>, bytes: Arc<AtomicUsize>) -> Self {
        Self { queue, bytes }
    }

    /// Writes what comes, as long as there is a service.
    pub(crate) async fn write_for(mut self, service: Weak<Inner>) {
        // Whoever watches sees that nothing was dropped.
        dropped("full", 0);
        dropped("store", 0);
        let mut messages = Vec::with_capacity(BATCH);
        while self.queue.recv_many(&mut messages, BATCH).await > 0 {
            let Some(store) = service.upgrade().map(|service| Arc::clone(&service.store)) else { return };
            let (mut decisions, mut waiting) = (Vec::new(), Vec::new());
            for message in messages.drain(..) {
                match message {
                    Message::Decided(decision) => decisions.push(*decision),
                    Message::Flush(done) => waiting.push(done),
                }
            }
            write(&*store, &decisions).await;
            self.bytes.fetch_sub(decisions.iter().map(record::bytes).sum(), Ordering::Relaxed);
            for done in waiting {
                // Whoever waited may be gone.
                let _ = done.send(());
            }
        }
    }
}

/// Writes a batch; where the store does not take it, again and again, and then counts it as dropped.
async fn write(store: &dyn Store, decisions: &[LoggedDecision]) {
    if decisions.is_empty() {
        return;
    }
    let many = u64::try_from(decisions.len()).unwrap_or(u64::MAX);
    let mut pauses = PAUSES.iter();
    while let Err(error) = try_to_write(store, decisions).await {
        let pause = if may_pass(&error) { pauses.next() } else { None };
        let Some(pause) = pause else {
            dropped("store", many);
            tracing::error!(error = &error as &dyn std::error::Error, decisions = many, "decisions are not logged");
            return;
        };
        sleep(*pause).await;
    }
    metrics::counter!("cedarkeep_decision_log_written_total").increment(many);
}

async fn try_to_write(store: &dyn Store, decisions: &[LoggedDecision]) -> Result<(), StoreError> {
    let mut tx = store.write().await?;
    tx.insert_decisions(decisions).await?;
    tx.commit().await
}

/// Whether the same once more may succeed; what is damaged stays so.
const fn may_pass(error: &StoreError) -> bool {
    matches!(error, StoreError::Unavailable(_) | StoreError::Lost(_))
}
