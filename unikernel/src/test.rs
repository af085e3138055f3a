//! Failures on purpose, so that tests can see that each one is reported and ends the machine: `test=…` on the command line.

use core::arch::asm;
use core::hint::black_box;

/// Fails as `what` asks; returns if it is not one of [`NAMES`].
pub fn fail(what: &str) {
    match what {
        "panic" => panic!("on purpose"),
        "fault:pf" => {
            // SAFETY: nothing is mapped there: the page fault is what is wanted, and it never returns.
            unsafe { black_box((0x4ead_0000_0000usize as *const u8).read_volatile()) };
        }
        "fault:null" => {
            // SAFETY: as above; page 0 is unmapped. By assembly, since Rust has no null reads.
            unsafe { asm!("mov al, [{}]", in(reg) 0usize, out("al") _) };
        }
        // SAFETY: an instruction that does not exist: the exception is what is wanted.
        "fault:ud" => unsafe { asm!("ud2") },
        // SAFETY: an address that is not canonical raises #GP.
        "fault:gp" => unsafe { asm!("mov al, [{}]", in(reg) 0x8000_0000_0000_0000u64, out("al") _) },
        // SAFETY: divides by zero.
        "fault:de" => unsafe { asm!("div {0:e}", in(reg) 0, inout("eax") 1 => _, inout("edx") 0 => _) },
        "fault:stack" => {
            black_box(overflow(0));
        }
        // SAFETY: the first push runs into nothing, and so would the page fault if it had no stack of its own.
        "fault:rsp" => unsafe { asm!("mov rsp, 0x1000", "push rax", options(noreturn)) },
        _ => {}
    }
}

/// What [`fail`] knows.
pub const NAMES: &str = "panic fault:pf fault:null fault:ud fault:gp fault:de fault:stack fault:rsp";

#[inline(never)]
fn overflow(depth: u64) -> u64 {
    let page = black_box([depth; 128]);
    if depth == u64::MAX { 0 } else { overflow(depth + 1) + page[black_box(7)] }
}
