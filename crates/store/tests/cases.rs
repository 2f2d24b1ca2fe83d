//! The suite asks for everything: an engine that passes it has run every statement that it has.

use std::{fs, path::Path};

#[test]
fn every_method_of_the_contract_is_called_by_a_case() -> std::io::Result<()> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut cases = String::new();
    for file in fs::read_dir(source.join("conformance"))? {
        cases.push_str(&fs::read_to_string(file?.path())?);
    }
    let contract = fs::read_to_string(source.join("read.rs"))? + &fs::read_to_string(source.join("write.rs"))?;
    let methods: Vec<&str> = contract
        .lines()
        .filter_map(|line| line.trim().strip_prefix("async fn ")?.split_once('('))
        .map(|(name, _)| name)
        .collect();
    assert!(methods.len() > 80, "{methods:?}");
    let missing: Vec<_> = methods.iter().filter(|name| !cases.contains(&format!(".{name}("))).collect();
    assert!(missing.is_empty(), "no case calls {missing:?}");
    Ok(())
}
