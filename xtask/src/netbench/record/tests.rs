use super::*;

fn samples(file: &Path, name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let series = all["suite"]["series"].as_array().unwrap().clone();
    series.into_iter().filter(|series| series["name"] == name).map(|series| series["samples"].clone()).collect()
}

#[test]
fn a_run_that_ends_early_leaves_what_it_has_and_what_was_there() {
    let dir = std::env::temp_dir().join(format!("midflight-records-{}", std::process::id()));
    let file = dir.join("samples.json");
    let mut whole = Records::new(&file, "suite", 2).unwrap();
    for (name, value) in [("one", 1.0), ("one", 2.0), ("two", 3.0), ("two", 4.0)] {
        whole.add_exact(name, Who::Linux, "", value);
    }
    whole.keep(true).unwrap();
    let mut early = Records::new(&file, "suite", 2).unwrap();
    for (name, value) in [("one", 5.0), ("one", 6.0), ("two", 7.0)] {
        early.add_exact(name, Who::Linux, "", value);
    }
    drop(early);
    assert_eq!(samples(&file, "one"), [json!([5.0, 6.0])]);
    assert_eq!(samples(&file, "two"), [json!([3.0, 4.0])], "one sample does not take the place of two");
    std::fs::remove_dir_all(dir).unwrap();
}
