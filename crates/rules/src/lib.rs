//! Policies for people who do not write Cedar: rules that say which permissions on which paths are allowed or denied under
//! which conditions, and their compiler to Cedar. No I/O, no clock.
//!
//! **What a policy says.** It speaks of the identities that are bound to it, as long as their bindings last. Of its rules
//! those are tried whose path, permissions and conditions match, lowest priority number first, a deny before an allow of
//! the same number; the first decides. When none matches, its default action is what it says: `deny` there says nothing,
//! so that another policy may allow. Across policies a deny wins, and what nobody allows is denied.
//!
//! [`RulePolicy::read`] takes a document, strictly; [`compile`] makes the statements of Cedar; [`read_compiled`] has
//! Cedar read and print them; [`Access`] is a request as the compiled policies ask for it.

mod access;
mod binding;
mod cidr;
mod compile;
mod condition;
mod error;
mod expression;
mod fields;
mod matching;
mod obligations;
mod path;
mod permission;
mod policy;
mod rate_limit;
mod rule;

pub use access::Access;
pub use binding::{Binding, Identity, IdentityKind, MAX_BINDINGS, MAX_IDENTITY_BYTES};
pub use cidr::Cidr;
pub use compile::{DEFAULT_RULE, GUARD, compile, compile_guard, read_compiled};
pub use condition::{
    AttributeText, Conditions, MAX_ATTRIBUTE_BYTES, MAX_ATTRIBUTES, MAX_IP_RANGES, MFA_MINUTES, RESERVED, TimeWindow,
};
pub use error::InvalidRules;
pub use obligations::Obligations;
pub use path::{AccessPath, InvalidPath, MAX_PATH_BYTES, MAX_STARS, PathPattern};
pub use permission::{Permission, UnknownPermission};
pub use policy::{MAX_DURATION_SECONDS, MAX_PRIORITY, MAX_RULES, RulePolicy, Scope};
pub use rate_limit::{Period, RateLimit};
pub use rule::{Rule, RuleAction};

/// The version under which a zone has [`SCHEMA`].
pub const SCHEMA_VERSION: &str = "rules-1";

/// The schema that compiled policies are valid against.
pub const SCHEMA: &str = include_str!("../../../schemas/rules-1.cedarschema");

/// The namespace of its names.
const NAMESPACE: &str = "Rules";

#[cfg(test)]
mod equivalence;
#[cfg(test)]
mod testing;
