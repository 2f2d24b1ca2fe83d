//! The one error of the service. It knows no HTTP: the `http` crate maps [`Code`] to status codes.

use std::fmt;

use cedarkeep_attest::AttestError;
use cedarkeep_cedar::PoolError;
use cedarkeep_store::{StoreError, Unique};
use serde_json::{Map, Value};

macro_rules! codes {
    ($($(#[$doc:meta])* $code:ident => $text:literal),+ $(,)?) => {
        /// What went wrong, as a closed list. The spelling is part of the API.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $code),+ }

        impl Code {
            /// Every code, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$code),+];

            /// The spelling on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$code => $text),+ }
            }
        }
    };
}

codes!(
    /// The request is not of the right form.
    BadRequest => "bad_request",
    /// A field that this server does not support.
    UnsupportedField => "unsupported_field",
    /// A cursor that is not ours, or of another list or filter.
    InvalidCursor => "invalid_cursor",
    /// A filter value that is not one of those allowed.
    InvalidFilter => "invalid_filter",
    /// The body is not acceptable JSON.
    InvalidJson => "invalid_json",
    /// An archive that is not a bundle.
    BundleInvalid => "bundle_invalid",
    /// Neither policy text nor policy JSON, or both, or nothing but comments.
    MissingCedarContent => "missing_cedar_content",
    /// No credential, or not a valid one.
    Unauthenticated => "unauthenticated",
    /// The caller may not do this.
    Forbidden => "forbidden",
    /// The tenant named does not match the credential.
    TenantMismatch => "tenant_mismatch",
    /// Shipped with the server and read-only.
    PlatformOwned => "platform_owned",
    /// There is no such thing in this zone.
    NotFound => "not_found",
    /// The slot is taken by something that this operation must not replace.
    SlotTaken => "slot_taken",
    /// Another zone of the organization has this slug.
    ZoneSlugConflict => "zone_slug_conflict",
    /// The zone's deletion protection is on.
    DeletionProtected => "deletion_protected",
    /// Another living policy has this name.
    PolicyNameConflict => "policy_name_conflict",
    /// Another living policy set has this name.
    PolicySetNameConflict => "policy_set_name_conflict",
    /// The schema version exists already.
    SchemaVersionConflict => "schema_version_conflict",
    /// The policy is archived.
    PolicyArchived => "policy_archived",
    /// The policy set is archived.
    PolicySetArchived => "policy_set_archived",
    /// The version is archived.
    VersionArchived => "version_archived",
    /// A binding points at the version, or at a set version that pins it.
    VersionBound => "version_bound",
    /// A binding points at a version of the set.
    PolicySetBound => "policy_set_bound",
    /// A key is published already and waits to sign.
    KeyPending => "key_pending",
    /// A request with this idempotency key is under way.
    IdempotencyConflict => "idempotency_conflict",
    /// The idempotency key was used with another body.
    IdempotencyMismatch => "idempotency_mismatch",
    /// The object is no longer what the caller saw.
    PreconditionFailed => "precondition_failed",
    /// Larger than allowed.
    TooLarge => "too_large",
    /// No answer can be given in a form that the caller accepts.
    NotAcceptable => "not_acceptable",
    /// A body of a type that is not accepted.
    UnsupportedMediaType => "unsupported_media_type",
    /// Too many requests.
    RateLimited => "rate_limited",
    /// Not readable as Cedar.
    InvalidCedar => "invalid_cedar",
    /// Does not fit the schema.
    SchemaValidationFailed => "schema_validation_failed",
    /// A pinned version was validated against another schema version.
    SchemaVersionMismatch => "schema_version_mismatch",
    /// The schema version is archived.
    SchemaVersionArchived => "schema_version_archived",
    /// The zone has no such schema version.
    SchemaVersionNotFound => "schema_version_not_found",
    /// A policy stands in the manifest twice.
    ManifestDuplicatePolicy => "manifest_duplicate_policy",
    /// The manifest has no entry.
    ManifestEmpty => "manifest_empty",
    /// The zone has no such policy version.
    PolicyVersionNotFound => "policy_version_not_found",
    /// The digest given is not the stored one.
    ShaMismatch => "sha_mismatch",
    /// A decision request that does not fit the schema or the rules for entities.
    InvalidRequest => "invalid_request",
    /// Stored content does not have the digest or the signature that it should have.
    IntegrityError => "integrity_error",
    /// Not now.
    Unavailable => "unavailable",
    /// The answer took longer than the server waits for one.
    DeadlineExceeded => "deadline_exceeded",
    /// A fault of this server.
    Internal => "internal",
);

impl Code {
    /// Whether the same request may succeed a little later without anybody changing anything.
    #[must_use]
    pub const fn retryable(self) -> bool {
        matches!(self, Self::IdempotencyConflict | Self::RateLimited | Self::Unavailable | Self::DeadlineExceeded)
    }
}

/// What an operation answers instead of its result.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: String,
    details: Map<String, Value>,
    notices: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error with its public message: what is wrong, and what would be right.
    #[must_use]
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self(Box::new(Inner { code, message, details: Map::new(), notices: Vec::new(), source: None }))
    }

    /// There is no such thing in this zone; the same for what belongs to another zone.
    #[must_use]
    pub fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("there is no such {what}"))
    }

    /// With members for machines.
    #[must_use]
    pub fn with_details(mut self, details: Map<String, Value>) -> Self {
        self.0.details = details;
        self
    }

    /// With one more member for machines.
    #[must_use]
    pub fn with_detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.details.insert(name.to_owned(), value.into());
        self
    }

    /// With findings for people, one line each.
    #[must_use]
    pub fn with_notices(mut self, notices: Vec<String>) -> Self {
        self.0.notices = notices;
        self
    }

    /// Whether a transaction has lost to another one, so that the same once more may succeed.
    pub(crate) fn is_lost(&self) -> bool {
        let source = self.0.source.as_ref().and_then(|source| source.downcast_ref::<StoreError>());
        // Who finds the idempotency key taken will find the other's answer.
        matches!(source, Some(StoreError::Lost(_) | StoreError::Taken(Unique::IdempotencyKey)))
    }

    /// Whether the store could not be asked.
    pub(crate) fn is_unreachable(&self) -> bool {
        let source = self.0.source.as_ref().and_then(|source| source.downcast_ref::<StoreError>());
        matches!(source, Some(StoreError::Unavailable(_) | StoreError::Schema(_)))
    }

    /// With its cause, for the log alone.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What is wrong, and what would be right.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Members for machines.
    #[must_use]
    pub fn details(&self) -> &Map<String, Value> {
        &self.0.details
    }

    /// Findings for people.
    #[must_use]
    pub fn notices(&self) -> &[String] {
        &self.0.notices
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.as_str(), self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.0.code)
            .field("message", &self.0.message)
            .field("notices", &self.0.notices)
            .field("source", &self.0.source)
            .finish_non_exhaustive()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn std::error::Error + 'static))
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        let public = match &error {
            StoreError::Taken(Unique::ZoneSlug) => {
                Self::new(Code::ZoneSlugConflict, "another zone of the organization has this slug; choose another")
            }
            StoreError::Taken(Unique::OrganizationLabel) => Self::new(
                Code::Unavailable,
                "another organization took the label that was made from this name at the same moment; try again",
            ),
            StoreError::Taken(Unique::PolicyName) => Self::new(
                Code::PolicyNameConflict,
                "another policy of the zone has this name; choose another, or archive that policy",
            ),
            StoreError::Taken(Unique::PolicySetName) => Self::new(
                Code::PolicySetNameConflict,
                "another policy set of the zone has this name; choose another, or archive that set",
            ),
            StoreError::Taken(Unique::SchemaVersion) => Self::new(
                Code::SchemaVersionConflict,
                "the zone has this schema version already, and versions never change; choose another version",
            ),
            StoreError::Taken(Unique::IdempotencyKey | Unique::Other)
            | StoreError::Unavailable(_)
            | StoreError::Lost(_) => {
                Self::new(Code::Unavailable, "the store is not available at the moment; try again")
            }
            StoreError::Refused(reason) => Self::new(Code::BadRequest, *reason),
            StoreError::Damaged(_) => Self::new(Code::IntegrityError, "stored data is damaged"),
            StoreError::ReadOnly => Self::new(
                Code::Unavailable,
                "the store is read-only for the time being, because it is being moved or backed up; reading and deciding \
                 go on; try again later",
            ),
            StoreError::Schema(_) => Self::new(Code::Unavailable, "the store is not ready"),
        };
        public.with_source(error)
    }
}

impl From<AttestError> for Error {
    fn from(error: AttestError) -> Self {
        Self::new(Code::Internal, "a cryptographic operation failed").with_source(error)
    }
}

impl From<PoolError> for Error {
    fn from(error: PoolError) -> Self {
        Self::new(Code::Unavailable, "the policy engine could not take the work; try again").with_source(error)
    }
}

impl From<serde_json::Error> for Error {
    /// Of values that we made ourselves; what clients send is checked where it comes in.
    fn from(error: serde_json::Error) -> Self {
        Self::new(Code::Internal, "a value could not be written as JSON").with_source(error)
    }
}
