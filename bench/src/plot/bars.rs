//! A bar for each of several ratios, with its target, on one axis that begins at 0.

use super::{Anchor, COLOURS, Canvas, INK, PALE, axis};
use axis::Axis;

/// One ratio.
pub struct Bars {
    /// What is compared.
    pub label: String,
    /// The ratio.
    pub value: f64,
    /// What it is to reach, or not to exceed.
    pub target: f64,
    /// Whether it does.
    pub holds: bool,
}

const WIDTH: f64 = 860.0;
const LEFT: f64 = 400.0;
const RIGHT: f64 = 780.0;
const ROW: f64 = 22.0;
const TOP: f64 = 44.0;

/// The plot. A bar that keeps its target has the first colour, another one the second.
pub fn bars(title: &str, all: &[Bars]) -> String {
    let bottom = TOP + all.len() as f64 * ROW + 6.0;
    let mut canvas = Canvas::new(WIDTH, bottom + 30.0);
    let axis = Axis::over(all.iter().flat_map(|bar| [bar.value, bar.target]), false, (LEFT, RIGHT));
    for mark in axis.marks() {
        let x = axis.at(mark);
        canvas.line((x, TOP), (x, bottom), PALE, 1.0);
        canvas.text((x, bottom + 18.0), Anchor::Middle, 12, &axis::label(mark));
    }
    canvas.text((12.0, 24.0), Anchor::Start, 16, title);
    for (number, bar) in all.iter().enumerate() {
        let y = TOP + (number as f64 + 0.5) * ROW;
        canvas.text((LEFT - 10.0, y + 4.0), Anchor::End, 12, &bar.label);
        if bar.value.is_finite() {
            canvas.line((LEFT, y), (axis.at(bar.value), y), COLOURS[usize::from(!bar.holds)], ROW * 0.6);
            canvas.text((WIDTH - 8.0, y + 4.0), Anchor::End, 12, &format!("{:.2}", bar.value));
        }
        let target = axis.at(bar.target);
        canvas.line((target, y - ROW * 0.45), (target, y + ROW * 0.45), INK, 2.0);
    }
    canvas.finish()
}
