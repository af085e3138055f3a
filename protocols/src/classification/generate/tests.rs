use alloc::vec;

use super::*;

const KINDS: [Kind; 4] = [Kind::Acl, Kind::Firewall, Kind::Chain, Kind::Ranges];

#[test]
fn the_seed_decides_and_no_pattern_comes_twice() {
    for kind in KINDS {
        for family in [Family::V4, Family::V6] {
            let set = Set { kind, rules: 2000, family, ..Set::default() };
            let rules = set.generate();
            assert_eq!(rules.len(), 2000);
            assert!(rules == set.generate() && rules != Set { seed: 2, ..set }.generate());
            let mut seen = HashSet::with_hasher(Seeded(0));
            assert!(rules.iter().all(|rule| seen.insert(rule.pattern) && rule.pattern.is_valid()));
            assert!(rules.is_sorted_by_key(|rule| rule.priority));
            assert!(rules.iter().filter(|rule| rule.priority == 7).count() == 4, "ties");
        }
    }
}

/// The shares that the profiles' documentation promises, of the classes that tell the kinds apart.
#[test]
fn the_kinds_differ_as_they_should() {
    let share = |kind, is: fn(&Pattern) -> bool| {
        let rules = Set { kind, rules: 5000, ..Set::default() }.generate();
        rules.iter().filter(|rule| is(&rule.pattern)).count() * 100 / rules.len()
    };
    let hosts = |pattern: &Pattern| pattern.source.length().min(pattern.destination.length()) > 29;
    let anybody = |pattern: &Pattern| pattern.source.length() <= 2;
    let one_port = |pattern: &Pattern| pattern.destination_ports.first == pattern.destination_ports.last;
    assert!((70..85).contains(&share(Kind::Acl, hosts)), "{}", share(Kind::Acl, hosts));
    assert!((60..75).contains(&share(Kind::Firewall, anybody)), "{}", share(Kind::Firewall, anybody));
    assert!((20..35).contains(&share(Kind::Chain, hosts)), "{}", share(Kind::Chain, hosts));
    for (kind, about) in [(Kind::Acl, 60), (Kind::Firewall, 64), (Kind::Chain, 35), (Kind::Ranges, 10)] {
        assert!(share(kind, one_port).abs_diff(about) <= 5, "{kind:?} {}", share(kind, one_port));
    }
}

#[test]
fn headers_meet_rules_and_some_do_not() {
    for kind in KINDS {
        let rules = Set { kind, rules: 300, ..Set::default() }.generate();
        let flows = flows(&rules, 2000, 5);
        let met = flows.iter().filter(|header| rules.iter().any(|rule| rule.pattern.matches(header))).count();
        assert!((1850..=2000).contains(&met), "{kind:?} {met}");
        let headers = headers(&rules, 2000, 5);
        let runs = headers.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((200..1000).contains(&runs), "{runs} runs of 2000");
    }
}

#[test]
fn zipf_is_as_zipf_says() {
    let zipf = Zipf::new(1000);
    let mut rng = Rng::new(3);
    let mut counts = vec![0_i64; 1000];
    (0..100_000).for_each(|_| counts[zipf.next(&mut rng)] += 1);
    // The sum of 1/k up to 1000 is 7.485.
    for k in [1, 2, 10] {
        let due = (100_000.0 / 7.485 / k as f64) as i64;
        assert!((counts[k - 1] - due).abs() < due / 8 + 20, "{k}: {} not {due}", counts[k - 1]);
    }
}
