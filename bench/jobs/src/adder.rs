//! The object of the measurements: so little to do that the way to it is what is measured.

use alloc::sync::Arc;
use swapper::{Component, ProcessorId, Transfer};

/// Adds, or does nothing.
#[swapper::interface]
pub trait Adder {
    /// Adds a step to a number.
    fn add(&self, number: u64) -> u64;
    /// Does nothing.
    fn nothing(&self);
}

/// Adds its step.
#[derive(Clone, Debug)]
pub struct Step(u64);

impl Step {
    /// Adds 3.
    pub const fn new() -> Self {
        Self(3)
    }
}

impl Default for Step {
    fn default() -> Self {
        Self::new()
    }
}

impl Adder for Step {
    fn add(&self, number: u64) -> u64 {
        number.wrapping_add(self.0)
    }

    fn nothing(&self) {}
}

impl Transfer for Step {}

impl Component for Step {
    type Interface = dyn Adder;
    type Rep = Self;

    fn rep(root: &Arc<Self>, _: ProcessorId) -> Self {
        Self::clone(root)
    }
}
