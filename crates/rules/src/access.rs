//! A request, as compiled policies ask for it.

use std::{collections::BTreeMap, net::IpAddr};

use cedarkeep_cedar::{DecisionRequest, InvalidUid, Uid};
use cedarkeep_model::Timestamp;
use serde_json::{Map, Value, json};

use crate::{
    NAMESPACE, binding::Identity, compile::milliseconds, condition::AttributeText, path::AccessPath,
    permission::Permission,
};

/// Who asks for which permission on which path, and under which circumstances.
#[derive(Debug, Clone)]
pub struct Access {
    /// Who.
    pub identity: Identity,
    /// For what.
    pub permission: Permission,
    /// On what.
    pub path: AccessPath,
    /// When.
    pub now: Timestamp,
    /// From where.
    pub source_ip: Option<IpAddr>,
    /// When the identity last passed a second factor.
    pub mfa_verified_at: Option<Timestamp>,
    /// What else is known.
    pub attributes: BTreeMap<String, AttributeText>,
}

impl Access {
    /// The request.
    ///
    /// # Errors
    /// Never for names that the schema declares.
    pub fn to_request(&self) -> Result<DecisionRequest, InvalidUid> {
        let uid = |name: &str, id: &str| Uid::new(&format!("{NAMESPACE}::{name}"), id);
        Ok(DecisionRequest {
            principal: self.identity.uid()?,
            action: uid("Action", self.permission.as_str())?,
            resource: uid("Path", self.path.as_str())?,
            context: self.context(),
        })
    }

    /// The entity that its attributes are the tags of, in Cedar's entity JSON.
    #[must_use]
    pub fn entity(&self) -> Value {
        let tags: Map<String, Value> =
            self.attributes.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        json!({"uid": request_uid(), "attrs": {}, "parents": [], "tags": tags})
    }

    fn context(&self) -> Value {
        let extension = |function: &str, text: String| json!({"__extn": {"fn": function, "arg": text}});
        let mut context = json!({
            "path": self.path.as_str(),
            "now": extension("datetime", milliseconds(self.now)),
            "request": {"__entity": request_uid()},
        });
        if let Some(members) = context.as_object_mut() {
            if let Some(address) = self.source_ip {
                // Cedar has no comparison of the two families, and reads no dots in an address of IPv6.
                let address = address.to_canonical().to_string();
                members.insert("source_ip".to_owned(), extension("ip", address));
            }
            if let Some(at) = self.mfa_verified_at {
                members.insert("mfa_verified_at".to_owned(), extension("datetime", milliseconds(at)));
            }
        }
        context
    }
}

fn request_uid() -> Value {
    json!({"type": format!("{NAMESPACE}::Request"), "id": "request"})
}
