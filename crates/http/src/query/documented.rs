//! The query parameters as the `OpenAPI` document describes them.

use cedarkeep_model::{BindingMode, OwnerType, ScopeType, TargetType};
use utoipa::{
    IntoParams, PartialSchema as _,
    openapi::{
        Array, Deprecated, ObjectBuilder, RefOr, Required, Schema,
        path::{Parameter, ParameterBuilder, ParameterIn},
        schema::Type,
    },
};

use super::{Expand, Format, Sort};
use crate::wire::kinds;

/// Declares a set of parameters: other sets that it includes, then its own.
macro_rules! parameters {
    ($(#[$doc:meta])* $name:ident: $($included:ident)* [$($parameter:expr),* $(,)?]) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl IntoParams for $name {
            fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
                let mut all: Vec<Parameter> = Vec::new();
                $(all.extend($included::into_params(|| None));)*
                all.extend([$($parameter.build()),*]);
                all
            }
        }
    };
}

fn query(name: &str, schema: impl Into<RefOr<Schema>>, meaning: &str) -> ParameterBuilder {
    let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query).required(Required::False);
    parameter.schema(Some(schema)).description(Some(meaning))
}

/// A deprecated twin.
fn deprecated(name: &str, schema: impl Into<RefOr<Schema>>, instead: &str) -> ParameterBuilder {
    let meaning = format!("Use `{instead}`; where both are given they must agree.");
    query(name, schema, &meaning).deprecated(Some(Deprecated::True))
}

fn of(kind: Type) -> Schema {
    Schema::Object(ObjectBuilder::new().schema_type(kind).build())
}

fn words<W: ToString>(words: &[W]) -> Schema {
    let words = words.iter().map(ToString::to_string);
    Schema::Object(ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build())
}

fn many(item: Schema) -> Schema {
    Schema::Array(Array::new(item))
}

fn expand(words_: &[Expand]) -> ParameterBuilder {
    query("expand[]", many(words(words_)), "What to answer beside the objects. Also spelled `expand`.")
}

fn archived() -> ParameterBuilder {
    let meaning = "Archived objects: left out unless `true` (only them) or `any`.";
    query("filter[archived]", words(&["true", "false", "any"]), meaning)
}

fn terms(name: &str, meaning: &str) -> ParameterBuilder {
    query(name, many(of(Type::String)), meaning)
}

fn page_size() -> Schema {
    let schema = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1)).maximum(Some(100));
    Schema::Object(schema.default(Some(50.into())).build())
}

fn format() -> ParameterBuilder {
    query("format", words(&[Format::Cedar, Format::Json]), "Narrows the answer to one representation.")
}

fn sort() -> ParameterBuilder {
    query("sort", words(&[Sort::CreatedAt]), "By what to sort.")
}

const COUNT_USER: [Expand; 2] = [Expand::TotalCount, Expand::User];
const COUNT_PERMISSIONS: [Expand; 3] = [Expand::TotalCount, Expand::Permissions, Expand::User];

