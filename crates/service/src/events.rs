//! The record of every change in a zone.

use cedarkeep_model::{Event, ZoneId};

use crate::{Call, Error, Page, PageRequest, Service, page::Cursors};

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
}
