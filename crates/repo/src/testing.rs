//! What the tests share: a repository as it is begun, changed in some files, and a pool.

use std::{fs, path::Path, sync::LazyLock};

use cedarkeep_cedar::CedarPool;
use cedarkeep_model::Name;
use tempfile::TempDir;

use crate::{Check, Finding, ReadError, Repository, TestRun, init};

static POOL: LazyLock<CedarPool> = LazyLock::new(|| CedarPool::new(1).unwrap());

pub(crate) fn pool() -> &'static CedarPool {
    &POOL
}

/// A begun repository in which these files stand instead or as well.
pub(crate) fn sample(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    init(folder.path(), &Name::new("documents").unwrap(), None, None).unwrap();
    for (path, text) in files {
        let file = folder.path().join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    folder
}

/// Checks a repository that can be read.
pub(crate) fn on_pool(folder: &Path) -> Check {
    let repository = Repository::read(folder).unwrap();
    POOL.run_blocking(move || repository.check()).unwrap()
}

/// What is found in a repository, while it is read or checked.
pub(crate) fn findings(folder: &Path) -> Vec<Finding> {
    match Repository::read(folder) {
        Ok(repository) => POOL.run_blocking(move || repository.check()).unwrap().findings,
        Err(ReadError::Invalid(findings)) => findings,
        Err(other) => panic!("{other}"),
    }
}

/// Runs the tests of a repository without fault.
pub(crate) fn run_tests(folder: &Path) -> TestRun {
    let repository = Repository::read(folder).unwrap();
    POOL.run_blocking(move || repository.check().ready.unwrap().test().unwrap()).unwrap()
}
