//! Telling the other instances of changes, and hearing of theirs: NOTIFY and LISTEN.
//!
//! A notice is sent after the commit that it is about, in a transaction of its own. Within that transaction it could not
//! get lost, but PostgreSQL holds a lock of the whole server from a NOTIFY to the end of its commit, and so lets commits
//! wait for the disk, or for a standby, one after another. Here the lock is held where nothing is waited for. What a
//! server that dies in between does not tell, the others find when they look.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use cedarkeep_model::ZoneId;
use cedarkeep_store::{Changed, Changes};
use sqlx::{
    AssertSqlSafe, Error, Executor as _, PgConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions},
};
use tokio::{
    runtime::Handle,
    sync::Notify,
    task::AbortHandle,
    time::{sleep, timeout},
};

/// The channel of this program in its database.
const CHANNEL: &str = "cedarkeep_changes";
/// More zones than these in one transaction are not named.
const MOST_NAMED: usize = 100;
/// How long telling may take.
const TELLING: Duration = Duration::from_secs(5);
/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(10);
/// After so long a silence the connection is asked whether it lives.
const SILENCE: Duration = Duration::from_secs(20);
/// How long it may take to answer that.
const ANSWER: Duration = Duration::from_secs(5);
/// How long to wait before connecting again, doubled each time up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What a transaction has to tell once it is committed.
pub(super) struct Voice {
    /// Shared by all of a store; a server that knows no NOTIFY is told nothing more.
    mute: Arc<AtomicBool>,
    changes: Vec<Changed>,
}

impl Voice {
    pub(super) fn new(mute: &Arc<AtomicBool>) -> Self {
        Self { mute: Arc::clone(mute), changes: Vec::new() }
    }

    /// Keeps it in mind.
    pub(super) fn remember(&mut self, changed: Changed) {
        if self.changes.len() < MOST_NAMED {
            self.changes.push(changed);
        } else {
            self.changes = vec![Changed::Something; MOST_NAMED];
        }
    }

    /// Tells all of it on a connection without a transaction; whether the connection is still good.
    pub(super) async fn speak(mut self, connection: &mut PgConnection) -> bool {
        if self.changes.is_empty() || self.mute.load(Ordering::Relaxed) {
            return true;
        }
        self.changes.dedup();
        let mut sql = String::new();
        for changed in &self.changes {
            // A payload is made of digits, hyphens and a space, and needs no quoting; writing to a text cannot fail.
            let _ = write!(sql, "NOTIFY {CHANNEL}, '{}';", payload(*changed));
        }
        match timeout(TELLING, connection.execute(AssertSqlSafe(sql))).await {
            Ok(Ok(_)) => true,
            Ok(Err(error)) if is_unknown(&error) => {
                if !self.mute.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "the database has no NOTIFY: other instances follow when they look");
                }
                true
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "other instances were not told of a change");
                false
            }
            Err(_elapsed) => false,
        }
    }
}

fn payload(changed: Changed) -> String {
    match changed {
        Changed::Decides(zone, revision) => format!("{zone} {revision}"),
        Changed::Shows(zone) => zone.to_string(),
        Changed::Something => String::new(),
    }
}

/// What nobody here has said may come from a later program, or from a person.
fn read(payload: &str) -> Changed {
    let mut words = payload.split(' ');
    let zone = words.next().and_then(|word| word.parse().ok());
    match (zone, words.next().map(str::parse), words.next()) {
        (Some(zone), Some(Ok(revision)), None) => Changed::Decides(zone, revision),
        (Some(zone), None, None) => Changed::Shows(zone),
        _ => Changed::Something,
    }
}

/// Whether the server does not know the statement at all, as those that only speak PostgreSQL's protocol may not.
pub(super) fn is_unknown(error: &Error) -> bool {
    // Feature not supported, syntax error, undefined function.
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| ["0A000", "42601", "42883"].contains(&&*code))
}

/// What was heard and is not yet asked for. There is never more of it than there are zones, and it is always taken in: a
/// listener that does not read would in time stop the whole server.
#[derive(Default)]
struct Heard {
    pending: Mutex<Pending>,
    call: Notify,
}

#[derive(Default)]
struct Pending {
    something: bool,
    /// The latest revision that was told; none where it is something else that has changed.
    zones: HashMap<ZoneId, Option<u64>>,
}

impl Heard {
    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_in(&self, changed: Changed) {
        let mut pending = self.pending();
        match changed {
            Changed::Something => pending.something = true,
            Changed::Shows(zone) => {
                pending.zones.insert(zone, None);
            }
            Changed::Decides(zone, revision) => {
                let known = pending.zones.entry(zone).or_insert(Some(revision));
                *known = known.map(|known| known.max(revision));
            }
        }
        drop(pending);
        self.call.notify_one();
    }

