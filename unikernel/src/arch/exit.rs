//! Ending the virtual machine, and the serial port, from any state.
//!
//! Two ways to each: what QEMU's machine has as devices, uhyve has as hypercalls (`uhyve-interface`, version 1).

use core::arch::asm;
use core::sync::atomic::{AtomicBool, Ordering};

use super::{cpu, paging};

/// QEMU's `isa-debug-exit`: value `n` ends it with status `2n + 1`, so 0 is the status of failure.
const DEBUG_EXIT: u16 = 0xf4;
/// Chipset's reset register.
const RESET: u16 = 0xcf9;
/// COM1.
const SERIAL: u16 = 0x3f8;
/// uhyve's exit: takes the physical address of the status.
const HYPERCALL_EXIT: u16 = 0x540;
/// uhyve's serial port: takes an octet, by a write of 32 bits.
const HYPERCALL_SERIAL: u16 = 0x800;

/// Under uhyve. Until this is set nothing but the PVH entry writes or ends anything.
static HYPERCALLS: AtomicBool = AtomicBool::new(false);

/// The status of a failure, where uhyve reads it.
static FAILURE: i32 = 1;
/// The same of a success.
static SUCCESS: i32 = 0;

/// The machine is uhyve's. Once, on the boot processor, before anything is written.
pub fn use_hypercalls() {
    HYPERCALLS.store(true, Ordering::Relaxed);
}

/// Ends the machine with status 1.
pub fn fail() -> ! {
    end(&FAILURE, 0)
}

/// Ends the machine with status 0, which QEMU makes 3.
pub fn succeed() -> ! {
    end(&SUCCESS, 1)
}

/// First the ways that carry a status; where nobody listens there, a reset (which ends QEMU under `-no-reboot`);
/// then a triple fault.
fn end(status: &'static i32, debug_exit: u32) -> ! {
    cpu::interrupts_off();
    if HYPERCALLS.load(Ordering::Relaxed)
        && let Some(address) = paging::translate((&raw const *status).cast())
        && let Ok(address) = u32::try_from(address)
    {
        // SAFETY: uhyve reads the status, and nothing runs after this.
        unsafe { cpu::out32(HYPERCALL_EXIT, address) };
    }
    // SAFETY: nothing runs after this.
    unsafe {
        cpu::out32(DEBUG_EXIT, debug_exit);
        cpu::out8(RESET, 0x06);
        let empty: [u8; 10] = [0; 10];
        asm!("lidt [{}]", "ud2", in(reg) &empty, options(noreturn));
    }
}

/// Writes a line to the serial port, without a lock or anything else that could be broken.
pub fn raw_line(text: &[u8]) {
    for octet in text.iter().chain(b"\r\n") {
        put(*octet);
    }
}

/// Writes one octet to the serial port as soon as it takes one.
pub fn put(octet: u8) {
    // SAFETY: the port belongs to the console; at worst two processors' octets mix.
    unsafe {
        if HYPERCALLS.load(Ordering::Relaxed) {
            cpu::out32(HYPERCALL_SERIAL, octet.into());
            return;
        }
        // A port that is never ready must not hold the machine up: give up after about a millisecond.
        for _ in 0..10_000 {
            if cpu::in8(SERIAL + 5) & 0x20 != 0 {
                break;
            }
        }
        cpu::out8(SERIAL, octet);
    }
}
