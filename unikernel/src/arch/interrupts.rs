//! Our own interrupts. Their handlers do nothing but end the interrupt: they exist to wake a sleeping processor, which then
//! looks for work by itself.

use core::arch::naked_asm;

use super::{idt, lapic};

/// The NIC has something (MSI-X).
pub const NIC: u8 = 0xe0;
/// Another processor wants this one to look.
pub const WAKE: u8 = 0xe1;
/// The time that this processor wanted to sleep is over.
pub const TIMER: u8 = 0xe2;
/// Hermit's own vector that makes a processor look for new tasks.
pub const HERMIT_WAKE: u8 = 121;

/// Saves what a function may change, ends the interrupt, returns.
#[unsafe(naked)]
unsafe extern "C" fn acknowledge() {
    naked_asm!(
        "push rax",
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
        "call {end}",
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
        end = sym end,
    )
}

extern "C" fn end() {
    lapic::end_of_interrupt();
}

/// Installs the handlers for all processors. Once, on the boot processor, after [`lapic::detect`] and before anything raises one.
pub fn install() {
    for vector in [NIC, WAKE, TIMER] {
        // SAFETY: `acknowledge` serves an interrupt without an error code, on the stack that it finds: the image is compiled without a red zone.
        unsafe { idt::set(vector, acknowledge as *const () as u64, 0) };
    }
}
