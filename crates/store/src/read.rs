//! What can be asked of a store.

use async_trait::async_trait;
use cedarkeep_model::{
    Binding, BindingId, BindingMode, DecisionId, Digest, Divergence, DivergenceTotal, EntityChange, EntityRecord,
    Event, LoggedDecision, Name, Policy, PolicyDraft, PolicyId, PolicySchema, PolicySetDraft, PolicySetId,
    PolicySetState, PolicySetVersion, PolicySetVersionId, PolicyVersion, PolicyVersionId, ScopeType, SigningKey,
    Timestamp, UserToken, UserTokenId, Zone, ZoneId,
};

use crate::{
    ArchivedFilter, AttestationRecord, BindingFilter, DecisionFilter, EventMark, IdempotentAnswer, PolicyFilter,
    PolicySetFilter, ReSignJob, ReSignRefusal, ReadAccounts, Row, Rows, SignedVersions, Slice, StoreError, Usage,
    VersionHead, Window, ZoneFilter, ZoneState,
};

/// Reads. Each method sees one moment. What belongs to another zone, or to a deleted one, is not there, save
/// [`Read::signing_keys`], [`Read::events`] and [`Read::attestations`], which outlive their zone.
#[async_trait]
pub trait Read: ReadAccounts {
    /// A value that belongs to the whole installation.
    async fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// A zone.
    async fn zone(&mut self, id: ZoneId) -> Result<Option<Zone>, StoreError>;
    /// Zones by creation.
    async fn zones(&mut self, filter: &ZoneFilter, window: &Window) -> Result<Slice<Zone>, StoreError>;
    /// How many zones the filter leaves.
    async fn count_zones(&mut self, filter: &ZoneFilter) -> Result<u64, StoreError>;
    /// A zone and its bindings at one moment.
    async fn zone_state(&mut self, id: ZoneId) -> Result<Option<ZoneState>, StoreError>;
    /// The revision of every living zone.
    async fn revisions(&mut self) -> Result<Vec<(ZoneId, u64)>, StoreError>;

    /// A schema version.
    async fn schema(&mut self, zone: ZoneId, version: &str) -> Result<Option<PolicySchema>, StoreError>;
    /// Schema versions by creation; only the default, or only the others, when asked.
    async fn schemas(
        &mut self,
        zone: ZoneId,
        is_default: Option<bool>,
        window: &Window,
    ) -> Result<Slice<PolicySchema>, StoreError>;
    /// How many of them.
    async fn count_schemas(&mut self, zone: ZoneId, is_default: Option<bool>) -> Result<u64, StoreError>;

    /// A policy.
    async fn policy(&mut self, zone: ZoneId, id: PolicyId) -> Result<Option<Policy>, StoreError>;
    /// Policies by creation.
    async fn policies(
        &mut self,
        zone: ZoneId,
        filter: &PolicyFilter,
        window: &Window,
    ) -> Result<Slice<Policy>, StoreError>;
    /// How many of them.
    async fn count_policies(&mut self, zone: ZoneId, filter: &PolicyFilter) -> Result<u64, StoreError>;
    /// The living policy of this name.
    async fn policy_named(&mut self, zone: ZoneId, name: &Name) -> Result<Option<PolicyId>, StoreError>;

    /// A version of this policy.
    async fn policy_version(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        id: PolicyVersionId,
    ) -> Result<Option<PolicyVersion>, StoreError>;
    /// The versions of a policy by creation.
    async fn policy_versions(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        archived: ArchivedFilter,
        window: &Window,
    ) -> Result<Slice<PolicyVersion>, StoreError>;
    /// How many of them.
    async fn count_policy_versions(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        archived: ArchivedFilter,
    ) -> Result<u64, StoreError>;
    /// These versions, of whichever policies of the zone, in no order; what the zone does not have is left out.
    async fn policy_versions_by_id(
        &mut self,
        zone: ZoneId,
        ids: &[PolicyVersionId],
    ) -> Result<Vec<PolicyVersion>, StoreError>;
    /// The same without their content.
    async fn policy_version_heads(
        &mut self,
        zone: ZoneId,
        ids: &[PolicyVersionId],
    ) -> Result<Vec<VersionHead>, StoreError>;
    /// The versions of a policy with this content digest, newest first, at most 20.
    async fn policy_versions_by_sha(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        sha: Digest,
    ) -> Result<Vec<PolicyVersion>, StoreError>;
    /// The first of these versions that is archived, if there is one.
    async fn first_archived_version(
        &mut self,
        zone: ZoneId,
        ids: &[PolicyVersionId],
    ) -> Result<Option<PolicyVersionId>, StoreError>;
    /// The names that the policies pinned by a set version have now.
    async fn pinned_names(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
    ) -> Result<Vec<(PolicyId, String)>, StoreError>;
    /// Who uses a policy version.
    async fn usage(&mut self, zone: ZoneId, id: PolicyVersionId) -> Result<Usage, StoreError>;

