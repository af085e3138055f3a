use super::{median, median_interval, quantile};

#[test]
fn quantiles_are_values_that_occur() {
    let values = [5.0, 1.0, 4.0, 2.0, 3.0];
    assert_eq!(median(&values), 3.0);
    assert_eq!(quantile(&values, 0.0), 1.0);
    assert_eq!(quantile(&values, 1.0), 5.0);
    assert_eq!(quantile(&values, 0.75), 4.0);
    // A rank outside of 0 to 1 is the nearest inside.
    assert_eq!(quantile(&values, 7.0), 5.0);
}

#[test]
fn the_median_of_an_even_number_leans_to_neither_side() {
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
    assert_eq!(median(&[2.0, 1.0]), 1.5);
    assert_eq!(median(&[1.0]), 1.0);
}

#[test]
fn nothing_has_no_median() {
    assert!(median(&[]).is_nan());
}

/// Tables of the sign test: with so many values, the interval is between the *k*th from either end.
#[test]
fn the_interval_of_the_median_is_that_of_the_sign_test() {
    for (count, k) in [(6, 1), (8, 1), (9, 2), (10, 2), (15, 4), (20, 6), (21, 6), (25, 8), (50, 18), (100, 40)] {
        let values: Vec<f64> = (1..=count).rev().map(f64::from).collect();
        let expected = (f64::from(k), f64::from(count + 1 - k));
        assert_eq!(median_interval(&values), Some(expected), "{count} values");
    }
    assert!((0..6).all(|count| median_interval(&vec![1.0; count]).is_none()), "too few to be sure");
    let many: Vec<f64> = (1..=3000).map(f64::from).collect();
    let (low, high) = median_interval(&many).expect("there are enough");
    assert!((1440.0..1450.0).contains(&low) && high == 3001.0 - low, "{low} to {high}");
}
