//! Our own interrupts. Their handlers do next to nothing: they exist to wake a sleeping processor, which then looks for work by
//! itself.
//!
//! An interrupt that comes between `sti` and `hlt` would be served before the processor sleeps, and the sleep would miss it. A processor lets none in there
//! (Intel SDM volume 2B, STI), but QEMU's emulated SVM does: `VMRUN` forgets that the guest was left right after `sti` (`control.int_state`, as of 7.2 and later). So
//! a handler that finds itself called from `hlt` returns behind it.
//!
//! An interrupt may be delivered again while its handler runs, before the end of interrupt and although interrupts are off: QEMU's emulated SVM does so with one that
//! `VMRUN` has delivered, if something makes the emulator leave its loop just then (`helper_vmrun` leaves the vector in `exception_index`, as of 7.2 and later). So no
//! handler has a stack of its own, where the second delivery would overwrite the frame of the first, or takes a lock; nor does Hermit's wake-up keep its handler,
//! which does both.

use core::arch::{asm, naked_asm};

use super::{cpu, idt, lapic};
use crate::{nic, processors};

/// The NIC has something.
pub const NIC: u8 = 0xe0;
/// Another processor wants this one to look.
pub const WAKE: u8 = 0xe1;
/// The time that this processor wanted to sleep is over.
pub const TIMER: u8 = 0xe2;
/// The network card's configuration has changed.
pub const NIC_CONFIG: u8 = 0xe3;
/// Hermit's own vector that makes a processor look for new tasks. Its loop of an idle processor does that after each interrupt, so nothing is left to its handler.
const HERMIT_WAKE: u8 = 121;

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
entry!(enter_nic_config, nic_config);

extern "C" fn plain() {
    lapic::end_of_interrupt();
}

extern "C" fn timer() {
    processors::timer_fired();
    lapic::end_of_interrupt();
}

extern "C" fn nic_config() {
    nic::config_changed();
    lapic::end_of_interrupt();
}

/// Installs the handlers for all processors. Once, on the boot processor, after [`lapic::detect`] and before anything raises one.
pub fn install() {
    let plain = enter_plain as *const ();
    let (timer, nic_config) = (enter_timer as *const (), enter_nic_config as *const ());
    for (vector, entry) in [(NIC, plain), (NIC_CONFIG, nic_config), (WAKE, plain), (HERMIT_WAKE, plain), (TIMER, timer)]
    {
        // SAFETY: the entry serves an interrupt without an error code, on the stack that it finds: the image is compiled without a red zone.
        unsafe { idt::set(vector, entry as u64, 0) };
    }
}

/// Whether the frame of an interrupt outlives a second delivery of Hermit's wake-up: that is made on the stack on which the kernel has its handlers run.
pub fn frame_outlives_another() -> bool {
    const FRAME: u64 = 0x6d69_6466;
    cpu::interrupts_off();
    let kept: u64;
    // SAFETY: with interrupts off nothing else uses that stack, and the vector's handler returns.
    unsafe {
        asm!(
            "mov {saved}, rsp",
            "mov rsp, {top}",
            "push {frame}",
            "sub rsp, 56",
            "int {vector}",
            "add rsp, 56",
            "pop {frame}",
            "mov rsp, {saved}",
            saved = out(reg) _,
            top = in(reg) idt::stack(1),
            frame = inout(reg) FRAME => kept,
            vector = const HERMIT_WAKE,
        );
    }
    cpu::interrupts_on();
    kept == FRAME
}
