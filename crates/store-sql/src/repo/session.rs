//! The contract, method by method, over a connection.

use super::{
    Connection, Session, Transaction, bindings, events, keys, policies, policy_sets, policy_versions, schemas,
    set_versions, zones,
};
use async_trait::async_trait;
use cedarkeep_model::{
    Archived, Binding, BindingId, BindingMode, Digest, Event, NewEvent, Policy, PolicyId, PolicySchema, PolicySet,
    PolicySetId, PolicySetState, PolicySetVersion, PolicySetVersionId, PolicyVersion, PolicyVersionId, ScopeType,
    SetVersionRecord, SigningKey, Timestamp, Zone, ZoneId,
};
use cedarkeep_store::{
    ArchivedFilter, AttestationRecord, IdempotentAnswer, PolicyFilter, PolicySetFilter, Read, Slice, StoreError, Usage,
    Window, Write, ZoneFilter, ZoneState,
};

#[async_trait]
impl<C: Connection> Read for Session<C> {
    async fn zone_state(&mut self, id: ZoneId) -> Result<Option<ZoneState>, StoreError> {
        bindings::zone_state(self.0.connection(), id).await
    }

    async fn meta(&mut self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        zones::meta(self.0.connection(), key).await
    }

    async fn zone(&mut self, id: ZoneId) -> Result<Option<Zone>, StoreError> {
        zones::get(self.0.connection(), id).await
    }

    async fn zones(&mut self, filter: &ZoneFilter, window: &Window) -> Result<Slice<Zone>, StoreError> {
        zones::list(self.0.connection(), filter, window).await
    }

    async fn count_zones(&mut self, filter: &ZoneFilter) -> Result<u64, StoreError> {
        zones::count(self.0.connection(), filter).await
    }

    async fn revisions(&mut self) -> Result<Vec<(ZoneId, u64)>, StoreError> {
        zones::revisions(self.0.connection()).await
    }

    async fn schema(&mut self, zone: ZoneId, version: &str) -> Result<Option<PolicySchema>, StoreError> {
        schemas::get(self.0.connection(), zone, version).await
    }

    async fn schemas(
        &mut self,
        zone: ZoneId,
        is_default: Option<bool>,
        window: &Window,
    ) -> Result<Slice<PolicySchema>, StoreError> {
        schemas::list(self.0.connection(), zone, is_default, window).await
    }

    async fn count_schemas(&mut self, zone: ZoneId, is_default: Option<bool>) -> Result<u64, StoreError> {
        schemas::count(self.0.connection(), zone, is_default).await
    }

    async fn policy(&mut self, zone: ZoneId, id: PolicyId) -> Result<Option<Policy>, StoreError> {
        policies::get(self.0.connection(), zone, id).await
    }

    async fn policies(
        &mut self,
        zone: ZoneId,
        filter: &PolicyFilter,
        window: &Window,
    ) -> Result<Slice<Policy>, StoreError> {
        policies::list(self.0.connection(), zone, filter, window).await
    }

    async fn count_policies(&mut self, zone: ZoneId, filter: &PolicyFilter) -> Result<u64, StoreError> {
        policies::count(self.0.connection(), zone, filter).await
    }

    async fn policy_version(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        id: PolicyVersionId,
    ) -> Result<Option<PolicyVersion>, StoreError> {
        policy_versions::get(self.0.connection(), zone, policy, id).await
    }

    async fn policy_versions(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        archived: ArchivedFilter,
        window: &Window,
    ) -> Result<Slice<PolicyVersion>, StoreError> {
        policy_versions::list(self.0.connection(), zone, policy, archived, window).await
    }

    async fn count_policy_versions(
        &mut self,
        zone: ZoneId,
        policy: PolicyId,
        archived: ArchivedFilter,
    ) -> Result<u64, StoreError> {
        policy_versions::count(self.0.connection(), zone, policy, archived).await
    }

    async fn policy_versions_by_id(
        &mut self,
        zone: ZoneId,
        ids: &[PolicyVersionId],
    ) -> Result<Vec<PolicyVersion>, StoreError> {
        policy_versions::by_id(self.0.connection(), zone, ids).await
    }

