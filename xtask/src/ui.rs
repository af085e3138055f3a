//! What the person sees: named steps, and a bar where a step is long.

use std::borrow::Cow;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// Names the step that begins now.
pub fn step(text: &str) {
    eprintln!("==> {text}");
}

/// A remark that belongs to the current step.
pub fn note(text: &str) {
    eprintln!("    {text}");
}

/// What a bar's length counts.
#[derive(Clone, Copy)]
pub enum Unit {
    Bytes,
    Things,
}

/// A bar of `total` units for the current step; drawn only on a terminal.
pub fn bar(total: u64, unit: Unit) -> ProgressBar {
    let template = match unit {
        Unit::Bytes => "    [{bar:40}] {bytes}/{total_bytes} {wide_msg}",
        Unit::Things => "    [{bar:40}] {pos}/{len} {wide_msg}",
    };
    let bar = ProgressBar::new(total);
    bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// `duration` as a person reads it.
pub fn seconds(duration: Duration) -> Cow<'static, str> {
    format!("{:.1} s", duration.as_secs_f64()).into()
}
