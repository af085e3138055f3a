use super::{Place, Series, Within, significant};

fn series(within: Within, samples: &[&[f64]]) -> Series {
    let samples = samples.iter().map(|round| round.to_vec()).collect();
    Series::new((Place::Host, "call", "peer"), "ns", within, samples, String::new())
}

#[test]
fn the_figure_is_the_median_of_the_rounds() {
    let samples: [&[f64]; 3] = [&[3.0, 9.0], &[1.0, 50.0], &[2.0, 7.0]];
    let series = series(Within::Minimum, &samples);
    assert_eq!((series.value, series.maximum), (2.0, 50.0));
    assert_eq!(series.samples.concat().len(), 6);
}

#[test]
fn a_round_without_samples_does_not_count() {
    let series = series(Within::Median, &[&[], &[4.0]]);
    assert_eq!((series.value, series.low, series.high), (4.0, 4.0, 4.0));
}

#[test]
fn a_round_comes_to_what_its_kind_says() {
    let round: Vec<f64> = (1..=101).map(f64::from).collect();
    let value = |within| series(within, &[&round]).value;
    assert_eq!([Within::Minimum, Within::Median, Within::Percentile99].map(value), [1.0, 51.0, 100.0]);
}

#[test]
fn two_series_are_compared_round_by_round() {
    // The machine is ten times slower in the second round, for both.
    let ours = series(Within::Minimum, &[&[1.0], &[10.0], &[1.0]]);
    let theirs = series(Within::Minimum, &[&[2.0], &[20.0], &[2.0]]);
    assert_eq!((ours.ratio(&theirs), theirs.difference(&ours)), (0.5, 1.0));
}

#[test]
fn samples_keep_four_digits() {
    assert_eq!(significant(1.234_567, 4), 1.235);
    assert_eq!(significant(123_456.0, 4), 123_500.0);
    assert_eq!(significant(0.0, 4), 0.0);
    assert_eq!(significant(12.0, 4), 12.0);
}

#[test]
fn picoseconds_become_nanoseconds() {
    let (name, peer, note) = ("call".into(), "peer".into(), "note".into());
    let raw = bench_jobs::Series { name, peer, note, within: Within::Median, rounds: vec![vec![1_500]] };
    let series = Series::nanoseconds(Place::Guest, raw);
    assert_eq!((series.value, series.place, series.note.as_str()), (1.5, Place::Guest, "note"));
}
