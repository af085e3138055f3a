use super::{Circumstances, Rack, Transmission};
use crate::tcp::seq::Seq;
use crate::time::Instant;

const CALM: Circumstances = Circumstances { recovering: false, many_sacked: false, srtt: 50_000, min_rtt: 40_000 };

fn sent(millis: i64, end: u32) -> Transmission {
    Transmission { at: Instant::from_millis(millis), end: Seq(end) }
}

#[test]
fn the_newest_transmission_counts_and_of_equals_the_last() {
    let mut rack = Rack::new();
    rack.arrived(&sent(5, 1000), Instant::from_millis(45));
    rack.arrived(&sent(4, 3000), Instant::from_millis(47));
    assert_eq!(rack.newest.unwrap().end, Seq(1000));
    assert_eq!(rack.patience(&Circumstances { recovering: true, ..CALM }), 43_000, "the older one took longer");
    rack.arrived(&sent(5, 2000), Instant::from_millis(49));
    assert_eq!(rack.newest.unwrap().end, Seq(2000));
    assert_eq!(rack.patience(&Circumstances { recovering: true, ..CALM }), 44_000);
}

#[test]
fn the_window_is_a_quarter_of_the_round_trip_unless_nothing_is_reordered() {
    let mut rack = Rack::new();
    let many = Circumstances { many_sacked: true, ..CALM };
    let recovering = Circumstances { recovering: true, ..CALM };
    assert_eq!([rack.window(&CALM), rack.window(&many), rack.window(&recovering)], [10_000, 0, 0]);
    rack.reordering_seen = true;
    assert_eq!([rack.window(&CALM), rack.window(&many), rack.window(&recovering)], [10_000, 10_000, 10_000]);
}

#[test]
fn duplicate_reports_widen_it_once_a_round_up_to_the_round_trip_time() {
    let mut rack = Rack::new();
    rack.duplicate_reported(Seq(0), Seq(100));
    rack.duplicate_reported(Seq(50), Seq(150));
    assert_eq!(rack.window(&CALM), 20_000);
    rack.duplicate_reported(Seq(100), Seq(200));
    assert_eq!(rack.window(&CALM), 30_000);
    for round in 2..400u32 {
        rack.duplicate_reported(Seq(round * 100), Seq(round * 100 + 100));
    }
    assert_eq!(rack.window(&CALM), 50_000, "never more than SRTT");
}

#[test]
fn sixteen_recoveries_without_a_report_narrow_it() {
    let mut rack = Rack::new();
    rack.duplicate_reported(Seq(0), Seq(100));
    rack.recovered();
    rack.advanced(Seq(100));
    for _ in 0..15 {
        rack.recovered();
        assert_eq!(rack.window(&CALM), 20_000);
    }
    rack.recovered();
    assert_eq!(rack.window(&CALM), 10_000);
}
