//! `publish`, `plan` and `status` against a real server.

use std::{
    collections::HashSet,
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use cedarkeep_tests::{
    client::Client,
    server::{Said, Server, cedarkeep, made_token, run, serve},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::json;

/// A server with an empty zone, and a begun repository for it.
struct Pipeline {
    folder: TempDir,
    server: Server,
    token: String,
    zone: String,
}

impl Pipeline {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let server = Server::start(&mut serve(&data));
        let token = made_token(&data);
        let zone = post(&server, &token, "/zones", &json!({"name": "Harbour"}))["id"].as_str().unwrap().to_owned();
        let pipeline = Self { folder, server, token, zone };
        pipeline.begin("repository");
        pipeline
    }

    fn begin(&self, name: &str) {
        let begun = self.cedarkeep(&["init", name, "--server", &self.server.url, "--zone", &self.zone]);
        assert_eq!(begun.code, Some(0), "{begun:?}");
    }

    fn cedarkeep(&self, arguments: &[&str]) -> Said {
        run(cedarkeep(arguments).current_dir(self.folder.path()).env("CEDARKEEP_TOKEN", &self.token))
    }

    /// What a verb says in JSON, and how it ends.
    fn says(&self, arguments: &[&str]) -> (Option<i32>, Value) {
        let said = self.cedarkeep(&[arguments, &["repository", "--output", "json"]].concat());
        assert_eq!(said.err, "");
        (said.code, json(&said.out))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join("repository").join(name)
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.server.get(&format!("/zones/{}{path}", self.zone), &self.token);
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// How much was ever recorded in the zone, and at which revision it stands.
    fn trace(&self) -> (Value, Value) {
        (self.get("/events?limit=1&order=desc")["items"][0]["seq"].clone(), self.get("")["revision"].clone())
    }
}

fn post(server: &Server, token: &str, path: &str, body: &Value) -> Value {
    Client::new(&server.url, token).must("POST", path, body)
}

fn replace(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(file, text.replace(from, to)).unwrap();
}

#[test]
fn a_pipeline_from_nothing_publishes_once() {
    let pipeline = Pipeline::new();
    let (code, plan) = pipeline.says(&["plan", "--activate"]);
    let actions: Vec<_> =
        plan["steps"].as_array().unwrap().iter().map(|step| step["action"].as_str().unwrap()).collect();
    assert_eq!((code, actions), (Some(2), vec!["add", "add", "add", "add", "bind"]), "{plan}");

    let (code, first) = pipeline.says(&["publish", "--activate"]);
    assert_eq!(
        (code, &first["created"], &first["binding"]["mode"]),
        (Some(0), &true.into(), &"active".into()),
        "{first}"
    );
    let before = pipeline.trace();
    let (code, second) = pipeline.says(&["publish", "--activate"]);
    assert_eq!((code, &second["created"]), (Some(0), &false.into()), "{second}");
    for same in ["policy_set_id", "policy_set_version", "binding"] {
        assert_eq!(first[same], second[same], "{same}");
    }
    assert_eq!(pipeline.trace(), before, "the second time nothing is recorded and nothing decides anew");
    assert_eq!(
        pipeline.says(&["plan", "--activate"]),
        (Some(0), json!({"drift": false, "based_on": first["policy_set_version"], "steps": []}))
    );

    let question = json!({"principal": "User::\"alice\"", "action": "Action::\"read\"", "resource": "Document::\"plan\"",
        "context": {"mfa": false}, "entities": json(&fs::read_to_string(pipeline.file("entities.json")).unwrap())});
    let decided = post(&pipeline.server, &pipeline.token, &format!("/zones/{}/authorize", pipeline.zone), &question);
    assert_eq!(decided["decision"], "allow", "{decided}");
    assert_eq!(decided["scopes"][0]["manifest_sha"], first["policy_set_version"]["manifest_sha"]);
}

#[test]
fn a_changed_repository_is_planned_as_it_is_then_published() {
    let pipeline = Pipeline::new();
    assert_eq!(pipeline.cedarkeep(&["publish", "repository", "--activate"]).code, Some(0));
    replace(&pipeline.file("policies/readers.cedar"), "resource.readers.contains(principal)", "context.mfa");
    fs::rename(pipeline.file("policies/owners.cedar"), pipeline.file("policies/holders.cedar")).unwrap();

    let before = pipeline.trace();
    let plan = pipeline.cedarkeep(&["plan", "repository", "--shadow"]);
    assert_eq!(plan.code, Some(2), "{plan:?}");
    for line in [
        "+ add policy \"holders\"",
        "~ change policy \"readers\"",
        "    -when { resource.readers.contains(principal) };",
        "    +when { context.mfa };",
        "- remove policy \"owners\"",
        "> bind shadow for the zone",
        "4 changes",
    ] {
        assert!(plan.out.lines().any(|said| said == line), "{line}: {}", plan.out);
    }
    assert_eq!(pipeline.trace(), before, "a plan changes nothing");

    let status = pipeline.cedarkeep(&["status", "repository"]);
    assert!(status.code == Some(0) && status.out.contains("differs from it in 3 places"), "{status:?}");
    let published = pipeline.cedarkeep(&["publish", "repository", "--shadow"]);
    assert!(published.code == Some(0) && published.out.contains("published version 2 "), "{published:?}");
    let status = pipeline.cedarkeep(&["status", "repository"]);
    for line in ["version 1 is active for ", "version 2 is shadow for ", "the repository is the newest version"] {
        assert!(status.out.contains(line), "{line}: {status:?}");
    }
    assert_eq!(pipeline.cedarkeep(&["plan", "repository"]).code, Some(0));
}

#[test]
fn pipelines_at_the_same_time_all_end_in_one_version() {
    let pipeline = Pipeline::new();
    let running: Vec<_> = (0..6)
        .map(|_| {
            let mut command = cedarkeep(["publish", "repository", "--activate", "--output", "json"]);
            command.current_dir(pipeline.folder.path()).env("CEDARKEEP_TOKEN", &pipeline.token);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let said: Vec<Said> = running
        .into_iter()
        .map(|running| {
            let Output { status, stdout, stderr } = running.wait_with_output().unwrap();
            let text = |bytes| String::from_utf8(bytes).unwrap();
            Said { code: status.code(), out: text(stdout), err: text(stderr) }
        })
        .collect();
    assert!(said.iter().all(|said| said.code == Some(0)), "{said:?}");
    let versions: Vec<_> = said.iter().map(|said| json(&said.out)["policy_set_version"]["version"].clone()).collect();
    assert_eq!(versions, vec![json!(1); 6]);
    assert_eq!(said.iter().filter(|said| json(&said.out)["created"] == true).count(), 1);
    assert_eq!(pipeline.get("/policies")["items"].as_array().unwrap().len(), 2);
}

#[test]
fn a_set_for_one_user_stands_in_that_users_slot() {
    let pipeline = Pipeline::new();
    let settings = pipeline.file("cedarkeep.toml");
    replace(&settings, "scope = \"zone\"", "scope = \"user\"\nscope_target = 'User::\"alice\"'");
    let (code, published) = pipeline.says(&["publish", "--activate"]);
    assert_eq!((code, &published["binding"]["scope_target_id"]), (Some(0), &"User::\"alice\"".into()), "{published}");
    assert_eq!(pipeline.says(&["plan", "--activate"]).0, Some(0));
    assert_eq!(pipeline.says(&["plan", "--shadow"]).1["steps"][0]["what"], "shadow for User::\"alice\"");
    replace(&settings, "alice", "bruno");
    assert_eq!(pipeline.says(&["plan", "--activate"]).0, Some(2), "it decides for another");
    replace(&settings, "scope = \"user\"", "scope = \"resource\"");
    let refused = pipeline.cedarkeep(&["publish", "repository"]);
    assert!(
        refused.code == Some(1) && refused.err.contains("has the scope user, cedarkeep.toml says resource"),
        "{refused:?}"
    );
}

/// The server does what it is asked; the line breaks before it can say so, once for every route that changes something.
#[test]
fn an_answer_that_is_lost_is_asked_for_again() {
    let (undisturbed, pipeline) = (Pipeline::new(), Pipeline::new());
    assert_eq!(undisturbed.cedarkeep(&["publish", "repository", "--activate"]).code, Some(0));
    let cuts = Arc::default();
    let url = cutting(pipeline.server.address().to_owned(), Arc::clone(&cuts));
    let (code, first) = pipeline.says(&["publish", "--activate", "--server", &url]);
    assert_eq!(
        (code, &first["created"], &first["policy_set_version"]["version"]),
        (Some(0), &true.into(), &1.into()),
        "{first}"
    );
    assert_eq!(cuts.lock().unwrap().len(), 2, "the schema and the set");
    assert_eq!(pipeline.trace(), undisturbed.trace(), "each was done once");
}

/// A way to a server on which the answer to the first POST of every path is lost.
fn cutting(server: String, cuts: Arc<Mutex<HashSet<String>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let (server, cuts) = (TcpStream::connect(&server).unwrap(), Arc::clone(&cuts));
            thread::spawn(move || {
                let (mut from_client, mut from_server) = (BufReader::new(&client), BufReader::new(&server));
                while let Some(question) = message(&mut from_client) {
                    (&server).write_all(&question).unwrap();
                    let answer = message(&mut from_server).unwrap();
                    let line = String::from_utf8_lossy(&question).lines().next().unwrap().to_owned();
                    if line.starts_with("POST") && cuts.lock().unwrap().insert(line) {
                        return;
                    }
                    (&client).write_all(&answer).unwrap();
                }
            });
        }
    });
    url
}

/// One HTTP message with its body; none when the other side has ended.
fn message(from: &mut BufReader<&TcpStream>) -> Option<Vec<u8>> {
    let (mut message, mut length) = (Vec::new(), 0);
    loop {
        let mut line = String::new();
        if from.read_line(&mut line).ok()? == 0 {
            return None;
        }
        message.extend_from_slice(line.as_bytes());
        if let Some(given) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = given.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    from.read_exact(&mut body).ok()?;
    message.extend(body);
    Some(message)
}

#[test]
fn what_stops_publishing_is_said_and_leaves_nothing() {
    let pipeline = Pipeline::new();
    let before = pipeline.trace();
    let wrong = |arguments: &[&str], token: Option<&str>| {
        let mut command = cedarkeep(arguments);
        command.current_dir(pipeline.folder.path()).envs(token.map(|token| ("CEDARKEEP_TOKEN", token)));
        let said = run(&mut command);
        assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{said:?}");
        said.err
    };
    let token = Some(pipeline.token.as_str());
    let anonymous = wrong(&["publish", "repository"], None);
    assert!(anonymous.contains("401") && anonymous.contains("CEDARKEEP_TOKEN or --token-file"), "{anonymous}");
    let stranger = wrong(&["publish", "repository"], Some("0123456789abcdef0123456789abcdef"));
    assert!(stranger.contains("unauthenticated") && !stranger.contains("0123456789abcdef"), "{stranger}");
    let nobody = wrong(&["publish", "repository", "--server", "http://127.0.0.1:1"], token);
    assert!(nobody.contains("http://127.0.0.1:1/zones/"), "{nobody}");
    let zone = "0198c0de-0000-7000-8000-000000000001";
    let elsewhere = wrong(&["publish", "repository", "--zone", zone], token);
    assert!(elsewhere.contains("404: not_found") && elsewhere.contains(zone), "{elsewhere}");
    fs::write(pipeline.file("cedarkeep.toml"), "policy_set = \"a\"\nschema_version = \"1\"\n").unwrap();
    assert!(wrong(&["plan", "repository"], token).contains("which server? say it in cedarkeep.toml"));
    let mine = ["--server", pipeline.server.url.as_str(), "--zone", pipeline.zone.as_str()];
    replace(&pipeline.file("cedarkeep.toml"), "\"1\"", "\"2026-03-16\"");
    let schema = wrong(&[&["publish", "repository"][..], &mine].concat(), token);
    assert!(schema.contains("the zone has another schema as schema version 2026-03-16"), "{schema}");

    fs::write(pipeline.file("policies/a.cedar"), "permit (").unwrap();
    let invalid = pipeline.cedarkeep(&["publish", "repository"]);
    assert!(invalid.code == Some(3) && invalid.err.contains("repository/policies/a.cedar:1:"), "{invalid:?}");
    assert_eq!(pipeline.trace(), before);
}
