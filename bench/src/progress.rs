//! The bar of a long step; drawn only on a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// One step after the other, each with a bar.
#[derive(Default)]
pub struct Steps {
    what: &'static str,
    bar: Option<ProgressBar>,
}

impl Steps {
    /// The step `what` has done so many of so many.
    pub fn show(&mut self, what: &'static str, done: usize, total: usize) {
        if self.what != what {
            self.what = what;
            self.bar = Some(bar(what, total as u64));
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done as u64);
            if done == total {
                bar.finish_and_clear();
            }
        }
    }
}

fn bar(what: &'static str, total: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("    [{bar:40}] {pos}/{len} {msg}");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar())).with_message(what)
}
