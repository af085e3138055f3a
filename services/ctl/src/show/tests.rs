use super::*;

#[test]
fn units_suit_the_size() {
    assert_eq!([time(0), time(999), time(1_500), time(2_500_000)], ["-", "999 ns", "1.5 us", "2.50 ms"]);
    assert_eq!([octets(9_999), octets(1_500_000), octets(25_000_000)], ["9999", "1500.0 KB", "25.0 MB"]);
}

#[test]
fn a_swap_is_a_line_of_a_table_and_a_reason_stands_below() {
    let trace = TraceRecord {
        swap: 4,
        object: "congestion".into(),
        from: "cubic".into(),
        to: "reno".into(),
        outcome: "undone".into(),
        reason: "the time was up".into(),
        total_ns: 1_000_000,
        ..TraceRecord::default()
    };
    let text = records(&Verb::Trace { count: None, before: 0 }, &[Record::from(&trace)]);
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("swap  object"), "{text}");
    assert!(lines[1].contains("1.00 ms"), "{text}");
    assert_eq!(lines[2], "swap 4: the time was up");
}

#[test]
fn what_is_no_trace_is_shown_as_it_is() {
    let record = Record::new().with("result", "unchanged").with("object", "congestion");
    let verb = Verb::Swap { object: "congestion".into(), implementation: "cubic".into(), deadline_ms: None };
    assert_eq!(records(&verb, &[record]), "result  unchanged\nobject  congestion\n");
}

#[test]
fn the_implementation_in_place_is_marked() {
    let line = |name: &str, place: &str| {
        let record = Record::new().with("object", "congestion").with("implementation", name);
        record.with("in_place", place).with("summary", "s")
    };
    let text = records(&Verb::List { from: 0 }, &[line("cubic", "yes"), line("reno", "no")]);
    assert!(text.contains("congestion  ->  cubic"), "{text}");
    assert!(text.contains("congestion      reno"), "{text}");
}
