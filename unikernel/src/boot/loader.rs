//! The entry for a loader of Hermit, which is what uhyve is, and what that loader tells.
//!
//! Register state at entry (`hermit-entry` 0.10): long mode, `rdi` = boot information, `esi` = number of the processor, `rsp` = lowest address of
//! a stack. Every processor enters here. The boot information's address is kept, and Hermit's `_start` takes over: from there the kernel reads
//! processors, memory, the time-stamp counter's rate and the arguments by itself, out of the boot information and its device tree.

use core::arch::global_asm;
use core::sync::atomic::{AtomicU64, Ordering};

use super::info::BootInfo;
use crate::arch::{exit, paging};

global_asm!(
    // Which Hermit this is: uhyve gives a network only to 0.13.2 and newer, the first with a driver for it. The kernel in this image is older, but the
    // driver is ours, so the tag is too. (Linux Standard Base, "ABI note tag"; operating system 6 is Hermit.)
    ".pushsection .note.midflight.abi, \"a\", @note",
    ".balign 4",
    ".long 4, 16, 1",
    ".asciz \"GNU\"",
    ".long 6, 0, 13, 2",
    ".popsection",

    ".pushsection .text.pvh, \"ax\"",
    ".globl loader_entry",
    "loader_entry:",
    "test esi, esi",
    "jnz 2f",
    "mov [rip + {address}], rdi",
    "2:",
    "jmp _start",
    ".popsection",
    address = sym INFORMATION,
);

/// Physical address of the boot information, as the loader passed it; 0 under PVH.
static INFORMATION: AtomicU64 = AtomicU64::new(0);

/// Who started the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loader {
    /// QEMU, through the PVH entry.
    Pvh,
    /// uhyve.
    Uhyve,
}

/// Who started the image.
pub fn loader() -> Loader {
    if INFORMATION.load(Ordering::Relaxed) == 0 { Loader::Pvh } else { Loader::Uhyve }
}

/// Takes what the loader told, if it was not PVH's. Once, on the boot processor, as soon as physical memory is mapped.
pub fn take_information() {
    let address = INFORMATION.load(Ordering::Relaxed);
    if address == 0 {
        return;
    }
    // SAFETY: the loader's structure, in memory below the image that neither the kernel nor we use for anything else.
    let (start, end) = unsafe { BootInfo::read_memory(paging::physical(address)) };
    super::info::set_memory(end.saturating_sub(start));
    exit::use_hypercalls();
}
