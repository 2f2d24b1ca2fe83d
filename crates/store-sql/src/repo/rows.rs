//! Rows as they are moved from one store to another. The columns have the names of the members; what else a table has is
//! derived here.

use cedarkeep_model::{LoggedBody, Manifest};
use cedarkeep_store::{Cell, CellType, Row as Moved, RowKind, Rows, StoreError};
use sqlx::Row as _;

use super::{
    Row, Sql,
    columns::damaged,
    decisions::{hash, version_ids},
    engine::store_error,
    list::{List, folded},
    set_versions,
};

/// How many rows one statement writes: far from what an engine takes, with parameters for each column.
const ROWS_AT_ONCE: usize = 100;

/// Where rows of a kind are kept.
const fn table(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Meta => "meta",
        RowKind::Organization => "organizations",
        RowKind::ServiceAccount => "service_accounts",
        RowKind::Credential => "credentials",
        RowKind::RoleGrant => "role_grants",
        RowKind::OrganizationEvent => "organization_events",
        RowKind::Zone => "zones",
        RowKind::Schema => "policy_schemas",
        RowKind::SchemaState => "policy_schema_states",
        RowKind::Policy => "policies",
        RowKind::PolicyVersion => "policy_versions",
        RowKind::PolicyVersionArchive => "policy_version_archives",
        RowKind::PolicySet => "policy_sets",
        RowKind::SetVersion => "policy_set_versions",
        RowKind::SetVersionArchive => "policy_set_version_archives",
        RowKind::PolicyDraft => "policy_drafts",
        RowKind::SetDraft => "policy_set_drafts",
        RowKind::Entity => "entities",
        RowKind::SigningKey => "signing_keys",
        RowKind::Attestation => "attestations",
        RowKind::ReSignRefusal => "re_sign_refusals",
        RowKind::Binding => "bindings",
        RowKind::Divergence => "shadow_divergences",
        RowKind::DivergenceTotal => "shadow_divergence_totals",
        RowKind::UserToken => "user_tokens",
        RowKind::UserBundleSet => "user_bundle_sets",
        RowKind::UserBundlePolicy => "user_bundle_policies",
        RowKind::Event => "events",
        RowKind::Decision => "decisions",
    }
}

/// The columns that are derived from members.
const fn derived_columns(kind: RowKind) -> &'static [(&'static str, CellType)] {
    match kind {
        RowKind::Policy => &[("name_folded", CellType::Text), ("description_folded", CellType::Text)],
        RowKind::PolicySet => &[("name_folded", CellType::Text)],
        RowKind::Decision => &[
            ("principal_hash", CellType::Number),
            ("resource_hash", CellType::Number),
            ("policy_set_version_ids", CellType::Text),
        ],
        _ => &[],
    }
}

/// Their values.
fn derived(row: &Moved) -> Result<Vec<Cell>, StoreError> {
    let fold = |name| row.text(name).map_or(Cell::Null, |text| Cell::Text(folded(text)));
    let hashed = |name| Cell::Number(hash(row.text(name).unwrap_or_default()));
    Ok(match row.kind {
        RowKind::Policy => vec![fold("name"), fold("description")],
        RowKind::PolicySet => vec![fold("name")],
        RowKind::Decision => {
            let body: LoggedBody = json(row, "body")?;
            vec![hashed("principal"), hashed("resource"), Cell::Text(version_ids(&body))]
        }
        _ => Vec::new(),
    })
}

fn json<T: serde::de::DeserializeOwned>(row: &Moved, name: &str) -> Result<T, StoreError> {
    serde_json::from_str(row.text(name).unwrap_or_default()).map_err(|_| damaged(name))
}

fn joined(list: &mut List, names: impl Iterator<Item = &'static str>) {
    for (index, name) in names.enumerate() {
        list.sql(if index == 0 { "" } else { ", " }).sql(name);
    }
}