    /// The draft of a policy.
    async fn policy_draft(&mut self, zone: ZoneId, policy: PolicyId) -> Result<Option<PolicyDraft>, StoreError>;
    /// The policies that have a draft, by id.
    async fn policies_with_draft(&mut self, zone: ZoneId) -> Result<Vec<PolicyId>, StoreError>;

    /// A policy set with its most recent bindings.
    async fn policy_set(&mut self, zone: ZoneId, id: PolicySetId) -> Result<Option<PolicySetState>, StoreError>;
    /// Policy sets by creation, or by status.
    async fn policy_sets(
        &mut self,
        zone: ZoneId,
        filter: &PolicySetFilter,
        window: &Window,
    ) -> Result<Slice<PolicySetState>, StoreError>;
    /// How many of them.
    async fn count_policy_sets(&mut self, zone: ZoneId, filter: &PolicySetFilter) -> Result<u64, StoreError>;
    /// The living policy set of this name.
    async fn policy_set_named(&mut self, zone: ZoneId, name: &Name) -> Result<Option<PolicySetId>, StoreError>;

    /// The draft of a policy set.
    async fn set_draft(&mut self, zone: ZoneId, set: PolicySetId) -> Result<Option<PolicySetDraft>, StoreError>;
    /// The policy sets that have a draft, by id.
    async fn sets_with_draft(&mut self, zone: ZoneId) -> Result<Vec<PolicySetId>, StoreError>;

    /// A version of this policy set.
    async fn set_version(
        &mut self,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
    ) -> Result<Option<PolicySetVersion>, StoreError>;
    /// The set that a version belongs to.
    async fn set_of_version(&mut self, zone: ZoneId, id: PolicySetVersionId)
    -> Result<Option<PolicySetId>, StoreError>;
    /// The versions of a policy set by creation.
    async fn set_versions(
        &mut self,
        zone: ZoneId,
        set: PolicySetId,
        archived: ArchivedFilter,
        window: &Window,
    ) -> Result<Slice<PolicySetVersion>, StoreError>;
    /// How many of them.
    async fn count_set_versions(
        &mut self,
        zone: ZoneId,
        set: PolicySetId,
        archived: ArchivedFilter,
    ) -> Result<u64, StoreError>;
    /// The policy versions that a set version pins: by `policy_id`, or by creation when asked.
    async fn set_version_policies(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
        by_created_at: bool,
        window: &Window,
    ) -> Result<Slice<PolicyVersion>, StoreError>;
    /// Every set version of the zone, archived ones too, in order of creation: for whoever checks all of them.
    async fn all_set_versions(&mut self, zone: ZoneId) -> Result<Vec<(PolicySetId, PolicySetVersionId)>, StoreError>;
    /// The attestations of a set version, oldest first.
    async fn attestations(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
    ) -> Result<Vec<AttestationRecord>, StoreError>;

    /// A binding.
    async fn binding(&mut self, zone: ZoneId, id: BindingId) -> Result<Option<Binding>, StoreError>;
    /// A binding of a set version that pins a version of this policy, if there is one.
    async fn binding_pinning_policy(&mut self, zone: ZoneId, policy: PolicyId) -> Result<Option<Binding>, StoreError>;
    /// What stands in a slot.
    async fn slot(
        &mut self,
        zone: ZoneId,
        scope: ScopeType,
        target: &str,
        mode: BindingMode,
    ) -> Result<Option<Binding>, StoreError>;
    /// Bindings by creation.
    async fn bindings(
        &mut self,
        zone: ZoneId,
        filter: &BindingFilter,
        window: &Window,
    ) -> Result<Slice<Binding>, StoreError>;
    /// How many of them.
    async fn count_bindings(&mut self, zone: ZoneId, filter: &BindingFilter) -> Result<u64, StoreError>;
    /// The bindings that point at versions of a set, oldest first.
    async fn bindings_of_set(&mut self, zone: ZoneId, set: PolicySetId) -> Result<Vec<Binding>, StoreError>;

