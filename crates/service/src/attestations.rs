//! Reading set versions, what they pin, and what attests them.

use cedarkeep_model::{Envelope, PolicySetId, PolicySetVersion, PolicySetVersionId, PolicyVersion, ZoneId};
use cedarkeep_store::ArchivedFilter;

use crate::{Call, Error, Page, PageRequest, Service, page::Cursors, publish::content_size};

impl Service {
    /// A version of a policy set, archived or not.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn set_version(
        &self,
        _call: &Call,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
    ) -> Result<PolicySetVersion, Error> {
        let (mut store, _) = self.living(zone).await?;
        store.set_version(zone, set, id).await?.ok_or_else(|| Error::not_found("policy set version"))
    }

    /// The versions of a policy set by creation.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn set_versions(
        &self,
        _call: &Call,
        zone: ZoneId,
        set: PolicySetId,
        archived: ArchivedFilter,
        page: PageRequest,
    ) -> Result<Page<PolicySetVersion>, Error> {
        let listing = self.listing(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/policy-sets/{set}/versions"), &archived);
        let window = cursors.window(&page)?;
        let about = (&window, page.total_count);
        let (slice, total) = listing
            .ask(&about, move |store, (window, counted)| {
                Box::pin(async move {
                    store.policy_set(zone, set).await?.ok_or_else(|| Error::not_found("policy set"))?;
                    let slice = store.set_versions(zone, set, archived, window).await?;
                    let total =
                        if *counted { Some(store.count_set_versions(zone, set, archived).await?) } else { None };
                    Ok((slice, total))
                })
            })
            .await?;
        // An entry is three ids and a digest on the wire.
        cursors.page(&window, slice, total, |version| version.record.manifest.entries().len() * 240)
    }

    /// The policy versions that a set version pins: by `policy_id`, or by creation when asked.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn set_version_policies(
        &self,
        call: &Call,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
        by_created_at: bool,
        page: PageRequest,
    ) -> Result<Page<PolicyVersion>, Error> {
        let version = self.set_version(call, zone, set, id).await?;
        let list = format!("{zone}/policy-set-versions/{id}/policies");
        let cursors = Cursors::new(&self.0.cursor_key, &list, &by_created_at);
        let window = cursors.window(&page)?;
        let slice = self
            .listing(zone)
            .await?
            .ask(&window, move |store, window| {
                Box::pin(async move { Ok(store.set_version_policies(zone, id, by_created_at, window).await?) })
            })
            .await?;
        let entries = u64::try_from(version.record.manifest.entries().len()).unwrap_or(u64::MAX);
        cursors.page(&window, slice, page.total_count.then_some(entries), content_size)
    }

    /// The newest attestation of a set version.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn attestation(
        &self,
        call: &Call,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
    ) -> Result<Envelope, Error> {
        let newest = self.attestations(call, zone, set, id).await?.pop();
        newest.ok_or_else(|| Error::not_found("attestation"))
    }

    /// Every attestation of a set version, oldest first.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn attestations(
        &self,
        call: &Call,
        zone: ZoneId,
        set: PolicySetId,
        id: PolicySetVersionId,
    ) -> Result<Vec<Envelope>, Error> {
        self.set_version(call, zone, set, id).await?;
        let records = self.read().await?.attestations(zone, id).await?;
        Ok(records.into_iter().map(|record| record.envelope).collect())
    }
}
