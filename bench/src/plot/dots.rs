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
    label: String,
    value: f64,
    low: f64,
    high: f64,
}

impl From<&Series> for Row {
    fn from(series: &Series) -> Self {
        Self { label: series.peer.clone(), value: series.value, low: series.low, high: series.high }
    }
}

const WIDTH: f64 = 760.0;
const LEFT: f64 = 140.0;
const RIGHT: f64 = 690.0;
const ROW: f64 = 20.0;
const TOP: f64 = 44.0;
const HEAD: f64 = 38.0;

/// The plot.
pub fn dots(title: &str, panels: &[Panel]) -> String {
    let rows: usize = panels.iter().map(|panel| panel.rows.len()).sum();
    let bottom = TOP + panels.len() as f64 * HEAD + rows as f64 * ROW + 6.0;
    let mut canvas = Canvas::new(WIDTH, bottom + 30.0);
    let values = panels.iter().flat_map(|panel| &panel.rows).flat_map(|row| [row.low, row.value, row.high]);
    let axis = Axis::over(values, true, (LEFT, RIGHT));
    for mark in axis.marks() {
        let x = axis.at(mark);
        canvas.line((x, TOP), (x, bottom), PALE, 1.0);
        canvas.text((x, bottom + 18.0), Anchor::Middle, 12, &axis::label(mark));
    }
    canvas.text((12.0, 24.0), Anchor::Start, 16, title);
    let mut y = TOP;
    for panel in panels {
        canvas.text((12.0, y + 20.0), Anchor::Start, 13, &panel.title);
        y += HEAD;
        for (number, row) in panel.rows.iter().enumerate() {
            let colour = COLOURS[usize::from(number == 1)];
            canvas.text((LEFT - 10.0, y + 4.0), Anchor::End, 12, &row.label);
            canvas.line((LEFT, y), (RIGHT, y), PALE, 0.5);
            if row.value.is_finite() {
                canvas.line((axis.at(row.low), y), (axis.at(row.high), y), INK, 2.0);
                canvas.dot((axis.at(row.value), y), colour);
                canvas.text((WIDTH - 8.0, y + 4.0), Anchor::End, 12, &format!("{:.2}", row.value));
            }
            y += ROW;
        }
    }
    canvas.finish()
}
