//! Whether engines are right.

use super::cases::{CACHE, CACHED, Case, ENGINES, SEED, filled, table};
use crate::{
    jobs::Setting,
    progress,
    series::{Place, Series},
};
use bench_jobs::Within;
use protocols::{
    classification::{Engine, FlowCache, Header, Linear, Order, RuleId, RuleTable, generate::headers},
    sim::Rng,
};

/// Unit of mismatches.
pub const HEADERS: &str = "headers";

/// Rules that the linear engine is asked about for every header; of more, it is asked about a sample ([`verify`]).
const LINEAR: usize = 1_000;

/// The name of a series of mismatches.
pub fn name(case: Case) -> String {
    format!("{}, mismatches", case.name())
}

/// Who was asked while engines changed.
pub const EXCHANGED: &str = "exchanged";

pub fn measure(setting: &Setting) -> Vec<Series> {
    let count = if setting.quick { 1 << 14 } else { 1_000_000 };
    let cases = Case::chosen(setting, 10_000);
    let mut bar = progress::Steps::default();
    let mut series = Vec::new();
    for (done, case) in cases.iter().enumerate() {
        series.extend(measure_case(*case, count));
        bar.show("mismatches", done + 1, cases.len());
    }
    series
}

fn measure_case(case: Case, count: usize) -> Vec<Series> {
    let rules = case.generate();
    let (mut table, mut ids) = table(&rules);
    let headers = headers(&rules, count, 99);
    let names: Vec<&str> = ENGINES.into_iter().filter(|name| *name != "linear" || case.rules <= LINEAR).collect();
    let mut engines: Vec<Box<dyn Engine>> = names.iter().map(|name| filled(name, &table)).collect();
    let mut cache = FlowCache::new(CACHE, SEED);
    let mut counts = vec![[0; 2]; names.len()];
    let mut exchanged = 0;
    let mut rng = Rng::new(77);
    for generation in 0..2 {
        if generation == 1 {
            // A batch: a tenth of the rules goes, half of those come back behind the others of their priority.
            for n in 0..ids.len() / 10 {
                let id = ids.swap_remove(rng.below(ids.len() as u64) as usize);
                let entry = table.remove(id).expect("the rule is there");
                engines.iter_mut().for_each(|engine| engine.remove(id, &entry));
                if n % 2 == 0 {
                    let id = table.insert(entry.rule).expect("there is room");
                    let entry = table.get(id).expect("just inserted");
                    engines.iter_mut().for_each(|engine| engine.insert(id, entry));
                    ids.push(id);
                }
            }
        }
        // Half of the headers before, half after it.
        let half = count / 2;
        let headers = &headers[generation * half..][..half];
        let due = first_matches(&table, headers);
        verify(&table, headers, &due, &mut rng);
        for ((engine, counts), number) in engines.iter().zip(&mut counts).zip(0..) {
            counts[0] += mismatches(headers, &due, |headers, found| engine.lookup_batch(headers, found));
            let tag = generation as u64 * 10 + number;
            let engine = engine.as_ref();
            counts[1] += mismatches(headers, &due, |headers, found| cache.lookup_batch(tag, engine, headers, found));
        }
        let mut turn = 0;
        exchanged += mismatches(headers, &due, |headers, found| {
            turn += 1;
            cache.lookup_batch(100 + generation as u64, engines[turn % engines.len()].as_ref(), headers, found);
        });
    }
    let note = format!("of {count} headers, half of them after a batch of changes");
    let all = names
        .iter()
        .zip(counts)
        .flat_map(|(name, [plain, cached])| [((*name).to_owned(), plain), (format!("{name}{CACHED}"), cached)]);
    let all = all.chain([(EXCHANGED.to_owned(), exchanged)]);
    all.map(|(peer, count)| {
        let samples = vec![vec![count as f64]];
        Series::new((Place::Host, &name(case), &peer), HEADERS, Within::Median, samples, note.clone())
    })
    .collect()
}

fn mismatches(
    headers: &[Header],
    due: &[Option<RuleId>],
    mut lookup: impl FnMut(&[Header], &mut [Option<RuleId>]),
) -> usize {
    let mut found = [Some(RuleId(u32::MAX)); 100];
    let mut count = 0;
    for (headers, due) in headers.chunks(100).zip(due.chunks(100)) {
        lookup(headers, &mut found);
        count += due.iter().zip(&found).filter(|(due, found)| due != found).count();
    }
    count
}

/// Each header's rule, found the other way round: for each rule in order, which of the headers that have none yet does it match?
///
/// Headers are sorted by source and by destination, so that a rule with a prefix is compared with few of them. Nothing of this is
/// shared with an engine but what it means to match.
pub fn first_matches(table: &RuleTable, headers: &[Header]) -> Vec<Option<RuleId>> {
    let mut rules: Vec<(Order, RuleId)> = table.iter().map(|(id, entry)| (entry.order, id)).collect();
    rules.sort_unstable();
    let mut by_source: Vec<u32> = (0..headers.len() as u32).collect();
    let mut by_destination = by_source.clone();
    by_source.sort_unstable_by_key(|n| headers[*n as usize].source);
    by_destination.sort_unstable_by_key(|n| headers[*n as usize].destination);
    let mut found = vec![None; headers.len()];
    let mut assigned = 0;
    for (_, id) in rules {
        let pattern = table.get(id).expect("the table named it").rule.pattern;
        let end = |prefix: protocols::classification::Prefix| prefix.address() | !prefix.mask();
        let part = |sorted: &[u32], address: fn(&Header) -> u128, prefix: protocols::classification::Prefix| {
            let from = sorted.partition_point(|n| address(&headers[*n as usize]) < prefix.address());
            from..sorted.partition_point(|n| address(&headers[*n as usize]) <= end(prefix))
        };
        let source = part(&by_source, |header| header.source, pattern.source);
        let destination = part(&by_destination, |header| header.destination, pattern.destination);
        let candidates =
            if source.len() < destination.len() { &by_source[source] } else { &by_destination[destination] };
        let mut new = 0;
        for n in candidates.iter().map(|n| *n as usize) {
            if found[n].is_none() && pattern.matches(&headers[n]) {
                found[n] = Some(id);
                new += 1;
            }
        }
        assigned += new;
        // Those that have a rule need not be looked at again.
        if assigned > by_source.len() / 4 {
            by_source.retain(|n| found[*n as usize].is_none());
            by_destination.retain(|n| found[*n as usize].is_none());
            assigned = 0;
        }
    }
    found
}

/// Holds the oracle to the linear engine.
///
/// # Panics
/// If they differ: then nothing that follows means anything.
fn verify(table: &RuleTable, headers: &[Header], due: &[Option<RuleId>], rng: &mut Rng) {
    let mut linear = Linear::new();
    table.iter().for_each(|(id, entry)| linear.insert(id, entry));
    for _ in 0..2_000 {
        let n = rng.below(headers.len() as u64) as usize;
        assert_eq!(linear.lookup(&headers[n]), due[n], "the oracle and the linear engine differ: {:?}", headers[n]);
    }
}
