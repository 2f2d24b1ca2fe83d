//! A store with something of everything, files of it, and ways to forge them.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use cedarkeep_cedar::CedarPool;
use cedarkeep_model::{
    BindingMode, CredentialKind, DecisionLogMode, Digest, EventKind, Name, NewEvent, PolicySetId, PolicySetVersionId,
    Role, RoleGrant, ScopeType, Timestamp, ZoneId,
};
use cedarkeep_service::{
    GivenPolicy, NewAccount, NewCredential, NewPolicyDraft, NewSetDraft, NewUserToken, PutMode, SettingsPatch,
    ZonePatch, fsck,
};
use cedarkeep_tests::{
    home::{Engine, Home},
    in_process::{InProcess, reading, schema_version},
    server::{FIXTURE_TOKEN, Said, run},
};
use serde_json::{Value, json};

/// Test fixture, guards nothing: the master key of services in this process, in hex.
pub const MASTER: &str = "0707070707070707070707070707070707070707070707070707070707070707";

const USER: &str = "User::\"alice\"";

/// A store that has something of everything.
pub struct Furnished {
    pub it: InProcess,
    pub zone: ZoneId,
    pub set: PolicySetId,
    /// An older version, and the one that decides.
    pub versions: [PolicySetVersionId; 2],
    pub deleted: ZoneId,
}

/// Makes one on this engine.
pub async fn furnished(engine: Engine) -> Furnished {
    let it = InProcess::on(engine).await;
    it.service.set_admin_token(FIXTURE_TOKEN).await.unwrap();
    let deleted = it.zone().await.id;
    publish(&it, deleted).await;
    it.service.delete_zone(&InProcess::call(), deleted).await.unwrap();
    let zone = it.zone().await.id;
    let (set, versions) = publish(&it, zone).await;
    it.service.bind(&InProcess::call(), zone, versions[0], BindingMode::Shadow, None).await.unwrap();
    fill(&it, zone, set).await;
    rotate(&it, zone).await;
    decide(&it, zone).await;
    let other = it.zone().await.id;
    publish(&it, other).await;
    assert_eq!(problems(&it).await, [""; 0]);
    Furnished { it, zone, set, versions, deleted }
}

/// Two versions of a set, the second of which decides.
async fn publish(it: &InProcess, zone: ZoneId) -> (PolicySetId, [PolicySetVersionId; 2]) {
    let (policy, gone) = (it.policy(zone, "Ünder \"50%\" 🦀").await, it.policy(zone, "gone").await);
    let old = it.version(zone, policy, "// ü\npermit (principal, action, resource) when { false };").await;
    let new = it.version(zone, policy, "permit (principal == User::\"alice\", action, resource);").await;
    let set = it.set(zone, "set", ScopeType::Zone).await;
    let call = InProcess::call();
    let first = it.set_version(zone, set, &[old]).await.record.id;
    let second = it.set_version(zone, set, &[new]).await.record.id;
    it.service.activate_set_version(&call, zone, set, second, BindingMode::Active, None).await.unwrap();
    let loose = it.version(zone, gone, "forbid (principal, action, resource);").await;
    it.service.archive_policy_version(&call, zone, gone, loose.id).await.unwrap();
    it.service.archive_policy(&call, zone, gone).await.unwrap();
    (set, [first, second])
}

/// Entities, drafts, a token, a bundle.
async fn fill(it: &InProcess, zone: ZoneId, set: PolicySetId) {
    let call = InProcess::call();
    let user = |id: &str| json!({"uid": {"type": "User", "id": id}, "attrs": {"level": 3}, "parents": [{"type": "Group", "id": "g"}]});
    let group = json!({"uid": {"type": "Group", "id": "g"}, "attrs": {}, "parents": []});
    let entities = vec![user("alice"), user("bob"), user("ü/\"\\"), group];
    it.service.put_entities(&call, zone, PutMode::Upsert, entities).await.unwrap();
    it.service.delete_entity(&call, zone, "User", "bob").await.unwrap();
    let policy = it.policy(zone, "drafted").await;
    let given = Some(GivenPolicy::Text("permit (principal, action".to_owned()));
    let draft = NewPolicyDraft { schema_version: Some(schema_version()), given, base_version_id: None };
    it.service.save_policy_draft(&call, zone, policy, draft).await.unwrap();
    let draft = NewSetDraft {
        entries: Some(Vec::new()),
        schema_version: None,
        base_version_id: None,
        name: Some(Name::new("later").unwrap()),
        description: None,
    };
    it.service.save_set_draft(&call, zone, set, draft).await.unwrap();
    account(it).await;
    let token = NewUserToken { user: USER.to_owned(), expires_in_seconds: None };
    it.service.create_user_token(&call, zone, token).await.unwrap();
    let bundle = it.set(zone, "bundle", ScopeType::User).await;
    let body = json!({"user": USER, "policy_set_id": bundle, "policy_ids": [policy]});
    let event = NewEvent {
        kind: EventKind::UserBundleMade,
        actor: "administrator".to_owned(),
        at: Timestamp::from_micros(1),
        body,
    };
    let mut tx = it.store.write().await.unwrap();
    tx.insert_bundle_set(zone, USER, bundle).await.unwrap();
    tx.insert_bundle_policy(zone, USER, policy).await.unwrap();
    tx.append_event(zone, event).await.unwrap();
    tx.commit().await.unwrap();
}

/// A key that is retired, one that is revoked and one that signs.
async fn rotate(it: &InProcess, zone: ZoneId) {
    let call = InProcess::call();
    for _ in 0..2 {
        it.service.rotate_key(&call, zone, Some(0)).await.unwrap();
        while it.service.work_once().await {}
    }
    let first = it.service.signing_keys(&call, zone).await.unwrap().keys.remove(0).kid;
    it.service.revoke_key(&call, zone, &first).await.unwrap();
    while it.service.work_once().await {}
}

