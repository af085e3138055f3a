//! Lookups a second.

use super::cases::{CACHE, CACHED, Case, ENGINES, SEED, filled, table, traffic};
use crate::{
    jobs::Setting,
    progress,
    series::{Place, Series},
};
use bench_jobs::Within;
use protocols::classification::{Engine, FlowCache, Header, RuleTable};
use std::{hint::black_box, time::Instant};

/// Headers looked up together.
pub const BATCH: usize = 32;
/// Unit of rates.
pub const RATE: &str = "M/s";
/// Unit of memory.
pub const OCTETS: &str = "B/rule";

/// The name of a series of lookups.
pub fn name(case: Case, traffic: &str) -> String {
    format!("{}, {traffic}", case.name())
}

/// The name of the series of memory.
pub fn memory(case: Case) -> String {
    format!("{}, memory for a rule", case.name())
}

/// What a stack pays that has no rule at all.
pub const NO_RULES: &str = "no rules, uniform, one by one";

pub fn measure(setting: &Setting) -> Vec<Series> {
    let (rounds, packets) = if setting.quick { (1, 1 << 12) } else { (5, 1 << 17) };
    let cases = Case::chosen(setting, 1_000);
    let mut bar = progress::Steps::default();
    let mut series = Vec::new();
    for (done, case) in cases.iter().enumerate() {
        series.extend(measure_case(*case, rounds, packets));
        bar.show("lookups", done + 1, cases.len());
    }
    series.push(no_rules(rounds, packets));
    series
}

fn measure_case(case: Case, rounds: usize, packets: usize) -> Vec<Series> {
    let rules = case.generate();
    let (table, _) = table(&rules);
    let names = ENGINES.into_iter().filter(|name| *name != "linear" || case.rules <= 1000);
    let engines: Vec<(&str, Box<dyn Engine>)> = names.map(|name| (name, filled(name, &table))).collect();
    let mut series = Vec::new();
    for (traffic, headers) in traffic(&rules, packets) {
        // Without a cache, with one, one by one.
        let mut samples = vec![[const { Vec::new() }; 3]; engines.len()];
        let mut caches = vec![FlowCache::new(CACHE, SEED); engines.len()];
        for _ in 0..rounds {
            for (((name, engine), samples), cache) in engines.iter().zip(&mut samples).zip(&mut caches) {
                let headers = part(headers.as_slice(), name, case);
                let engine = engine.as_ref();
                samples[0].push(vec![rate(headers, |headers, found| engine.lookup_batch(headers, found))]);
                samples[1].push(vec![rate(headers, |headers, found| cache.lookup_batch(1, engine, headers, found))]);
                samples[2].push(vec![rate(headers, |headers, found| {
                    found.iter_mut().zip(headers).for_each(|(found, header)| *found = engine.lookup(header));
                })]);
            }
        }
        for ((name, _), [plain, cached, single]) in engines.iter().zip(samples) {
            let all = [
                (self::name(case, traffic), (*name).to_owned(), plain),
                (self::name(case, traffic), format!("{name}{CACHED}"), cached),
                (format!("{}, one by one", self::name(case, traffic)), (*name).to_owned(), single),
            ];
            series.extend(all.map(|(what, peer, samples)| {
                Series::new((Place::Host, &what, &peer), RATE, Within::Median, samples, String::new())
            }));
        }
    }
    series.extend(engines.iter().map(|(name, engine)| {
        let octets = engine.memory() as f64 / case.rules as f64;
        Series::new((Place::Host, &memory(case), name), OCTETS, Within::Median, vec![vec![octets]], String::new())
    }));
    series
}

/// What is slow gets less to do.
fn part<'a>(headers: &'a [Header], engine: &str, case: Case) -> &'a [Header] {
    let share = match engine {
        "linear" => 32,
        "tuple space" if case.rules > 10_000 => 16,
        "tuple space" => 2,
        _ => 1,
    };
    &headers[..headers.len() / share]
}

/// Millions of headers a second.
fn rate(
    headers: &[Header],
    mut lookup: impl FnMut(&[Header], &mut [Option<protocols::classification::RuleId>]),
) -> f64 {
    let mut found = [None; BATCH];
    let begin = Instant::now();
    for headers in headers.chunks(BATCH) {
        lookup(black_box(headers), &mut found[..headers.len()]);
        black_box(&mut found);
    }
    headers.len() as f64 / begin.elapsed().as_secs_f64() / 1e6
}

fn no_rules(rounds: usize, packets: usize) -> Series {
    let engine = filled(ENGINES[0], &RuleTable::new(0));
    let [(_, headers), _] = traffic(&[], packets);
    let sample = |_| {
        vec![rate(&headers, |headers, found| {
            found.iter_mut().zip(headers).for_each(|(found, header)| *found = engine.lookup(header));
        })]
    };
    let samples = (0..rounds).map(sample).collect();
    Series::new((Place::Host, NO_RULES, ENGINES[0]), RATE, Within::Median, samples, String::new())
}
