//! The largest policies that may be published.

use cedarkeep_cedar::MAX_POLICY_BYTES;

/// A policy as large as a version may be, for the schema of [`in_process`](crate::in_process::SCHEMA): statements that
/// every request meets, each with a condition to be typed. No two of different numbers are the same.
#[must_use]
pub fn largest_policy(number: usize) -> String {
    let statement = |at: usize| {
        format!(
            "permit (principal, action, resource) when {{ resource.level <= principal.level + {number:06} && \
             resource.owner == User::\"{at:06}\" }};\n"
        )
    };
    (0..MAX_POLICY_BYTES / statement(0).len()).map(statement).collect()
}
