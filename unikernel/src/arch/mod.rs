//! The processor's own ground: instructions, page tables, exceptions, interrupts, local APIC.
//!
//! Together with [`crate::boot`], [`crate::hermit`], [`crate::allocator`] and [`crate::device`] the only place that needs `unsafe`.

pub mod cpu;
pub mod exceptions;
pub mod exit;
pub mod idt;
pub mod interrupts;
pub mod ioapic;
pub mod lapic;
pub mod memory;
pub mod paging;
