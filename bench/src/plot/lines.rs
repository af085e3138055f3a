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
    /// As many as can be told apart.
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
    /// Which of the colours, from 0; those of one kind have the same.
    pub colour: usize,
    /// Whether it is dashed; these have a line of the legend of their own.
    pub dashed: bool,
}

impl Curve {
    fn visible(&self) -> impl Iterator<Item = &(f64, f64)> {
        self.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite())
    }
}

const SIZE: (f64, f64) = (760.0, 412.0);
const LEFT: f64 = 70.0;
const RIGHT: f64 = 735.0;
const TOP: f64 = 104.0;
const BOTTOM: f64 = 357.0;

/// The plot.
pub fn lines(chart: &Chart) -> String {
    let mut canvas = Canvas::new(SIZE.0, SIZE.1);
    let points = || chart.curves.iter().flat_map(Curve::visible);
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
    // Left ends of the legend's next entries: solid, dashed.
    let mut legend = [LEFT; 2];
    for curve in &chart.curves {
        let (colour, line) = (COLOURS[curve.colour % COLOURS.len()], usize::from(curve.dashed));
        let shown: Vec<(f64, f64)> = curve.visible().map(|(h, v)| (x.at(*h), y.at(*v))).collect();
        canvas.path(&shown, colour, curve.dashed);
        if curve.marks {
            shown.iter().for_each(|point| canvas.dot(*point, colour));
        }
        let (left, top) = (legend[line], 44.0 + 17.0 * line as f64);
        canvas.path(&[(left, top), (left + 26.0, top)], colour, curve.dashed);
        canvas.text((left + 32.0, top + 4.0), Anchor::Start, 12, &curve.name);
        legend[line] += 56.0 + 6.4 * curve.name.chars().count() as f64;
    }
    canvas.finish()
}
