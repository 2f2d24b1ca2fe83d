//! The log of decisions: opted into by zone, written behind the decisions and never in their way. What it cannot take it
//! drops, and counts.
//!
//! Who asked for what stands in it, and which versions said what. Contexts and entities do not: they may hold secrets.

mod record;
mod retention;
mod writer;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cedarkeep_model::{DecisionId, DecisionLogMode, LoggedDecision, Zone, ZoneId, ZoneSettings};
use cedarkeep_store::DecisionFilter;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

pub(crate) use self::{retention::Sweep, writer::Backlog};
use crate::{Call, DecisionAnswer, Error, Page, PageRequest, Question, Service, page::Cursors};

/// How many decisions may wait to be written.
const QUEUE: usize = 10_000;
/// How many bytes of them: a uid may be as long as a request.
const QUEUE_BYTES: usize = 32 * 1024 * 1024;
/// How long a reader of the log waits for what was decided before.
const READER_WAITS: Duration = Duration::from_secs(1);

/// The queue to the task that writes.
pub(crate) struct DecisionLog {
    queue: mpsc::Sender<Message>,
    bytes: Arc<AtomicUsize>,
}

enum Message {
    Decided(Box<LoggedDecision>),
    Flush(oneshot::Sender<()>),
}

impl DecisionLog {
    pub(crate) fn new() -> (Self, Backlog) {
        let (queue, receiver) = mpsc::channel(QUEUE);
        let bytes = Arc::default();
        let backlog = Backlog::new(receiver, Arc::clone(&bytes));
        (Self { queue, bytes }, backlog)
    }

    /// Takes a decision over, or drops it; never waits.
    fn record(&self, decision: Box<LoggedDecision>) {
        let bytes = record::bytes(&decision);
        if self.bytes.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > QUEUE_BYTES
            || self.queue.try_send(Message::Decided(decision)).is_err()
        {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            dropped("full", 1);
        }
    }

    /// Waits until everything that was recorded before is written or given up, but no longer than this.
    pub(crate) async fn flush(&self, patience: Duration) {
        let (done, written) = oneshot::channel();
        let flushed = async {
            if self.queue.send(Message::Flush(done)).await.is_ok() {
                // Nobody is left to write only while the service goes down.
                drop(written.await);
            }
        };
        if timeout(patience, flushed).await.is_err() {
            tracing::warn!("decisions still wait to be logged");
        }
    }
}

/// Counts decisions that are not logged though their zone wanted it: the queue was `full`, or the `store` failed.
fn dropped(reason: &'static str, decisions: u64) {
    metrics::counter!("cedarkeep_decision_log_dropped_total", "reason" => reason).increment(decisions);
}

fn is_logged(settings: &ZoneSettings, id: DecisionId) -> bool {
    match settings.decision_log {
        DecisionLogMode::Off => false,
        DecisionLogMode::Sampled => id.uuid().as_u128() % 100 < settings.decision_log_sample_percent.into(),
        DecisionLogMode::All => true,
    }
}

impl Service {
    /// Logs a decision when its zone wants that.
    pub(crate) fn log_decision(&self, zone: &Zone, question: &Question, answer: &DecisionAnswer) {
        if is_logged(&zone.settings, answer.decision_id) {
            self.0.decision_log.record(Box::new(record::of(zone.id, question, answer)));
        }
    }

    /// The log of a zone's decisions, by time. What this instance decided before is in it, unless the store is slow.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn decisions(
        &self,
        _call: &Call,
        zone: ZoneId,
        filter: DecisionFilter,
        page: PageRequest,
    ) -> Result<Page<LoggedDecision>, Error> {
        self.0.decision_log.flush(READER_WAITS).await;
        let (mut store, _) = self.living(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/decisions"), &filter);
        let window = cursors.window(&page)?;
        let slice = store.decisions(zone, &filter, &window).await?;
        cursors.page(&window, slice, None, record::bytes)
    }

    /// One decision of the log.
    ///
    /// # Errors
    /// `not_found`: also for a decision that was not logged, or is forgotten.
    pub async fn decision(&self, _call: &Call, zone: ZoneId, id: DecisionId) -> Result<LoggedDecision, Error> {
        self.0.decision_log.flush(READER_WAITS).await;
        let (mut store, _) = self.living(zone).await?;
        store.decision(zone, id).await?.ok_or_else(|| Error::not_found("decision"))
    }
}
