//! The record of every change in a zone.

use cedarkeep_model::{ChainHead, Envelope, Event, HEAD_TYPE, ZoneId};

use crate::{Call, Code, Error, Page, PageRequest, Service, keys, page::Cursors};

/// How often the head is read anew because another key began to sign meanwhile.
const MOST_READS: u32 = 5;

impl Service {
    /// Events by number.
    ///
    /// # Errors
    /// `not_found`, `invalid_cursor`.
    pub async fn events_page(&self, _call: &Call, zone: ZoneId, page: PageRequest) -> Result<Page<Event>, Error> {
        let listing = self.listing(zone).await?;
        let cursors = Cursors::new(&self.0.cursor_key, &format!("{zone}/events"), &());
        let window = cursors.window(&page)?;
        let about = (&window, page.total_count);
        let (slice, total) = listing
            .ask(&about, move |store, (window, counted)| {
                Box::pin(async move {
                    let slice = store.events(zone, window).await?;
                    let total = if *counted { Some(store.count_events(zone).await?) } else { None };
                    Ok((slice, total))
                })
            })
            .await?;
        cursors.page(&window, slice, total, |_| 0)
    }

    /// Events that follow the one of this number, oldest first.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn events(&self, _call: &Call, zone: ZoneId, after_seq: u64, limit: u32) -> Result<Vec<Event>, Error> {
        let listing = self.listing(zone).await?;
        let at = i64::try_from(after_seq).unwrap_or(i64::MAX);
        let window = cedarkeep_store::Window {
            order: cedarkeep_store::Order::Asc,
            start: Some(cedarkeep_store::Position { rank: 0, at, id: String::new() }),
            direction: cedarkeep_store::Direction::Forward,
            limit,
        };
        let slice = listing
            .ask(&window, move |store, window| Box::pin(async move { Ok(store.events(zone, window).await?) }))
            .await?;
        Ok(slice.items.into_iter().map(|(_, event)| event).collect())
    }

    /// The zone's newest event, stated and signed with the key that signs as of that event.
    ///
    /// # Errors
    /// `not_found`.
    pub async fn events_head(&self, _call: &Call, zone: ZoneId) -> Result<Envelope, Error> {
        for _ in 0..MOST_READS {
            let (mut store, _) = self.living(zone).await?;
            let signer = self.signer(&mut *store, zone).await?;
            let newest = store.newest_event(zone).await?;
            let newest = newest.ok_or_else(|| Error::new(Code::IntegrityError, "the zone has no events"))?;
            // A key that has ceased to sign never does again: the one that signs before and after did at the event.
            let same = keys::signing(&store.signing_keys(zone).await?)?.kid == signer.kid();
            drop(store);
            if same {
                let head = ChainHead {
                    v: 1,
                    r#type: HEAD_TYPE.to_owned(),
                    zone_id: zone,
                    seq: newest.seq,
                    sha256: newest.sha256,
                    at: self.now(),
                    key_id: signer.kid().to_owned(),
                };
                return keys::sign_head(signer, head).await;
            }
        }
        Err(Error::new(Code::Unavailable, "the zone's keys change at this moment; ask again"))
    }
}
