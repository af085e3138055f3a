//! A virtual call: what there is without exchange.

use super::{Bare, Caller, Held, Peer, Turn, Writer};
use crate::jobs::swapper::adder::{Adder, Step};

/// Its name in results.
pub const PLAIN: &str = "&dyn";

/// An object that stays.
pub struct Plain(Held);

impl Plain {
    pub fn new() -> Self {
        Self(Box::new(Step::new()))
    }
}

struct Client<'a>(&'a (dyn Adder + Send + Sync));

impl Caller for Client<'_> {
    #[inline(always)]
    fn call(&mut self, value: u64) -> u64 {
        self.0.add(value)
    }
}

impl Peer for Plain {
    fn name(&self) -> &'static str {
        PLAIN
    }

    fn caller(&self, _: usize) -> Box<dyn Turn + '_> {
        Box::new(Bare(Client(&*self.0)))
    }

    fn writer(&self) -> Box<dyn Writer + '_> {
        Box::new(|| ())
    }
}