    async fn first_archived_version(
        &mut self,
        zone: ZoneId,
        ids: &[PolicyVersionId],
    ) -> Result<Option<PolicyVersionId>, StoreError> {
        policy_versions::first_archived(self.0.connection(), zone, ids).await
    }

    async fn pinned_names(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
    ) -> Result<Vec<(PolicyId, String)>, StoreError> {
        policies::pinned_names(self.0.connection(), zone, id).await
    }

    async fn usage(&mut self, zone: ZoneId, id: PolicyVersionId) -> Result<Usage, StoreError> {
        policy_versions::usage(self.0.connection(), zone, id).await
    }

    async fn policy_set(&mut self, zone: ZoneId, id: PolicySetId) -> Result<Option<PolicySetState>, StoreError> {
        policy_sets::get(self.0.connection(), zone, id).await
    }

    async fn policy_sets(
        &mut self,
        zone: ZoneId,
        filter: &PolicySetFilter,
        window: &Window,
    ) -> Result<Slice<PolicySetState>, StoreError> {
        policy_sets::list(self.0.connection(), zone, filter, window).await
    }

    async fn count_policy_sets(&mut self, zone: ZoneId, filter: &PolicySetFilter) -> Result<u64, StoreError> {
        policy_sets::count(self.0.connection(), zone, filter).await
    }

    async fn set_version(
        &mut self,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
    ) -> Result<Option<PolicySetVersion>, StoreError> {
        set_versions::get(self.0.connection(), zone, set, id).await
    }

    async fn set_versions(
        &mut self,
        zone: ZoneId,
        set: PolicySetId,
        archived: ArchivedFilter,
        window: &Window,
    ) -> Result<Slice<PolicySetVersion>, StoreError> {
        set_versions::list(self.0.connection(), zone, set, archived, window).await
    }

    async fn count_set_versions(
        &mut self,
        zone: ZoneId,
        set: PolicySetId,
        archived: ArchivedFilter,
    ) -> Result<u64, StoreError> {
        set_versions::count(self.0.connection(), zone, set, archived).await
    }

    async fn set_version_policies(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
        by_created_at: bool,
        window: &Window,
    ) -> Result<Slice<PolicyVersion>, StoreError> {
        policy_versions::of_set_version(self.0.connection(), zone, id, by_created_at, window).await
    }

    async fn all_set_versions(&mut self, zone: ZoneId) -> Result<Vec<(PolicySetId, PolicySetVersionId)>, StoreError> {
        set_versions::all(self.0.connection(), zone).await
    }

    async fn attestations(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
    ) -> Result<Vec<AttestationRecord>, StoreError> {
        set_versions::attestations(self.0.connection(), zone, id).await
    }

    async fn binding(&mut self, zone: ZoneId, id: BindingId) -> Result<Option<Binding>, StoreError> {
        bindings::get(self.0.connection(), zone, id).await
    }

    async fn binding_pinning_policy(&mut self, zone: ZoneId, policy: PolicyId) -> Result<Option<Binding>, StoreError> {
        bindings::pinning_policy(self.0.connection(), zone, policy).await
    }

    async fn slot(
        &mut self,
        zone: ZoneId,
        scope: ScopeType,
        target: &str,
        mode: BindingMode,
    ) -> Result<Option<Binding>, StoreError> {
        bindings::slot(self.0.connection(), zone, scope, target, mode).await
    }

    async fn bindings_of_set(&mut self, zone: ZoneId, set: PolicySetId) -> Result<Vec<Binding>, StoreError> {
        bindings::of_set(self.0.connection(), zone, set).await
    }

    async fn signing_keys(&mut self, zone: ZoneId) -> Result<Vec<SigningKey>, StoreError> {
        keys::list(self.0.connection(), zone).await
    }

    async fn data_key(&mut self, zone: ZoneId) -> Result<Option<Vec<u8>>, StoreError> {
        zones::data_key(self.0.connection(), zone).await
    }

    async fn events(&mut self, zone: ZoneId, window: &Window) -> Result<Slice<Event>, StoreError> {
        events::list(self.0.connection(), zone, window).await
    }

    async fn count_events(&mut self, zone: ZoneId) -> Result<u64, StoreError> {
        events::count(self.0.connection(), zone).await
    }

    async fn answer(&mut self, scope: Digest) -> Result<Option<IdempotentAnswer>, StoreError> {
        events::answer(self.0.connection(), scope).await
    }
}

