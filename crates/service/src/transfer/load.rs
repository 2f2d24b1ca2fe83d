//! Taking rows into a transaction, some at a time.

use cedarkeep_store::{Cell, Row, RowKind, Write};

use super::{Progress, TransferError};

/// How many rows, and how many bytes of them, are written at once at the most (the row that is one too many comes along).
const MOST_ROWS: usize = 200;
const MOST_BYTES: usize = 4 << 20;

/// Rows of one kind on their way into a transaction.
pub(super) struct Loader<'l> {
    pub(super) tx: Box<dyn Write>,
    waiting: Vec<Row>,
    bytes: usize,
    total: u64,
    progress: Progress<'l>,
}

impl<'l> Loader<'l> {
    pub(super) fn new(tx: Box<dyn Write>, progress: Progress<'l>) -> Self {
        Self { tx, waiting: Vec::new(), bytes: 0, total: 0, progress }
    }

    pub(super) async fn take(&mut self, row: Row) -> Result<(), TransferError> {
        let other: Option<RowKind> = self.waiting.last().map(|last| last.kind).filter(|kind| *kind != row.kind);
        if other.is_some() || self.waiting.len() >= MOST_ROWS || self.bytes >= MOST_BYTES {
            self.flush().await?;
        }
        self.bytes += row.cells.iter().map(size).sum::<usize>();
        self.waiting.push(row);
        Ok(())
    }

    /// Writes what waits.
    pub(super) async fn flush(&mut self) -> Result<(), TransferError> {
        self.tx.insert_rows(&self.waiting).await?;
        self.total += self.waiting.len() as u64;
        (self.progress)(self.total);
        self.waiting.clear();
        self.bytes = 0;
        Ok(())
    }
}

fn size(cell: &Cell) -> usize {
    match cell {
        Cell::Null | Cell::Number(_) => 8,
        Cell::Text(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
    }
}
