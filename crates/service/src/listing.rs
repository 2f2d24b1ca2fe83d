//! Lists, which a copy of the store may give as well as the store itself.
//!
//! Whoever has written reads what he wrote, on whichever instance: the store itself is asked for the zone's newest event,
//! and a copy answers only when it has that event. Every change of a zone appends one in the same transaction, so a list
//! from a copy is never older than the moment at which it was asked for. What is recorded without an event (the log of
//! decisions, divergences) is read from the store itself, as is everything that is one object.

use std::time::Duration;

use cedarkeep_model::ZoneId;
use cedarkeep_store::{EventMark, Read, Replica};
use futures_util::future::BoxFuture;
use tokio::time::timeout;

use crate::{Error, Service};

/// How long a copy may take for a list before the store itself is asked.
const PATIENCE: Duration = Duration::from_secs(10);

/// A living zone whose list is to be read.
pub(crate) struct Listing<'a> {
    service: &'a Service,
    /// A view on a copy, if there is one that is new enough; else on the store itself.
    store: Box<dyn Read>,
    copied: bool,
}

impl Service {
    /// The way to a list of a zone.
    pub(crate) async fn listing(&self, zone: ZoneId) -> Result<Listing<'_>, Error> {
        let (mut store, _) = self.living(zone).await?;
        if !self.0.store.has_replica() {
            return Ok(Listing { service: self, store, copied: false });
        }
        let mark = store.newest_event(zone).await?;
        // Nobody holds a connection while waiting for another.
        drop(store);
        if let Some(store) = self.copy_with(zone, mark).await {
            return Ok(Listing { service: self, store, copied: true });
        }
        Ok(Listing { service: self, store: self.read().await?, copied: false })
    }

    /// A view on a copy of the store that is at least as new as what this instance knows of the zone.
    pub(crate) async fn copy_as_known(&self, zone: ZoneId) -> Option<Box<dyn Read>> {
        if !self.0.store.has_replica() {
            return None;
        }
        self.copy_with(zone, self.0.snapshots.mark(zone).await).await
    }

    async fn copy_with(&self, zone: ZoneId, mark: Option<EventMark>) -> Option<Box<dyn Read>> {
        let (view, outcome) = match self.0.store.replica(zone, mark?).await {
            Replica::View(view) => (Some(view), "served"),
            Replica::Behind => (None, "behind"),
            Replica::Gone => (None, "failed"),
        };
        metrics::counter!("cedarkeep_replica_reads_total", "outcome" => outcome).increment(1);
        view
    }
}

impl Listing<'_> {
    /// What the view says to a question about this; where a copy breaks off, what the store itself says.
    #[tracing::instrument(
        target = "cedarkeep::trace", level = "trace", name = "list", skip_all, fields(replica = self.copied)
    )]
    pub(crate) async fn ask<A, T>(
        mut self,
        about: &A,
        question: impl for<'q> Fn(&'q mut dyn Read, &'q A) -> BoxFuture<'q, Result<T, Error>>,
    ) -> Result<T, Error> {
        if !self.copied {
            return question(&mut *self.store, about).await;
        }
        match timeout(PATIENCE, question(&mut *self.store, about)).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "the read replica has no list");
            }
            Err(_elapsed) => tracing::debug!("the read replica does not answer"),
        }
        metrics::counter!("cedarkeep_replica_reads_total", "outcome" => "failed").increment(1);
        self.store = self.service.read().await?;
        question(&mut *self.store, about).await
    }
}