#[async_trait]
impl<C: Transaction> Write for Session<C> {
    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        self.0.commit().await
    }

    async fn put_meta(&mut self, key: &str, value: &[u8]) -> Result<(), StoreError> {
        zones::put_meta(self.0.connection(), key, value).await
    }

    async fn lock_zone(&mut self, id: ZoneId) -> Result<Option<Zone>, StoreError> {
        zones::lock(self.0.connection(), id).await
    }

    async fn insert_zone(&mut self, zone: &Zone, data_key: &[u8]) -> Result<(), StoreError> {
        zones::insert(self.0.connection(), zone, data_key).await
    }

    async fn update_zone(&mut self, zone: &Zone) -> Result<(), StoreError> {
        zones::update(self.0.connection(), zone).await
    }

    async fn bump_revision(&mut self, id: ZoneId) -> Result<u64, StoreError> {
        zones::bump_revision(self.0.connection(), id).await
    }

    async fn delete_zone(&mut self, id: ZoneId, at: Timestamp) -> Result<(), StoreError> {
        zones::delete(self.0.connection(), id, at).await
    }

    async fn append_event(&mut self, zone: ZoneId, event: NewEvent) -> Result<Event, StoreError> {
        events::append(self.0.connection(), zone, event).await
    }

    async fn insert_schema(&mut self, schema: &PolicySchema) -> Result<(), StoreError> {
        schemas::insert(self.0.connection(), schema).await
    }

    async fn update_schema(&mut self, schema: &PolicySchema) -> Result<(), StoreError> {
        schemas::update(self.0.connection(), schema).await
    }

    async fn insert_policy(&mut self, policy: &Policy) -> Result<(), StoreError> {
        policies::insert(self.0.connection(), policy).await
    }

    async fn update_policy(&mut self, policy: &Policy) -> Result<(), StoreError> {
        policies::update(self.0.connection(), policy).await
    }

    async fn insert_policy_version(&mut self, version: &PolicyVersion) -> Result<(), StoreError> {
        policy_versions::insert(self.0.connection(), version).await
    }

    async fn archive_policy_version(
        &mut self,
        zone: ZoneId,
        id: PolicyVersionId,
        archived: &Archived,
    ) -> Result<(), StoreError> {
        policy_versions::archive(self.0.connection(), zone, id, archived).await
    }

    async fn insert_policy_set(&mut self, set: &PolicySet) -> Result<(), StoreError> {
        policy_sets::insert(self.0.connection(), set).await
    }

    async fn update_policy_set(&mut self, set: &PolicySet) -> Result<(), StoreError> {
        policy_sets::update(self.0.connection(), set).await
    }

    async fn insert_set_version(&mut self, version: &SetVersionRecord) -> Result<(), StoreError> {
        set_versions::insert(self.0.connection(), version).await
    }

    async fn archive_set_version(
        &mut self,
        zone: ZoneId,
        id: PolicySetVersionId,
        archived: &Archived,
    ) -> Result<(), StoreError> {
        set_versions::archive(self.0.connection(), zone, id, archived).await
    }

    async fn insert_attestation(&mut self, attestation: &AttestationRecord) -> Result<(), StoreError> {
        set_versions::insert_attestation(self.0.connection(), attestation).await
    }

    async fn bind(&mut self, binding: &Binding) -> Result<(), StoreError> {
        bindings::bind(self.0.connection(), binding).await
    }

    async fn unbind(&mut self, zone: ZoneId, id: BindingId) -> Result<(), StoreError> {
        bindings::unbind(self.0.connection(), zone, id).await
    }

    async fn insert_key(&mut self, key: &SigningKey) -> Result<(), StoreError> {
        keys::insert(self.0.connection(), key).await
    }

    async fn update_key(&mut self, key: &SigningKey) -> Result<(), StoreError> {
        keys::update(self.0.connection(), key).await
    }

    async fn keep_answer(&mut self, answer: &IdempotentAnswer, stale_before: Timestamp) -> Result<(), StoreError> {
        events::keep_answer(self.0.connection(), answer, stale_before).await
    }

    async fn forget_answers(&mut self, before: Timestamp, most: u32) -> Result<u64, StoreError> {
        events::forget_answers(self.0.connection(), before, most).await
    }
}
