//! Nobody's way to exchange anything: the instructions that the ways are made of, as a measure for this processor.

use super::{Bare, Caller, Peer, Turn, Writer};
use crate::{Lane, Padded, adder::Adder, lane::changed};
use alloc::boxed::Box;
use core::sync::atomic::{AtomicU64, Ordering};

/// The name of the plain call in results.
pub const DIRECT: &str = "direct call";
/// The name of the locked instruction in results.
pub const LOCKED: &str = "lock xadd";

/// A call of a function that the linker knows, which is not inlined. What is called at all takes as long as this.
pub(super) struct Direct;

/// One locked instruction, on a word that nobody else uses, and no call: what a reader that announces itself pays at least,
/// once, and mostly a second time to take it back.
pub(super) struct Locked;

struct Function;

#[inline(never)]
fn add(number: u64) -> u64 {
    changed();
    number.wrapping_add(3)
}

#[inline(never)]
fn nothing() {
    changed();
}

impl Adder for Function {
    #[inline(always)]
    fn add(&self, number: u64) -> u64 {
        add(number)
    }

    #[inline(always)]
    fn nothing(&self) {
        nothing();
    }
}

impl Caller for Function {
    type Found = Self;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self) -> R) -> R {
        call(self)
    }
}

/// A word with cache lines to itself.
struct Word(Padded<AtomicU64>);

impl Adder for Word {
    #[inline(always)]
    fn add(&self, number: u64) -> u64 {
        self.nothing();
        number.wrapping_add(3)
    }

    #[inline(always)]
    fn nothing(&self) {
        // The result is used, or else it would be another instruction.
        crate::opaque(self.0.0.fetch_add(1, Ordering::AcqRel));
    }
}

impl Caller for Word {
    type Found = Self;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self) -> R) -> R {
        call(self)
    }
}

impl Peer for Direct {
    fn name(&self) -> &'static str {
        DIRECT
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(Function))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        None
    }
}

impl Peer for Locked {
    fn name(&self) -> &'static str {
        LOCKED
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(Word(Padded::default())))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        None
    }
}
