//! Holds the architecture: which room imports which, which room alone touches a heavy library, and the hygiene that no
//! compiler checks. Only what ships is held to the walls: a room's own tests may import what they need.

use std::{
    env,
    error::Error,
    fs, io,
    path::{Path, PathBuf},
};

use cargo_metadata::{DependencyKind, MetadataCommand, Package};

type Outcome = Result<(), Box<dyn Error>>;

/// Every room, and the rooms that it may import. A new crate takes its place here first.
const ROOMS: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("cedar", &["model"]),
    ("attest", &["model"]),
    ("store", &["model"]),
    ("store-sql", &["model", "store"]),
    ("verify", &["model", "cedar", "attest"]),
    ("bundle", &["model"]),
    ("rules", &["model", "cedar"]),
    ("repo", &["model", "cedar"]),
    ("service", &["model", "cedar", "attest", "store", "bundle"]),
    ("http", &["model", "service"]),
    ("cli", &["model", "cedar", "attest", "store", "store-sql", "verify", "bundle", "repo", "service", "http"]),
    ("postgres-harness", &[]),
    (
        "tests",
        &["model", "cedar", "attest", "store", "store-sql", "verify", "bundle", "service", "http", "postgres-harness"],
    ),
];

/// Libraries (`*` ends a family) and the only rooms that import them. `tests` looks from outside and may import any.
const WALLS: &[(&str, &[&str])] = &[
    ("serde_jcs", &["model"]),
    ("sha2", &["model"]),
    ("uuid", &["model", "cli"]),
    ("cedar-policy*", &["cedar"]),
    ("josekit", &["attest"]),
    ("openssl*", &["attest"]),
    ("aes-gcm", &["attest"]),
    ("sqlx*", &["store-sql"]),
    ("libsqlite3-sys", &["store-sql"]),
    ("tar", &["bundle"]),
    ("flate2", &["bundle"]),
    ("axum*", &["http"]),
    ("hyper*", &["http"]),
    ("utoipa*", &["http"]),
    ("jsonwebtoken", &["http"]),
    ("tokio-rustls", &["http"]),
    ("rustls*", &["http"]),
    ("clap*", &["cli"]),
    ("ureq", &["cli"]),
    ("opentelemetry*", &["cli"]),
    ("tracing-opentelemetry", &["cli"]),
];

const MAX_LINES: usize = 450;

/// One dependency that a room ships with.
struct Import {
    room: String,
    dependency: String,
}

