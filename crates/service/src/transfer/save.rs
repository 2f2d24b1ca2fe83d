//! Writing what is stored into a file, as of one moment, while others go on changing it.

use std::{collections::BTreeMap, io::Write};

use cedarkeep_model::{Timestamp, ZoneId};
use cedarkeep_store::{Cell, Read, Row, RowKind, Rows, Store};

use super::{Contents, LEFT_BEHIND, Progress, TransferError, file::FileWriter};

/// How many rows are read at once: of kinds whose rows may have a megabyte, and of others.
const LARGE_AT_ONCE: u32 = 16;
const SMALL_AT_ONCE: u32 = 500;

/// What is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Everything, deleted zones and sealed private keys too; the log of decisions when asked for.
    Store {
        /// Whether the log of decisions is.
        decisions: bool,
    },
    /// One living zone, without its private keys.
    Zone {
        /// Which one.
        id: ZoneId,
        /// Whether its log of decisions is.
        decisions: bool,
    },
}

/// Writes a file and answers how many rows of each kind are in it. Writing may block.
///
/// # Errors
/// When there is no such zone, the store cannot be read or the file cannot be written.
pub async fn save(
    store: &dyn Store,
    what: What,
    now: Timestamp,
    to: &mut (dyn Write + Send),
    progress: Progress<'_>,
) -> Result<BTreeMap<String, u64>, TransferError> {
    let mut read = store.snapshot().await?;
    let (contents, decisions, zone) = match what {
        What::Store { decisions } => (Contents::Backup, decisions, None),
        What::Zone { id, decisions } => (Contents::Zone, decisions, Some(id)),
    };
    if let Some(zone) = zone
        && read.zone(zone).await?.is_none()
    {
        return Err(TransferError::Refused(format!("there is no zone {zone}")));
    }
    let mut saving = Saving { read: &mut *read, file: FileWriter::begin(to, contents, now)?, decisions, progress };
    match zone {
        None => saving.store().await?,
        Some(zone) => saving.zone(zone).await?,
    }
    saving.file.end()
}

struct Saving<'s> {
    read: &'s mut dyn Read,
    file: FileWriter<'s>,
    decisions: bool,
    progress: Progress<'s>,
}

impl Saving<'_> {
    async fn store(&mut self) -> Result<(), TransferError> {
        for kind in RowKind::ALL.iter().copied().filter(|kind| kind.is_of_the_installation()) {
            let mut pages = Pages::of(kind, None);
            while let Some(rows) = pages.next(self.read).await? {
                for row in rows.iter().filter(|row| row.text("key").is_none_or(|key| !LEFT_BEHIND.contains(&key))) {
                    self.file.row(row)?;
                }
            }
        }
        let mut zones = Pages::of(RowKind::Zone, None);
        while let Some(rows) = zones.next(self.read).await? {
            for row in rows {
                self.file.row(&row)?;
                let damaged = || TransferError::Found(vec!["a zone has no id".to_owned()]);
                self.within(row.zone().ok_or_else(damaged)?, |_| {}).await?;
            }
        }
        Ok(())
    }

    /// One zone, and of its keys what everybody may see.
    async fn zone(&mut self, zone: ZoneId) -> Result<(), TransferError> {
        let mut rows = Pages::of(RowKind::Zone, Some(zone));
        for mut row in rows.next(self.read).await?.unwrap_or_default() {
            row.replace("data_key", Cell::Bytes(Vec::new()));
            self.file.row(&row)?;
        }
        self.within(zone, |row| row.replace("sealed_private", Cell::Bytes(Vec::new()))).await
    }

    async fn within(&mut self, zone: ZoneId, change: fn(&mut Row)) -> Result<(), TransferError> {
        let wanted = |kind: RowKind| match kind {
            RowKind::Zone => false,
            RowKind::Decision => self.decisions,
            other => !other.is_of_the_installation(),
        };
        let kinds: Vec<_> = RowKind::ALL.iter().copied().filter(|kind| wanted(*kind)).collect();
        for kind in kinds {
            let mut pages = Pages::of(kind, Some(zone));
            while let Some(rows) = pages.next(self.read).await? {
                for mut row in rows {
                    change(&mut row);
                    self.file.row(&row)?;
                }
                (self.progress)(self.file.total());
            }
        }
        Ok(())
    }
}

/// Walks the rows of a kind.
pub(super) struct Pages {
    next: Option<Rows>,
}

impl Pages {
    pub(super) const fn of(kind: RowKind, zone: Option<ZoneId>) -> Self {
        let limit = match kind {
            RowKind::Schema
            | RowKind::PolicyVersion
            | RowKind::SetVersion
            | RowKind::PolicyDraft
            | RowKind::SetDraft
            | RowKind::Decision => LARGE_AT_ONCE,
            _ => SMALL_AT_ONCE,
        };
        Self { next: Some(Rows { kind, zone, after: None, limit }) }
    }

    pub(super) async fn next(&mut self, read: &mut dyn Read) -> Result<Option<Vec<Row>>, TransferError> {
        let Some(of) = self.next.take() else { return Ok(None) };
        let rows = read.rows(&of).await?;
        if rows.len() as u64 == u64::from(of.limit) {
            let after = rows.last().map(|row| row.key().to_vec());
            self.next = Some(Rows { after, ..of });
        }
        Ok(Some(rows))
    }
}
