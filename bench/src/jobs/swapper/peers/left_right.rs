//! `left-right`: callers enter the copy that is published.

use super::{Bare, Caller, Held, Peer, Turn, Writer};
use crate::jobs::swapper::adder::Step;
use ::left_right::{Absorb, ReadHandle, ReadHandleFactory, WriteHandle};
use std::sync::{Mutex, PoisonError};

/// One of the two copies.
struct Copy(Held);

/// Replaces the object.
struct Replace;

impl Default for Copy {
    fn default() -> Self {
        Self(Box::new(Step::new()))
    }
}

impl Absorb<Replace> for Copy {
    fn absorb_first(&mut self, _: &mut Replace, _: &Self) {
        *self = Self::default();
    }

    fn sync_with(&mut self, _: &Self) {
        *self = Self::default();
    }
}

/// Two copies and who may read them.
pub struct LeftRight {
    readers: ReadHandleFactory<Copy>,
    writer: Mutex<WriteHandle<Copy, Replace>>,
}

impl LeftRight {
    pub fn new() -> Self {
        let (writer, reader) = ::left_right::new();
        Self { readers: reader.factory(), writer: Mutex::new(writer) }
    }
}

impl Caller for ReadHandle<Copy> {
    #[inline(always)]
    fn call(&mut self, value: u64) -> u64 {
        self.enter().expect("the writer lives").0.add(value)
    }
}

impl Peer for LeftRight {
    fn name(&self) -> &'static str {
        "left-right"
    }

    fn caller(&self, _: usize) -> Box<dyn Turn + '_> {
        Box::new(Bare(self.readers.handle()))
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(|| {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.append(Replace).publish();
        })
    }
}