    fn take_out(&self) -> Option<Changed> {
        let mut pending = self.pending();
        if std::mem::take(&mut pending.something) {
            return Some(Changed::Something);
        }
        let zone = *pending.zones.keys().next()?;
        let revision = pending.zones.remove(&zone)?;
        Some(revision.map_or(Changed::Shows(zone), |revision| Changed::Decides(zone, revision)))
    }
}

/// What a task of its own hears; it ends with this.
pub(super) struct Ear {
    heard: Arc<Heard>,
    task: AbortHandle,
}

impl Ear {
    pub(super) fn open(options: PgConnectOptions, runtime: &Handle) -> Self {
        let heard = Arc::<Heard>::default();
        let task = runtime.spawn(listen(options, Arc::clone(&heard))).abort_handle();
        Self { heard, task }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[async_trait]
impl Changes for Ear {
    async fn next(&mut self) -> Changed {
        loop {
            if let Some(changed) = self.heard.take_out() {
                return changed;
            }
            // Of a call that came meanwhile the permit is kept.
            self.heard.call.notified().await;
        }
    }
}

/// Listens for ever, on a connection apart from the pool.
async fn listen(options: PgConnectOptions, heard: Arc<Heard>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let mut reached = false;
        let lost = match hear(&options, &heard, &mut reached).await {
            Ok(never) => match never {},
            Err(error) => error,
        };
        if is_unknown(&lost) {
            tracing::warn!(error = %lost, "the database has no LISTEN: changes of other instances are found by looking");
            return;
        }
        if reached {
            pause = FIRST_PAUSE;
        }
        if pause == FIRST_PAUSE {
            tracing::warn!(error = %lost, "notices of other instances are not heard until the database answers again");
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Listens until the connection is lost.
async fn hear(
    options: &PgConnectOptions,
    heard: &Heard,
    reached: &mut bool,
) -> Result<std::convert::Infallible, Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(CONNECTING)
        .idle_timeout(None)
        .max_lifetime(None)
        .connect_lazy_with(options.clone());
    let mut listener = PgListener::connect_with(&pool).await?;
    listener.ignore_pool_close_event(true);
    listener.eager_reconnect(false);
    listener.listen(CHANNEL).await?;
    *reached = true;
    // Whatever was told while nobody listened is lost.
    heard.take_in(Changed::Something);
    loop {
        match timeout(SILENCE, listener.try_recv()).await {
            Ok(Ok(Some(notice))) => heard.take_in(read(notice.payload())),
            Ok(Ok(None)) => return Err(Error::PoolClosed),
            Ok(Err(error)) => return Err(error),
            Err(_silence) => {
                let asked = timeout(ANSWER, listener.execute("SELECT 1")).await;
                asked.map_err(|_| Error::PoolTimedOut)??;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> ZoneId {
        "019b76da-a800-7000-8000-000000000001".parse().unwrap()
    }

    #[test]
    fn a_notice_is_read_as_it_was_told() {
        for changed in [Changed::Decides(zone(), 7), Changed::Shows(zone()), Changed::Something] {
            assert_eq!(read(&payload(changed)), changed);
        }
        for strange in ["x", "x 7", &format!("{} x", zone()), &format!("{} 7 8", zone()), &format!("{} -7", zone())] {
            assert_eq!(read(strange), Changed::Something, "{strange}");
        }
    }

    #[test]
    fn many_notices_of_a_zone_become_one() {
        let heard = Heard::default();
        for changed in [Changed::Decides(zone(), 7), Changed::Decides(zone(), 9), Changed::Decides(zone(), 8)] {
            heard.take_in(changed);
        }
        assert_eq!((heard.take_out(), heard.take_out()), (Some(Changed::Decides(zone(), 9)), None));
        for changed in [Changed::Decides(zone(), 10), Changed::Shows(zone()), Changed::Decides(zone(), 11)] {
            heard.take_in(changed);
        }
        heard.take_in(Changed::Something);
        assert_eq!(heard.take_out(), Some(Changed::Something));
        assert_eq!((heard.take_out(), heard.take_out()), (Some(Changed::Shows(zone())), None));
    }

    #[test]
    fn a_transaction_that_changes_many_zones_names_none() {
        let mut voice = Voice::new(&Arc::default());
        for revision in 0..=MOST_NAMED {
            voice.remember(Changed::Decides(zone(), u64::try_from(revision).unwrap()));
        }
        voice.changes.dedup();
        assert_eq!(voice.changes, [Changed::Something]);
    }
}