pub(super) async fn list(db: &mut Sql, of: &Rows) -> Result<Vec<Moved>, StoreError> {
    let (kind, members) = (of.kind, of.kind.members());
    let keys = members.get(..kind.keys()).unwrap_or_default();
    let mut list = List::new("SELECT ");
    joined(&mut list, members.iter().map(|member| member.name));
    list.sql(" FROM ").sql(table(kind)).sql(" WHERE ");
    match (keys.first(), of.zone) {
        (Some(first), Some(zone)) => list.sql(first.name).sql(" = ").text(&zone),
        _ => list.sql("1 = 1"),
    };
    if let Some(after) = &of.after {
        list.sql(" AND (");
        joined(&mut list, keys.iter().map(|key| key.name));
        list.sql(") > (");
        for (index, (key, cell)) in keys.iter().zip(after).enumerate() {
            list.sql(if index == 0 { "" } else { ", " }).cell(key.holds, cell)?;
        }
        list.sql(")");
    }
    list.sql(" ORDER BY ");
    joined(&mut list, keys.iter().map(|key| key.name));
    list.sql(" LIMIT ").number(of.limit.into());
    list.all(db, |row| moved(kind, row)).await
}

fn moved(kind: RowKind, row: &Row) -> Result<Moved, StoreError> {
    let cells = kind.members().iter().map(|member| {
        let cell = match member.holds {
            CellType::Text => row.try_get::<Option<String>, _>(member.name).map(|text| text.map(Cell::Text)),
            CellType::Number => row.try_get::<Option<i64>, _>(member.name).map(|number| number.map(Cell::Number)),
            CellType::Bytes => row.try_get::<Option<Vec<u8>>, _>(member.name).map(|bytes| bytes.map(Cell::Bytes)),
        };
        cell.map(|cell| cell.unwrap_or(Cell::Null)).map_err(store_error)
    });
    Ok(Moved { kind, cells: cells.collect::<Result<_, _>>()? })
}

pub(super) async fn insert(db: &mut Sql, rows: &[Moved]) -> Result<(), StoreError> {
    let Some(kind) = rows.first().map(|row| row.kind) else { return Ok(()) };
    for some in rows.chunks(ROWS_AT_ONCE) {
        insert_some(db, kind, some).await?;
    }
    if kind == RowKind::SetVersion {
        for row in rows {
            let manifest: Manifest = json(row, "manifest")?;
            let of = (row.text("zone_id").unwrap_or_default(), row.text("id").unwrap_or_default());
            set_versions::insert_entries(db, of, &manifest).await?;
        }
    }
    Ok(())
}

async fn insert_some(db: &mut Sql, kind: RowKind, rows: &[Moved]) -> Result<(), StoreError> {
    let (members, more) = (kind.members(), derived_columns(kind));
    let mut list = List::new("INSERT INTO ");
    list.sql(table(kind)).sql(" (");
    joined(&mut list, members.iter().map(|member| member.name).chain(more.iter().map(|(name, _)| *name)));
    list.sql(") VALUES ");
    for (index, row) in rows.iter().enumerate() {
        if row.kind != kind || row.cells.len() != members.len() {
            return Err(StoreError::Refused("the rows of one step are of one kind, each with all its members"));
        }
        list.sql(if index == 0 { "(" } else { ", (" });
        let derived = derived(row)?;
        let types = members.iter().map(|member| member.holds).chain(more.iter().map(|(_, holds)| *holds));
        for (index, (holds, cell)) in types.zip(row.cells.iter().chain(&derived)).enumerate() {
            list.sql(if index == 0 { "" } else { ", " }).cell(holds, cell)?;
        }
        list.sql(")");
    }
    list.execute(db).await
}

/// The tables with every column that is moved or derived.
#[cfg(test)]
pub(super) fn columns() -> Vec<(&'static str, Vec<&'static str>)> {
    let columns = |kind: &RowKind| {
        let members = kind.members().iter().map(|member| member.name);
        (table(*kind), members.chain(derived_columns(*kind).iter().map(|(name, _)| *name)).collect())
    };
    RowKind::ALL.iter().map(columns).collect()
}
