mod linear;
mod oracle;
mod random;
mod work;

use alloc::{boxed::Box, vec::Vec};

use super::*;

/// Every engine but the oracle.
fn engines() -> Vec<(&'static str, Box<dyn Engine>)> {
    alloc::vec![
        ("tuple space", Box::new(TupleSpace::new(1)) as Box<dyn Engine>),
        ("TupleMerge", Box::new(TupleMerge::new(2))),
        ("bit vectors", Box::new(BitVector::new(3))),
    ]
}
