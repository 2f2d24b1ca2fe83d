//! Who may call: organizations, their service accounts, what these prove themselves with, and the roles they hold.

use serde::{Deserialize, Serialize};

use crate::{CredentialId, Description, Name, OrganizationId, ServiceAccountId, Slug, Timestamp, ZoneId, text::word};

/// An organization: it owns zones and service accounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Organization {
    /// Its id.
    pub id: OrganizationId,
    /// Its name.
    pub name: Name,
    /// A part of addresses, made from the first name; it never changes.
    pub label: Slug,
    /// Counts its changes.
    pub object_revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl Organization {
    /// The entity tag.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.object_revision)
    }
}

/// A program that calls: a pipeline, an enforcement point, a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceAccount {
    /// Its id.
    pub id: ServiceAccountId,
    /// The organization that it belongs to.
    pub organization_id: OrganizationId,
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// The person who answers for it: what it does counts as this person's where two persons are demanded. Without one
    /// it counts as a person of its own.
    pub owner: Option<String>,
    /// Counts its changes, those of its roles too.
    pub object_revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl ServiceAccount {
    /// The entity tag.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.object_revision)
    }

    /// The id under which it stands in `created_by`, in events and in statements.
    #[must_use]
    pub fn principal(&self) -> String {
        format!("{SERVICE_ACCOUNT}{}", self.id)
    }
}

/// What the principal id of a service account begins with.
pub const SERVICE_ACCOUNT: &str = "service-account:";

word!(
    /// How a credential is presented.
    CredentialKind {
        /// A client id and a secret, for an access token (RFC 6749, section 4.4).
        ClientSecret => "client_secret",
        /// One text, presented with each request: for clients that know nothing but a bearer.
        ApiKey => "api_key",
    }
);

/// What a service account proves itself with. The secret itself is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its id.
    pub id: CredentialId,
    /// The organization.
    pub organization_id: OrganizationId,
    /// The service account.
    pub service_account_id: ServiceAccountId,
    /// How it is presented.
    pub kind: CredentialKind,
    /// Its name.
    pub name: Name,
    /// What it is for.
    pub description: Option<Description>,
    /// Counts its changes.
    pub object_revision: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// By whom.
    pub created_by: String,
    /// From when it is no longer good; never when absent.
    pub expires_at: Option<Timestamp>,
    /// About when it was last used.
    pub last_used_at: Option<Timestamp>,
}

impl Credential {
    /// The entity tag.
    #[must_use]
    pub fn etag(&self) -> String {
        format!("\"{}\"", self.object_revision)
    }

    /// Whether it is good at this moment.
    #[must_use]
    pub fn is_good(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|expires| now < expires)
    }
}

word!(
    /// What somebody may do in a zone, or in all zones of an organization. What each may is said by the policies in
    /// `schemas/access.cedar`.
    Role {
        /// Everything in the organization or the zone, its accounts and its deletion too.
        Owner => "owner",
        /// Everything but accounts, deletion and the rule of two persons.
        Administrator => "administrator",
        /// Policies, drafts, versions and schemas; nothing of it decides before somebody activates it.
        Author => "author",
        /// Which version decides.
        Activator => "activator",
        /// Reads everything, changes nothing.
        Auditor => "auditor",
        /// Asks for decisions, and nothing else.
        Decider => "decider",
    }
);

/// A role that a service account holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RoleGrant {
    /// Which role.
    pub role: Role,
    /// In this zone; in the whole organization when absent.
    pub zone_id: Option<ZoneId>,
}

word!(
    /// What happened in an organization.
    OrganizationEventKind {
        /// The organization was made.
        OrganizationCreated => "organization.created",
        /// Its name changed.
        OrganizationUpdated => "organization.updated",
        /// A service account was made.
        ServiceAccountCreated => "service_account.created",
        /// Its name, description or owner changed.
        ServiceAccountUpdated => "service_account.updated",
        /// It was deleted with its credentials and roles.
        ServiceAccountDeleted => "service_account.deleted",
        /// The roles that it holds were replaced.
        RolesReplaced => "service_account.roles_replaced",
        /// A credential was made.
        CredentialCreated => "credential.created",
        /// Its name or description changed.
        CredentialUpdated => "credential.updated",
        /// It was taken back.
        CredentialDeleted => "credential.deleted",
    }
);

/// A change in an organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationEvent {
    /// The organization.
    pub organization_id: OrganizationId,
    /// Its number, from 1 without gaps.
    pub seq: u64,
    /// What happened.
    pub kind: OrganizationEventKind,
    /// Who did it.
    pub actor: String,
    /// When.
    pub at: Timestamp,
    /// What exactly.
    pub body: serde_json::Value,
}
