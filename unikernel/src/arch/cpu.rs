//! Single instructions.

use core::arch::x86_64::__cpuid;
use core::arch::{asm, naked_asm};

/// Reads an I/O port.
///
/// # Safety
/// The caller owns the device behind the port.
pub unsafe fn in8(port: u16) -> u8 {
    let value;
    // SAFETY: the caller owns the device.
    unsafe { asm!("in al, dx", in("dx") port, out("al") value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Reads an I/O port; as [`in8`].
///
/// # Safety
/// As [`in8`].
pub unsafe fn in16(port: u16) -> u16 {
    let value;
    // SAFETY: the caller owns the device.
    unsafe { asm!("in ax, dx", in("dx") port, out("ax") value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Reads an I/O port; as [`in8`].
///
/// # Safety
/// As [`in8`].
pub unsafe fn in32(port: u16) -> u32 {
    let value;
    // SAFETY: the caller owns the device.
    unsafe { asm!("in eax, dx", in("dx") port, out("eax") value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Writes an I/O port.
///
/// # Safety
/// The caller owns the device behind the port.
pub unsafe fn out8(port: u16, value: u8) {
    // SAFETY: the caller owns the device.
    unsafe { asm!("out dx, al", in("dx") port, in("al") value, options(nomem, nostack, preserves_flags)) };
}

/// Writes an I/O port; as [`out8`].
///
/// # Safety
/// As [`out8`].
pub unsafe fn out16(port: u16, value: u16) {
    // SAFETY: the caller owns the device.
    unsafe { asm!("out dx, ax", in("dx") port, in("ax") value, options(nomem, nostack, preserves_flags)) };
}

/// Writes an I/O port; as [`out8`].
///
/// # Safety
/// As [`out8`].
pub unsafe fn out32(port: u16, value: u32) {
    // SAFETY: the caller owns the device.
    unsafe { asm!("out dx, eax", in("dx") port, in("eax") value, options(nomem, nostack, preserves_flags)) };
}

/// Reads a model-specific register.
///
/// # Safety
/// The register exists on this processor.
pub unsafe fn read_msr(register: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the caller vouches for the register.
    unsafe {
        asm!("rdmsr", in("ecx") register, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags))
    };
    u64::from(high) << 32 | u64::from(low)
}

/// Writes a model-specific register.
///
/// # Safety
/// The register exists on this processor and bears this value.
pub unsafe fn write_msr(register: u32, value: u64) {
    // SAFETY: the caller vouches for register and value.
    unsafe {
        asm!("wrmsr", in("ecx") register, in("eax") value as u32, in("edx") (value >> 32) as u32, options(nostack, preserves_flags));
    }
}

/// The time-stamp counter.
#[inline]
pub fn timestamp() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reads a counter.
    unsafe { asm!("rdtsc", out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags)) };
    u64::from(high) << 32 | u64::from(low)
}

/// Physical address of the page table in use, with its flags.
pub fn cr3() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr3", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Loads a page table.
///
/// # Safety
/// Everything in use stays mapped as it is.
pub unsafe fn set_cr3(value: u64) {
    // SAFETY: the caller vouches for the tables.
    unsafe { asm!("mov cr3, {}", in(reg) value, options(nostack, preserves_flags)) };
}

/// The address whose access raised the last page fault.
pub fn cr2() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, cr2", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// Lets interrupts wait.
#[inline]
pub fn interrupts_off() {
    // SAFETY: masking interrupts breaks no memory; not `nomem`, so that the compiler moves no access across.
    unsafe { asm!("cli", options(nostack)) };
}

/// Lets interrupts in.
#[inline]
pub fn interrupts_on() {
    // SAFETY: every vector has a handler.
    unsafe { asm!("sti", options(nostack)) };
}

/// Lets interrupts in and sleeps until one comes. One that waited already, wakes at once: `sti` takes effect after `hlt`, or else the interrupt skips `hlt`
/// (see [`super::interrupts`]).
#[inline]
pub fn sleep() {
    // SAFETY: every vector has a handler.
    unsafe { sti_hlt() };
}

/// `sti`, then `hlt` at [`HLT`] octets from here.
#[unsafe(naked)]
pub(super) unsafe extern "C" fn sti_hlt() {
    naked_asm!("sti", "hlt", "ret")
}

/// Octets of `sti`.
pub(super) const HLT: usize = 1;

/// As [`sleep`] where an interrupt comes between `sti` and `hlt`: one that waits is served right before the same `hlt`, since `sti` takes effect after the jump.
pub fn sleep_interrupted() {
    #[unsafe(naked)]
    unsafe extern "C" fn sti_jump_hlt() {
        naked_asm!("sti", "jmp {} + {}", sym sti_hlt, const HLT)
    }
    // SAFETY: every vector has a handler.
    unsafe { sti_jump_hlt() };
}

/// Stops this processor for good.
pub fn stop() -> ! {
    loop {
        // SAFETY: nothing on this processor runs after it.
        unsafe { asm!("cli", "hlt", options(nostack)) };
    }
}

/// A random number of the processor's own (RDRAND); `None` if it has none.
pub fn random() -> Option<u64> {
    if __cpuid(1).ecx & 1 << 30 == 0 {
        return None;
    }
    // Ten failures in a row mean that the source is broken (Intel SDM volume 1, 7.3.17.1).
    (0..10).find_map(|_| {
        let (value, good): (u64, u8);
        // SAFETY: the processor has the instruction.
        unsafe { asm!("rdrand {}", "setc {}", out(reg) value, out(reg_byte) good, options(nomem, nostack)) };
        (good != 0).then_some(value)
    })
}
