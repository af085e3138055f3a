//! The serial console: whole lines, never mixed between processors, and the sink of the `log` facade.

use core::fmt::{self, Write};
use core::sync::atomic::{AtomicBool, Ordering};

use log::{LevelFilter, Log, Metadata, Record};

use crate::arch::exit;
use crate::{clock, local};

/// Held while a line is written.
static BUSY: AtomicBool = AtomicBool::new(false);

/// Tries to get the console before writing without it, so that a processor that died with it silences nobody.
const PATIENCE: u32 = 2_000_000;

/// The console, for as long as this lives; without it, if nobody gave it back in time.
pub struct Held(bool);

impl Held {
    /// Waits for it, not for ever.
    pub fn take() -> Self {
        for _ in 0..PATIENCE {
            if BUSY.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_ok() {
                return Self(true);
            }
            core::hint::spin_loop();
        }
        Self(false)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.0 {
            BUSY.store(false, Ordering::Release);
        }
    }
}

/// Writes without taking the console: for who holds it already.
pub struct Emergency;

impl Write for Emergency {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for octet in text.bytes() {
            if octet == b'\n' {
                exit::put(b'\r');
            }
            exit::put(octet);
        }
        Ok(())
    }
}

/// Writes one line. Not from an interrupt handler.
pub fn line(text: fmt::Arguments<'_>) {
    let _held = Held::take();
    // `Emergency` cannot fail, and what a `Display` of ours refuses to print is not worth stopping for.
    let _ = writeln!(Emergency, "{text}");
}

struct Console;

impl Log for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let (seconds, micros) = clock::since_start();
            let (level, text) = (record.level(), record.args());
            line(format_args!("[{seconds:5}.{micros:06}] {} {level:<5} {text}", local::processor()));
        }
    }

    fn flush(&self) {}
}

/// Makes the console the sink of `log`, up to `level`.
pub fn log_up_to(level: LevelFilter) {
    // Refused only when it has been done before.
    let _ = log::set_logger(&Console);
    log::set_max_level(level);
}
