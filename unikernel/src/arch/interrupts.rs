//! Our own interrupts. Their handlers do next to nothing: they exist to wake a sleeping processor, which then looks for work by
//! itself.
//!
//! An interrupt that comes between `sti` and `hlt` would be served before the processor sleeps, and the sleep would miss it. A processor lets none in there
//! (Intel SDM volume 2B, STI), but QEMU's emulated SVM does: `VMRUN` forgets that the guest was left right after `sti` (`control.int_state`, as of 7.2 and later). So
//! a handler that finds itself called from `hlt` returns behind it.

use core::arch::naked_asm;

use super::{cpu, idt, lapic};
use crate::processors;

/// The NIC has something.
pub const NIC: u8 = 0xe0;
/// Another processor wants this one to look.
pub const WAKE: u8 = 0xe1;
/// The time that this processor wanted to sleep is over.
pub const TIMER: u8 = 0xe2;
/// Hermit's own vector that makes a processor look for new tasks.
pub const HERMIT_WAKE: u8 = 121;

/// An interrupt's entry: skips the `hlt` that it came before, saves what a function may change, calls `$function`, returns.
macro_rules! entry {
    ($name:ident, $function:ident) => {
        #[unsafe(naked)]
        unsafe extern "C" fn $name() {
            naked_asm!(
                "push rax",
                "lea rax, [rip + {sti_hlt} + {hlt}]",
                "cmp rax, [rsp + 8]",
                "jne 2f",
                "inc qword ptr [rsp + 8]",
                "2:",
                "push rcx",
                "push rdx",
                "push rsi",
                "push rdi",
                "push r8",
                "push r9",
                "push r10",
                "push r11",
                "push rbp",
                "mov rbp, rsp",
                "and rsp, -16",
                "cld",
                "call {function}",
                "mov rsp, rbp",
                "pop rbp",
                "pop r11",
                "pop r10",
                "pop r9",
                "pop r8",
                "pop rdi",
                "pop rsi",
                "pop rdx",
                "pop rcx",
                "pop rax",
                "iretq",
                sti_hlt = sym cpu::sti_hlt,
                hlt = const cpu::HLT,
                function = sym $function,
            )
        }
    };
}

entry!(enter_plain, plain);
entry!(enter_timer, timer);

extern "C" fn plain() {
    lapic::end_of_interrupt();
}

extern "C" fn timer() {
    processors::timer_fired();
    lapic::end_of_interrupt();
}

/// Installs the handlers for all processors. Once, on the boot processor, after [`lapic::detect`] and before anything raises one.
pub fn install() {
    for (vector, entry) in
        [(NIC, enter_plain as *const ()), (WAKE, enter_plain as *const ()), (TIMER, enter_timer as *const ())]
    {
        // SAFETY: the entry serves an interrupt without an error code, on the stack that it finds: the image is compiled without a red zone.
        unsafe { idt::set(vector, entry as u64, 0) };
    }
}
