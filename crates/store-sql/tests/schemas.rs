//! The two migrated schemas are one.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::collections::BTreeSet;

use cedarkeep_postgres_harness::server;
use cedarkeep_store::Store as _;
use cedarkeep_store_sql::{OpenOptions, PostgresOptions, PostgresStore, SqliteStore};
use sqlx::{Connection as _, PgConnection, SqliteConnection};

/// Every table and column, key, index and trigger of SQLite's schema, each told in one line.
const OF_SQLITE: [&str; 5] = [
    "SELECT 'column ' || t.name || '.' || c.name || ' ' || c.type || iif(c.\"notnull\", ' NOT NULL', '') \
     FROM sqlite_schema t, pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name <> '_sqlx_migrations'",
    "SELECT 'key ' || t || ' (' || group_concat(name, ', ') || ')' FROM (SELECT t.name AS t, c.name FROM sqlite_schema t, \
     pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name <> '_sqlx_migrations' AND c.pk > 0 ORDER BY t.name, c.pk) \
     GROUP BY t",
    "SELECT iif(\"unique\", 'unique ', 'index ') || iif(origin = 'c', x, 'of ' || t) || ' (' || group_concat(c, ', ') || ')' \
     || coalesce(' WHERE ' || w, '') FROM (SELECT t.name AS t, x.name AS x, x.\"unique\", x.origin, c.name AS c, \
     (SELECT substr(sql, instr(sql, ' WHERE ') + 7) FROM sqlite_schema s WHERE s.name = x.name AND x.partial) AS w \
     FROM sqlite_schema t, pragma_index_list(t.name) x, pragma_index_info(x.name) c \
     WHERE t.type = 'table' AND t.name <> '_sqlx_migrations' AND x.origin <> 'pk' ORDER BY x.name, c.seqno) GROUP BY x",
    "SELECT 'foreign ' || t || ' (' || group_concat(f, ', ') || ') ' || r || ' (' || group_concat(p, ', ') || ')' \
     FROM (SELECT t.name AS t, k.id, k.\"table\" AS r, k.\"from\" AS f, k.\"to\" AS p \
     FROM sqlite_schema t, pragma_foreign_key_list(t.name) k WHERE t.type = 'table' ORDER BY t.name, k.id, k.seq) \
     GROUP BY t, id",
    "SELECT DISTINCT 'immutable ' || tbl_name FROM sqlite_schema WHERE type = 'trigger'",
];

/// The same of PostgreSQL's. A column of text that is not ordered by its bytes tells its collation.
const OF_POSTGRES: [&str; 5] = [
    "SELECT 'column ' || table_name || '.' || column_name || ' ' || CASE data_type WHEN 'bytea' THEN 'BLOB' \
     WHEN 'text' THEN 'TEXT' || CASE collation_name WHEN 'C' THEN '' ELSE ' ' || coalesce(collation_name, 'default') END \
     ELSE upper(data_type) END || CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END \
     FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'",
    "SELECT 'key ' || x.indrelid::regclass || ' (' || string_agg(a.attname, ', ' ORDER BY k.n) || ')' \
     FROM pg_index x CROSS JOIN unnest(x.indkey) WITH ORDINALITY k(c, n) \
     JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.c \
     WHERE x.indisprimary AND x.indrelid::regclass::text <> '_sqlx_migrations' \
     AND x.indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) \
     GROUP BY x.indexrelid, x.indrelid",
    "SELECT CASE WHEN x.indisunique THEN 'unique ' ELSE 'index ' END \
     || CASE WHEN o.oid IS NULL THEN x.indexrelid::regclass::text ELSE 'of ' || x.indrelid::regclass END \
     || ' (' || string_agg(a.attname, ', ' ORDER BY k.n) || ')' \
     || coalesce(' WHERE ' || pg_get_expr(x.indpred, x.indrelid), '') \
     FROM pg_index x CROSS JOIN unnest(x.indkey) WITH ORDINALITY k(c, n) \
     JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.c \
     LEFT JOIN pg_constraint o ON o.conindid = x.indexrelid AND o.contype = 'u' \
     WHERE NOT x.indisprimary AND x.indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace) \
     GROUP BY x.indexrelid, x.indrelid, x.indisunique, x.indpred, o.oid",
    "SELECT 'foreign ' || o.conrelid::regclass || ' (' || string_agg(f.attname, ', ' ORDER BY k.n) || ') ' \
     || o.confrelid::regclass || ' (' || string_agg(p.attname, ', ' ORDER BY k.n) || ')' \
     FROM pg_constraint o CROSS JOIN unnest(o.conkey, o.confkey) WITH ORDINALITY k(f, p, n) \
     JOIN pg_attribute f ON f.attrelid = o.conrelid AND f.attnum = k.f \
     JOIN pg_attribute p ON p.attrelid = o.confrelid AND p.attnum = k.p \
     WHERE o.contype = 'f' GROUP BY o.oid, o.conrelid, o.confrelid",
    "SELECT 'immutable ' || tgrelid::regclass FROM pg_trigger WHERE NOT tgisinternal AND tgenabled = 'O' \
     AND tgfoid = 'refuse_change'::regproc AND tgtype & 62 = 2 | 8 | 16 | 32",
];

/// A condition as both engines write it.
fn plain(line: String) -> String {
    let Some((index, condition)) = line.split_once(" WHERE ") else { return line };
    let condition = condition.replace("::text", "");
    let condition: String = condition.chars().filter(|c| !c.is_whitespace() && !"()".contains(*c)).collect();
    format!("{index} WHERE {condition}")
}

async fn of_sqlite() -> BTreeSet<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    SqliteStore::open(&OpenOptions { path: path.clone(), readers: 1 }).await.unwrap().close().await;
    let mut db = SqliteConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    let mut lines = BTreeSet::new();
    for sql in OF_SQLITE {
        let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut db).await.unwrap();
        assert!(!found.is_empty(), "{sql}");
        lines.extend(found.into_iter().map(plain));
    }
    lines
}

async fn of_postgres() -> BTreeSet<String> {
    let database = server().database();
    let options = PostgresOptions::from_url(&database.url()).unwrap();
    PostgresStore::open(&options).await.unwrap().close().await;
    let mut db = PgConnection::connect(&database.url()).await.unwrap();
    let mut lines = BTreeSet::new();
    for sql in OF_POSTGRES {
        let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut db).await.unwrap();
        assert!(!found.is_empty(), "{sql}");
        lines.extend(found.into_iter().map(plain));
    }
    lines
}

#[tokio::test]
async fn the_schema_of_postgres_is_that_of_sqlite() {
    let (sqlite, postgres) = (of_sqlite().await, of_postgres().await);
    let only = |these: &BTreeSet<String>, those| these.difference(those).cloned().collect::<Vec<_>>().join("\n  ");
    assert!(
        sqlite == postgres,
        "only in SQLite:\n  {}\nonly in PostgreSQL:\n  {}",
        only(&sqlite, &postgres),
        only(&postgres, &sqlite)
    );
}
