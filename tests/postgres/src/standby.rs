//! Standbys: servers that follow another by streaming replication and can be read meanwhile.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::{FIXTURE_PASSWORD, Server};

impl Server {
    /// A server that follows this one, and holds all that this one has committed until now.
    #[must_use]
    pub fn standby(&self) -> Self {
        let primary =
            format!("host=127.0.0.1 port={} user=postgres password={FIXTURE_PASSWORD} sslmode=disable", self.port);
        let standby = Self::launch(&[], Some(&primary));
        standby.catch_up_with(self);
        standby
    }

    /// Waits until this standby shows all that a primary has committed until now.
    pub fn catch_up_with(&self, primary: &Self) {
        let position = primary.psql("postgres", "SELECT pg_current_wal_lsn()");
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{position}'");
        self.wait_for(&replayed, "t");
    }

    /// Lets this standby take in what its primary does, and show nothing of it.
    pub fn pause_replay(&self) {
        self.psql("postgres", "SELECT pg_wal_replay_pause()");
        self.wait_for("SELECT pg_get_wal_replay_pause_state()", "paused");
    }

    /// Lets it show what it has taken in.
    pub fn resume_replay(&self) {
        self.psql("postgres", "SELECT pg_wal_replay_resume()");
    }

    /// Acknowledges nothing any more that no standby has.
    pub fn wait_for_standbys(&self) {
        self.psql("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'");
        self.psql("postgres", "SELECT pg_reload_conf()");
        self.wait_for("SELECT COUNT(*) FROM pg_stat_replication WHERE sync_state = 'sync'", "1");
    }

    /// Makes this standby a primary of its own.
    pub fn promote(&self) {
        self.psql("postgres", "SELECT pg_promote()");
    }

    /// PostgreSQL gives no sign of these; each look is a process of its own, which is pause enough.
    fn wait_for(&self, sql: &str, expected: &str) {
        let start = Instant::now();
        while self.psql("postgres", sql) != expected {
            assert!(start.elapsed() < Duration::from_secs(30), "not {expected}: {sql}\n{}", self.log());
            thread::yield_now();
        }
    }
}
