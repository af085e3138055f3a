//! Failures on purpose, so that tests can see that each one is reported and ends the machine: `test=…` on the command line.

use core::arch::asm;
use core::hint::black_box;

use crate::error::Error;

/// What can fail on purpose.
#[derive(Clone, Copy, Debug)]
pub enum Failure {
    Panic,
    PageFault,
    NullPointer,
    InvalidOpcode,
    GeneralProtection,
    Divide,
    StackOverflow,
    StackPointer,
}

const ALL: [(&str, Failure); 8] = [
    ("panic", Failure::Panic),
    ("fault:pf", Failure::PageFault),
    ("fault:null", Failure::NullPointer),
    ("fault:ud", Failure::InvalidOpcode),
    ("fault:gp", Failure::GeneralProtection),
    ("fault:de", Failure::Divide),
    ("fault:stack", Failure::StackOverflow),
    ("fault:rsp", Failure::StackPointer),
];

/// What `test=` knows.
pub const NAMES: &str = "panic, fault:pf, fault:null, fault:ud, fault:gp, fault:de, fault:stack, fault:rsp";

/// Takes the word `test=…`, if there is one, out of the others.
pub fn split<'a>(words: &'a [&'a str]) -> Result<(Option<Failure>, impl Iterator<Item = &'a str>), Error> {
    let asked = words.iter().find_map(|word| word.strip_prefix("test="));
    let failure = match asked {
        None => None,
        Some(name) => Some(ALL.iter().find(|(known, _)| *known == name).ok_or(Error::UnknownTest)?.1),
    };
    Ok((failure, words.iter().copied().filter(|word| !word.starts_with("test="))))
}

impl Failure {
    /// Fails.
    pub fn fail(self) {
        match self {
            Self::Panic => panic!("on purpose"),
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

#[inline(never)]
fn overflow(depth: u64) -> u64 {
    let page = black_box([depth; 128]);
    if depth == u64::MAX { 0 } else { overflow(depth + 1) + page[black_box(7)] }
}
