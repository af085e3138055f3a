use crate::classification::{Action, Pattern, Ports, Rule, RuleTable, Verdict};
use crate::classification::{Engine, Header, Linear};

#[test]
fn the_first_in_order_is_found_also_after_changes() {
    let mut table = RuleTable::new(10);
    let mut engine = Linear::new();
    let mut insert = |engine: &mut Linear, priority, ports| {
        let pattern = Pattern { destination_ports: ports, ..Pattern::ANY };
        let rule = Rule { priority, pattern, action: Action::of(Verdict::Accept) };
        let id = table.insert(rule).expect("room");
        engine.insert(id, table.get(id).expect("inserted"));
        (id, *table.get(id).expect("inserted"))
    };
    let (all, _) = insert(&mut engine, 9, Ports::ANY);
    let (web, web_entry) = insert(&mut engine, 5, Ports::one(80));
    let (tie, _) = insert(&mut engine, 5, Ports::one(80));
    let (low, low_entry) = insert(&mut engine, 7, Ports { first: 0, last: 1023 });
    let header = |port| Header::v4(1, 2, 6, (1000, port));
    let mut found = [None; 3];
    engine.lookup_batch(&[header(80), header(22), header(2000)], &mut found);
    assert_eq!(found, [Some(web), Some(low), Some(all)]);
    engine.remove(low, &low_entry);
    engine.remove(low, &low_entry);
    assert_eq!(engine.lookup(&header(22)), Some(all));
    engine.remove(web, &web_entry);
    assert_eq!(engine.lookup(&header(80)), Some(tie));
    assert_eq!(Linear::new().lookup(&header(80)), None);
}
