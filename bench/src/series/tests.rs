use super::{Series, Within, significant};

fn series(within: Within, samples: &[&[f64]]) -> Series {
    Series::new("call", "peer", "ns", within, samples.iter().map(|round| round.to_vec()).collect())
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
fn ratios_are_taken_round_by_round() {
    // The machine is ten times slower in the second round, for both.
    let (ours, theirs) = (series(Within::Minimum, &[&[1.0], &[10.0], &[1.0]]), [&[2.0][..], &[20.0], &[2.0]]);
    assert_eq!(ours.ratio(&series(Within::Minimum, &theirs)), 0.5);
}

#[test]
fn samples_keep_four_digits() {
    assert_eq!(significant(1.234_567, 4), 1.235);
    assert_eq!(significant(123_456.0, 4), 123_500.0);
    assert_eq!(significant(0.0, 4), 0.0);
    assert_eq!(significant(12.0, 4), 12.0);
}
