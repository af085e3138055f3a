//! A virtual call: what there is without exchange.

use super::{Bare, Caller, Held, Peer, Turn, Writer, held};
use crate::{Lane, adder::Adder};
use alloc::boxed::Box;

/// Its name in results.
pub const PLAIN: &str = "&dyn";

/// An object that stays.
pub(super) struct Plain(Held);

impl Plain {
    pub(super) fn new() -> Self {
        Self(held())
    }
}

struct Client<'a>(&'a (dyn Adder + Send + Sync));

impl<'a> Caller for Client<'a> {
    type Found = dyn Adder + Send + Sync + 'a;

    #[inline(always)]
    fn with<R>(&mut self, call: impl FnOnce(&Self::Found) -> R) -> R {
        call(self.0)
    }
}

impl Peer for Plain {
    fn name(&self) -> &'static str {
        PLAIN
    }

    fn caller<'a>(&'a self, _: &'a Lane<'a>) -> Box<dyn Turn + 'a> {
        Box::new(Bare(Client(&*self.0)))
    }

    fn writer<'a>(&'a self, _: &'a Lane<'a>) -> Option<Box<dyn Writer + 'a>> {
        None
    }
}
