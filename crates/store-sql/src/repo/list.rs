//! Lists: a SELECT, conditions that are fixed pieces of SQL with parameters, and a keyset window.

use cedarkeep_model::ZoneId;
use cedarkeep_store::{ArchivedFilter, Cell, CellType, Direction, Order, Position, Slice, StoreError, Window};
use serde::Serialize;
use serde_json::Value;
use sqlx::{AssertSqlSafe, Row as _, query::Query};

use super::{
    Database, Row, Sql,
    engine::{OBJECTS, TEXTS, store_error},
    given, to_json,
};

/// In bytes, in folded form. Nothing that is searched comes near it, and SQLite refuses patterns of twice as many.
const LONGEST_TERM: usize = 24_000;

/// Text as it is searched: in lower case by Unicode's rules, which the engines' own functions follow at best in part.
pub(super) fn folded(text: &str) -> String {
    text.to_lowercase()
}

enum Argument {
    Text(Option<String>),
    Number(Option<i64>),
    Bytes(Option<Vec<u8>>),
}

/// A list under construction. Only literals of this crate become SQL; every value is a parameter.
pub(super) struct List {
    sql: String,
    arguments: Vec<Argument>,
}

/// The columns that a list is sorted by, with the position's members they are. An `id` of two columns, `a then b`, has
/// positions whose id is both values with a `/` between them; the first value has none in it.
pub(super) struct Keys {
    pub(super) rank: Option<&'static str>,
    pub(super) at: Option<&'static str>,
    pub(super) id: Option<&'static str>,
}

impl Keys {
    /// Creation, then id: the order of most lists.
    pub(super) const fn created(at: &'static str, id: &'static str) -> Self {
        Self { rank: None, at: Some(at), id: Some(id) }
    }

