//! What a caller may do with an object, as `expand[]=permissions` tells it.

use cedarkeep_service::{Error, Principal, Service, Target};

use crate::wire::Permissions;

/// Actions in a zone by kind of object, in the words of the routes, with the operation that each is.
const ZONE: &[(&str, &[(&str, &str)])] = &[
    ("zones", &[("read", "getZone"), ("update", "updateZone"), ("delete", "deleteZone")]),
    (
        "policy_schemas",
        &[("create", "createPolicySchema"), ("read", "getPolicySchema"), ("update", "updatePolicySchema")],
    ),
    (
        "policies",
        &[("create", "createPolicy"), ("read", "getPolicy"), ("update", "updatePolicy"), ("archive", "archivePolicy")],
    ),
    (
        "policy_versions",
        &[("create", "createPolicyVersion"), ("read", "getPolicyVersion"), ("archive", "archivePolicyVersion")],
    ),
    (
        "policy_drafts",
        &[
            ("read", "getPolicyDraft"),
            ("update", "putPolicyDraft"),
            ("delete", "deletePolicyDraft"),
            ("publish", "publishPolicyDraft"),
        ],
    ),
    (
        "policy_sets",
        &[
            ("create", "createPolicySet"),
            ("read", "getPolicySet"),
            ("update", "updatePolicySet"),
            ("archive", "archivePolicySet"),
        ],
    ),
    (
        "policy_set_versions",
        &[
            ("create", "createPolicySetVersion"),
            ("read", "getPolicySetVersion"),
            ("activate", "activatePolicySetVersion"),
            ("archive", "archivePolicySetVersion"),
        ],
    ),
    (
        "policy_set_drafts",
        &[
            ("read", "getPolicySetDraft"),
            ("update", "putPolicySetDraft"),
            ("delete", "deletePolicySetDraft"),
            ("publish", "publishPolicySetDraft"),
        ],
    ),
    ("user_tokens", &[("create", "createUserToken"), ("read", "listUserTokens"), ("delete", "deleteUserToken")]),
    ("entities", &[("read", "listEntities"), ("update", "putEntities"), ("delete", "deleteEntities")]),
    ("decisions", &[("authorize", "authorize"), ("read", "listDecisions"), ("test", "testPolicies")]),
];

/// The same in an organization.
const ORGANIZATION: &[(&str, &[(&str, &str)])] = &[
    ("organizations", &[("read", "getOrganization"), ("update", "updateOrganization")]),
    ("zones", &[("create", "createZone")]),
    (
        "service_accounts",
        &[
            ("create", "createServiceAccount"),
            ("read", "getServiceAccount"),
            ("update", "updateServiceAccount"),
            ("delete", "deleteServiceAccount"),
        ],
    ),
    (
        "credentials",
        &[
            ("create", "createCredential"),
            ("read", "getCredential"),
            ("update", "updateCredential"),
            ("delete", "deleteCredential"),
        ],
    ),
    ("roles", &[("read", "getRoles"), ("update", "putRoles")]),
];

/// What the caller may do with the target and all in it: what the server's own rules say to each operation.
pub(crate) async fn of(service: &Service, principal: &Principal, target: Target) -> Result<Permissions, Error> {
    let kinds = match target {
        Target::Zone(_) => ZONE,
        Target::Organization(_) | Target::Server => ORGANIZATION,
    };
    let mut permissions = Permissions::new();
    for (kind, actions) in kinds {
        for (action, operation) in *actions {
            let may = service.may(principal, operation, target).await?;
            permissions.entry(*kind).or_default().insert(*action, may);
        }
    }
    Ok(permissions)
}
