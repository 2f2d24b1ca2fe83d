//! Many pipelines that publish into one zone at the same time.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::{Output, Stdio},
};

use serde_json::Value;

use crate::support::{Ground, Pipeline, json};

/// How many there are, half of them for one and the same policy set.
const PIPELINES: usize = 20;

#[test]
fn twenty_pipelines_at_once_lose_nothing_and_leave_nothing_half_done() {
    let ground = Ground::new();
    let zone = ground.zone("Harbour");
    let pipelines: Vec<_> = (0..PIPELINES).map(|number| different(&ground, &zone, number)).collect();
    let running: Vec<_> = pipelines
        .iter()
        .map(|pipeline| {
            let mut command = pipeline.command(&["publish", "--activate", "--output", "json"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
        })
        .collect();
    let said: Vec<Value> = running
        .into_iter()
        .map(|running| {
            let Output { status, stdout, stderr } = running.wait_with_output().unwrap();
            let err = String::from_utf8(stderr).unwrap();
            assert_eq!((status.code(), err.as_str()), (Some(0), ""));
            json(&String::from_utf8(stdout).unwrap())
        })
        .collect();

    let mut numbers: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
    for (pipeline, said) in pipelines.iter().zip(&said) {
        assert_eq!(said["created"], true, "each has a content of its own: {said}");
        let set = said["policy_set_id"].as_str().unwrap();
        let version = &said["policy_set_version"];
        numbers.entry(set).or_default().insert(version["version"].as_u64().unwrap());
        assert_eq!(
            published(pipeline, set, version["id"].as_str().unwrap()),
            texts(pipeline),
            "what was said is there"
        );
    }
    let mut sizes: Vec<_> = numbers.values().map(BTreeSet::len).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [[1; PIPELINES / 2].to_vec(), vec![PIPELINES / 2]].concat());
    for numbers in numbers.values() {
        assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "without gaps: {numbers:?}");
    }

    // Nothing beyond what was said, and the last that was bound decides.
    let state = pipelines[0].state();
    let sets = state["sets"].as_object().unwrap();
    assert_eq!(sets.values().map(|versions| versions.as_array().unwrap().len()).sum::<usize>(), PIPELINES);
    let kinds = state["events"].as_array().unwrap();
    let bound = kinds.iter().filter(|kind| kind[0] == "binding.bound").count();
    assert_eq!(bound, PIPELINES);
    let last = said.iter().max_by_key(|said| said["binding"]["revision"].as_u64()).unwrap();
    let bindings = pipelines[0].get("/policy-bindings");
    assert_eq!(bindings["items"].as_array().unwrap().len(), 1);
    assert_eq!(bindings["items"][0]["policy_set_version_id"], last["policy_set_version"]["id"]);
}

/// A repository whose content no other has. Its policies have the names of the others', and one of its own.
fn different(ground: &Ground, zone: &str, number: usize) -> Pipeline {
    let pipeline = ground.repository(&format!("repository {number}"), zone);
    if number.is_multiple_of(2) {
        pipeline.replace("cedarkeep.toml", "\"documents\"", &format!("\"set {number}\""));
    }
    pipeline.replace("policies/owners.cedar", "// Whoever", &format!("// {number}: whoever"));
    let text = format!("permit (principal == User::\"{number}\", action == Action::\"read\", resource);\n");
    fs::write(pipeline.file(&format!("policies/own-{number}.cedar")), text).unwrap();
    pipeline
}

/// The texts of the folder.
fn texts(pipeline: &Pipeline) -> BTreeSet<String> {
    let files = fs::read_dir(pipeline.file("policies")).unwrap();
    files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

/// The texts that a version pins.
fn published(pipeline: &Pipeline, set: &str, version: &str) -> BTreeSet<String> {
    let list = pipeline.get(&format!("/policy-sets/{set}/versions/{version}/policies?limit=100"));
    let texts = list["items"].as_array().unwrap().iter();
    texts.map(|policy| policy["cedar_raw"].as_str().unwrap().to_owned()).collect()
}
