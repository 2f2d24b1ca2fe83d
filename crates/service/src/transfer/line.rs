//! A line of the file: a JSON object with a checksum of itself and one member, which says what it is.
//!
//! Each content has one spelling, and no other is read: whatever reads a line and writes it again has the same bytes.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use cedarkeep_model::Digest;
use cedarkeep_store::{Cell, CellType, Row, RowKind};
use serde::{Serialize, Serializer, ser::SerializeMap};
use serde_json::{Map, Value};

/// What stands before the checksum, and between it and the rest.
const BEFORE: &str = "{\"sum\":\"";
const BETWEEN: &str = "\",";
/// How many digits of a SHA-256 the checksum has.
const SUM_DIGITS: usize = 16;

/// The line with this one member, its end of line included.
pub(super) fn write(name: &str, value: &impl Serialize) -> Result<String, serde_json::Error> {
    let rest = format!("{}:{}}}", serde_json::to_string(name)?, serde_json::to_string(value)?);
    Ok(format!("{BEFORE}{}{BETWEEN}{rest}\n", sum(&rest)))
}

fn sum(rest: &str) -> String {
    let mut digits = Digest::of(rest.as_bytes()).to_string();
    digits.truncate(SUM_DIGITS);
    digits
}

/// The name and the value of the one member of a line, which comes without its end.
pub(super) fn read(line: &str) -> Result<(String, Value), String> {
    let found = line.strip_prefix(BEFORE).and_then(|line| line.split_once(BETWEEN));
    let (said, rest) = found.ok_or("it is no line of such a file: it does not begin with its checksum")?;
    if said != sum(rest) {
        return Err("it was changed since it was written: it does not have its checksum".to_owned());
    }
    let object: Map<String, Value> =
        serde_json::from_str(&format!("{{{rest}")).map_err(|error| format!("it is no JSON object: {error}"))?;
    let mut members = object.into_iter();
    match (members.next(), members.next()) {
        (Some(member), None) => Ok(member),
        _ => Err("it has not one member behind its checksum".to_owned()),
    }
}

/// The line of a row.
pub(super) fn write_row(row: &Row) -> Result<String, serde_json::Error> {
    write(row.kind.word(), &Members(row))
}

struct Members<'r>(&'r Row);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = self.0.kind.members();
        let mut map = serializer.serialize_map(Some(members.len()))?;
        for (member, cell) in members.iter().zip(&self.0.cells) {
            match cell {
                Cell::Null => map.serialize_entry(member.name, &()),
                Cell::Number(number) => map.serialize_entry(member.name, number),
                Cell::Text(text) => map.serialize_entry(member.name, text),
                Cell::Bytes(bytes) => map.serialize_entry(member.name, &BASE64_URL_SAFE_NO_PAD.encode(bytes)),
            }?;
        }
        map.end()
    }
}

/// The row of a line, which must be as [`write_row`] writes it.
pub(super) fn read_row(line: &str, kind: RowKind, value: Value) -> Result<Row, String> {
    let Value::Object(mut members) = value else { return Err(format!("a {} is an object", kind.word())) };
    let mut cells = Vec::with_capacity(kind.members().len());
    for member in kind.members() {
        let wrong = || format!("`{}` of a {} is missing or not of its type", member.name, kind.word());
        let cell = match (member.holds, members.remove(member.name).ok_or_else(wrong)?) {
            (_, Value::Null) if member.nullable => Cell::Null,
            (CellType::Text, Value::String(text)) => Cell::Text(text),
            (CellType::Number, Value::Number(number)) => Cell::Number(number.as_i64().ok_or_else(wrong)?),
            (CellType::Bytes, Value::String(text)) => {
                Cell::Bytes(BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| wrong())?)
            }
            _ => return Err(wrong()),
        };
        cells.push(cell);
    }
    let row = Row { kind, cells };
    let written = write_row(&row).map_err(|error| error.to_string())?;
    if written.strip_suffix('\n') != Some(line) {
        return Err(format!("it is not written as a {} is: other members, or in another spelling", kind.word()));
    }
    Ok(row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Row {
        let text = |text: &str| Cell::Text(text.to_owned());
        let id = "0198c0de-0000-7000-8000-000000000001";
        let cells = vec![
            text(id),
            Cell::Number(7),
            text("zone.updated"),
            text("ü \" \\ \u{feff} \u{1}"),
            Cell::Number(-1),
            text("{\"b\":1, \"a\":1.0}"),
            Cell::Null,
            text("f"),
        ];
        Row { kind: RowKind::Event, cells }
    }

    fn reread(line: &str) -> Result<Row, String> {
        let (name, value) = read(line)?;
        read_row(line, RowKind::named(&name).ok_or("no kind")?, value)
    }

    #[test]
    fn a_row_comes_back_as_written() {
        let line = write_row(&row()).unwrap();
        assert_eq!(reread(line.trim_end()).unwrap(), row());
        let bytes = Row { kind: RowKind::Meta, cells: vec![Cell::Text("k".into()), Cell::Bytes(vec![0, 255, 7])] };
        let line = write_row(&bytes).unwrap();
        assert_eq!(reread(line.trim_end()).unwrap(), bytes);
    }

    #[test]
    fn no_byte_can_be_changed() {
        let line = write_row(&row()).unwrap();
        let line = line.trim_end();
        for at in 0..line.len() {
            for bit in 0..7 {
                let mut bytes = line.as_bytes().to_vec();
                bytes[at] ^= 1 << bit;
                let Ok(changed) = String::from_utf8(bytes) else { continue };
                assert!(reread(&changed).is_err(), "{changed}");
            }
        }
    }

    #[test]
    fn there_is_one_spelling() {
        let line = write_row(&row()).unwrap();
        let rest = line.trim_end().split_once(BETWEEN).unwrap().1;
        for (from, to) in [
            ("\"seq\":7", "\"seq\": 7"),
            ("\"seq\":7", "\"seq\":7.0"),
            ("\"seq\":7,", ""),
            ("\"seq\":7", "\"seq\":7,\"more\":1"),
            ("\"seq\":7", "\"seq\":1,\"seq\":7"),
            ("\"seq\":7", "\"seq\":null"),
            ("\"kind\":\"zone.updated\"", "\"kind\":\"zone\\u002eupdated\""),
        ] {
            let other = rest.replacen(from, to, 1);
            assert_ne!(other, rest);
            let other = format!("{BEFORE}{}{BETWEEN}{other}", sum(&other));
            assert!(reread(&other).is_err(), "{other}");
        }
    }
}
