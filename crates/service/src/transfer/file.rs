//! The file: a header, rows in their order, an end that says what came before it.

use std::{
    collections::BTreeMap,
    io::{BufRead, Read as _, Write},
};

use cedarkeep_model::{Digest, Digester, Timestamp, ZoneId};
use cedarkeep_store::{Cell, Row, RowKind};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{TransferError, line};

/// The form of the file that this program writes, and the only one that it reads.
const FORMAT_VERSION: u32 = 1;
/// The most bytes of a line. What may be stored is far below.
pub const MOST_LINE_BYTES: u64 = 64 << 20;

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contents {
    /// A whole store.
    Backup,
    /// One zone, without its private keys.
    Zone,
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) format: Format,
    pub(super) format_version: u32,
    pub(super) contents: Contents,
    pub(super) program: String,
    pub(super) written_at: Timestamp,
}

/// The name of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Format {
    #[serde(rename = "cedarkeep-archive")]
    Archive,
}

/// The last line: how many rows of each kind there are, and SHA-256 of every byte before it.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct End {
    rows: BTreeMap<String, u64>,
    sha256: Digest,
}

/// Writes a file.
pub(super) struct FileWriter<'w> {
    to: &'w mut (dyn Write + Send),
    digester: Digester,
    rows: BTreeMap<String, u64>,
    total: u64,
}

impl<'w> FileWriter<'w> {
    pub(super) fn begin(
        to: &'w mut (dyn Write + Send),
        contents: Contents,
        written_at: Timestamp,
    ) -> Result<Self, TransferError> {
        let mut file = Self { to, digester: Digester::default(), rows: BTreeMap::new(), total: 0 };
        let program = format!("cedarkeep {}", env!("CARGO_PKG_VERSION"));
        let format_version = FORMAT_VERSION;
        let header = Header { format: Format::Archive, format_version, contents, program, written_at };
        file.put(&line::write("header", &header).map_err(crate::Error::from)?)?;
        Ok(file)
    }

    fn put(&mut self, line: &str) -> Result<(), TransferError> {
        self.digester.update(line.as_bytes());
        Ok(self.to.write_all(line.as_bytes())?)
    }

    pub(super) fn row(&mut self, row: &Row) -> Result<(), TransferError> {
        *self.rows.entry(row.kind.word().to_owned()).or_default() += 1;
        self.total += 1;
        self.put(&line::write_row(row).map_err(crate::Error::from)?)
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    /// Answers how many rows of each kind were written.
    pub(super) fn end(mut self) -> Result<BTreeMap<String, u64>, TransferError> {
        let end = End { rows: self.rows.clone(), sha256: self.digester.clone().finish() };
        self.put(&line::write("end", &end).map_err(crate::Error::from)?)?;
        self.to.flush()?;
        Ok(self.rows)
    }
}

/// Reads a file, checking that it is whole and in order.
pub(super) struct FileReader<'r> {
    from: &'r mut (dyn BufRead + Send),
    line: u64,
    digester: Digester,
    rows: BTreeMap<String, u64>,
    /// The zone that stands open, and the last row.
    zone: Option<ZoneId>,
    last: Option<Row>,
}

impl<'r> FileReader<'r> {
    /// Reads the header, which must be of a file with these contents.
    pub(super) fn begin(
        from: &'r mut (dyn BufRead + Send),
        contents: Contents,
    ) -> Result<(Self, Header), TransferError> {
        let (digester, rows) = (Digester::default(), BTreeMap::new());
        let mut file = Self { from, line: 0, digester, rows, zone: None, last: None };
        let text = file.next_line()?;
        let (name, value) = file.here(line::read(&text))?;
        if name != "header" {
            return Err(file.wrong("the first line is the header"));
        }
        if let Some(version) = value.get("format_version").and_then(Value::as_u64)
            && version != u64::from(FORMAT_VERSION)
        {
            let reason = format!("the file is of format version {version}, this program reads {FORMAT_VERSION}");
            return Err(file.wrong(reason));
        }
        let header: Header = file.read_as(&text, "header", value)?;
        if header.contents != contents {
            return Err(file.wrong(match header.contents {
                Contents::Backup => "the file is a backup of a whole store: `cedarkeep restore` takes it in",
                Contents::Zone => "the file holds one zone: `cedarkeep import` takes it in",
            }));
        }
        file.take_in(&text);
        Ok((file, header))
    }

