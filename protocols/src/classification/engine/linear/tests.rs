use super::*;
use crate::classification::{Action, Rule, RuleTable, Verdict};

/// So many entries, whose priorities jump about.
fn entries(count: usize) -> Vec<(RuleId, Entry)> {
    let mut table = RuleTable::new(count);
    let rule = |n: usize| Rule {
        priority: (n * 7_919 % 10_007) as u32,
        pattern: Pattern::ANY,
        action: Action::of(Verdict::Accept),
    };
    (0..count).for_each(|n| assert!(table.insert(rule(n)).is_ok()));
    table.iter().map(|(id, entry)| (id, *entry)).collect()
}

fn orders(linear: &Linear) -> Vec<Order> {
    assert!(linear.chunks.iter().all(|chunk| (1..=CHUNK).contains(&chunk.len()) && chunk.capacity() == CHUNK));
    linear.chunks.iter().flatten().map(|(order, ..)| *order).collect()
}

#[test]
fn rules_that_come_and_go_unsorted_lie_in_order() {
    let mut entries = entries(5_000);
    let mut linear = Linear::new();
    for (id, entry) in &entries {
        linear.insert(*id, entry);
    }
    // A chunk that was split is at least half full, so a new rule never moves more than a chunk and the chunks' heads.
    assert!(linear.chunks.len() <= 2 * 5_000 / CHUNK + 1, "{} chunks", linear.chunks.len());
    for (id, entry) in entries.iter().step_by(3) {
        linear.remove(*id, entry);
        linear.remove(*id, entry);
    }
    let mut number = 0;
    entries.retain(|_| {
        number += 1;
        number % 3 != 1
    });
    entries.sort_by_key(|(_, entry)| entry.order);
    assert_eq!(orders(&linear), entries.iter().map(|(_, entry)| entry.order).collect::<Vec<_>>());
    let header = Header::v4(0, 0, 6, (1, 2));
    assert_eq!(linear.lookup(&header), Some(entries[0].0));
    for (id, entry) in &entries {
        linear.remove(*id, entry);
    }
    assert!(linear.chunks.is_empty());
    assert_eq!(linear.lookup(&header), None);
}

#[test]
fn rules_that_come_in_order_fill_their_chunks() {
    let mut entries = entries(1_000);
    entries.sort_by_key(|(_, entry)| entry.order);
    let mut linear = Linear::new();
    for (id, entry) in &entries {
        linear.insert(*id, entry);
    }
    assert_eq!(linear.chunks.len(), 1_000usize.div_ceil(CHUNK));
}