    /// Every signing key, oldest first; also of a deleted zone.
    async fn signing_keys(&mut self, zone: ZoneId) -> Result<Vec<SigningKey>, StoreError>;
    /// The living zones in which something is to be done for a key (it waits to sign, versions are to be signed again, it
    /// is to be revoked), and from when.
    async fn zones_with_key_work(&mut self) -> Result<Vec<(ZoneId, Timestamp)>, StoreError>;
    /// The set versions that are to be signed again, by id.
    async fn to_re_sign(
        &mut self,
        zone: ZoneId,
        job: &ReSignJob,
        window: &Window,
    ) -> Result<Slice<(PolicySetId, PolicySetVersionId)>, StoreError>;
    /// How many there are for the sake of any of these keys and were refused for the sake of none of them.
    async fn count_to_re_sign(&mut self, zone: ZoneId, jobs: &[ReSignJob]) -> Result<u64, StoreError>;
    /// How many set versions a key signed.
    async fn signed_versions(&mut self, zone: ZoneId, kid: &str) -> Result<SignedVersions, StoreError>;
    /// The refusals that still stand, by version: those for the sake of the key that signs now, of versions that it has
    /// not signed since; and those for the sake of another key, of versions whose newest attestation is still by it.
    async fn re_sign_refusals(&mut self, zone: ZoneId) -> Result<Vec<ReSignRefusal>, StoreError>;
    /// The wrapped data key of a zone.
    async fn data_key(&mut self, zone: ZoneId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Events by number; also of a deleted zone.
    async fn events(&mut self, zone: ZoneId, window: &Window) -> Result<Slice<Event>, StoreError>;
    /// The newest event; of a living zone.
    async fn newest_event(&mut self, zone: ZoneId) -> Result<Option<EventMark>, StoreError>;
    /// How many events.
    async fn count_events(&mut self, zone: ZoneId) -> Result<u64, StoreError>;

    /// An entity that the zone keeps.
    async fn entity(
        &mut self,
        zone: ZoneId,
        entity_type: &str,
        entity_id: &str,
    ) -> Result<Option<EntityRecord>, StoreError>;
    /// Entities by type, then by id, both compared byte by byte; all or those of one type.
    async fn entities(
        &mut self,
        zone: ZoneId,
        entity_type: Option<&str>,
        window: &Window,
    ) -> Result<Slice<EntityRecord>, StoreError>;
    /// How many of them.
    async fn count_entities(&mut self, zone: ZoneId, entity_type: Option<&str>) -> Result<u64, StoreError>;
    /// The revision of the last change of any entity, deleted ones too; 0 when there never was one.
    async fn entities_revision(&mut self, zone: ZoneId) -> Result<u64, StoreError>;
    /// The last change of every entity that changed after this revision, deleted ones too, by revision, type and id.
    async fn entity_changes(
        &mut self,
        zone: ZoneId,
        after_revision: u64,
        window: &Window,
    ) -> Result<Slice<EntityChange>, StoreError>;

    /// Decisions that a shadow version would have made otherwise, by time.
    async fn divergences(
        &mut self,
        zone: ZoneId,
        shadow: Option<PolicySetVersionId>,
        window: &Window,
    ) -> Result<Slice<Divergence>, StoreError>;
    /// The totals of every shadow version that was observed.
    async fn divergence_totals(&mut self, zone: ZoneId) -> Result<Vec<DivergenceTotal>, StoreError>;

    /// A logged decision.
    async fn decision(&mut self, zone: ZoneId, id: DecisionId) -> Result<Option<LoggedDecision>, StoreError>;
    /// Logged decisions by time.
    async fn decisions(
        &mut self,
        zone: ZoneId,
        filter: &DecisionFilter,
        window: &Window,
    ) -> Result<Slice<LoggedDecision>, StoreError>;
    /// The next zone by id, deleted ones too, that has logged decisions, and when the oldest of them was made.
    async fn next_logged_zone(&mut self, after: Option<ZoneId>) -> Result<Option<(ZoneId, Timestamp)>, StoreError>;

    /// A token bound to a user, expired or not.
    async fn user_token(&mut self, zone: ZoneId, id: UserTokenId) -> Result<Option<UserToken>, StoreError>;
    /// The token with this SHA-256, expired or not.
    async fn user_token_by_sha256(&mut self, zone: ZoneId, sha256: Digest) -> Result<Option<UserToken>, StoreError>;
    /// Tokens by creation.
    async fn user_tokens(&mut self, zone: ZoneId, window: &Window) -> Result<Slice<UserToken>, StoreError>;
    /// How many of them.
    async fn count_user_tokens(&mut self, zone: ZoneId) -> Result<u64, StoreError>;
    /// The policy sets that were made for the bundle of this user, or of anybody, by id, each with its user.
    async fn bundle_sets(
        &mut self,
        zone: ZoneId,
        user: Option<&str>,
        archived: ArchivedFilter,
    ) -> Result<Vec<(PolicySetId, String)>, StoreError>;
    /// The same of policies.
    async fn bundle_policies(
        &mut self,
        zone: ZoneId,
        user: Option<&str>,
        archived: ArchivedFilter,
    ) -> Result<Vec<(PolicyId, String)>, StoreError>;

    /// Rows as they are kept, by their keys, texts compared byte by byte.
    async fn rows(&mut self, of: &Rows) -> Result<Vec<Row>, StoreError>;

    /// The kept answer under this scope.
    async fn answer(&mut self, scope: Digest) -> Result<Option<IdempotentAnswer>, StoreError>;
}
