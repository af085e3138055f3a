//! A dot with its spread for each row, in panels one below the other, on one logarithmic axis.

use super::{Anchor, COLOURS, Canvas, INK, PALE, axis};
use crate::series::Series;
use axis::Axis;

/// One condition.
pub struct Panel {
    /// Its title.
    pub title: String,
    /// Who is compared under it.
    pub rows: Vec<Row>,
}

/// One of those who are compared.
pub struct Row {
    /// Who.
    pub label: String,
    /// Whether it is this project's.
    pub ours: bool,
    /// The figures: on the host, in the guest.
    pub dots: [Option<Dot>; 2],
}

/// A figure and its quartiles.
pub struct Dot {
    value: f64,
    low: f64,
    high: f64,
}

impl From<&Series> for Dot {
    fn from(series: &Series) -> Self {
        Self { value: series.value, low: series.low, high: series.high }
    }
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 140.0;
const RIGHT: f64 = 630.0;
/// Where the figures of host and guest end.
const FIGURES: [f64; 2] = [690.0, 750.0];
const ROW: f64 = 17.0;
const TOP: f64 = 44.0;
const HEAD: f64 = 34.0;

/// The plot.
pub fn dots(title: &str, panels: &[Panel]) -> String {
    let rows: usize = panels.iter().map(|panel| panel.rows.len()).sum();
    let bottom = TOP + panels.len() as f64 * HEAD + rows as f64 * ROW + 6.0;
    let mut canvas = Canvas::new(WIDTH, bottom + 30.0);
    let values = panels.iter().flat_map(|panel| &panel.rows).flat_map(|row| row.dots.iter().flatten());
    let values = values.flat_map(|dot| [dot.low, dot.value, dot.high]);
    let axis = Axis::over(values, true, (LEFT, RIGHT));
    for mark in axis.marks() {
        let x = axis.at(mark);
        canvas.line((x, TOP), (x, bottom), PALE, 1.0);
        canvas.text((x, bottom + 18.0), Anchor::Middle, 12, &axis::label(mark));
    }
    canvas.text((12.0, 24.0), Anchor::Start, 16, title);
    for ((name, colour), end) in ["host", "guest"].into_iter().zip(COLOURS).zip(FIGURES) {
        canvas.dot((end - 44.0, 20.0), colour);
        canvas.text((end, 24.0), Anchor::End, 12, name);
    }
    let mut y = TOP;
    for panel in panels {
        canvas.text((12.0, y + 20.0), Anchor::Start, 13, &panel.title);
        y += HEAD;
        for row in &panel.rows {
            let weight = if row.ours { "bold" } else { "normal" };
            canvas.text_of_weight((LEFT - 10.0, y + 4.0), Anchor::End, 12, &row.label, weight);
            canvas.line((LEFT, y), (RIGHT, y), PALE, 0.5);
            for ((dot, colour), end) in row.dots.iter().zip(COLOURS).zip(FIGURES) {
                let Some(dot) = dot.as_ref().filter(|dot| dot.value.is_finite()) else { continue };
                canvas.line((axis.at(dot.low), y), (axis.at(dot.high), y), INK, 2.0);
                canvas.dot((axis.at(dot.value), y), colour);
                canvas.text_of_weight((end, y + 4.0), Anchor::End, 12, &format!("{:.2}", dot.value), weight);
            }
            y += ROW;
        }
    }
    canvas.finish()
}
