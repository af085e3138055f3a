//! Curves over two axes.

use super::{Anchor, COLOURS, Canvas, INK, PALE, axis};
use axis::Axis;

/// A plot of curves.
pub struct Chart {
    /// Above it.
    pub title: String,
    /// What the horizontal axis shows.
    pub x: String,
    /// What the vertical axis shows.
    pub y: String,
    /// Whether the axes are logarithmic: x, y.
    pub logarithmic: (bool, bool),
    /// At most four.
    pub curves: Vec<Curve>,
}

/// One of them.
pub struct Curve {
    /// For the legend.
    pub name: String,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
    /// Whether each point is marked.
    pub marks: bool,
}

const SIZE: (f64, f64) = (760.0, 380.0);
const LEFT: f64 = 70.0;
const RIGHT: f64 = 735.0;
const TOP: f64 = 72.0;
const BOTTOM: f64 = 325.0;

/// The plot.
pub fn lines(chart: &Chart) -> String {
    let mut canvas = Canvas::new(SIZE.0, SIZE.1);
    let points = || chart.curves.iter().flat_map(|curve| &curve.points).filter(|(x, y)| x.is_finite() && y.is_finite());
    let x = Axis::over(points().map(|point| point.0), chart.logarithmic.0, (LEFT, RIGHT));
    let y = Axis::over(points().map(|point| point.1), chart.logarithmic.1, (BOTTOM, TOP));
    for mark in x.marks() {
        canvas.line((x.at(mark), TOP), (x.at(mark), BOTTOM), PALE, 1.0);
        canvas.text((x.at(mark), BOTTOM + 18.0), Anchor::Middle, 12, &axis::label(mark));
    }
    for mark in y.marks() {
        canvas.line((LEFT, y.at(mark)), (RIGHT, y.at(mark)), PALE, 1.0);
        canvas.text((LEFT - 6.0, y.at(mark) + 4.0), Anchor::End, 12, &axis::label(mark));
    }
    canvas.line((LEFT, BOTTOM), (RIGHT, BOTTOM), INK, 1.0);
    canvas.line((LEFT, TOP), (LEFT, BOTTOM), INK, 1.0);
    canvas.text((12.0, 24.0), Anchor::Start, 16, &chart.title);
    canvas.text(((LEFT + RIGHT) / 2.0, BOTTOM + 40.0), Anchor::Middle, 13, &chart.x);
    canvas.text((12.0, TOP - 12.0), Anchor::Start, 13, &chart.y);
    let mut legend = LEFT + 90.0;
    for (curve, colour) in chart.curves.iter().zip(COLOURS) {
        let shown = curve.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        let shown: Vec<(f64, f64)> = shown.map(|point| (x.at(point.0), y.at(point.1))).collect();
        canvas.path(&shown, colour);
        if curve.marks {
            shown.iter().for_each(|point| canvas.dot(*point, colour));
        }
        canvas.line((legend, TOP - 16.0), (legend + 18.0, TOP - 16.0), colour, 3.0);
        canvas.text((legend + 24.0, TOP - 12.0), Anchor::Start, 12, &curve.name);
        legend += 50.0 + 6.2 * curve.name.chars().count() as f64;
    }
    canvas.finish()
}
