//! The test of the measurements: everything is measured, on the host and in the guest; not how fast it is.

use std::collections::BTreeSet;
use std::fs;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Args, IN_GUEST};
use crate::e2e::Lab;
use crate::paths;
use crate::test::Outcome;

/// Peers that need no operating system.
const EVERYWHERE: [&str; 7] =
    ["&dyn", "swapper", "spin::RwLock", "crossbeam-epoch", "haphazard", "direct call", "lock xadd"];
/// Peers that a process has besides.
const ON_HOST: [&str; 5] = ["arc-swap", "arc-swap, Cache", "RwLock", "left-right", "seize"];
/// What a peer cannot be without: to be called, in four conditions of two kinds.
const CALLS: usize = 8;

/// A quick run; its result has every job and peer, with samples.
pub fn smoke(_: &Lab) -> Result<Outcome> {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return Ok(Outcome::Skipped("what is measured on 2 processors would be the scheduler of this one".into()));
    }
    let file = paths::target().join("bench/smoke.json");
    fs::create_dir_all(paths::target().join("bench"))?;
    super::run(&Args { job: vec![IN_GUEST.into()], json: Some(file.clone()), quick: true, ..Args::default() })?;
    let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
    let result: Value = serde_json::from_str(&text)?;
    ensure!(result["environment"]["guest"]["accelerator"].is_string(), "the result does not say what the guest ran on");
    for (place, more) in [("host", &ON_HOST[..]), ("guest", &[])] {
        complete(&result, place, more)?;
    }
    Ok(Outcome::PASSED)
}

/// Whether the result has what was to be measured there, by the peers of everywhere and `more`.
fn complete(result: &Value, place: &str, more: &[&str]) -> Result<()> {
    let of = |list: &str| -> Vec<&Value> {
        result[list].as_array().into_iter().flatten().filter(|element| element["where"] == place).collect()
    };
    let series = of("series");
    let names = |beginning: &str, peer: &str| -> BTreeSet<&str> {
        let with_samples = series.iter().filter(|series| series["peer"] == peer && series["value"].is_number());
        with_samples.filter_map(|series| series["name"].as_str()).filter(|name| name.contains(beginning)).collect()
    };
    for peer in EVERYWHERE.iter().chain(more) {
        let calls = names("call, ", peer);
        ensure!(calls.len() >= CALLS, "{place}: of {peer}'s calls there are only {calls:?}");
        let exchanges = !["&dyn", "swapper", "direct call", "lock xadd"].contains(peer);
        ensure!(!exchanges || names("exchange", peer).len() == 1, "{place}: no exchange by {peer}");
    }
    for (what, count) in [("null swap, ", 2), ("converted", 6), ("by reference", 6)] {
        let found = names(what, "swapper");
        ensure!(found.len() == count, "{place}: {count} series of `{what}` are wanted, there are {found:?}");
    }
    let checks = of("checks");
    ensure!(checks.len() >= 24, "{place}: only {} promises are checked", checks.len());
    for check in checks {
        let fields = ["name", "unit", "peer", "target", "holds"].iter().all(|field| !check[field].is_null());
        ensure!(fields, "{place}: {check} lacks a field");
    }
    Ok(())
}
