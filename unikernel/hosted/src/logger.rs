//! Lines of the log, on standard error.

use std::time::Instant;

use log::{LevelFilter, Log, Metadata, Record};

struct Logger(Instant);

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            eprintln!("[{:>12.6}] {:5} {}", self.0.elapsed().as_secs_f64(), record.level(), record.args());
        }
    }

    fn flush(&self) {}
}

/// From now on, up to this level.
pub fn install(level: LevelFilter) {
    // Called once; a second logger would be ignored.
    let _ = log::set_boxed_logger(Box::new(Logger(Instant::now())));
    log::set_max_level(level);
}
