//! The schemas that a new zone starts with.

/// Version and text of each, oldest first; the last is a new zone's default.
pub const BUILT_IN_SCHEMAS: &[(&str, &str)] = &[
    ("2026-02-24", include_str!("../../../schemas/2026-02-24.cedarschema")),
    ("2026-03-16", include_str!("../../../schemas/2026-03-16.cedarschema")),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Compiler, Given, load_schema, read_schema,
        testing::{on_pool, pinned_text},
    };

    /// In the manner of the policies that people write for such a service.
    const POLICIES: &[&str] = &[
        r#"@id("staff") permit (principal is Keycard::User, action, resource is Keycard::Resource)
           when { principal.email like "*@example.com" && principal.groups.contains("staff") };"#,
        r"permit (principal is Keycard::Application, action, resource)
           when { context.on_behalf == true && principal.dependencies.contains(resource) };",
        r#"forbid (principal is Keycard::Application, action, resource is Keycard::Resource)
           when { principal.identifier == "worker" && resource.identifier == "https://db.example.com" };"#,
        r#"@id("no-delete") forbid (principal is Keycard::Application, action, resource)
           when { resource has identifier && resource.identifier == "https://mcp.example.com" &&
                  context has scopes && context.scopes.contains("raffle:delete") };"#,
        r#"permit (principal in Keycard::User::"u1", action, resource)
           when { context has scopes && context.scopes.contains("sql:read") };"#,
        r#"permit (principal is Keycard::Application, action, resource)
           when { principal.identifier == "background" && context.impersonate == true &&
                  context has subject && context.subject.identifier == "user@example.com" };"#,
        r#"forbid (principal, action in Keycard::Action::"any", resource)
           unless { context has claims && context.claims.hasTag("department") && context.claims.getTag("department") == "it" };"#,
        r#"forbid (principal is Keycard::User, action == Keycard::Action::"delegate", resource)
           when { context has claims && context.claims has issuer_claims.amr && !context.claims.issuer_claims.amr.contains("mfa") };"#,
    ];

    const WITH_ENUMS: &str = r#"permit (principal is Keycard::Application, action, resource)
        when { principal.registration_method == Keycard::RegistrationMethod::"managed" &&
               principal.credential_type == Keycard::CredentialType::"public-key" };"#;
    const WITH_STRINGS: &str = r#"permit (principal is Keycard::Application, action, resource)
        when { principal.registration_method == "managed" && principal.credential_type == "public-key" };"#;

    #[test]
    fn realistic_policies_validate_against_each() {
        on_pool(|| {
            for (version, text) in BUILT_IN_SCHEMAS {
                let content = read_schema(Given::Text(text)).unwrap();
                let schema = load_schema(&content.cedar_schema_json, content.schema_sha).unwrap();
                let check = |policy: &str| Compiler::new(0).validate(&[pinned_text(1, policy)], &schema).unwrap();
                for policy in POLICIES {
                    let findings = check(policy);
                    assert!(
                        findings.errors.is_empty() && findings.warnings.is_empty(),
                        "{version}: {policy}: {findings:?}"
                    );
                }
                let enums = *version >= "2026-03-16";
                assert_eq!(check(WITH_ENUMS).errors.is_empty(), enums, "{version}");
                assert_eq!(check(WITH_STRINGS).errors.is_empty(), !enums, "{version}");
            }
        });
    }
}
