use super::*;
use crate::classification::rule::{Action, Pattern, Prefix, Verdict};

fn rule(priority: u32) -> Rule {
    Rule { priority, pattern: Pattern::ANY, action: Action::of(Verdict::Drop) }
}

#[test]
fn order_is_priority_then_insertion_even_where_an_index_is_used_again() {
    let mut table = RuleTable::new(10);
    let [a, b, c] = [5, 5, 4].map(|priority| table.insert(rule(priority)).expect("room"));
    let order = |table: &RuleTable, id| table.get(id).expect("inserted").order;
    assert!(order(&table, c) < order(&table, a) && order(&table, a) < order(&table, b));
    table.remove(a).expect("inserted");
    let again = table.insert(rule(5)).expect("room");
    assert_eq!(again, a, "the index is used again");
    assert!(order(&table, b) < order(&table, again), "but the place is a new one");
    assert_eq!(table.iter().map(|(id, _)| id).collect::<Vec<_>>(), [a, b, c]);
    let last = table.insert(rule(Rule::LAST_PRIORITY)).expect("room");
    assert!(Order::FIRST < order(&table, c) && order(&table, last) < Order::NONE);
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let mut table = RuleTable::new(1);
    assert_eq!(table.insert(rule(Rule::LAST_PRIORITY + 1)), Err(TableError::Priority(Rule::LAST_PRIORITY + 1)));
    let lost = Pattern { source: Prefix::v4(0, 8), ..Pattern::ANY };
    assert_eq!(table.insert(Rule { pattern: lost, ..rule(0) }), Err(TableError::Prefix));
    assert!(table.is_empty());
    let id = table.insert(rule(0)).expect("room");
    assert_eq!(table.insert(rule(0)), Err(TableError::Full(1)));
    assert!(table.remove(id).is_some() && table.remove(id).is_none() && table.remove(RuleId(99)).is_none());
    table.sequence = 1 << SEQUENCE_BITS;
    assert_eq!(table.insert(rule(0)), Err(TableError::Sequence));
}

#[test]
fn rules_of_many_chunks_are_found_by_their_names() {
    let mut table = RuleTable::new(3 * CHUNK);
    let ids: Vec<_> = (0..3 * CHUNK as u32).map(|priority| table.insert(rule(priority)).expect("room")).collect();
    assert!(ids.iter().all(|id| table.get(*id).is_some_and(|entry| entry.rule.priority == id.0)));
    assert_eq!((table.len(), table.iter().count()), (3 * CHUNK, 3 * CHUNK));
    ids.iter().step_by(2).for_each(|id| assert!(table.remove(*id).is_some()));
    assert!(table.iter().map(|(id, _)| id).eq(ids.into_iter().skip(1).step_by(2)));
    assert_eq!(table.get(RuleId(3 * CHUNK as u32)), None);
}