/// Logged decisions, and one that the shadow would have made otherwise.
async fn decide(it: &InProcess, zone: ZoneId) {
    let settings = SettingsPatch { decision_log: Some(DecisionLogMode::All), ..SettingsPatch::default() };
    let patch = ZonePatch { settings, ..ZonePatch::default() };
    it.service.update_zone(&InProcess::call(), zone, patch).await.unwrap();
    for principal in ["alice", "carol"] {
        let request = reading(&format!("User::\"{principal}\""));
        it.service.authorize(&InProcess::call(), zone, request).await.unwrap();
    }
    let mut read = it.store.read().await.unwrap();
    while read.divergence_totals(zone).await.unwrap().iter().all(|total| total.observed < 2) {
        tokio::task::yield_now().await;
    }
    let logged =
        cedarkeep_store::Rows { kind: cedarkeep_store::RowKind::Decision, zone: Some(zone), after: None, limit: 9 };
    while read.rows(&logged).await.unwrap().len() < 2 {
        tokio::task::yield_now().await;
    }
}

/// What `fsck` finds.
pub async fn problems(it: &InProcess) -> Vec<String> {
    fsck::check(&*it.store, &CedarPool::new(1).unwrap()).await.unwrap().problems
}

/// The binary on a home whose master key is [`MASTER`].
pub fn cedarkeep<const N: usize>(home: &Home, arguments: [&str; N]) -> Command {
    let mut command = home.cedarkeep(arguments);
    command.env("CEDARKEEP_MASTER_KEY", MASTER).env("CEDARKEEP_ADMIN_TOKEN", FIXTURE_TOKEN);
    command
}

/// Runs a command that must succeed; what it said.
pub fn done<const N: usize>(home: &Home, arguments: [&str; N]) -> Said {
    let said = run(&mut cedarkeep(home, arguments));
    assert_eq!(said.code, Some(0), "{arguments:?}: {} {}", said.out, said.err);
    said
}

/// Runs a command that must fail; what it said on stderr.
pub fn failed<const N: usize>(home: &Home, arguments: [&str; N]) -> String {
    let said = run(&mut cedarkeep(home, arguments));
    assert_eq!(said.code, Some(1), "{arguments:?}: {} {}", said.out, said.err);
    said.err
}

/// A folder for files.
pub struct Files(tempfile::TempDir);

impl Files {
    pub fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a backup of everything, the log of decisions too.
    pub fn backup(&self, home: &Home, name: &str) -> PathBuf {
        let path = self.path(name);
        done(home, ["backup", text(&path), "--decisions"]);
        path
    }

    /// Writes these lines as a file.
    pub fn write(&self, name: &str, lines: &[String]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, lines.concat()).unwrap();
        path
    }
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// The lines of a file, each with its end.
pub fn lines(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap().split_inclusive('\n').map(str::to_owned).collect()
}

/// The rows alone: without the header and the last line, which say when it was written.
pub fn rows(path: &Path) -> Vec<String> {
    let mut lines = lines(path);
    lines.pop();
    lines.remove(0);
    lines
}

/// The kind of a line and its value.
pub fn member(line: &str) -> (String, Value) {
    let Value::Object(mut members) = serde_json::from_str(line).unwrap() else { panic!("{line}") };
    members.remove("sum").unwrap();
    members.into_iter().next().unwrap()
}

/// The line of such a value, as whoever knows the format would forge it.
pub fn forge(kind: &str, value: &Value) -> String {
    seal(&format!("\"{kind}\":{value}}}"))
}

fn seal(rest: &str) -> String {
    format!("{{\"sum\":\"{}\",{rest}\n", &Digest::of(rest.as_bytes()).to_string()[..16])
}

/// The lines with a last one that says what is before it.
pub fn close(mut lines: Vec<String>) -> Vec<String> {
    lines.pop();
    let mut counts = BTreeMap::<String, u64>::new();
    for line in &lines[1..] {
        *counts.entry(member(line).0).or_default() += 1;
    }
    let digest = Digest::of_parts(&lines);
    lines.push(forge("end", &json!({"rows": counts, "sha256": digest})));
    lines
}

/// Whether a home has no store, or one without anything.
pub async fn is_empty(home: &Home) -> bool {
    let store = home.open().await;
    let mut read = store.read().await.unwrap();
    let of = |kind| cedarkeep_store::Rows { kind, zone: None, after: None, limit: 1 };
    let zones = read.rows(&of(cedarkeep_store::RowKind::Zone)).await.unwrap();
    let metas = read.rows(&of(cedarkeep_store::RowKind::Meta)).await.unwrap();
    drop(read);
    store.close().await;
    zones.is_empty() && metas.is_empty()
}

/// A service account with a credential and a role.
async fn account(it: &InProcess) {
    let (call, organization) = (InProcess::call(), it.service.default_organization());
    let name = || Name::new("Pipeline").unwrap();
    let new = NewAccount { name: name(), description: None, owner: Some("dana".to_owned()) };
    let account = it.service.create_service_account(&call, organization, new).await.unwrap().id;
    let new =
        NewCredential { kind: CredentialKind::ApiKey, name: name(), description: None, expires_in_seconds: Some(60) };
    it.service.create_credential(&call, organization, account, new).await.unwrap();
    let grants = vec![RoleGrant { role: Role::Auditor, zone_id: None }];
    it.service.replace_roles(&call, organization, account, grants).await.unwrap();
}