    /// What is wrong with the line that was read last.
    pub(super) fn wrong(&self, reason: impl Into<String>) -> TransferError {
        TransferError::Line { line: self.line, reason: reason.into() }
    }

    fn here<T>(&self, read: Result<T, String>) -> Result<T, TransferError> {
        read.map_err(|reason| self.wrong(reason))
    }

    /// How many rows of each kind were read.
    pub(super) fn rows(&self) -> &BTreeMap<String, u64> {
        &self.rows
    }

    fn next_line(&mut self) -> Result<String, TransferError> {
        self.line += 1;
        let mut bytes = Vec::new();
        (&mut *self.from).take(MOST_LINE_BYTES).read_until(b'\n', &mut bytes)?;
        if bytes.pop_if(|last| *last == b'\n').is_none() {
            return Err(self.wrong(if bytes.len() as u64 == MOST_LINE_BYTES {
                "it is longer than any line of such a file"
            } else {
                "the file was cut: there is no last line that says what is before it"
            }));
        }
        self.here(String::from_utf8(bytes).map_err(|_| "it is no UTF-8".to_owned()))
    }

    fn read_as<T: Serialize + DeserializeOwned>(
        &self,
        line: &str,
        name: &str,
        value: Value,
    ) -> Result<T, TransferError> {
        let read: T = self.here(serde_json::from_value(value).map_err(|error| format!("{name}: {error}")))?;
        let written = line::write(name, &read).map_err(crate::Error::from)?;
        if written.strip_suffix('\n') != Some(line) {
            return Err(self.wrong(format!("the {name} is not written as this program writes it")));
        }
        Ok(read)
    }

    /// The next row; none at the end, which is then read and right.
    pub(super) fn next_row(&mut self) -> Result<Option<Row>, TransferError> {
        // The digest of the last line is of what is before it.
        let before = self.digester.clone();
        let text = self.next_line()?;
        let (name, value) = self.here(line::read(&text))?;
        if name == "end" {
            let end: End = self.read_as(&text, "end", value)?;
            return self.check_end(&end, before).map(|()| None);
        }
        let Some(kind) = RowKind::named(&name) else {
            return Err(self.wrong(format!("there are no rows of the kind {name:?}")));
        };
        let row = self.here(line::read_row(&text, kind, value))?;
        self.follows(&row)?;
        self.take_in(&text);
        *self.rows.entry(name).or_default() += 1;
        self.last = Some(row.clone());
        Ok(Some(row))
    }

    fn take_in(&mut self, text: &str) {
        self.digester.update(text.as_bytes());
        self.digester.update(b"\n");
    }

    fn check_end(&mut self, end: &End, before: Digester) -> Result<(), TransferError> {
        if end.rows != self.rows {
            return Err(self.wrong("there are not as many rows before it as it says"));
        }
        if end.sha256 != before.finish() {
            return Err(self.wrong("what is before it does not have the digest that it says"));
        }
        let mut more = [0];
        if self.from.read(&mut more)? > 0 {
            self.line += 1;
            return Err(self.wrong("something follows the last line"));
        }
        Ok(())
    }

    /// Rows stand in the order of their kinds and keys, those of a zone behind it.
    fn follows(&mut self, row: &Row) -> Result<(), TransferError> {
        let zone = row.zone();
        let named = zone.map(|zone| Cell::Text(zone.to_string()));
        if !row.kind.is_of_the_installation() && (zone.is_none() || named.as_ref() != row.cells.first()) {
            return Err(self.wrong("it does not name its zone by an id"));
        }
        let behind = self.last.as_ref().is_none_or(|last| match (last.kind, row.kind) {
            // A new zone may begin behind whatever is the last row of the one before.
            (before, RowKind::Zone) if !before.is_of_the_installation() => self.zone < zone,
            (before, kind) => (before, last.key()) < (kind, row.key()),
        });
        if !behind {
            return Err(self.wrong("it does not stand where it should: it is there twice, or was moved"));
        }
        match row.kind {
            kind if kind.is_of_the_installation() => {}
            RowKind::Zone => self.zone = zone,
            _ if self.zone == zone => {}
            _ => return Err(self.wrong("it is of another zone than the rows before it")),
        }
        Ok(())
    }
}
