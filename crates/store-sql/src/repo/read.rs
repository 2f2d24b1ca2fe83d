//! What can be asked, over any connection.

use super::{
    Connection, Session, bindings, decisions, divergences, drafts, entities, events, keys, policies, policy_sets,
    policy_versions, re_sign, rows, schemas, set_versions, users, zones,
};
use async_trait::async_trait;
use cedarkeep_model::{
    Binding, BindingId, BindingMode, DecisionId, Digest, Divergence, DivergenceTotal, EntityChange, EntityRecord,
    Event, LoggedDecision, Name, Policy, PolicyDraft, PolicyId, PolicySchema, PolicySetDraft, PolicySetId,
    PolicySetState, PolicySetVersion, PolicySetVersionId, PolicyVersion, PolicyVersionId, ScopeType, SigningKey,
    Timestamp, UserToken, UserTokenId, Zone, ZoneId,
};
use cedarkeep_store::{
    ArchivedFilter, AttestationRecord, BindingFilter, DecisionFilter, EventMark, IdempotentAnswer, PolicyFilter,
    PolicySetFilter, ReSignJob, ReSignRefusal, Read, Row, Rows, SignedVersions, Slice, StoreError, Usage, VersionHead,
    Window, ZoneFilter, ZoneState,
};

#[async_trait]
impl<C: Connection> Read for Session<C> {
    async fn zone_state(&mut self, id: ZoneId) -> Result<Option<ZoneState>, StoreError> {
        bindings::zone_state(self.on.connection(), id).await
    }

