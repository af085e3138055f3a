use core::cell::Cell;

use super::*;

/// A clock, and what a look does: it takes a microsecond, so the clock shows 16 more at each reading but the first.
#[derive(Default)]
struct Processor {
    patience: Patience,
    now: Cell<u64>,
    looks: Cell<u64>,
    readings: Cell<u64>,
}

impl Processor {
    /// That has come to look for `span` at most.
    fn looking(span: u64) -> Self {
        Self { patience: Patience { span, octets: 0 }, now: Cell::new(1_000), ..Self::default() }
    }

    /// Looks, where there is something at the `found`th look.
    fn look(&mut self, until: Option<u64>, octets: u64, found: Option<u64>) -> bool {
        let add = |cell: &Cell<u64>, more| cell.set(cell.get() + more);
        let now = || {
            add(&self.readings, 1);
            self.now.get()
        };
        let looked = || {
            add(&self.looks, 1);
            add(&self.now, 1);
            Some(self.looks.get()) == found
        };
        self.patience.look(until, octets, now, looked)
    }

    /// Whether it looks after this, when there is nothing.
    fn looks_after(&mut self, octets: u64) -> bool {
        let before = self.looks.get();
        assert!(!self.look(None, octets, None));
        self.looks.get() > before
    }
}

#[test]
fn the_span_follows_the_last_sleeps() {
    let mut patience = Patience::default();
    for (slept, span) in [
        // It begins where looking is worth it, and doubles while sleeps are short and yet longer than it looked.
        (1, 50),
        (50, 50),
        (51, 100),
        (100, 100),
        (101, 200),
        // The most: a sleep of as much is still short.
        (200, 200),
        (201, 100),
        (200, 200),
        // After long ones it halves, and then looks for nothing.
        (u64::MAX, 100),
        (1_000, 50),
        (201, 0),
        (201, 0),
        (200, 50),
        (0, 50),
    ] {
        patience.slept(slept);
        assert_eq!(patience.span, span, "after {slept} µs");
    }
    assert_eq!(next(150, 151), MOST, "not more than the most");
    assert_eq!((next(2 * LEAST, 201), next(2 * LEAST - 1, 201)), (LEAST, 0), "not less than is worth it");
    assert_eq!(Patience::default().span, 0);
    let mut idle = Patience::default();
    idle.slept(0);
    assert_eq!(idle.span, 0, "who did not sleep learnt nothing");
}

#[test]
fn it_looks_for_as_long_as_its_span() {
    let mut idle = Processor::looking(0);
    assert!(!idle.look(Some(0), 0, Some(1)));
    assert_eq!((idle.looks.get(), idle.readings.get()), (0, 0), "an idle machine looks for nothing");
    // The clock is read once first, and after 16 looks each: 48 are too few, and 49 as well.
    for (span, looks) in [(48, 48), (49, 64), (50, 64), (200, 208)] {
        let mut processor = Processor::looking(span);
        assert!(!processor.look(None, 0, None));
        assert_eq!((processor.looks.get(), processor.readings.get()), (looks, 1 + looks / 16), "span {span}");
    }
}

#[test]
fn it_stops_at_what_it_finds_and_when_something_is_due() {
    for found in [1, 16, 17, 63, 64] {
        let mut processor = Processor::looking(50);
        assert!(processor.look(None, 0, Some(found)));
        assert_eq!(processor.looks.get(), found);
    }
    assert!(!Processor::looking(50).look(None, 0, Some(65)), "too late");
    // In microseconds from 1000 on, seen at 1016, 1032, 1048, 1064.
    for (until, due, looks) in [
        (1_000, true, 16),
        (1_016, true, 16),
        (1_017, true, 32),
        (1_048, true, 48),
        (1_064, true, 64),
        (1_065, false, 64),
    ] {
        let mut processor = Processor::looking(50);
        assert_eq!(processor.look(Some(until), 0, None), due, "until {until}");
        assert_eq!(processor.looks.get(), looks, "until {until}");
    }
}

#[test]
fn it_does_not_look_after_bulk() {
    let mut processor = Processor::looking(50);
    assert!(processor.looks_after(16_383));
    assert!(!processor.looks_after(16_383 + 16_384), "16 KiB since the last look");
    assert!(processor.looks_after(16_383 + 16_384), "nothing since");
    assert_eq!(processor.patience.span, 50, "what sleeps taught is kept");
    // What is moved while it does not look is not held against it later.
    let mut idle = Processor::looking(0);
    assert!(!idle.looks_after(1 << 20));
    idle.patience.slept(40);
    assert!(idle.looks_after((1 << 20) + 100));
    // The card's counters wrap.
    processor.patience.octets = u64::MAX - 99;
    assert!(processor.looks_after(16_283));
    processor.patience.octets = u64::MAX - 99;
    assert!(!processor.looks_after(16_284));
}
