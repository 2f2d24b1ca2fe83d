//! What was measured, as a table on standard output and as JSON beside the build.

use std::{env, fs, path::PathBuf};

use serde_json::{Map, Value, json};

use crate::settings::Settings;

/// Rows of figures, part by part.
#[derive(Debug)]
pub(crate) struct Report {
    settings: Value,
    parts: Map<String, Value>,
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Goal {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

impl Goal {
    /// The goal, and whether this figure meets it.
    pub(crate) fn judge(self, figure: f64) -> String {
        let (sign, goal, met) = match self {
            Self::AtLeast(goal) => ('≥', goal, figure >= goal),
            Self::AtMost(goal) => ('≤', goal, figure <= goal),
        };
        format!("{sign} {goal}: {}", if met { "met" } else { "MISSED" })
    }
}

impl Report {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self { settings: json!(settings), parts: Map::new() }
    }

    /// Prints a part and keeps it. A row is a name and its cells; a cell is a number or a text.
    pub(crate) fn part(&mut self, name: &str, columns: &[&str], rows: &[(String, Vec<Value>)]) {
        let shown: Vec<Vec<String>> = rows
            .iter()
            .map(|(name, cells)| std::iter::once(name.clone()).chain(cells.iter().map(shown)).collect())
            .collect();
        let head: Vec<String> = std::iter::once(name).chain(columns.iter().copied()).map(str::to_owned).collect();
        let width = |column: usize| {
            let cells = shown.iter().chain([&head]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        println!();
        for row in [&head].into_iter().chain(&shown) {
            for (column, cell) in row.iter().enumerate() {
                let width = width(column);
                if column == 0 { print!("{cell:<width$}") } else { print!("  {cell:>width$}") }
            }
            println!();
        }
        let named = |cells: &[Value]| -> Map<String, Value> {
            columns.iter().map(|column| (*column).to_owned()).zip(cells.iter().cloned()).collect()
        };
        let rows = rows.iter().map(|(name, cells)| (name.clone(), Value::Object(named(cells))));
        self.parts.insert(name.to_owned(), Value::Object(rows.collect()));
    }

    /// Writes everything into a file.
    pub(crate) fn write(&self) {
        let target = env::var_os("CARGO_TARGET_DIR")
            .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")), PathBuf::from);
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let all = json!({"cores": cores, "settings": self.settings, "parts": self.parts});
        let path = target.join("bench-http.json");
        fs::write(&path, serde_json::to_vec_pretty(&all).unwrap()).unwrap();
        println!("\nwritten to {}", path.display());
    }
}

/// Large numbers whole, small ones with what matters.
fn shown(cell: &Value) -> String {
    match (cell.as_f64(), cell.as_str()) {
        _ if cell.is_u64() => cell.to_string(),
        (Some(number), _) if number.abs() >= 100.0 => format!("{number:.0}"),
        (Some(number), _) if number.abs() >= 10.0 => format!("{number:.1}"),
        (Some(number), _) => format!("{number:.2}"),
        (None, Some(text)) => text.to_owned(),
        (None, None) => "–".to_owned(),
    }
}

/// The one in the middle.
pub(crate) fn median(figures: impl IntoIterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.into_iter().collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Says on standard error how far it is.
pub(crate) fn say(what: &str) {
    eprintln!("{what}");
}
