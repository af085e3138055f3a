//! The interrupt descriptor table, Hermit's own, found by `sidt`: all processors share it.

use core::arch::asm;

#[repr(C, packed)]
struct Pointer {
    limit: u16,
    base: u64,
}

#[repr(C)]
struct Entry {
    low: u16,
    selector: u16,
    stack: u8,
    kind: u8,
    middle: u16,
    high: u32,
    reserved: u32,
}

/// Present, ring 0, interrupt gate: enters with interrupts off.
const INTERRUPT_GATE: u8 = 0x8e;

/// Makes `vector` enter `handler`, on stack `stack` of the processor's task state segment (1..=7), or where it is (0).
///
/// # Safety
/// `handler` is the address of code that serves this vector as the processor delivers it, for ever, and every processor that the
/// vector can come to has that stack. The vector does not come to another processor at this moment.
pub unsafe fn set(vector: u8, handler: u64, stack: u8) {
    let mut pointer = Pointer { limit: 0, base: 0 };
    let selector: u16;
    // SAFETY: stores the register's value; reads the code segment.
    unsafe {
        asm!("sidt [{}]", in(reg) &raw mut pointer, options(nostack, preserves_flags));
        asm!("mov {:x}, cs", out(reg) selector, options(nomem, nostack, preserves_flags));
    }
    let entry = Entry {
        low: handler as u16,
        selector,
        stack: stack & 7,
        kind: INTERRUPT_GATE,
        middle: (handler >> 16) as u16,
        high: (handler >> 32) as u32,
        reserved: 0,
    };
    // SAFETY: Hermit's table has all 256 entries and is writable; the caller vouches for the rest.
    unsafe { (pointer.base as *mut Entry).add(vector.into()).write_volatile(entry) };
}

/// Sets stack `index` (1..=7) of this processor's task state segment.
///
/// # Safety
/// Hermit has given this processor its segment; `top` is the end of a stack that nothing else uses.
pub unsafe fn set_stack(index: u8, top: u64) {
    // SAFETY: the caller vouches for it.
    unsafe { stack_pointer(index).write_unaligned(top) };
}

/// The end of stack `index` (1..=7) of this processor's task state segment.
pub fn stack(index: u8) -> u64 {
    // SAFETY: Hermit gives each processor its segment before anything of ours runs there.
    unsafe { stack_pointer(index).read_unaligned() }
}

/// Where stack `index` (1..=7) is written in this processor's task state segment.
///
/// # Safety
/// Hermit has given this processor its segment.
unsafe fn stack_pointer(index: u8) -> *mut u64 {
    let mut pointer = Pointer { limit: 0, base: 0 };
    let selector: u16;
    // SAFETY: stores the registers' values.
    unsafe {
        asm!("sgdt [{}]", in(reg) &raw mut pointer, options(nostack, preserves_flags));
        asm!("str {:x}", out(reg) selector, options(nomem, nostack, preserves_flags));
    }
    // SAFETY: the descriptor of the segment in use: 16 octets in the table, its base in pieces.
    let base = unsafe {
        let descriptor = (pointer.base + u64::from(selector & !7)) as *const u64;
        let (low, high) = (descriptor.read_unaligned(), descriptor.add(1).read_unaligned());
        (low >> 16 & 0xff_ffff) | (low >> 56 & 0xff) << 24 | high << 32
    };
    // SAFETY: seven stack pointers begin at offset 36 of the segment.
    unsafe { ((base + 36) as *mut u64).add(usize::from(index & 7) - 1) }
}
