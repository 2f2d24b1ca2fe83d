//! Three instances of the binary on one database of a real PostgreSQL, each of which can be killed and started again.

use std::{
    process::Command,
    sync::{Condvar, Mutex},
};

use cedarkeep_postgres_harness::server as postgres;
use cedarkeep_tests::{
    home::{Engine, Home},
    server::{FIXTURE_TOKEN, Server, run, serve},
};
use tempfile::TempDir;

/// How many instances.
pub(crate) const INSTANCES: usize = 3;

/// Test fixture, guards nothing.
const FIXTURE_MASTER_KEY: &str = "abababababababababababababababababababababababababababababababab";

/// What is killed, and started again.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kill {
    Instance(usize),
    AllInstances,
    Postgres,
    /// The database, and an instance while it is gone.
    Both(usize),
}

pub(crate) struct Cluster {
    home: Home,
    folders: Vec<TempDir>,
    servers: Mutex<Vec<Option<Server>>>,
    started: Condvar,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let folders = (0..INSTANCES).map(|_| tempfile::tempdir().unwrap()).collect();
        let servers = Mutex::new((0..INSTANCES).map(|_| None).collect());
        let cluster = Self { home: Home::on(Engine::Postgres), folders, servers, started: Condvar::new() };
        (0..INSTANCES).for_each(|instance| cluster.start_instance(instance));
        cluster
    }

    fn command(&self, instance: usize) -> Command {
        let mut command = serve(self.folders[instance].path());
        command.env("CEDARKEEP_DATABASE_URL", self.home.url().unwrap()).env("CEDARKEEP_LOG", "error");
        command.env("CEDARKEEP_MASTER_KEY", FIXTURE_MASTER_KEY).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN);
        command
    }

    fn start_instance(&self, instance: usize) {
        let server = Server::start(&mut self.command(instance));
        self.servers.lock().unwrap()[instance] = Some(server);
        self.started.notify_all();
    }

    fn kill_instance(&self, instance: usize) {
        let server = self.servers.lock().unwrap()[instance].take();
        if let Some(server) = server {
            server.kill();
        }
    }

    /// The URL of this instance, or of the next that runs.
    pub(crate) fn url(&self, wanted: usize) -> (usize, String) {
        let mut servers = self.servers.lock().unwrap();
        loop {
            for instance in (0..INSTANCES).map(|offset| (wanted + offset) % INSTANCES) {
                if let Some(server) = &servers[instance] {
                    return (instance, server.url.clone());
                }
            }
            servers = self.started.wait(servers).unwrap();
        }
    }

    /// Kills it, and starts it again.
    pub(crate) fn kill(&self, kill: Kill) {
        let instances = match kill {
            Kill::Instance(instance) | Kill::Both(instance) => instance..instance + 1,
            Kill::AllInstances => 0..INSTANCES,
            Kill::Postgres => 0..0,
        };
        let database = matches!(kill, Kill::Postgres | Kill::Both(_));
        if database {
            postgres().kill();
        }
        instances.clone().for_each(|instance| self.kill_instance(instance));
        if database {
            postgres().restart();
        }
        instances.for_each(|instance| self.start_instance(instance));
    }

    /// Stops the instances and has everything that they have stored recomputed.
    pub(crate) fn fsck(self) {
        (0..INSTANCES).for_each(|instance| self.kill_instance(instance));
        let fsck =
            run(self.home.cedarkeep(["fsck", "--output", "json"]).env("CEDARKEEP_MASTER_KEY", FIXTURE_MASTER_KEY));
        assert_eq!(fsck.code, Some(0), "{} {}", fsck.out, fsck.err);
    }
}
