//! A report for people.

use crate::report::{Bound, Report};
use std::fmt::Write;

/// The report as text for a terminal.
pub fn render(report: &Report) -> String {
    let mut text = String::new();
    let environment = &report.environment;
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{}, {} cores, {}", environment.cpu, environment.cores, environment.kernel);
    let _ = writeln!(text, "{}, {}", environment.rustc, environment.profile);
    let _ = writeln!(text, "load before {}, after {}", environment.load_before, environment.load_after);
    if let Some(guest) = &environment.guest {
        let (accelerator, qemu) = (&guest.accelerator, &guest.qemu);
        let _ = writeln!(text, "guest: {qemu}, {accelerator}, {} processors, {}", guest.processors, guest.memory);
        if guest.is_translated() {
            let _ = writeln!(text, "the guest's instructions are translated: its ratios count, its times do not");
        }
    }
    let mut heading = None;
    for series in &report.series {
        if heading != Some((series.place, &series.name)) {
            heading = Some((series.place, &series.name));
            let _ = writeln!(text, "\n{}: {}", series.place, series.name);
        }
        let times = [series.value, series.low, series.high, series.maximum].map(|value| time(value, &series.unit));
        let [value, low, high, maximum] = times;
        let _ = write!(text, "  {:16} {value:>9}   half of the rounds {low:>9} to {high:>9}", series.peer);
        let _ = write!(text, "   worst sample {maximum:>9}");
        let _ = writeln!(text, "{}{}", if series.note.is_empty() { "" } else { "   " }, series.note);
    }
    if !report.published.is_empty() {
        let _ = writeln!(text, "\npublished by others");
    }
    for published in &report.published {
        let _ = writeln!(
            text,
            "  {:16} {}: about {} {} ({}; {})",
            published.peer, published.name, published.value, published.unit, published.source, published.caution
        );
    }
    let holding = report.checks.iter().filter(|check| check.holds).count();
    let _ = writeln!(text, "\n{holding} of {} promises hold", report.checks.len());
    for check in &report.checks {
        let mark = if check.holds { "holds" } else { "FAILS" };
        let bound = match check.bound {
            Bound::AtMost => "at most",
            Bound::AtLeast => "at least",
        };
        let value = format!("{:.2} {}", check.value, check.unit);
        let name =
            if check.peer.is_empty() { check.name.clone() } else { check.name.replace("peer", check.peer.as_str()) };
        let (place, target, unit) = (check.place, check.target, &check.unit);
        let _ = writeln!(text, "  {mark}  {place:5}  {name:72} {value:>12}   {bound} {target} {unit}");
    }
    text
}

/// A time in the unit that suits it; other units as they are.
fn time(value: f64, unit: &str) -> String {
    match unit {
        "ns" if value >= 1e6 => format!("{:.2} ms", value / 1e6),
        "ns" if value >= 1e3 => format!("{:.2} µs", value / 1e3),
        _ => format!("{value:.2} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_have_the_unit_that_suits_them() {
        assert_eq!(time(1.5, "ns"), "1.50 ns");
        assert_eq!(time(1_500.0, "ns"), "1.50 µs");
        assert_eq!(time(2_500_000.0, "ns"), "2.50 ms");
        assert_eq!(time(2_500_000.0, "×"), "2500000.00 ×");
    }
}
