//! Decisions as data: `tests/decisions/*.json` say what is asked and what must come of it.

use cedarkeep_model::{
    BindingMode, ForbidErrorRule, PolicySetVersionId, RequestEntities, ScopeCombination, ScopeType, ZoneId,
};
use cedarkeep_service::{DecisionRequest, Error, SettingsPatch, Uid, ZonePatch};
use cedarkeep_tests::in_process::InProcess;
use serde::Deserialize;
use serde_json::{Value, json};

const PERMIT: &str = "permit (principal, action, resource);";
const FORBID: &str = "forbid (principal, action, resource);";

fn data<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    let path = format!("{}/decisions/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// A version of a new set for this scope with these policies.
async fn version(it: &InProcess, zone: ZoneId, scope: ScopeType, texts: &[String]) -> PolicySetVersionId {
    let mut pinned = Vec::new();
    for (number, text) in texts.iter().enumerate() {
        let policy = it.policy(zone, &format!("{scope} {number} {}", it.service.new_request_id())).await;
        pinned.push(it.version(zone, policy, text).await);
    }
    let set = it.set(zone, &format!("{scope} {}", it.service.new_request_id()), scope).await;
    it.set_version(zone, set, &pinned).await.record.id
}

async fn bind(
    it: &InProcess,
    zone: ZoneId,
    version: PolicySetVersionId,
    mode: BindingMode,
    target: Option<&str>,
) -> Result<cedarkeep_model::BindingId, Error> {
    let bound = it.service.bind(&InProcess::call(), zone, version, mode, target.map(ToOwned::to_owned)).await?;
    Ok(bound.object.id)
}

fn uid(value: &Value) -> Result<Uid, String> {
    Uid::from_json(value).map_err(|_| "not_a_uid".to_owned())
}

/// What a request came to: decision and reason, or the code of the refusal; and what its shadows said.
async fn ask(it: &InProcess, zone: ZoneId, request: DecisionRequest) -> (Value, Vec<Value>) {
    match it.service.authorize(&InProcess::call(), zone, request).await {
        Err(error) => (json!({"error": error.code().as_str()}), Vec::new()),
        Ok(answer) => {
            let answer = serde_json::to_value(answer).unwrap();
            let shadows = answer["shadow"].as_array().unwrap();
            let shadows = shadows.iter().map(|shadow| shadow["decision"].clone()).collect();
            let mut found = json!({"decision": answer["decision"]});
            if let Some(reason) = answer.get("reason") {
                found["reason"] = reason.clone();
            }
            (found, shadows)
        }
    }
}

#[derive(Deserialize)]
struct Slots {
    rows: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    scope: ScopeType,
    mode: BindingMode,
    state: String,
    bind: String,
    decision: String,
    reason: Option<String>,
    shadow: Option<String>,
}

#[tokio::test]
async fn every_scope_mode_and_state() {
    let Slots { rows } = data("slots.json");
    for scope in ScopeType::ALL {
        for mode in BindingMode::ALL {
            for state in ["bound", "unbound", "archived", "foreign"] {
                let there = rows.iter().any(|row| (row.scope, row.mode, row.state.as_str()) == (*scope, *mode, state));
                assert!(there, "no row for {scope} {mode} {state}");
            }
        }
    }
    for row in rows {
        check_row(&row).await;
    }
}

async fn check_row(row: &Row) {
    let it = InProcess::start().await;
    let zone = it.zone().await.id;
    if (row.scope, row.mode) != (ScopeType::Zone, BindingMode::Active) {
        let permit = version(&it, zone, ScopeType::Zone, &[PERMIT.to_owned()]).await;
        bind(&it, zone, permit, BindingMode::Active, None).await.unwrap();
    }
    let owner = if row.state == "foreign" { it.zone().await.id } else { zone };
    let forbid = version(&it, owner, row.scope, &[FORBID.to_owned()]).await;
    let target = match (row.scope, row.state.as_str()) {
        (ScopeType::Zone, _) => None,
        (ScopeType::Session, "other_target") => Some("s-2"),
        (_, "other_target") => Some("User::\"bob\""),
        (ScopeType::Resource, _) => Some("Doc::\"1\""),
        (ScopeType::User, _) => Some("User::\"alice\""),
        (ScopeType::Session, _) => Some("s-1"),
    };
    if row.state == "archived" {
        let set = it.store_set_of(zone, forbid).await;
        it.service.archive_set_version(&InProcess::call(), zone, set, forbid).await.unwrap();
    }
    let bound = bind(&it, zone, forbid, row.mode, target).await;
    let answered = bound.as_ref().map_or_else(|error| error.code().as_str(), |_| "ok");
    assert_eq!(answered, row.bind, "{row:?}");
    if row.state == "unbound" {
        it.service.unbind(&InProcess::call(), zone, bound.unwrap()).await.unwrap();
    }
    let (found, shadows) = ask(&it, zone, request(&json!({"session": "s-1"})).unwrap()).await;
    let mut expected = json!({"decision": row.decision});
    if let Some(reason) = &row.reason {
        expected["reason"] = json!(reason);
    }
    assert_eq!(found, expected, "{row:?}");
    assert_eq!(shadows, row.shadow.iter().map(|shadow| json!(shadow)).collect::<Vec<_>>(), "{row:?}");
}

#[derive(Deserialize)]
struct Lies {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    settings: Settings,
    policies: Vec<String>,
    #[serde(default)]
    resource_policies: Vec<String>,
    #[serde(default)]
    session_policies: Vec<String>,
    request: Value,
    expect: Value,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Settings {
    scope_combination: Option<ScopeCombination>,
    session_required: Option<bool>,
    on_forbid_error: Option<ForbidErrorRule>,
    validate_requests: Option<bool>,
    request_entities: Option<RequestEntities>,
}

impl From<Settings> for ZonePatch {
    fn from(settings: Settings) -> Self {
        let settings = SettingsPatch {
            scope_combination: settings.scope_combination,
            session_required: settings.session_required,
            on_forbid_error: settings.on_forbid_error,
            validate_requests: settings.validate_requests,
            request_entities: settings.request_entities,
            ..SettingsPatch::default()
        };
        Self { settings, ..Self::default() }
    }
}

/// Alice reads document 1, save where the case says otherwise.
fn request(said: &Value) -> Result<DecisionRequest, String> {
    let or = |member: &str, otherwise: Value| said.get(member).cloned().unwrap_or(otherwise);
    let owner = json!({"__entity": {"type": "User", "id": "alice"}});
    let mut entities = vec![
        json!({"uid": {"type": "User", "id": "alice"}, "attrs": or("user_attributes", json!({"level": 1})),
               "parents": or("user_parents", json!([]))}),
        json!({"uid": {"type": "Doc", "id": "1"}, "attrs": {"owner": owner, "level": 1}, "parents": []}),
    ];
    entities.extend(said.get("more_entities").and_then(Value::as_array).cloned().unwrap_or_default());
    Ok(DecisionRequest {
        principal: uid(&or("principal", json!("User::\"alice\"")))?,
        action: uid(&or("action", json!("Action::\"read\"")))?,
        resource: uid(&or("resource", json!("Doc::\"1\"")))?,
        context: or("context", json!({})),
        session: said.get("session").and_then(Value::as_str).map(ToOwned::to_owned),
        entities: Value::Array(entities),
        explain: false,
        at_least_revision: None,
    })
}

#[tokio::test]
async fn no_lie_of_a_caller_widens_access() {
    let Lies { cases } = data("lies.json");
    for Case { name, settings, policies, resource_policies, session_policies, request: said, expect } in cases {
        let it = InProcess::start().await;
        let zone = it.zone().await.id;
        it.service.update_zone(&InProcess::call(), zone, settings.into()).await.unwrap();
        let slots = [
            (ScopeType::Zone, policies, None),
            (ScopeType::Resource, resource_policies, Some("Doc::\"1\"")),
            (ScopeType::Session, session_policies, Some("s-1")),
        ];
        for (scope, texts, target) in slots {
            if !texts.is_empty() {
                let version = version(&it, zone, scope, &texts).await;
                bind(&it, zone, version, BindingMode::Active, target).await.unwrap();
            }
        }
        let found = match request(&said) {
            Ok(request) => ask(&it, zone, request).await.0,
            Err(refused) => json!({"error": refused}),
        };
        assert_eq!(found, expect, "{name}");
    }
}
