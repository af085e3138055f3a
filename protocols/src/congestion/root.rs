//! The controllers as clustered objects, and the list of them.

use alloc::sync::Arc;

use swapper::{Component, Distributed, Object, ProcessorId, Protocol};

use super::algorithm::Algorithm;
use super::{Congestion, CongestionRef, Cubic, Reno, Rep};

/// A controller's shared data: its rules. Extended from the distributed Root: a [`Rep`] per processor, because a connection
/// never leaves its processor.
#[derive(Debug, Clone, Copy)]
pub struct Controller<A>(pub A);

impl<A: Algorithm> Component for Controller<A> {
    type Interface = dyn Congestion;
    type Rep = Rep<A>;

    fn rep(root: &Arc<Self>, _processor: ProcessorId) -> Rep<A> {
        Rep::new(root.0)
    }

    fn protocols(&self) -> &'static [Protocol] {
        A::PROTOCOLS
    }
}

impl<A: Algorithm> Controller<A> {
    /// The object to publish or to swap in.
    pub fn object(self) -> Object {
        Distributed::new(self).into()
    }
}

/// A controller that can be chosen by name.
#[derive(Debug, Clone, Copy)]
pub struct Implementation {
    /// The name that orders and options use.
    pub name: &'static str,
    /// What it is, in one line.
    pub summary: &'static str,
    /// Makes the Root of a new instance, to be published or swapped in.
    pub create: fn() -> Object,
}

impl Implementation {
    /// An instance by itself, never swapped: for tests, simulations and tools that run an engine without a system.
    pub fn standalone(&self) -> CongestionRef {
        swapper::standalone::<dyn Congestion>((self.create)()).expect("the controllers implement Congestion")
    }
}

const IMPLEMENTATIONS: &[Implementation] = &[
    Implementation {
        name: "cubic",
        summary: "CUBIC (RFC 9438) with fast convergence and HyStart++ (RFC 9406)",
        create: || Controller(Cubic { fast_convergence: true }).object(),
    },
    Implementation {
        name: "cubic-nofc",
        summary: "CUBIC without fast convergence, otherwise the same",
        create: || Controller(Cubic { fast_convergence: false }).object(),
    },
    Implementation {
        name: "reno",
        summary: "Reno (RFC 5681, RFC 6582) with byte counting (RFC 3465) and HyStart++ (RFC 9406)",
        create: || Controller(Reno).object(),
    },
];

/// Every controller that is compiled in, by name.
pub fn implementations() -> &'static [Implementation] {
    IMPLEMENTATIONS
}

/// The controller of this name, exactly as written.
pub fn lookup(name: &str) -> Option<&'static Implementation> {
    IMPLEMENTATIONS.iter().find(|implementation| implementation.name == name)
}
