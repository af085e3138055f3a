//! Failures on purpose, so that tests can see that each one is reported and ends the machine: `test=…` on the command line.

use core::arch::asm;
use core::hint::black_box;

use virtio::mem::{Dma, DmaPages, Run};

use crate::arch::{cpu, interrupts, lapic, memory};
use crate::error::Error;
use crate::nic::Nic;
use crate::{console, processors};

/// A failure that was asked for, and where.
#[derive(Clone, Copy, Debug)]
pub struct Test {
    failure: Failure,
    processor: usize,
}

#[derive(Clone, Copy, Debug)]
enum Failure {
    Panic,
    PageFault,
    NullPointer,
    InvalidOpcode,
    GeneralProtection,
    Divide,
    StackOverflow,
    StackPointer,
    /// No failure, unless the memory functions are wrong.
    Memory,
    /// No failure, unless an interrupt before `hlt` is missed: then the image sleeps for ever.
    Sleep,
    /// No failure, unless an interrupt that is delivered again overwrites the frame of the first.
    Again,
    /// The network card is sent what lies nowhere, and gives up.
    Card,
}

const ALL: [(&str, Failure); 12] = [
    ("panic", Failure::Panic),
    ("fault:pf", Failure::PageFault),
    ("fault:null", Failure::NullPointer),
    ("fault:ud", Failure::InvalidOpcode),
    ("fault:gp", Failure::GeneralProtection),
    ("fault:de", Failure::Divide),
    ("fault:stack", Failure::StackOverflow),
    ("fault:rsp", Failure::StackPointer),
    ("memory", Failure::Memory),
    ("sleep", Failure::Sleep),
    ("again", Failure::Again),
    ("card", Failure::Card),
];

/// What `test=` knows.
pub const NAMES: &str = "panic, fault:pf, fault:null, fault:ud, fault:gp, fault:de, fault:stack, fault:rsp, memory, sleep, again, card, and @N for another processor than 0";

/// Takes the word `test=NAME` or `test=NAME@PROCESSOR`, if there is one, out of the others.
pub fn split<'a>(words: &'a [&'a str]) -> Result<(Option<Test>, impl Iterator<Item = &'a str>), Error> {
    let asked = words.iter().find_map(|word| word.strip_prefix("test="));
    let test = match asked {
        None => None,
        Some(asked) => {
            let (name, processor) = asked.split_once('@').unwrap_or((asked, "0"));
            let failure = ALL.iter().find(|(known, _)| *known == name).ok_or(Error::UnknownTest)?.1;
            let processor =
                processor.parse().ok().filter(|number| *number < processors::count()).ok_or(Error::UnknownTest)?;
            Some(Test { failure, processor })
        }
    };
    Ok((test, words.iter().copied().filter(|word| !word.starts_with("test="))))
}

impl Test {
    /// Fails, if it is `processor` that shall.
    pub fn run_on(self, processor: usize) {
        if self.processor == processor {
            self.failure.fail();
        }
    }

    /// Fails with the network card's queue pair of a processor, if that is what shall.
    pub fn run_with(self, nic: &mut Nic, processor: usize) {
        if self.processor == processor && matches!(self.failure, Failure::Card) {
            nic.send_from(&Nowhere);
        }
    }
}

impl Failure {
    fn fail(self) {
        match self {
            Self::Panic => panic!("on purpose"),
            Self::Memory => {
                memory::check();
                console::line(format_args!("midflight: memcpy, memmove and memset agree with a loop over octets"));
            }
            Self::Sleep => {
                cpu::interrupts_off();
                lapic::interrupt(lapic::id(), interrupts::WAKE);
                cpu::sleep_interrupted();
                console::line(format_args!("midflight: an interrupt between sti and hlt ends the sleep"));
            }
            Self::Again => {
                assert!(interrupts::frame_outlives_another(), "an interrupt overwrites the frame of another");
                console::line(format_args!("midflight: an interrupt that comes again leaves the first one's frame"));
            }
            // Once there is one.
            Self::Card => {}
            // SAFETY (all below): the exception is what is wanted; its handler never returns here.
            // SAFETY: nothing is mapped there.
            Self::PageFault => unsafe { asm!("mov al, [{}]", in(reg) 0x4ead_0000_0000u64, out("al") _) },
            // SAFETY: page 0 is unmapped. By assembly, since Rust has no reads of null.
            Self::NullPointer => unsafe { asm!("mov al, [{}]", in(reg) 0u64, out("al") _) },
            // SAFETY: an instruction that does not exist.
            Self::InvalidOpcode => unsafe { asm!("ud2") },
            // SAFETY: an address that is not canonical.
            Self::GeneralProtection => unsafe { asm!("mov al, [{}]", in(reg) 0x8000_0000_0000_0000u64, out("al") _) },
            // SAFETY: divides by zero.
            Self::Divide => unsafe { asm!("div {0:e}", in(reg) 0, inout("eax") 1 => _, inout("edx") 0 => _) },
            Self::StackOverflow => {
                black_box(overflow(0));
            }
            // SAFETY: the push runs into nothing, and so would the page fault if it had no stack of its own.
            Self::StackPointer => unsafe { asm!("mov rsp, 0x1000", "push rax", options(noreturn)) },
        }
    }
}

/// Says that everything lies where the machine has nothing.
struct Nowhere;

// SAFETY: gives out no memory, and what a device finds where it is sent belongs to nobody.
unsafe impl Dma for Nowhere {
    fn allocate(&self, _: usize) -> Option<DmaPages> {
        None
    }

    fn locate(&self, octets: &[u8]) -> Option<Run> {
        Some(Run { bus: 1 << 46, len: octets.len() })
    }
}

#[inline(never)]
fn overflow(depth: u64) -> u64 {
    let page = black_box([depth; 128]);
    if depth == u64::MAX { 0 } else { overflow(depth + 1) + page[black_box(7)] }
}