    fn columns<'a>(&self, position: Option<&'a Position>) -> Vec<(&'static str, Option<Key<'a>>)> {
        let group = self.id.and_then(|columns| columns.split_once(" then "));
        let id = group.map(|(_, id)| id).or(self.id);
        let of = position
            .map(|p| if group.is_some() { p.id.split_once('/').unwrap_or(("", "")) } else { ("", p.id.as_str()) });
        [
            self.rank.map(|column| (column, position.map(|p| Key::Number(p.rank)))),
            self.at.map(|column| (column, position.map(|p| Key::Number(p.at)))),
            group.map(|(column, _)| (column, of.map(|(group, _)| Key::Text(group)))),
            id.map(|column| (column, of.map(|(_, id)| Key::Text(id)))),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

enum Key<'a> {
    Number(i64),
    Text(&'a str),
}

impl List {
    /// Begins with a SELECT that has a WHERE clause.
    pub(super) fn new(select: &'static str) -> Self {
        Self { sql: select.to_owned(), arguments: Vec::new() }
    }

    fn placeholder(&mut self, argument: Argument) {
        self.arguments.push(argument);
        self.sql.push('$');
        self.sql.push_str(&self.arguments.len().to_string());
    }

    /// Adds a piece of SQL.
    pub(super) fn sql(&mut self, piece: &'static str) -> &mut Self {
        self.sql.push_str(piece);
        self
    }

    /// Adds a text parameter.
    pub(super) fn text(&mut self, value: &(impl ToString + ?Sized)) -> &mut Self {
        self.placeholder(Argument::Text(Some(value.to_string())));
        self
    }

    /// Adds a number as a parameter.
    pub(super) fn number(&mut self, value: i64) -> &mut Self {
        self.placeholder(Argument::Number(Some(value)));
        self
    }

    /// Adds the value of a member of a row as a parameter.
    pub(super) fn cell(&mut self, holds: CellType, cell: &Cell) -> Result<&mut Self, StoreError> {
        self.placeholder(match (holds, cell) {
            (CellType::Text, Cell::Null) => Argument::Text(None),
            (CellType::Number, Cell::Null) => Argument::Number(None),
            (CellType::Bytes, Cell::Null) => Argument::Bytes(None),
            (CellType::Text, Cell::Text(text)) => Argument::Text(Some(given(text)?.to_owned())),
            (CellType::Number, Cell::Number(number)) => Argument::Number(Some(*number)),
            (CellType::Bytes, Cell::Bytes(bytes)) => Argument::Bytes(Some(bytes.clone())),
            _ => return Err(StoreError::Refused("a member of a row has a value of another type")),
        });
        Ok(self)
    }

    /// Adds the zone as a parameter, behind a SELECT that ends with `zone_id = `, and that it is not deleted.
    pub(super) fn living(&mut self, zone: ZoneId) -> &mut Self {
        self.text(&zone).sql(" AND EXISTS (SELECT 1 FROM zones WHERE deleted_at IS NULL AND id = ").text(&zone).sql(")")
    }

    /// Adds the values as rows of a column `value`: one parameter and one text of SQL, however many they are.
    fn texts(&mut self, values: impl Iterator<Item = String>) -> &mut Self {
        // Nothing that is stored holds a NUL, which PostgreSQL does not even take to look for.
        let values = values.filter(|value| !value.contains('\0')).map(Value::String).collect();
        self.sql(TEXTS.0).text(&Value::Array(values)).sql(TEXTS.1)
    }

    /// Adds the objects as rows of a column `value`.
    pub(super) fn objects<T: Serialize>(&mut self, objects: &[T]) -> Result<&mut Self, StoreError> {
        Ok(self.sql(OBJECTS.0).text(&to_json(objects)?).sql(OBJECTS.1))
    }

    /// Adds ` AND column IN (…)`.
    pub(super) fn one_of<T: ToString>(&mut self, column: &'static str, values: &[T]) -> &mut Self {
        self.sql(" AND ").sql(column).sql(" IN (SELECT value FROM ").texts(values.iter().map(T::to_string)).sql(")")
    }

    /// Adds ` AND (column IN (…) OR other IN (…))`.
    pub(super) fn either<T: ToString, U: ToString>(
        &mut self,
        column: &'static str,
        values: &[T],
        other: &'static str,
        others: &[U],
    ) -> &mut Self {
        self.sql(" AND (").sql(column).sql(" IN (SELECT value FROM ").texts(values.iter().map(T::to_string));
        self.sql(") OR ").sql(other).sql(" IN (SELECT value FROM ").texts(others.iter().map(U::to_string)).sql("))")
    }

    /// Adds that one of the columns, which hold [`folded`] text, contains one of the terms; wildcards in a term are
    /// literals. No terms, no condition.
    pub(super) fn contains(&mut self, columns: &[&'static str], terms: &[String]) -> &mut Self {
        if terms.is_empty() {
            return self;
        }
        let terms = terms.iter().map(|term| folded(term)).filter(|term| term.len() <= LONGEST_TERM);
        let escaped = terms.map(|term| term.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        self.sql(" AND EXISTS (SELECT 1 FROM ")
            .texts(escaped.map(|term| format!("%{term}%")))
            .sql(" AS term WHERE FALSE");
        for column in columns {
            self.sql(" OR ").sql(column).sql(" LIKE term.value ESCAPE '\\'");
        }
        self.sql(")")
    }

    /// Adds the condition on a column that is set once something is archived.
    pub(super) fn archived(&mut self, column: &'static str, filter: ArchivedFilter) -> &mut Self {
        match filter {
            ArchivedFilter::Living => self.sql(" AND ").sql(column).sql(" IS NULL"),
            ArchivedFilter::Only => self.sql(" AND ").sql(column).sql(" IS NOT NULL"),
            ArchivedFilter::Any => self,
        }
    }

    fn window(&mut self, keys: &Keys, window: &Window) {
        let descending = (window.order == Order::Desc) == (window.direction == Direction::Forward);
        let columns = keys.columns(window.start.as_ref());
        if window.start.is_some() {
            self.sql(" AND (");
            self.joined(&columns, "");
            self.sql(if descending { ") < (" } else { ") > (" });
            for (index, (_, key)) in columns.iter().enumerate() {
                if index > 0 {
                    self.sql(", ");
                }
                match key {
                    Some(Key::Number(value)) => self.placeholder(Argument::Number(Some(*value))),
                    Some(Key::Text(value)) => self.placeholder(Argument::Text(Some((*value).to_owned()))),
                    None => {}
                }
            }
            self.sql(")");
        }
        self.sql(" ORDER BY ");
        self.joined(&columns, if descending { " DESC" } else { " ASC" });
        self.sql(" LIMIT ");
        self.placeholder(Argument::Number(Some(i64::from(window.limit) + 1)));
    }

    fn joined(&mut self, columns: &[(&'static str, Option<Key<'_>>)], suffix: &'static str) {
        for (index, (column, _)) in columns.iter().enumerate() {
            if index > 0 {
                self.sql(", ");
            }
            self.sql(column).sql(suffix);
        }
    }

    /// Runs it without a window.
    pub(super) async fn all<T>(
        self,
        db: &mut Sql,
        read: impl Fn(&Row) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        self.query().fetch_all(db).await.map_err(store_error)?.iter().map(read).collect()
    }

    /// Runs it for its effect.
    pub(super) async fn execute(self, db: &mut Sql) -> Result<(), StoreError> {
        self.query().execute(db).await.map(|_| ()).map_err(store_error)
    }

    fn query(self) -> Query<'static, Database, <Database as sqlx::Database>::Arguments> {
        let query = sqlx::query(AssertSqlSafe(self.sql));
        self.arguments.into_iter().fold(query, |query, argument| match argument {
            Argument::Text(value) => query.bind(value),
            Argument::Number(value) => query.bind(value),
            Argument::Bytes(value) => query.bind(value),
        })
    }

    /// Runs it through a window.
    pub(super) async fn slice<T>(
        mut self,
        db: &mut Sql,
        keys: Keys,
        window: &Window,
        read: impl Fn(&Row) -> Result<(Position, T), StoreError>,
    ) -> Result<Slice<T>, StoreError> {
        self.window(&keys, window);
        let mut items = self.all(db, read).await?;
        let most = usize::try_from(window.limit).unwrap_or(usize::MAX);
        let more = items.len() > most;
        items.truncate(most);
        if window.direction == Direction::Backward {
            items.reverse();
        }
        Ok(Slice { items, more })
    }

    /// Runs it as a count: the SELECT must be of one number.
    pub(super) async fn count(self, db: &mut Sql) -> Result<u64, StoreError> {
        let counts = self.all(db, |row| row.try_get::<i64, _>(0).map_err(store_error)).await?;
        Ok(counts.first().map_or(0, |count| count.unsigned_abs()))
    }
}
