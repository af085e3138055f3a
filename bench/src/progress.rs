//! The bar of a long step; drawn only on a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A bar of `total` steps.
pub fn bar(what: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("    [{bar:40}] {pos}/{len} {msg}");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}
