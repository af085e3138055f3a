//! The prefix stage: longest-prefix match of one address, beside crates that do nothing else.

use super::{
    cases::{ENGINES, filled, table},
    rates::{BATCH, RATE},
};
use crate::{
    jobs::Setting,
    progress,
    series::{Place, Series},
};
use bench_jobs::Within;
use ip_network::Ipv4Network;
use ip_network_table::IpNetworkTable;
use poptrie::Poptrie;
use prefix_trie::PrefixMap;
use protocols::{
    classification::{
        Action, Family, Header, Pattern, Prefix, Rule, RuleId, Verdict,
        generate::{Kind, Set, flows},
    },
    sim::Rng,
};
use std::{collections::BTreeSet, hint::black_box, net::Ipv4Addr, time::Instant};

/// The name of the series.
pub fn name(prefixes: usize) -> String {
    format!("{}k prefixes, longest match", prefixes / 1000)
}

/// Numbers of prefixes.
pub const SIZES: [usize; 2] = [10_000, 100_000];
/// Ours.
pub const OURS: &str = ENGINES[0];

pub fn measure(setting: &Setting) -> Vec<Series> {
    let mut bar = progress::Steps::default();
    let mut series = Vec::new();
    for (done, prefixes) in SIZES.into_iter().enumerate() {
        if !setting.quick || prefixes <= 10_000 {
            series.extend(measure_size(prefixes, setting));
        }
        bar.show("prefixes", done + 1, SIZES.len());
    }
    series
}

/// So many different prefixes, as they occur in firewalls' rules for destinations.
fn prefixes(count: usize) -> Vec<(u32, u8)> {
    let rules = Set { kind: Kind::Chain, rules: count * 2, seed: 3, ..Set::default() }.generate();
    let of = |prefix: Prefix| ((prefix.address() >> 96) as u32, prefix.length());
    let all: BTreeSet<(u32, u8)> =
        rules.iter().flat_map(|rule| [of(rule.pattern.destination), of(rule.pattern.source)]).collect();
    let mut all: Vec<_> = all.into_iter().collect();
    let mut rng = Rng::new(4);
    (1..all.len()).for_each(|n| all.swap(n, rng.below(n as u64 + 1) as usize));
    all.truncate(count);
    all
}

fn measure_size(count: usize, setting: &Setting) -> Vec<Series> {
    let (rounds, packets) = if setting.quick { (1, 1 << 10) } else { (7, 1 << 17) };
    let prefixes = prefixes(count);
    let rules: Vec<Rule> = prefixes
        .iter()
        .map(|(address, length)| Rule {
            priority: 32 - u32::from(*length),
            pattern: Pattern { family: Some(Family::V4), destination: Prefix::v4(*address, *length), ..Pattern::ANY },
            action: Action::of(Verdict::Accept),
        })
        .collect();
    let headers: Vec<Header> = flows(&rules, packets, 6);
    let addresses: Vec<u32> = headers.iter().map(|header| (header.destination >> 96) as u32).collect();
    let (table, _) = table(&rules);
    let engine = filled(OURS, &table);
    let (mut networks, mut poptrie, mut map) = (IpNetworkTable::new(), Poptrie::new(), PrefixMap::new());
    for (n, (address, length)) in prefixes.iter().enumerate() {
        let network = Ipv4Network::new(Ipv4Addr::from(*address), *length).expect("no bit behind the prefix");
        networks.insert(network, n as u32);
        poptrie.insert((*address, *length), n as u32);
        map.insert((*address, *length), n as u32);
    }
    let ours = |found: &mut [Option<RuleId>], headers: &[Header]| engine.lookup_batch(headers, found);
    let mut found = vec![None; packets];
    ours(&mut found, &headers);
    for (n, address) in addresses.iter().enumerate() {
        let due = found[n].map(|id| id.0);
        let theirs = [
            networks.longest_match_ipv4(Ipv4Addr::from(*address)).map(|(_, n)| *n),
            poptrie.lookup(*address).copied(),
            map.get_lpm(&(*address, 32)).map(|(_, n)| *n),
        ];
        assert_eq!(theirs, [due; 3], "longest match of {address:#x}");
    }
    let mut samples = vec![Vec::new(); 4];
    let timed = |mut pass: Box<dyn FnMut() + '_>| {
        let begin = Instant::now();
        pass();
        vec![packets as f64 / begin.elapsed().as_secs_f64() / 1e6]
    };
    for _ in 0..rounds {
        let mut found = [None; BATCH];
        samples[0].push(timed(Box::new(|| {
            for headers in headers.chunks(BATCH) {
                ours(&mut found[..headers.len()], black_box(headers));
                black_box(&mut found);
            }
        })));
        samples[1].push(timed(Box::new(|| {
            for address in &addresses {
                black_box(networks.longest_match_ipv4(Ipv4Addr::from(*address)));
            }
        })));
        samples[2].push(timed(Box::new(|| {
            for address in &addresses {
                black_box(poptrie.lookup(*address).copied());
            }
        })));
        samples[3].push(timed(Box::new(|| {
            for address in &addresses {
                black_box(map.get_lpm(&(*address, 32)));
            }
        })));
    }
    let names = [OURS, "ip_network_table", "poptrie", "prefix-trie"];
    let series = names.into_iter().zip(samples);
    series
        .map(|(peer, samples)| {
            Series::new((Place::Host, &name(count), peer), RATE, Within::Median, samples, String::new())
        })
        .collect()
}
