//! What a caller may do in a zone, as `expand[]=permissions` tells it.

use crate::wire::Permissions;

/// Actions by kind of object, in the words of the routes.
const ACTIONS: [(&str, &[&str]); 11] = [
    ("zones", &["read", "update", "delete"]),
    ("policy_schemas", &["create", "read", "update"]),
    ("policies", &["create", "read", "update", "archive"]),
    ("policy_versions", &["create", "read", "archive"]),
    ("policy_drafts", &["read", "update", "delete", "publish"]),
    ("policy_sets", &["create", "read", "update", "archive"]),
    ("policy_set_versions", &["create", "read", "activate", "archive"]),
    ("policy_set_drafts", &["read", "update", "delete", "publish"]),
    ("user_tokens", &["create", "read", "delete"]),
    ("entities", &["read", "update", "delete"]),
    ("decisions", &["authorize", "read", "test"]),
];

/// All of them: whoever reaches a zone is an administrator, since users reach nothing but their bundles.
pub(crate) fn of_an_administrator() -> Permissions {
    let all = |actions: &[&'static str]| actions.iter().map(|action| (*action, true)).collect();
    ACTIONS.iter().map(|(kind, actions)| (*kind, all(actions))).collect()
}
