//! Changes of rules a second.

use super::{
    cases::{Case, ENGINES, filled, table},
    rates::RATE,
};
use crate::{
    jobs::Setting,
    progress,
    series::{Place, Series},
};
use bench_jobs::Within;
use protocols::sim::Rng;
use std::time::Instant;

/// The size that a figure is promised for.
pub const RULES: usize = 10_000;

/// The name of a series of changes.
pub fn name(case: Case) -> String {
    format!("{}, changes of a rule", case.name())
}

pub fn measure(setting: &Setting) -> Vec<Series> {
    let (rounds, changes) = if setting.quick { (1, 1000) } else { (7, 40_000) };
    let cases: Vec<Case> = Case::chosen(setting, RULES).into_iter().filter(|case| case.rules == RULES).collect();
    let mut bar = progress::Steps::default();
    let mut series = Vec::new();
    for (done, case) in cases.iter().enumerate() {
        let rules = case.generate();
        let names = ENGINES.into_iter().filter(|name| *name != "linear");
        let tables = || names.clone().map(|name| (name, table(&rules)));
        let mut all: Vec<_> = tables().map(|(name, (table, ids))| (name, filled(name, &table), table, ids)).collect();
        let mut samples = vec![Vec::new(); all.len()];
        let mut rng = Rng::new(5);
        for _ in 0..rounds {
            for ((_, engine, table, ids), samples) in all.iter_mut().zip(&mut samples) {
                let begin = Instant::now();
                for _ in 0..changes / 2 {
                    let at = rng.below(ids.len() as u64) as usize;
                    let entry = table.remove(ids[at]).expect("the rule is there");
                    engine.remove(ids[at], &entry);
                    ids[at] = table.insert(entry.rule).expect("one was removed");
                    engine.insert(ids[at], table.get(ids[at]).expect("just inserted"));
                }
                samples.push(vec![f64::from(changes) / begin.elapsed().as_secs_f64() / 1e6]);
            }
        }
        series.extend(all.iter().zip(samples).map(|((engine, ..), samples)| {
            Series::new((Place::Host, &name(*case), engine), RATE, Within::Median, samples, String::new())
        }));
        bar.show("changes", done + 1, cases.len());
    }
    series
}
