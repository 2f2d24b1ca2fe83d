//! Whatever stands in the files of a repository, checking it comes to an end without a panic, and what it finds lies in
//! the file that it names.

use std::{fs, path::Path};

use proptest::prelude::*;

use crate::{
    Check, Finding, Repository,
    testing::{pool, sample},
};

const FILES: [&str; 6] = [
    "cedarkeep.toml",
    "policies/owners.cedar",
    "policies/readers.cedar",
    "schema.cedarschema",
    "entities.json",
    "tests/documents.json",
];

/// A file, where in it (in thousandths), how many bytes go, and what comes in their place.
type Mutation = (usize, usize, usize, Vec<u8>);

fn mutation() -> impl Strategy<Value = Mutation> {
    let word = prop::sample::select(vec![
        "(",
        ")",
        "{",
        "}",
        "[",
        "\"",
        ",",
        ";",
        "@name(\"owners\")",
        "?principal",
        "\n",
        "ü",
        "\u{1b}",
        "0",
        "null",
    ]);
    let inserted =
        prop_oneof![word.prop_map(|word| word.as_bytes().to_vec()), prop::collection::vec(any::<u8>(), 0..3)];
    (0..FILES.len(), 0..=1_000_usize, 0..20_usize, inserted)
}

fn mutate(folder: &Path, (file, place, gone, inserted): Mutation) {
    let file = folder.join(FILES[file]);
    let mut bytes = fs::read(&file).unwrap();
    let start = bytes.len() * place / 1_000;
    let end = (start + gone).min(bytes.len());
    bytes.splice(start..end, inserted);
    fs::write(file, bytes).unwrap();
}

fn examine(folder: &Path) -> Check {
    match Repository::read(folder) {
        // A panic is an error of the pool.
        Ok(repository) => pool()
            .run_blocking(move || {
                let check = repository.check();
                if let Some(ready) = &check.ready {
                    ready.test().unwrap();
                }
                repository.format().map(|_| ()).unwrap_or_default();
                check
            })
            .unwrap(),
        Err(error) => Check::of_unread(error).unwrap(),
    }
}

fn lies_in_its_file(folder: &Path, finding: &Finding) -> bool {
    let (Some(line), Some(column)) = (finding.line, finding.column) else { return true };
    let text = fs::read_to_string(folder.join(&finding.file)).unwrap();
    // What is missing at the end is found missing behind the last line.
    let lines: Vec<&str> = text.split('\n').collect();
    let Some(found) = lines.get(line as usize - 1) else { return false };
    finding.excerpt.as_deref().is_none_or(|excerpt| excerpt == found.trim_end_matches('\r'))
        && column as usize <= found.chars().count() + 1
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn whatever_stands_in_it_a_repository_is_checked(mutations in prop::collection::vec(mutation(), 1..3)) {
        let folder = sample(&[]);
        for mutation in mutations {
            mutate(folder.path(), mutation);
        }
        let check = examine(folder.path());
        prop_assert!(check.is_valid() || !check.findings.is_empty());
        for finding in &check.findings {
            prop_assert!(lies_in_its_file(folder.path(), finding), "{finding:?}");
        }
    }
}
