//! Rows as they are moved from one store to another: the same words and the same bytes on every engine.
//!
//! A row of this kind is what an engine keeps, not what it means: nothing is read into it and nothing is lost from it.
//! What an engine derives from other members (texts in lower case, hashes to look things up by, the entries of a manifest
//! a row each) is no member: whoever takes a row in derives it anew.

use cedarkeep_model::ZoneId;

/// The value of a member.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    /// None.
    Null,
    /// A counter, a flag (0 or 1), or a moment in unix microseconds.
    Number(i64),
    /// A text: an id, a word, a digest, a name, or JSON whose every byte counts.
    Text(String),
    /// Sealed bytes.
    Bytes(Vec<u8>),
}

/// What values a member may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CellType {
    /// [`Cell::Number`].
    Number,
    /// [`Cell::Text`].
    Text,
    /// [`Cell::Bytes`].
    Bytes,
}

/// A member of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub holds: CellType,
    /// Whether it may be [`Cell::Null`].
    pub nullable: bool,
}

const fn member(name: &'static str, holds: CellType, nullable: bool) -> Member {
    Member { name, holds, nullable }
}

/// Declares the kinds: `kind "word" keys: members`, where a member is its name and its type.
macro_rules! kinds {
    (@type $name:ident text) => { member(stringify!($name), CellType::Text, false) };
    (@type $name:ident text_or_null) => { member(stringify!($name), CellType::Text, true) };
    (@type $name:ident number) => { member(stringify!($name), CellType::Number, false) };
    (@type $name:ident number_or_null) => { member(stringify!($name), CellType::Number, true) };
    (@type $name:ident bytes) => { member(stringify!($name), CellType::Bytes, false) };
    ($($(#[$doc:meta])* $kind:ident $word:literal $keys:literal: $($name:ident $holds:ident),+;)+) => {
        /// The kinds of rows, in an order in which each stands behind what it refers to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum RowKind {
            $($(#[$doc])* $kind),+
        }

        impl RowKind {
            /// All of them, in that order.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Its name.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$kind => $word),+ }
            }

            /// The members of its rows. The first of them are the key, by which no two rows are the same.
            #[must_use]
            pub const fn members(self) -> &'static [Member] {
                match self { $(Self::$kind => const { &[$(kinds!(@type $name $holds)),+] }),+ }
            }

            /// How many of them are the key.
            #[must_use]
            pub const fn keys(self) -> usize {
                match self { $(Self::$kind => $keys),+ }
            }
        }
    };
}

kinds! {
    /// A value of the whole installation.
    Meta "meta" 1: key text, value bytes;
    /// An organization.
    Organization "organization" 1: id text, name text, label text, object_revision number, event_seq number,
        created_at number, created_by text, updated_at number;
    /// A service account.
    ServiceAccount "service_account" 2: organization_id text, id text, name text, description text_or_null,
        owner text_or_null, object_revision number, created_at number, created_by text, updated_at number;
    /// A credential of a service account; of the secret a hash under a key that no backup holds.
    Credential "credential" 3: organization_id text, service_account_id text, id text, kind text, secret_mac text, name text,
        description text_or_null, object_revision number, created_at number, created_by text, expires_at number_or_null,
        last_used_at number_or_null;
    /// A role that a service account holds: in the zone, or with an empty id in the whole organization.
    RoleGrant "role_grant" 4: organization_id text, service_account_id text, zone_id text, role text;
    /// An event of an organization.
    OrganizationEvent "organization_event" 2: organization_id text, seq number, kind text, actor text, at number, body text;
    /// A zone; also a deleted one.
    Zone "zone" 1: id text, organization_id text, slug text, name text, description text_or_null, owner_type text, settings text,
        default_schema_version text, object_revision number, revision number, event_seq number, event_sha256 text_or_null,
        data_key bytes, created_at number, created_by text, updated_at number, deleted_at number_or_null;
    /// A schema version.
    Schema "schema" 2: zone_id text, version text, owner_type text, cedar_schema text, cedar_schema_json text,
        schema_sha text, created_at number, created_by text;
    /// What can change of a schema version.
    SchemaState "schema_state" 2: zone_id text, version text, status text, revision number, updated_at number,
        deprecated_at number_or_null, archived_at number_or_null;
    /// A policy.
    Policy "policy" 2: zone_id text, id text, name text, description text_or_null, owner_type text, revision number,
        latest_version number_or_null, latest_version_id text_or_null, latest_schema_version text_or_null, created_at number, created_by text,
        updated_at number, updated_by text_or_null, archived_at number_or_null, archived_by text_or_null;
    /// A policy version.
    PolicyVersion "policy_version" 2: zone_id text, id text, policy_id text, version number, owner_type text,
        schema_version text, sha text, origin text, permits number, created_at number, created_by text, cedar_raw text_or_null,
        cedar_json text;
    /// That a policy version is archived.
    PolicyVersionArchive "policy_version_archive" 2: zone_id text, policy_version_id text, archived_at number,
        archived_by text;
    /// A policy set.
    PolicySet "policy_set" 2: zone_id text, id text, name text, owner_type text, scope_type text, revision number,
        latest_version number_or_null, latest_version_id text_or_null, created_at number, created_by text, updated_at number,
        updated_by text_or_null, archived_at number_or_null, archived_by text_or_null;
    /// A policy set version.
    SetVersion "policy_set_version" 2: zone_id text, id text, policy_set_id text, version number, owner_type text,
        scope_type text, schema_version text, schema_sha text, manifest_sha text, texts_sha text, validation text,
        cedar_version text, created_at number, created_by text, manifest text;
    /// That a policy set version is archived.
    SetVersionArchive "policy_set_version_archive" 2: zone_id text, policy_set_version_id text, archived_at number,
        archived_by text;
    /// The draft of a policy.
    PolicyDraft "policy_draft" 2: zone_id text, policy_id text, schema_version text, origin text_or_null, content text_or_null,
        base_version_id text_or_null, revision number, created_at number, created_by text, updated_at number, updated_by text;
    /// The draft of a policy set.
    SetDraft "policy_set_draft" 2: zone_id text, policy_set_id text, entries text, schema_version text,
        base_version_id text_or_null, name text_or_null, description text_or_null, revision number, created_at number, created_by text,
        updated_at number, updated_by text;
    /// An entity; without a body, that it was deleted.
    Entity "entity" 3: zone_id text, entity_type text, entity_id text, changed_revision number, sha text_or_null, body text_or_null;
    /// A signing key, its private half sealed.
    SigningKey "signing_key" 2: zone_id text, kid text, state text, n text, e text, sealed_private bytes,
        created_at number, created_by text, signs_from number, re_signed_at number_or_null, revoke_requested_at number_or_null,
        revoke_requested_by text_or_null, revoked_seq number_or_null;
    /// An attestation.
    Attestation "attestation" 3: zone_id text, policy_set_version_id text, seq number, status text, kid text,
        protected text, payload text, signature text, created_at number;
    /// That a policy set version was not signed again.
    ReSignRefusal "re_sign_refusal" 3: zone_id text, kid text, policy_set_version_id text, reason text,
        refused_at number;
    /// A binding.
    Binding "binding" 2: zone_id text, id text, mode text, scope_type text, scope_target_id text, policy_set_id text,
        policy_set_version_id text, revision number, created_at number, created_by text;
    /// A decision that a shadow version would have made otherwise.
    Divergence "divergence" 3: zone_id text, decision_id text, scope_type text, at number, scope_target_id text,
        active_version_id text_or_null, shadow_version_id text, active_allowed number, shadow_allowed number, principal text,
        action text, resource text;
    /// What was counted of a shadow version.
    DivergenceTotal "divergence_total" 2: zone_id text, shadow_version_id text, observed number, diverged number,
        would_allow number, failed number;
    /// A token bound to a user.
    UserToken "user_token" 2: zone_id text, id text, token_sha256 text, user_uid text, created_at number,
        created_by text, expires_at number;
    /// That a policy set was made for a user's bundle.
    UserBundleSet "user_bundle_set" 2: zone_id text, policy_set_id text, user_uid text;
    /// That a policy was made for a user's bundle.
    UserBundlePolicy "user_bundle_policy" 2: zone_id text, policy_id text, user_uid text;
    /// An event.
    Event "event" 2: zone_id text, seq number, kind text, actor text, at number, body text, prev_sha256 text_or_null,
        sha256 text;
    /// A logged decision.
    Decision "decision" 2: zone_id text, decision_id text, at number, allowed number, reason text_or_null, revision number,
        principal text, action text, resource text, session text_or_null, body text;
}

impl RowKind {
    /// The kind of this name.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.word() == word)
    }

    /// Whether its rows belong to no zone but to the whole installation.
    #[must_use]
    pub const fn is_of_the_installation(self) -> bool {
        matches!(
            self,
            Self::Meta
                | Self::Organization
                | Self::ServiceAccount
                | Self::Credential
                | Self::RoleGrant
                | Self::OrganizationEvent
        )
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its kind.
    pub kind: RowKind,
    /// The values of its members, in their order.
    pub cells: Vec<Cell>,
}

impl Row {
    /// The values of its key.
    #[must_use]
    pub fn key(&self) -> &[Cell] {
        self.cells.get(..self.kind.keys()).unwrap_or_default()
    }

    /// The value of a member.
    #[must_use]
    pub fn cell(&self, name: &str) -> Option<&Cell> {
        let place = self.kind.members().iter().position(|member| member.name == name)?;
        self.cells.get(place)
    }

    /// The value of a member that is a text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        match self.cell(name) {
            Some(Cell::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The value of a member that is bytes.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        match self.cell(name) {
            Some(Cell::Bytes(bytes)) => Some(bytes),
            _ => None,
        }
    }

    /// Puts another value in the place of a member's.
    pub fn replace(&mut self, name: &str, value: Cell) {
        let place = self.kind.members().iter().position(|member| member.name == name);
        if let Some(cell) = place.and_then(|place| self.cells.get_mut(place)) {
            *cell = value;
        }
    }

    /// The zone that it belongs to, or is.
    #[must_use]
    pub fn zone(&self) -> Option<ZoneId> {
        match self.cells.first() {
            Some(Cell::Text(id)) if !self.kind.is_of_the_installation() => id.parse().ok(),
            _ => None,
        }
    }
}

/// Which rows are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Their kind.
    pub kind: RowKind,
    /// Only those of this zone, deleted or not; needed for all kinds but [`RowKind::Zone`] and those of the installation.
    pub zone: Option<ZoneId>,
    /// Only those behind the row with this key.
    pub after: Option<Vec<Cell>>,
    /// The most rows.
    pub limit: u32,
}
