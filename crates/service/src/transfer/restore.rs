//! Taking a whole store in from a backup.

use std::{collections::BTreeMap, io::BufRead};

use cedarkeep_attest::MasterKey;
use cedarkeep_cedar::CedarPool;
use cedarkeep_model::Timestamp;
use cedarkeep_store::{Cell, RowKind, Rows, Store, Write};

use super::{Contents, LEFT_BEHIND, Progress, TransferError, file::FileReader, load::Loader, seals::Seals, tombstones};
use crate::{fsck, service::START_LOCK};

/// What was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The program that wrote the file.
    pub program: String,
    /// The moment whose state it is.
    pub written_at: Timestamp,
    /// How many rows of each kind.
    pub rows: BTreeMap<String, u64>,
    /// What was checked of the living zones.
    pub checked: fsck::Report,
}

/// Takes a backup into an empty store: all of it, once everything in it was found to be right, or nothing. Reading may
/// block.
///
/// # Errors
/// When the store is not empty, the master key is another, or something in the file is not as it must be.
pub async fn restore(
    store: &dyn Store,
    master: &MasterKey,
    cedar: &CedarPool,
    from: &mut (dyn BufRead + Send),
    progress: Progress<'_>,
) -> Result<Restored, TransferError> {
    let (mut file, header) = FileReader::begin(from, Contents::Backup)?;
    let mut tx = store.write().await?;
    // A server that starts on the store waits until this is over, and then finds it begun.
    tx.put_meta(START_LOCK, b"").await?;
    check_empty(&mut *tx).await?;
    let (mut load, mut seals, mut deleted) = (Loader::new(tx, progress), Seals::new(master), Vec::new());
    while let Some(row) = file.next_row()? {
        seals.check(&row).map_err(|reason| file.wrong(reason))?;
        if row.kind == RowKind::Meta && row.text("key").is_some_and(|key| LEFT_BEHIND.contains(&key)) {
            return Err(file.wrong("it is a value of that very store, which no backup holds"));
        }
        if row.kind == RowKind::Zone && row.cell("deleted_at") != Some(&Cell::Null) {
            deleted.extend(row.zone());
        }
        load.take(row).await.map_err(|error| at(&file, error))?;
    }
    load.flush().await.map_err(|error| at(&file, error))?;
    let mut tx = load.tx;
    let checked = fsck::check_read(&mut *tx, cedar).await?;
    let mut found = checked.problems.clone();
    for zone in deleted {
        found.extend(tombstones::check(&mut *tx, zone).await?);
    }
    if !found.is_empty() {
        return Err(TransferError::Found(found));
    }
    tx.commit().await?;
    Ok(Restored { program: header.program, written_at: header.written_at, rows: file.rows().clone(), checked })
}

/// What the engine does not take, it does not take because of the last rows that were read.
pub(super) fn at(file: &FileReader<'_>, error: TransferError) -> TransferError {
    use cedarkeep_store::StoreError::{Damaged, Refused, Taken};
    match error {
        TransferError::Store(error @ (Damaged(_) | Refused(_) | Taken(_))) => {
            file.wrong(format!("the rows up to here do not go together: {error}"))
        }
        other => other,
    }
}

async fn check_empty(tx: &mut dyn Write) -> Result<(), TransferError> {
    let first = |kind| Rows { kind, zone: None, after: None, limit: 2 };
    let metas = tx.rows(&first(RowKind::Meta)).await?;
    let zones = tx.rows(&first(RowKind::Zone)).await?;
    if zones.is_empty() && metas.iter().all(|row| row.text("key") == Some(START_LOCK)) {
        return Ok(());
    }
    let message = "the store is not empty: a backup goes into a new one; give it a --data-dir or a database of its own";
    Err(TransferError::Refused(message.to_owned()))
}
