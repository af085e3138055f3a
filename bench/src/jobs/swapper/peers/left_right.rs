//! `left-right`: callers enter the copy that is published.

use super::{Bare, Caller, Held, Lane, Peer, Turn, Writer, held};
use ::left_right::{Absorb, ReadHandle, ReadHandleFactory, WriteHandle};
use bench_jobs::Adder;
use std::sync::{Mutex, PoisonError};

/// One of the two copies.
struct Copy(Held);

/// Replaces the object.
struct Replace;

impl Default for Copy {
    fn default() -> Self {
        Self(held())
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

struct Client(ReadHandle<Copy>);

impl Caller for Client {
    type Found = dyn Adder + Send + Sync;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self::Found) -> R) -> R {
        call(&*self.0.enter().expect("the writer lives").0)
    }
}

impl Peer for LeftRight {
    fn name(&self) -> &'static str {
        "left-right"
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(Client(self.readers.handle())))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        Some(Box::new(|| {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            writer.append(Replace).publish();
        }))
    }
}
