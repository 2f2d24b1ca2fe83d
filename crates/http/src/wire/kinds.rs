//! Schemas of the values that stand in many objects. They exist only in the `OpenAPI` document: the values themselves
//! are types of the model, so a schema here is built from the model's own words and cannot drift from them.

use std::borrow::Cow;

use cedarkeep_model as model;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        RefOr,
        schema::{KnownFormat, Object, ObjectBuilder, Ref, Schema, SchemaFormat, Type},
    },
};

macro_rules! kind {
    ($(#[$doc:meta])* $name:ident => $schema:expr) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                Schema::Object($schema.build()).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    };
}

pub(crate) use kind;

fn text(description: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(description))
}

fn words<W: ToString>(description: &str, words: &[W]) -> ObjectBuilder {
    text(description).enum_values(Some(words.iter().map(ToString::to_string)))
}

kind!(
    /// An id.
    Id => text("A UUID (version 7) in lower-case hyphenated form.")
        .format(Some(SchemaFormat::Custom("uuid".to_owned())))
        .examples(["0197a1f0-3c5e-7d1b-8f00-2b6d0e4c9a11"])
);
kind!(
    /// A moment.
    Timestamp => text("A moment in UTC, RFC 3339 with microseconds.")
        .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
        .examples(["2026-03-16T09:30:00.000000Z"])
);
kind!(
    /// Bytes.
    Bytes => text("Bytes as they are.").format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary)))
);
kind!(
    /// A digest.
    Sha256 => text("SHA-256 as lower-case hex.")
        .pattern(Some("^[0-9a-f]{64}$"))
        .examples(["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"])
);
kind!(
    /// A name.
    Name => text("1 to 200 characters; no control characters, no HTML tags, no white space at the ends.")
        .min_length(Some(1)).max_length(Some(200))
);
kind!(
    /// A description.
    Description => text("Up to 2,000 characters; no control characters but line breaks and tabs, no HTML tags.")
        .max_length(Some(2_000))
);
kind!(
    /// A slug.
    Slug => text("A URL-safe name, unique in the organization.").pattern(Some("^[a-z0-9][a-z0-9-]{0,62}$"))
);
kind!(
    /// The version of a schema.
    SchemaVersionName => text("The version of a policy schema.")
        .pattern(Some("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")).examples(["2026-03-16"])
);
kind!(
    /// Who manages an object.
    OwnerType => words(
        "Who manages the object: `platform` is shipped with the server and read-only, `customer` is the zone's own.",
        model::OwnerType::ALL,
    )
);
kind!(
    /// The slot a set is made for.
    ScopeType => words("The slot of a decision that a policy set is made for.", model::ScopeType::ALL)
);
kind!(
    /// What a service account may do.
    Role => words(
        "What somebody may do in a zone, or in all zones of an organization; `schemas/access.cedar` says what each may.",
        model::Role::ALL,
    )
);
kind!(
    /// How a credential is presented.
    CredentialKind => words(
        "`client_secret`: for an access token; `api_key`: with each request, as a bearer or in `X-API-Key`.",
        model::CredentialKind::ALL,
    )
);
kind!(
    /// What a set targets.
    TargetType => words(
        "What a policy set targets. For sets of scope `resource` and `session` it says `zone`; `scope_type` is the truth.",
        model::TargetType::ALL,
    )
);
kind!(
    /// What a binding does.
    BindingMode => words(
        "`active` decides; `shadow` is evaluated beside it and never changes a decision.",
        model::BindingMode::ALL,
    )
);
kind!(
    /// What may be done with a schema version.
    SchemaStatus => words(
        "`active` and `deprecated` accept new policy versions, `archived` does not; what is pinned to it still decides.",
        model::SchemaStatus::ALL,
    )
);
kind!(
    /// Whether publishing validates.
    ValidationMode => words("Whether publishing validates policies against the schema.", model::ValidationMode::ALL)
);
kind!(
    /// How slots combine.
    ScopeCombination => words(
        "`intersect`: every slot with a binding must allow. `union`: the policies of zone and resource slots are taken \
         together, user and session slots still narrow.",
        model::ScopeCombination::ALL,
    )
);
kind!(
    /// What an erring `forbid` does.
    ForbidErrorRule => words(
        "What a `forbid` that errors does: `deny` its slot, or be skipped as `cedar` does.",
        model::ForbidErrorRule::ALL,
    )
);
kind!(
    /// The life of a signing key.
    KeyState => words(
        "`pending`: published, not signing yet; `signing`: the one that signs; `retired`: published, no longer signing; \
         `revoked`: no longer published, and what it signed is no longer good.",
        model::KeyState::ALL,
    )
);
kind!(
    /// What callers may say about entities.
    RequestEntities => words(
        "What a decision request may say about entities: `extend` what the zone holds, `replace` it, or `refuse`.",
        model::RequestEntities::ALL,
    )
);
kind!(
    /// Which decisions are logged.
    DecisionLogMode => words(
        "Which decisions are logged: none (`off`), a sample (`sampled`, `decision_log_sample_percent`), or `all`.",
        model::DecisionLogMode::ALL,
    )
);
kind!(
    /// A Cedar uid.
    EntityUid => ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::SchemaType::from_iter([Type::String, Type::Object]))
        .description(Some("A Cedar entity uid: `{\"type\": \"User\", \"id\": \"alice\"}` or `\"User::\\\"alice\\\"\"`."))
);

/// A reference to the schema of a kind.
pub(crate) fn reference<T: ToSchema>() -> RefOr<Schema> {
    Ref::from_schema_name(T::name()).into()
}

/// A value of a bare type.
pub(crate) fn bare(of: Type) -> RefOr<Schema> {
    Schema::Object(Object::with_type(of)).into()
}

/// An object described member by member: name, schema, meaning. A name that ends in `?` may be absent.
pub(crate) fn members(description: &str, members: Vec<(&str, RefOr<Schema>, &str)>) -> ObjectBuilder {
    let object = ObjectBuilder::new().schema_type(Type::Object).description(Some(description));
    members.into_iter().fold(object, |object, (name, schema, meaning)| {
        let described = described(schema, meaning);
        match name.strip_suffix('?') {
            Some(optional) => object.property(optional, described),
            None => object.property(name, described).required(name),
        }
    })
}

fn described(schema: RefOr<Schema>, meaning: &str) -> RefOr<Schema> {
    match schema {
        RefOr::Ref(mut reference) => {
            meaning.clone_into(&mut reference.description);
            RefOr::Ref(reference)
        }
        RefOr::T(Schema::Object(mut object)) => {
            object.description = Some(meaning.to_owned());
            Schema::Object(object).into()
        }
        RefOr::T(Schema::Array(mut array)) => {
            array.description = Some(meaning.to_owned());
            Schema::Array(array).into()
        }
        other @ RefOr::T(_) => other,
    }
}
