use super::{Chart, Curve, axis::Axis, axis::label, escape, lines};

#[test]
fn a_logarithmic_axis_ends_at_round_values() {
    let axis = Axis::over([3.0, 400.0].into_iter(), true, (0.0, 100.0));
    let marks = axis.marks();
    assert_eq!(
        marks.iter().map(|mark| label(*mark)).collect::<Vec<_>>(),
        ["2", "5", "10", "20", "50", "100", "200", "500"]
    );
    assert_eq!((axis.at(2.0).round(), axis.at(500.0).round()), (0.0, 100.0));
    // A tenth of the way in decades.
    assert!(axis.at(20.0) > 40.0 && axis.at(20.0) < 45.0);
}

#[test]
fn values_that_an_axis_cannot_show_lie_at_its_end() {
    let axis = Axis::over([0.0, f64::NAN, 1.0, 10.0].into_iter(), true, (0.0, 100.0));
    assert_eq!((axis.at(0.0), axis.at(1e9)), (0.0, 100.0));
}

#[test]
fn an_axis_over_nothing_or_one_value_has_a_length() {
    for values in [vec![], vec![5.0], vec![1.0]] {
        let axis = Axis::over(values.into_iter(), true, (0.0, 100.0));
        assert!(axis.at(20.0).is_finite() && axis.marks().len() > 1);
    }
}

#[test]
fn large_values_are_short() {
    assert_eq!([0.5, 1_000.0, 50_000.0, 2e6].map(label), ["0.5", "1000", "50k", "2M"]);
}

#[test]
fn curves_are_drawn_from_left_to_right_without_what_is_not_a_number() {
    let points = vec![(1.0, 1.0), (10.0, f64::NAN), (100.0, 10.0)];
    let text = lines(&Chart {
        title: "a < b".into(),
        x: "x".into(),
        y: "y".into(),
        logarithmic: (true, true),
        curves: vec![Curve { name: "c".into(), points, marks: true, colour: 0, dashed: true }],
    });
    assert!(text.contains(r#"points="157.0,298.5 735.0,104.0""#), "{text}");
    assert!(text.contains("a &lt; b") && !text.contains("NaN"));
}

#[test]
fn text_is_escaped() {
    assert_eq!(escape("&dyn <T>"), "&amp;dyn &lt;T&gt;");
}
