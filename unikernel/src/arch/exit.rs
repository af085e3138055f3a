//! Ending the virtual machine, from any state.

use core::arch::asm;

use super::cpu;

/// QEMU's `isa-debug-exit`: value `n` ends it with status `2n + 1`, so 0 is the status of failure.
const DEBUG_EXIT: u16 = 0xf4;
/// Chipset's reset register.
const RESET: u16 = 0xcf9;
/// COM1.
const SERIAL: u16 = 0x3f8;

/// Ends the machine with status 1.
pub fn fail() -> ! {
    end()
}

/// First the way that carries a status; where nobody listens there, a reset (which ends QEMU under `-no-reboot`);
/// then a triple fault.
fn end() -> ! {
    cpu::interrupts_off();
    // SAFETY: nothing runs after this.
    unsafe {
        cpu::out32(DEBUG_EXIT, 0);
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
        // A port that is never ready must not hold the machine up: give up after about a millisecond.
        for _ in 0..10_000 {
            if cpu::in8(SERIAL + 5) & 0x20 != 0 {
                break;
            }
        }
        cpu::out8(SERIAL, octet);
    }
}
