use super::*;

#[test]
fn initial_window_follows_rfc6928() {
    assert_eq!(initial_window(536), 5_360);
    assert_eq!(initial_window(1_460), 14_600);
    assert_eq!(initial_window(8_960), 17_920);
    assert_eq!(initial_window(0), 10);
}