parameters!(
    /// Cursors, `limit` and `order`.
    PageParameters: [
        query("after", of(Type::String), "The page after this cursor. Excludes `before`."),
        query("before", of(Type::String), "The page before this cursor. Excludes `after`."),
        query("limit", page_size(), "The most objects on the page."),
        query("order", words(&["asc", "desc"]), "The direction; newest first unless asked otherwise."),
    ]
);
parameters!(
    /// Of a single object.
    SingleParameters: [expand(&[Expand::User])]
);
parameters!(
    /// Of content in two representations.
    FormatParameter: [format()]
);
parameters!(
    /// Of a zone.
    ZoneParameters: [expand(&[Expand::Permissions, Expand::User])]
);
parameters!(
    /// Of the list of zones.
    ZoneListParameters: PageParameters [
        sort(),
        expand(&COUNT_PERMISSIONS),
        query("slug", of(Type::String), "Only the zone with this slug."),
        query("filter[organization_id]", of(Type::String), "Only zones of this organization."),
        deprecated("cursor", of(Type::String), "after"),
    ]
);
parameters!(
    /// Of the list of schemas.
    SchemaParameters: PageParameters [
        sort(),
        expand(&COUNT_USER),
        format(),
        query("filter[default]", of(Type::Boolean), "Only the default schema, or only the others."),
        deprecated("is_default", of(Type::Boolean), "filter[default]"),
    ]
);
parameters!(
    /// Of the list of policies.
    PolicyParameters: PageParameters [
        sort(),
        expand(&COUNT_USER),
        query("filter[id]", many(of(Type::String)),
            "Only these, up to 100; ids that the zone does not have are left out. Excludes cursors."),
        query("filter[owner_type]", many(words(OwnerType::ALL)), "Only of these owners."),
        archived(),
        terms("query", "Only with one of these in name or description, whatever the case."),
        terms("query[name]", "Only with one of these in the name."),
        terms("query[description]", "Only with one of these in the description."),
    ]
);
parameters!(
    /// Of the list of policy sets.
    PolicySetParameters: PageParameters [
        query("sort", words(&[Sort::CreatedAt, Sort::Status]), "`status`: active first; only descending and forward."),
        expand(&COUNT_USER),
        query("filter[owner_type]", many(words(OwnerType::ALL)), "Only of these owners."),
        query("filter[target_type]", many(words(TargetType::ALL)), "Only for these targets; `zone` unless asked otherwise."),
        query("filter[scope_type]", many(words(ScopeType::ALL)),
            "Only of these scopes; where `filter[target_type]` is given too they must agree."),
        query("filter[active]", of(Type::Boolean), "Only with, or only without an active binding."),
        deprecated("active", of(Type::Boolean), "filter[active]"),
        archived(),
        terms("query", "Only with one of these in the name, whatever the case."),
        terms("query[name]", "The same."),
    ]
);
parameters!(
    /// Of the list of bindings.
    BindingParameters: PageParameters [
        sort(),
        expand(&[Expand::TotalCount]),
        query("filter[policy_set_id]", many(of(Type::String)), "Only of versions of these sets."),
        query("filter[mode]", many(words(BindingMode::ALL)), "Only of these modes."),
        query("filter[scope_type]", many(words(ScopeType::ALL)), "Only of these scopes."),
        query("filter[scope_target_id]", many(of(Type::String)), "Only of these targets."),
    ]
);
parameters!(
    /// Of the list of user tokens.
    UserTokenParameters: PageParameters [sort(), expand(&[Expand::TotalCount])]
);
parameters!(
    /// Of lists of organizations and of what is in them.
    AccountParameters: PageParameters [sort(), expand(&[Expand::TotalCount, Expand::Permissions])]
);
parameters!(
    /// Of an organization, and of what is in it.
    AccountParameter: [expand(&[Expand::TotalCount, Expand::Permissions])]
);
parameters!(
    /// Of the list of logged decisions.
    DecisionParameters: PageParameters [
        sort(),
        query("filter[decision]", words(&["allow", "deny"]), "Only those that allowed, or only those that denied."),
        query("filter[principal]", of(Type::String), "Only of this principal, a uid such as `User::\"alice\"`."),
        query("filter[action]", of(Type::String), "Only of this action, a uid."),
        query("filter[resource]", of(Type::String), "Only of this resource, a uid."),
        query("filter[policy_set_version_id]", of(Type::String),
            "Only those that this version had a part in; as a shadow it had none."),
        query("from", kinds::Timestamp::schema(), "Only from this moment on."),
        query("to", kinds::Timestamp::schema(), "Only from before this moment."),
    ]
);
parameters!(
    /// Of the list of shadow divergences.
    DivergenceParameters: PageParameters [
        query("filter[policy_set_version_id]", of(Type::String), "Only of this shadow version."),
    ]
);
parameters!(
    /// Of a list of versions.
    VersionParameters: PageParameters [sort(), expand(&COUNT_USER), archived()]
);
parameters!(
    /// Of the policies in a policy set version.
    SetVersionPolicyParameters: PageParameters [
        query("sort", words(&[Sort::CreatedAt]), "By what to sort; by `policy_id` ascending unless this or `order` is given."),
        expand(&COUNT_USER),
        format(),
    ]
);
parameters!(
    /// Of the policies in the draft of a policy set.
    DraftPolicyParameters: PageParameters [expand(&COUNT_USER), format()]
);
parameters!(
    /// Of the list of entities.
    EntityParameters: PageParameters [
        expand(&[Expand::TotalCount]),
        query("filter[type]", of(Type::String), "Only of this type, its namespace included."),
    ]
);
parameters!(
    /// Of the list of events.
    EventParameters: PageParameters [
        expand(&[Expand::TotalCount]),
        query("after_seq", of(Type::Integer), "Only events with greater numbers, ascending; excludes cursors and `order`."),
    ]
);
