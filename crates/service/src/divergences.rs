//! Where shadows would have decided otherwise: counted for every decision, kept for a sample, written behind the
//! decisions and never in their way.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use cedarkeep_model::{Divergence, DivergenceTotal, PolicySetVersionId, ZoneId};
use cedarkeep_store::StoreError;
use tokio::sync::{mpsc, oneshot};

use crate::{Call, Error, Page, PageRequest, Service, page::Cursors, service::Inner};

/// How many observations may wait to be written; what comes beyond is counted as dropped.
const QUEUE: usize = 10_000;
/// How many are written at once.
const BATCH: usize = 500;
/// How many divergences of a zone are kept.
const KEPT: u32 = 10_000;

/// What one shadow evaluation came to.
pub(crate) struct Observation {
    pub(crate) zone: ZoneId,
    pub(crate) shadow: PolicySetVersionId,
    pub(crate) outcome: Outcome,
}

pub(crate) enum Outcome {
    Agreed,
    Failed,
    /// With the record, when the sample takes it.
    Diverged {
        would_allow: bool,
        record: Option<Box<Divergence>>,
    },
}

enum Message {
    Observed(Observation),
    Flush(oneshot::Sender<()>),
}

/// The queue to the task that writes.
pub(crate) struct Divergences(mpsc::Sender<Message>);

/// The other end of the queue, until the service that it writes for is there.
pub(crate) struct Backlog(mpsc::Receiver<Message>);

impl Divergences {
    pub(crate) fn new() -> (Self, Backlog) {
        let (sender, receiver) = mpsc::channel(QUEUE);
        (Self(sender), Backlog(receiver))
    }

    /// Takes an observation over; never waits.
    pub(crate) fn record(&self, observation: Observation) {
        if self.0.try_send(Message::Observed(observation)).is_err() {
            metrics::counter!("cedarkeep_shadow_observations_dropped_total").increment(1);
        }
    }

    /// Waits until everything that was recorded before is written.
    pub(crate) async fn flush(&self) {
        let (done, written) = oneshot::channel();
        if self.0.send(Message::Flush(done)).await.is_ok() {
            // Nobody is left to write only while the service goes down.
            drop(written.await);
        }
    }
}

impl Backlog {
    /// Writes what comes, as long as there is a service.
    pub(crate) async fn write_for(mut self, service: Weak<Inner>) {
        let mut batch = Vec::with_capacity(BATCH);
        while self.0.recv_many(&mut batch, BATCH).await > 0 {
            let Some(service) = service.upgrade() else { return };
            let (mut observations, mut waiting) = (Vec::new(), Vec::new());
            for message in batch.drain(..) {
                match message {
                    Message::Observed(observation) => observations.push(observation),
                    Message::Flush(done) => waiting.push(done),
                }
            }
            if let Err(error) = write(&service, observations).await {
                tracing::error!(error = &error as &dyn std::error::Error, "shadow divergences are lost");
            }
            for done in waiting {
                // Whoever waited may be gone.
                let _ = done.send(());
            }
        }
    }
}

async fn write(service: &Arc<Inner>, observations: Vec<Observation>) -> Result<(), StoreError> {
    if observations.is_empty() {
        return Ok(());
    }
    let mut totals: HashMap<(ZoneId, PolicySetVersionId), DivergenceTotal> = HashMap::new();
    let mut tx = service.store.write().await?;
    for Observation { zone, shadow, outcome } in observations {
        let empty = DivergenceTotal { shadow_version_id: shadow, observed: 0, diverged: 0, would_allow: 0, failed: 0 };
        let total = totals.entry((zone, shadow)).or_insert(empty);
        total.observed += 1;
        match outcome {
            Outcome::Agreed => {}
            Outcome::Failed => total.failed += 1,
            Outcome::Diverged { would_allow, record } => {
                total.diverged += 1;
                total.would_allow += u64::from(would_allow);
                if let Some(record) = record {
                    tx.insert_divergence(&record).await?;
                }
            }
        }
    }
    for ((zone, _), total) in totals {
        tx.add_divergence_total(zone, &total).await?;
        tx.forget_divergences(zone, KEPT).await?;
    }
    tx.commit().await
}

impl Service {
    /// Decisions that a shadow version would have made otherwise, by time, of one shadow version when asked; and the
    /// totals of every shadow version of the zone. What this instance answered before is in it.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn shadow_divergences(
        &self,
        _call: &Call,
        zone: ZoneId,
        shadow: Option<PolicySetVersionId>,
        page: PageRequest,
    ) -> Result<(Page<Divergence>, Vec<DivergenceTotal>), Error> {
        self.0.divergences.flush().await;
        let (mut store, _) = self.living(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/shadow-divergences"), &shadow);
        let window = cursors.window(&page)?;
        let slice = store.divergences(zone, shadow, &window).await?;
        let totals = store.divergence_totals(zone).await?;
        Ok((cursors.page(&window, slice, None, |_| 0)?, totals))
    }
}
