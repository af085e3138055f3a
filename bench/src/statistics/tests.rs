use super::{median, quantile};

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
fn nothing_has_no_median() {
    assert!(median(&[]).is_nan());
}