#[test]
fn every_crate_is_a_room_and_every_room_a_crate() -> Outcome {
    let mut found: Vec<String> = packages()?.iter().map(|package| room(&package.name)).collect();
    let mut expected: Vec<String> = ROOMS.iter().map(|(name, _)| (*name).to_owned()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
    Ok(())
}

#[test]
fn rooms_import_only_what_stands_below_them() -> Outcome {
    assert_none(&imports()?.iter().filter_map(wrong_edge).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn heavy_libraries_stay_behind_their_walls() -> Outcome {
    assert_none(&imports()?.iter().filter_map(breached_wall).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn the_rules_see_what_they_forbid() {
    let import = |room: &str, dependency: &str| Import { room: room.to_owned(), dependency: dependency.to_owned() };
    for (room, dependency) in [("http", "store"), ("http", "attest"), ("service", "store-sql"), ("cedar", "attest")] {
        assert!(wrong_edge(&import(room, &format!("cedarkeep-{dependency}"))).is_some(), "{room} → {dependency}");
    }
    for (room, library) in [("service", "axum"), ("store", "sqlx-core"), ("http", "cedar-policy-core"), ("cli", "sha2")]
    {
        assert!(breached_wall(&import(room, library)).is_some(), "{room} → {library}");
    }
    assert!(breached_wall(&import("cli", "uuid")).is_none());
    assert!(breached_wall(&import("tests", "axum")).is_none());
    assert!(wrong_edge(&import("cli", "cedarkeep-http")).is_none());
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() -> Outcome {
    let mut lax = Vec::new();
    // Test code may panic: the tests' own member has lints of its own.
    for package in packages()?.iter().filter(|package| room(&package.name) != "tests") {
        if !fs::read_to_string(&package.manifest_path)?.contains("[lints]\nworkspace = true") {
            lax.push(package.name.to_string());
        }
    }
    assert_none(&lax);
    Ok(())
}

#[test]
fn files_stay_short() -> Outcome {
    let mut long = Vec::new();
    for path in files_of(&["crates", "tests"], &["rs", "py"])? {
        let lines = fs::read_to_string(&path)?.lines().count();
        if lines > MAX_LINES {
            long.push(format!("{}: {lines} lines, at most {MAX_LINES}", path.display()));
        }
    }
    assert_none(&long);
    Ok(())
}

#[test]
fn no_test_is_ignored() -> Outcome {
    // Pieced together so that this file does not find itself.
    let muted = [concat!("#[", "ignore"), concat!("pytest.mark.", "skip"), concat!("pytest.mark.", "xfail")];
    assert_none(&mentions(&files_of(&["crates", "tests"], &["rs", "py"])?, &muted.map(str::to_owned))?);
    Ok(())
}

/// A path of the machine that a file was written on says that something works only there.
#[test]
fn no_file_names_this_machine() -> Outcome {
    let mut places = vec![repository().display().to_string()];
    places.extend(env::home_dir().map(|home| home.display().to_string()));
    places.retain(|place| place.len() > 1);
    let places: Vec<String> = places.into_iter().map(|place| format!("{}/", place.trim_end_matches('/'))).collect();
    let mut files = files_of(&[".ci", "crates", "docs", "migrations", "schemas", "tests"], &[])?;
    files.extend(
        ["Cargo.toml", "deny.toml", "Dockerfile", "docker-compose.yml", "Makefile"].map(|name| repository().join(name)),
    );
    files.extend(["CONTRIBUTING.md", "README.md"].map(|name| repository().join(name)));
    assert_none(&mentions(&files, &places)?);
    Ok(())
}

fn packages() -> Result<Vec<Package>, cargo_metadata::Error> {
    Ok(MetadataCommand::new().current_dir(repository()).no_deps().exec()?.packages)
}

/// What the workspace's crates import, without what only their own tests do.
fn imports() -> Result<Vec<Import>, cargo_metadata::Error> {
    let packages = packages()?;
    let imports = packages.iter().flat_map(|package| {
        let shipped = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
        shipped.map(|dependency| Import { room: room(&package.name), dependency: dependency.name.clone() })
    });
    Ok(imports.collect())
}

fn room(package: &str) -> String {
    package.strip_prefix("cedarkeep-").unwrap_or(package).to_owned()
}

fn wrong_edge(import: &Import) -> Option<String> {
    let below = import.dependency.strip_prefix("cedarkeep-")?;
    let allowed = ROOMS.iter().any(|(name, imports)| *name == import.room && imports.contains(&below));
    (!allowed).then(|| format!("{} must not import {below}", import.room))
}

fn breached_wall(import: &Import) -> Option<String> {
    let (library, rooms) = WALLS.iter().find(|(library, _)| match library.strip_suffix('*') {
        Some(family) => import.dependency.starts_with(family),
        None => import.dependency == *library,
    })?;
    let allowed = import.room == "tests" || rooms.contains(&import.room.as_str());
    (!allowed).then(|| format!("{} must not import {}: {library} belongs to {rooms:?}", import.room, import.dependency))
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Every file under the given folders of the repository whose name ends so; with no ending given, every file.
fn files_of(folders: &[&str], endings: &[&str]) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut open: Vec<PathBuf> = folders.iter().map(|folder| repository().join(folder)).collect();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            if path.is_dir() {
                if name != "__pycache__" && name != ".pytest_cache" {
                    open.push(path);
                }
                continue;
            }
            let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
            if endings.is_empty() || endings.contains(&ending) {
                files.push(path);
            }
        }
    }
    Ok(files)
}

fn mentions(files: &[PathBuf], needles: &[String]) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    for path in files {
        let bytes = fs::read(path)?;
        for (index, line) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            if needles.iter().any(|needle| line.contains(needle.as_str())) {
                found.push(format!("{}:{}: {}", path.display(), index + 1, line.trim()));
            }
        }
    }
    Ok(found)
}

fn assert_none(violations: &[String]) {
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}
