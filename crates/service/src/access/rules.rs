//! The rules, and what Cedar has said of them so far.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock, PoisonError, RwLock},
};

use cedarkeep_cedar::{CedarPool, Decision, EvaluateError, Given, TestBed, TestPolicies, TestRequest, TestSchema, Uid};
use cedarkeep_model::Role;
use serde_json::{Value, json};

use super::{Standing, Target};
use crate::{Code, Error};

const POLICIES: &str = include_str!("../../../../schemas/access.cedar");
const SCHEMA: &str = include_str!("../../../../schemas/access.cedarschema");

/// Which type of resource an operation is about; which one it is, no rule looks at.
type ResourceType = &'static str;

const fn resource_type(target: Target) -> ResourceType {
    match target {
        Target::Server => "Server",
        Target::Organization(_) => "Organization",
        Target::Zone(_) => "Zone",
    }
}

/// The rules, read and validated once in a process.
pub(crate) struct Rules {
    bed: Arc<TestBed>,
    known: RwLock<HashMap<(Standing, ResourceType), HashMap<String, bool>>>,
}

impl Rules {
    /// The rules of this program. Runs on the Cedar pool.
    pub(crate) fn shipped() -> Result<Arc<Self>, Error> {
        static SHIPPED: OnceLock<Arc<Rules>> = OnceLock::new();
        if let Some(rules) = SHIPPED.get() {
            return Ok(Arc::clone(rules));
        }
        let rules = Arc::new(Self::read().map_err(|reason| broken(&reason))?);
        Ok(Arc::clone(SHIPPED.get_or_init(|| rules)))
    }

    fn read() -> Result<Self, String> {
        let content = cedarkeep_cedar::read_schema(Given::Text(SCHEMA)).map_err(|error| error.to_string())?;
        let schema = cedarkeep_cedar::load_schema(&content.cedar_schema_json, content.schema_sha);
        let schema = TestSchema::Strict(schema.map_err(|error| error.to_string())?);
        let bed =
            TestBed::new(TestPolicies::Given(Given::Text(POLICIES)), schema).map_err(|error| error.to_string())?;
        match bed.findings() {
            Some(findings) if findings.errors.is_empty() => {}
            findings => return Err(format!("the policies do not validate: {findings:?}")),
        }
        Ok(Self { bed: Arc::new(bed), known: RwLock::default() })
    }

    /// Whether somebody who stands so before such a resource may do this.
    pub(crate) async fn permit(
        &self,
        cedar: &CedarPool,
        standing: Standing,
        operation: &str,
        target: Target,
    ) -> Result<bool, Error> {
        let resource = resource_type(target);
        if let Some(known) = self.known(standing, resource, operation) {
            return Ok(known);
        }
        let (bed, operation) = (Arc::clone(&self.bed), operation.to_owned());
        let (answer, operation) =
            cedar.run(move || ask(&bed, standing, resource, &operation).map(|answer| (answer, operation))).await??;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry((standing, resource)).or_default().insert(operation, answer);
        Ok(answer)
    }

    fn known(&self, standing: Standing, resource: ResourceType, operation: &str) -> Option<bool> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&(standing, resource))?.get(operation).copied()
    }
}

/// Puts the question to Cedar. What does not fit the schema (an operation that is not about such a resource, or not for
/// such a caller) is refused like everything that no policy permits.
fn ask(bed: &TestBed, standing: Standing, resource: ResourceType, operation: &str) -> Result<bool, Error> {
    let uid = |type_name: &str, id: &str| Uid::new(type_name, id).map_err(|error| broken(&error.to_string()));
    let (principal, roles) = match standing {
        Standing::Administrator => ("Administrator", Vec::new()),
        Standing::User => ("User", Vec::new()),
        Standing::ServiceAccount(held) => {
            ("ServiceAccount", Role::ALL.iter().copied().filter(|role| held.has(*role)).collect())
        }
    };
    let parents: Vec<Value> = roles.iter().map(|role| json!({"type": "Role", "id": role.as_str()})).collect();
    let entities = json!([{"uid": {"type": principal, "id": "caller"}, "attrs": {}, "parents": parents}]);
    let request = TestRequest {
        principal: uid(principal, "caller")?,
        action: uid("Action", operation)?,
        resource: uid(resource, "target")?,
        context: json!({}),
    };
    let decided = bed.read_entities(&entities).and_then(|entities| bed.decide(&request, &entities));
    match decided {
        Ok(decided) if decided.errors.is_empty() => Ok(decided.decision == Decision::Allow),
        Ok(decided) => Err(broken(&format!("a rule failed: {:?}", decided.errors))),
        Err(EvaluateError::InvalidRequest(findings)) => {
            tracing::debug!(operation, resource, ?findings, "no rule is about this");
            Ok(false)
        }
        Err(error) => Err(broken(&error.to_string())),
    }
}

fn broken(reason: &str) -> Error {
    Error::new(Code::Internal, format!("the server's own rules cannot be asked: {reason}"))
}
