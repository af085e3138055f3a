//! A panic ends the machine: message, place, processor, status 1.

use core::panic::PanicInfo;
use core::sync::atomic::{AtomicBool, Ordering};

use crate::arch::{exit, lapic};
use crate::console;

static PANICKED: AtomicBool = AtomicBool::new(false);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // A panic while printing one must still end.
    if PANICKED.swap(true, Ordering::SeqCst) {
        exit::raw_line(b"midflight: panic while reporting a panic");
        exit::fail();
    }
    let processor = lapic::id();
    match info.location() {
        Some(place) => {
            console::line(format_args!("midflight: panic processor={processor} at {place}: {}", info.message()))
        }
        None => console::line(format_args!("midflight: panic processor={processor}: {}", info.message())),
    }
    exit::fail()
}