    async fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        zones::meta(self.on.connection(), key).await
    }

    async fn zone(&mut self, id: ZoneId) -> Result<Option<Zone>, StoreError> {
        zones::get(self.on.connection(), id).await
    }

    async fn zones(&mut self, filter: &ZoneFilter, window: &Window) -> Result<Slice<Zone>, StoreError> {
        zones::list(self.on.connection(), filter, window).await
    }

    async fn count_zones(&mut self, filter: &ZoneFilter) -> Result<u64, StoreError> {
        zones::count(self.on.connection(), filter).await
    }

    async fn revisions(&mut self) -> Result<Vec<(ZoneId, u64)>, StoreError> {
        zones::revisions(self.on.connection()).await
    }

    async fn schema(&mut self, zone: ZoneId, version: &str) -> Result<Option<PolicySchema>, StoreError> {
        schemas::get(self.on.connection(), zone, version).await
    }

    async fn schemas(
        &mut self,
        zone: ZoneId,
        is_default: Option<bool>,
        window: &Window,
    ) -> Result<Slice<PolicySchema>, StoreError> {
        schemas::list(self.on.connection(), zone, is_default, window).await
    }

    async fn count_schemas(&mut self, zone: ZoneId, is_default: Option<bool>) -> Result<u64, StoreError> {
        schemas::count(self.on.connection(), zone, is_default).await
    }

    async fn policy(&mut self, zone: ZoneId, id: PolicyId) -> Result<Option<Policy>, StoreError> {
        policies::get(self.on.connection(), zone, id).await
    }

    async fn policies(
        &mut self,
        zone: ZoneId,
        filter: &PolicyFilter,
        window: &Window,
    ) -> Result<Slice<Policy>, StoreError> {
        policies::list(self.on.connection(), zone, filter, window).await
    }

    async fn count_policies(&mut self, zone: ZoneId, filter: &PolicyFilter) -> Result<u64, StoreError> {
        policies::count(self.on.connection(), zone, filter).await
    }

    async fn policy_named(&mut self, zone: ZoneId, name: &Name) -> Result<Option<PolicyId>, StoreError> {
        policies::named(self.on.connection(), zone, name).await
    }

    async fn policy_version(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        id: PolicyVersionId,
    ) -> Result<Option<PolicyVersion>, StoreError> {
        policy_versions::get(self.on.connection(), zone, policy, id).await
    }

    async fn policy_versions(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        archived: ArchivedFilter,
        window: &Window,
    ) -> Result<Slice<PolicyVersion>, StoreError> {
        policy_versions::list(self.on.connection(), zone, policy, archived, window).await
    }

    async fn count_policy_versions(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        archived: ArchivedFilter,
    ) -> Result<u64, StoreError> {
        policy_versions::count(self.on.connection(), zone, policy, archived).await
    }

    async fn policy_versions_by_id(
        &mut self,
        zone: ZoneId,
        ids: &[PolicyVersionId],
    ) -> Result<Vec<PolicyVersion>, StoreError> {
        policy_versions::by_id(self.on.connection(), zone, ids).await
    }

    async fn policy_version_heads(
        &mut self,
        zone: ZoneId,
        ids: &[PolicyVersionId],
    ) -> Result<Vec<VersionHead>, StoreError> {
        policy_versions::heads(self.on.connection(), zone, ids).await
    }

    async fn policy_versions_by_sha(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        sha: Digest,
    ) -> Result<Vec<PolicyVersion>, StoreError> {
        policy_versions::by_sha(self.on.connection(), zone, policy, sha).await
    }

    async fn first_archived_version(
        &mut self,
        zone: ZoneId,
        ids: &[PolicyVersionId],
    ) -> Result<Option<PolicyVersionId>, StoreError> {
        policy_versions::first_archived(self.on.connection(), zone, ids).await
    }

    async fn pinned_names(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
    ) -> Result<Vec<(PolicyId, String)>, StoreError> {
        policies::pinned_names(self.on.connection(), zone, id).await
    }

    async fn usage(&mut self, zone: ZoneId, id: PolicyVersionId) -> Result<Usage, StoreError> {
        policy_versions::usage(self.on.connection(), zone, id).await
    }

    async fn policy_draft(&mut self, zone: ZoneId, policy: PolicyId) -> Result<Option<PolicyDraft>, StoreError> {
        drafts::policy(self.on.connection(), zone, policy).await
    }

    async fn policies_with_draft(&mut self, zone: ZoneId) -> Result<Vec<PolicyId>, StoreError> {
        drafts::policies(self.on.connection(), zone).await
    }

    async fn policy_set(&mut self, zone: ZoneId, id: PolicySetId) -> Result<Option<PolicySetState>, StoreError> {
        policy_sets::get(self.on.connection(), zone, id).await
    }

    async fn policy_sets(
        &mut self,
        zone: ZoneId,
        filter: &PolicySetFilter,
        window: &Window,
    ) -> Result<Slice<PolicySetState>, StoreError> {
        policy_sets::list(self.on.connection(), zone, filter, window).await
    }

    async fn count_policy_sets(&mut self, zone: ZoneId, filter: &PolicySetFilter) -> Result<u64, StoreError> {
        policy_sets::count(self.on.connection(), zone, filter).await
    }

    async fn policy_set_named(&mut self, zone: ZoneId, name: &Name) -> Result<Option<PolicySetId>, StoreError> {
        policy_sets::named(self.on.connection(), zone, name).await
    }

    async fn set_draft(&mut self, zone: ZoneId, set: PolicySetId) -> Result<Option<PolicySetDraft>, StoreError> {
        drafts::set(self.on.connection(), zone, set).await
    }

    async fn sets_with_draft(&mut self, zone: ZoneId) -> Result<Vec<PolicySetId>, StoreError> {
        drafts::sets(self.on.connection(), zone).await
    }

    async fn set_version(
        &mut self,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
    ) -> Result<Option<PolicySetVersion>, StoreError> {
        set_versions::get(self.on.connection(), zone, set, id).await
    }

    async fn set_of_version(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
    ) -> Result<Option<PolicySetId>, StoreError> {
        set_versions::set_of(self.on.connection(), zone, id).await
    }

    async fn set_versions(
        &mut self,
        zone: ZoneId,
        set: PolicySetId,
        archived: ArchivedFilter,
        window: &Window,
    ) -> Result<Slice<PolicySetVersion>, StoreError> {
        set_versions::list(self.on.connection(), zone, set, archived, window).await
    }

    async fn count_set_versions(
        &mut self,
        zone: ZoneId,
        set: PolicySetId,
        archived: ArchivedFilter,
    ) -> Result<u64, StoreError> {
        set_versions::count(self.on.connection(), zone, set, archived).await
    }

    async fn set_version_policies(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
        by_created_at: bool,
        window: &Window,
    ) -> Result<Slice<PolicyVersion>, StoreError> {
        policy_versions::of_set_version(self.on.connection(), zone, id, by_created_at, window).await
    }

    async fn all_set_versions(&mut self, zone: ZoneId) -> Result<Vec<(PolicySetId, PolicySetVersionId)>, StoreError> {
        set_versions::all(self.on.connection(), zone).await
    }

    async fn attestations(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
    ) -> Result<Vec<AttestationRecord>, StoreError> {
        set_versions::attestations(self.on.connection(), zone, id).await
    }

    async fn binding(&mut self, zone: ZoneId, id: BindingId) -> Result<Option<Binding>, StoreError> {
        bindings::get(self.on.connection(), zone, id).await
    }

    async fn binding_pinning_policy(&mut self, zone: ZoneId, policy: PolicyId) -> Result<Option<Binding>, StoreError> {
        bindings::pinning_policy(self.on.connection(), zone, policy).await
    }

    async fn slot(
        &mut self,
        zone: ZoneId,
        scope: ScopeType,
        target: &str,
        mode: BindingMode,
    ) -> Result<Option<Binding>, StoreError> {
        bindings::slot(self.on.connection(), zone, scope, target, mode).await
    }

    async fn bindings(
        &mut self,
        zone: ZoneId,
        filter: &BindingFilter,
        window: &Window,
    ) -> Result<Slice<Binding>, StoreError> {
        bindings::list(self.on.connection(), zone, filter, window).await
    }

    async fn count_bindings(&mut self, zone: ZoneId, filter: &BindingFilter) -> Result<u64, StoreError> {
        bindings::count(self.on.connection(), zone, filter).await
    }

    async fn bindings_of_set(&mut self, zone: ZoneId, set: PolicySetId) -> Result<Vec<Binding>, StoreError> {
        bindings::of_set(self.on.connection(), zone, set).await
    }

    async fn signing_keys(&mut self, zone: ZoneId) -> Result<Vec<SigningKey>, StoreError> {
        keys::list(self.on.connection(), zone).await
    }

    async fn zones_with_key_work(&mut self) -> Result<Vec<(ZoneId, Timestamp)>, StoreError> {
        re_sign::zones(self.on.connection()).await
    }

    async fn to_re_sign(
        &mut self,
        zone: ZoneId,
        job: &ReSignJob,
        window: &Window,
    ) -> Result<Slice<(PolicySetId, PolicySetVersionId)>, StoreError> {
        re_sign::list(self.on.connection(), zone, job, window).await
    }

    async fn count_to_re_sign(&mut self, zone: ZoneId, jobs: &[ReSignJob]) -> Result<u64, StoreError> {
        re_sign::count(self.on.connection(), zone, jobs).await
    }

    async fn signed_versions(&mut self, zone: ZoneId, kid: &str) -> Result<SignedVersions, StoreError> {
        re_sign::signed(self.on.connection(), zone, kid).await
    }

    async fn re_sign_refusals(&mut self, zone: ZoneId) -> Result<Vec<ReSignRefusal>, StoreError> {
        re_sign::refusals(self.on.connection(), zone).await
    }

    async fn data_key(&mut self, zone: ZoneId) -> Result<Option<Vec<u8>>, StoreError> {
        zones::data_key(self.on.connection(), zone).await
    }

    async fn events(&mut self, zone: ZoneId, window: &Window) -> Result<Slice<Event>, StoreError> {
        events::list(self.on.connection(), zone, window).await
    }

    async fn newest_event(&mut self, zone: ZoneId) -> Result<Option<EventMark>, StoreError> {
        events::newest(self.on.connection(), zone).await
    }

    async fn count_events(&mut self, zone: ZoneId) -> Result<u64, StoreError> {
        events::count(self.on.connection(), zone).await
    }

    async fn entity(
        &mut self,
        zone: ZoneId,
        entity_type: &str,
        entity_id: &str,
    ) -> Result<Option<EntityRecord>, StoreError> {
        entities::get(self.on.connection(), zone, entity_type, entity_id).await
    }

    async fn entities(
        &mut self,
        zone: ZoneId,
        entity_type: Option<&str>,
        window: &Window,
    ) -> Result<Slice<EntityRecord>, StoreError> {
        entities::list(self.on.connection(), zone, entity_type, window).await
    }

    async fn count_entities(&mut self, zone: ZoneId, entity_type: Option<&str>) -> Result<u64, StoreError> {
        entities::count(self.on.connection(), zone, entity_type).await
    }

    async fn entities_revision(&mut self, zone: ZoneId) -> Result<u64, StoreError> {
        entities::revision(self.on.connection(), zone).await
    }

    async fn entity_changes(
        &mut self,
        zone: ZoneId,
        after_revision: u64,
        window: &Window,
    ) -> Result<Slice<EntityChange>, StoreError> {
        entities::changes(self.on.connection(), zone, after_revision, window).await
    }

    async fn divergences(
        &mut self,
        zone: ZoneId,
        shadow: Option<PolicySetVersionId>,
        window: &Window,
    ) -> Result<Slice<Divergence>, StoreError> {
        divergences::list(self.on.connection(), zone, shadow, window).await
    }

    async fn divergence_totals(&mut self, zone: ZoneId) -> Result<Vec<DivergenceTotal>, StoreError> {
        divergences::totals(self.on.connection(), zone).await
    }

    async fn decision(&mut self, zone: ZoneId, id: DecisionId) -> Result<Option<LoggedDecision>, StoreError> {
        decisions::get(self.on.connection(), zone, id).await
    }

    async fn decisions(
        &mut self,
        zone: ZoneId,
        filter: &DecisionFilter,
        window: &Window,
    ) -> Result<Slice<LoggedDecision>, StoreError> {
        decisions::list(self.on.connection(), zone, filter, window).await
    }

    async fn next_logged_zone(&mut self, after: Option<ZoneId>) -> Result<Option<(ZoneId, Timestamp)>, StoreError> {
        decisions::next_zone(self.on.connection(), after).await
    }

    async fn user_token(&mut self, zone: ZoneId, id: UserTokenId) -> Result<Option<UserToken>, StoreError> {
        users::token(self.on.connection(), zone, id).await
    }

    async fn user_token_by_sha256(&mut self, zone: ZoneId, sha256: Digest) -> Result<Option<UserToken>, StoreError> {
        users::token_by_sha256(self.on.connection(), zone, sha256).await
    }

    async fn user_tokens(&mut self, zone: ZoneId, window: &Window) -> Result<Slice<UserToken>, StoreError> {
        users::tokens(self.on.connection(), zone, window).await
    }

    async fn count_user_tokens(&mut self, zone: ZoneId) -> Result<u64, StoreError> {
        users::count_tokens(self.on.connection(), zone).await
    }

    async fn bundle_sets(
        &mut self,
        zone: ZoneId,
        user: Option<&str>,
        archived: ArchivedFilter,
    ) -> Result<Vec<(PolicySetId, String)>, StoreError> {
        users::bundle_sets(self.on.connection(), zone, user, archived).await
    }

    async fn bundle_policies(
        &mut self,
        zone: ZoneId,
        user: Option<&str>,
        archived: ArchivedFilter,
    ) -> Result<Vec<(PolicyId, String)>, StoreError> {
        users::bundle_policies(self.on.connection(), zone, user, archived).await
    }

    async fn rows(&mut self, of: &Rows) -> Result<Vec<Row>, StoreError> {
        rows::list(self.on.connection(), of).await
    }

    async fn answer(&mut self, scope: Digest) -> Result<Option<IdempotentAnswer>, StoreError> {
        events::answer(self.on.connection(), scope).await
    }
}
