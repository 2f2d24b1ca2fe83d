//! A standby that follows the database and answers what need not be new.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use cedarkeep_model::ZoneId;
use cedarkeep_store::{EventMark, Replica, StoreError};
use sqlx::{PgPool, Postgres, pool::PoolConnection};
use tokio::time::timeout;

use super::{PostgresOptions, pool_options, repo::Session};

/// How long a standby may take to say whether it is new enough.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a standby that failed is left alone.
const REST: Duration = Duration::from_secs(2);

/// Whether a standby has an event. Only what is in recovery counts: a server that was promoted, or a primary that was
/// replaced, goes its own way from there.
const HAS_EVENT: &str = "SELECT pg_is_in_recovery() AS follows, EXISTS (SELECT 1 FROM events \
    WHERE zone_id = $1 AND seq = $2 AND sha256 = $3) AS has_event";

/// The connections to a standby.
pub(super) struct Standby {
    pool: PgPool,
    place: String,
    state: Mutex<State>,
}

#[derive(Clone, Copy)]
enum State {
    Asked,
    /// Failed; nobody asks before that moment.
    Resting(Instant),
}

impl Standby {
    /// Connects when it is first asked.
    pub(super) fn new(options: &PostgresOptions) -> Self {
        let pool = pool_options(options).acquire_timeout(PATIENCE).connect_lazy_with(options.limited());
        Self { pool, place: options.place(), state: Mutex::new(State::Asked) }
    }

    /// A view on it, if it has this event of the zone.
    pub(super) async fn view(&self, zone: ZoneId, mark: EventMark) -> Replica {
        if matches!(self.state(), State::Resting(until) if Instant::now() < until) {
            return Replica::Gone;
        }
        let silent = |_| StoreError::Unavailable("it does not answer".into());
        let answer = timeout(PATIENCE, self.ask(zone, mark)).await.map_err(silent).flatten();
        match answer {
            Ok(connection) => {
                if matches!(self.set_state(State::Asked), State::Resting(_)) {
                    tracing::info!(replica = self.place, "the read replica answers again");
                }
                connection.map_or(Replica::Behind, |connection| Replica::View(Box::new(Session::new(connection))))
            }
            Err(error) => {
                if matches!(self.set_state(State::Resting(Instant::now() + REST)), State::Asked) {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(replica = self.place, error, "the read replica is left out until it answers");
                }
                Replica::Gone
            }
        }
    }

    /// A connection to it, if it has this event of the zone.
    async fn ask(&self, zone: ZoneId, mark: EventMark) -> Result<Option<PoolConnection<Postgres>>, StoreError> {
        let seq = i64::try_from(mark.seq).unwrap_or(i64::MAX);
        // Not as errors of the database: for those its own connections would be given up too.
        let failed = |error: sqlx::Error| StoreError::Unavailable(Box::new(error));
        let mut connection = self.pool.acquire().await.map_err(failed)?;
        let asked = sqlx::query_as(HAS_EVENT).bind(zone.to_string()).bind(seq).bind(mark.sha256.to_string());
        match asked.fetch_one(&mut *connection).await {
            Ok((true, has_event)) => Ok(Some(connection).filter(|_| has_event)),
            Ok((false, _)) => Err(StoreError::Unavailable("it is not a standby: it follows no other server".into())),
            Err(error) => {
                connection.close_on_drop();
                Err(failed(error))
            }
        }
    }

    pub(super) async fn close(&self) {
        self.pool.close().await;
    }

    fn state(&self) -> State {
        *self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers the former one.
    fn set_state(&self, state: State) -> State {
        std::mem::replace(&mut *self.state.lock().unwrap_or_else(PoisonError::into_inner), state)
    }
}
