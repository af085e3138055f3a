//! This processor's local APIC: end of interrupt, interrupts to other processors, timer.

use core::sync::atomic::{AtomicBool, Ordering};

use super::cpu;
use super::paging::physical;

/// IA32_APIC_BASE; bit 10 = x2APIC.
const BASE: u32 = 0x1b;
/// First MSR of x2APIC; register at offset `o` of the memory window is MSR `X2APIC + o / 16`.
const X2APIC: u32 = 0x800;

const ID: u32 = 0x20;
const END_OF_INTERRUPT: u32 = 0xb0;
const COMMAND: u32 = 0x300;
const COMMAND_HIGH: u32 = 0x310;
const TIMER: u32 = 0x320;
const INITIAL_COUNT: u32 = 0x380;
const CURRENT_COUNT: u32 = 0x390;
const DIVIDE: u32 = 0x3e0;

/// Command: assert, fixed delivery.
const ASSERT: u32 = 1 << 14;
/// Command: to all processors but this one.
const ALL_OTHERS: u32 = 0b11 << 18;
/// Command, memory window only: still being delivered.
const PENDING: u32 = 1 << 12;
/// Divide by 16.
const BY_16: u32 = 0b0011;

/// Set once on the boot processor: Hermit puts all processors in the same mode.
static MODE_X2: AtomicBool = AtomicBool::new(false);

/// Finds out the mode that Hermit has chosen. On the boot processor, before anything else here but [`id`].
pub fn detect() {
    MODE_X2.store(in_x2(), Ordering::Relaxed);
}

/// Whether this processor's APIC is in x2APIC mode.
fn in_x2() -> bool {
    // SAFETY: exists on every x86-64.
    unsafe { cpu::read_msr(BASE) & 1 << 10 != 0 }
}

fn window(register: u32) -> *mut u32 {
    physical(0xfee0_0000 + u64::from(register))
}

fn read(register: u32) -> u32 {
    // SAFETY: a register of this processor's APIC, in the mode that it is in.
    unsafe {
        match MODE_X2.load(Ordering::Relaxed) {
            true => cpu::read_msr(X2APIC + register / 16) as u32,
            false => window(register).read_volatile(),
        }
    }
}

fn write(register: u32, value: u32) {
    // SAFETY: as `read`; the callers write what the register takes.
    unsafe {
        match MODE_X2.load(Ordering::Relaxed) {
            true => cpu::write_msr(X2APIC + register / 16, value.into()),
            false => window(register).write_volatile(value),
        }
    }
}

/// Identity of this processor's APIC, at any time. (Under uhyve CPUID says the same on all processors.)
pub fn id() -> u32 {
    // SAFETY: the register, in the mode that the APIC is in.
    unsafe {
        match in_x2() {
            true => cpu::read_msr(X2APIC + ID / 16) as u32,
            false => window(ID).read_volatile() >> 24,
        }
    }
}

/// Tells the APIC that the interrupt has been served.
pub fn end_of_interrupt() {
    write(END_OF_INTERRUPT, 0);
}

/// Raises `vector` on the processor whose APIC is `destination`.
pub fn interrupt(destination: u32, vector: u8) {
    let command = ASSERT | u32::from(vector);
    if MODE_X2.load(Ordering::Relaxed) {
        // SAFETY: fixed delivery of a vector that has a handler.
        unsafe { cpu::write_msr(X2APIC + COMMAND / 16, u64::from(destination) << 32 | u64::from(command)) };
        return;
    }
    while read(COMMAND) & PENDING != 0 {
        core::hint::spin_loop();
    }
    write(COMMAND_HIGH, destination << 24);
    write(COMMAND, command);
}

/// Raises `vector` on all processors but this one.
pub fn interrupt_others(vector: u8) {
    let command = ALL_OTHERS | ASSERT | u32::from(vector);
    if MODE_X2.load(Ordering::Relaxed) {
        // SAFETY: as in `interrupt`.
        unsafe { cpu::write_msr(X2APIC + COMMAND / 16, command.into()) };
        return;
    }
    while read(COMMAND) & PENDING != 0 {
        core::hint::spin_loop();
    }
    write(COMMAND, command);
}

/// Makes the timer raise `vector`, once for each [`arm_timer`].
pub fn use_timer(vector: u8) {
    write(DIVIDE, BY_16);
    write(TIMER, vector.into());
}

/// Lets the timer fire after `count` of its ticks, at least 1; replaces what was armed before.
pub fn arm_timer(count: u32) {
    write(INITIAL_COUNT, count.max(1));
}

/// Timer ticks that pass while `wait` runs. Masks the timer meanwhile, so [`use_timer`] comes after it.
pub fn measure_timer(wait: impl FnOnce()) -> u32 {
    write(DIVIDE, BY_16);
    write(TIMER, 1 << 16);
    write(INITIAL_COUNT, u32::MAX);
    wait();
    let left = read(CURRENT_COUNT);
    write(INITIAL_COUNT, 0);
    u32::MAX - left
}
