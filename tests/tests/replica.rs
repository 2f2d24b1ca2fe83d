//! Reading from a standby, over real sockets and real streaming replication: nothing that was written is missed, what a
//! standby can give is taken from it, and a standby that is gone is not missed.
//!
//! These servers are PostgreSQL whatever engine the environment asks for.

use cedarkeep_postgres_harness::Server as Postgres;
use cedarkeep_tests::{
    server::{FIXTURE_TOKEN, Server, refused, serve},
    until::{PATIENCE, until},
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Test fixture, guards nothing.
const MASTER_KEY: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc";

/// A primary with a standby, and a database with the example zone.
struct World {
    primary: Postgres,
    standby: Postgres,
    database: String,
    zone: String,
    question: Value,
    first: Instance,
}

/// An instance that reads from the standby.
struct Instance {
    server: Server,
    _folder: TempDir,
}

impl World {
    fn start() -> Self {
        let primary = Postgres::start(&[]);
        let standby = primary.standby();
        let database = primary.make_database();
        standby.catch_up_with(&primary);
        let first = Instance::start(&primary, &standby, &database);
        let zone = first.get("/zones")["items"][0]["id"].as_str().unwrap().to_owned();
        let question = include_str!("../../crates/cli/example/decision.json");
        Self { primary, standby, database, zone, question: serde_json::from_str(question).unwrap(), first }
    }

    fn path(&self, path: &str) -> String {
        format!("/zones/{}{path}", self.zone)
    }

    fn another(&self) -> Instance {
        Instance::start(&self.primary, &self.standby, &self.database)
    }

    /// Makes a policy of this name.
    fn name(&self, name: &str) -> Value {
        self.first.send("POST", &self.path("/policies"), &json!({"name": name}))
    }

    /// The names in the list of policies, as an instance tells them.
    fn names(&self, instance: &Instance) -> Vec<String> {
        let list = instance.get(&self.path("/policies"));
        list["items"].as_array().unwrap().iter().map(|policy| policy["name"].as_str().unwrap().to_owned()).collect()
    }

    /// A set version that forbids everything, for the resources to which it is bound.
    fn forbid(&self) -> Value {
        let schemas = self.first.get(&self.path("/policy-schemas?filter[default]=true"));
        let schema = &schemas["items"][0]["version"];
        let policy = self.name("Nothing")["id"].as_str().unwrap().to_owned();
        let text = json!({"cedar_raw": "forbid (principal, action, resource);", "schema_version": schema});
        let version = self.first.send("POST", &self.path(&format!("/policies/{policy}/versions")), &text);
        let entries = json!([{"policy_id": policy, "policy_version_id": version["id"]}]);
        let set =
            self.first.send("POST", &self.path("/policy-sets"), &json!({"name": "Nothing", "scope_type": "resource"}));
        let manifest = json!({"schema_version": schema, "manifest": {"entries": entries}});
        let versions = self.path(&format!("/policy-sets/{}/versions", set["id"].as_str().unwrap()));
        self.first.send("POST", &versions, &manifest)["id"].clone()
    }
}

impl Instance {
    fn start(primary: &Postgres, standby: &Postgres, database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = serve(folder.path());
        command
            .args(["--with-example", "--log-format", "json"])
            .env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN)
            .env("CEDARKEEP_MASTER_KEY", MASTER_KEY)
            .env("CEDARKEEP_DATABASE_URL", primary.url(database))
            .env("CEDARKEEP_READ_URL", standby.url(database));
        Self { server: Server::start(&mut command), _folder: folder }
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.server.get(path, FIXTURE_TOKEN);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        self.server.client().must(method, path, body)
    }

    /// How many reads of the standby came out so.
    fn reads(&self, outcome: &str) -> u64 {
        let text = self.server.client().metrics();
        let series = format!("cedarkeep_replica_reads_total{{outcome=\"{outcome}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&series)).map_or(0, |count| count.parse().unwrap())
    }
}

#[test]
fn postgres_a_list_after_a_write_shows_it_though_the_standby_stands_still() {
    let world = World::start();
    let second = world.another();
    world.standby.catch_up_with(&world.primary);
    let before = second.reads("served");
    world.names(&second);
    assert_eq!(second.reads("served"), before + 1, "a standby that has everything gives the list");

    world.standby.pause_replay();
    world.name("Written while the standby stood still");
    for instance in [&world.first, &second] {
        let (served, behind) = (instance.reads("served"), instance.reads("behind"));
        assert_eq!(world.names(instance)[0], "Written while the standby stood still");
        assert_eq!((instance.reads("served"), instance.reads("behind")), (served, behind + 1));
    }
    // Another zone has not changed: for that one the standby is as good as ever.
    world.standby.resume_replay();
    let other = world.first.send("POST", "/zones", &json!({"name": "Other"}))["id"].as_str().unwrap().to_owned();
    world.standby.catch_up_with(&world.primary);
    world.standby.pause_replay();
    world.name("Once more");
    let served = second.reads("served");
    assert_eq!(second.get(&format!("/zones/{other}/events"))["items"][0]["kind"], "schema.created");
    assert_eq!(second.reads("served"), served + 1);

    world.standby.resume_replay();
    world.standby.catch_up_with(&world.primary);
    let served = second.reads("served");
    assert_eq!(world.names(&second)[0], "Once more");
    assert_eq!(second.reads("served"), served + 1);
}

#[test]
fn postgres_a_bound_version_is_loaded_from_the_standby_when_the_primary_is_gone() {
    let world = World::start();
    let second = world.another();
    let authorize = world.path("/authorize");
    let ask = |about: &str, revision: &Value| {
        let mut question = world.question.clone();
        question["resource"]["id"] = about.into();
        question["at_least_revision"] = revision.clone();
        second.send("POST", &authorize, &question)
    };
    assert_eq!(ask("q3-forecast", &Value::Null)["decision"], "allow");

    let body = json!({
        "policy_set_version_id": world.forbid(), "mode": "active",
        "scope_target_id": "Harbour::Document::\"q3-forecast\"",
    });
    world.first.send("PUT", &world.path("/policy-bindings"), &body);
    let zone = world.first.get(&world.path(""));
    // The second knows the binding from here on; the version, which decides of another document, it has not asked for.
    assert_eq!(ask("another", &zone["revision"])["revision"], zone["revision"]);
    world.standby.catch_up_with(&world.primary);
    let served = second.reads("served");
    world.primary.kill();
    let decided = ask("q3-forecast", &Value::Null);
    assert_eq!((&decided["decision"], &decided["revision"]), (&json!("deny"), &zone["revision"]));
    assert_eq!(second.reads("served"), served + 1);
}

#[test]
fn postgres_a_standby_that_is_gone_is_not_missed() {
    let world = World::start();
    world.standby.catch_up_with(&world.primary);
    let instance = &world.first;
    let served = instance.reads("served");
    world.names(instance);
    assert_eq!(instance.reads("served"), served + 1);

    world.standby.kill();
    for name in ["First", "Second", "Third"] {
        world.name(name);
        assert_eq!(world.names(instance)[0], name);
    }
    assert_eq!((instance.reads("served"), instance.reads("failed")), (served + 1, 3));
    let authorized = instance.send("POST", &world.path("/authorize"), &world.question);
    assert_eq!(authorized["decision"], "allow");
    let told = |of: &str| {
        let said = std::iter::from_fn(|| Some(instance.server.next_event()));
        let mut said = said.map(|event| event["message"].to_string());
        said.find(|message| message.contains("read replica")).filter(|message| message.contains(of))
    };
    assert!(told("left out").is_some(), "it is told");

    world.standby.restart();
    until(PATIENCE, "the standby is asked again", || {
        world.names(instance);
        instance.reads("served") > served + 1
    });
    assert!(told("answers again").is_some(), "and that once: nothing was told in between");

    // A standby that goes its own way is none.
    world.standby.promote();
    let served = instance.reads("served");
    world.name("Fourth");
    assert_eq!(world.names(instance)[0], "Fourth");
    assert_eq!(instance.reads("served"), served);
}

#[test]
fn postgres_what_is_no_standby_is_not_read_and_a_file_has_none() {
    let primary = Postgres::start(&[]);
    let database = primary.make_database();
    let instance = Instance::start(&primary, &primary, &database);
    let zone = instance.get("/zones")["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(instance.get(&format!("/zones/{zone}/policies"))["items"].as_array().unwrap().len(), 6);
    assert_eq!((instance.reads("served"), instance.reads("failed") > 0), (0, true));

    let folder = tempfile::tempdir().unwrap();
    let said = refused(serve(folder.path()).env("CEDARKEEP_READ_URL", primary.url(&database)));
    assert!(said.contains("--read-url") && said.contains("--database-url"), "{said}");
}
