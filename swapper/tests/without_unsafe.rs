//! Interfaces and components in a crate that forbids unsafe code.

#![forbid(unsafe_code)]
#![allow(missing_docs)]
#![deny(warnings)]

use std::sync::Arc;
use swapper::{Component, Distributed, Object, ProcessorCell, ProcessorId, Transfer};

#[derive(Clone, Copy)]
pub struct Flow(pub u32);

pub struct Window {
    pub cwnd: u64,
}

/// Documented.
#[swapper::interface]
pub trait Control {
    /// An acknowledgement.
    fn acknowledged(&self, flow: Flow, window: &mut Window, octets: &[u64]) -> Option<u64>;
    /// Has an argument that it does not use.
    fn closed(&self, _: Flow);
}

/// Private interfaces work as well.
#[swapper::interface]
trait Private {
    fn one(&self) -> u8;
}

struct One;

impl Transfer for One {}

impl Private for One {
    fn one(&self) -> u8 {
        1
    }
}

pub struct Slow;

pub struct SlowRep {
    flows: ProcessorCell<Vec<u64>>,
}

impl Transfer for SlowRep {}

impl Control for SlowRep {
    fn acknowledged(&self, flow: Flow, window: &mut Window, octets: &[u64]) -> Option<u64> {
        window.cwnd += octets.iter().sum::<u64>();
        self.flows.with(|flows| flows.get(flow.0 as usize).copied())
    }

    fn closed(&self, _: Flow) {}
}

impl Component for Slow {
    type Interface = dyn Control;
    type Rep = SlowRep;

    fn rep(_: &Arc<Self>, _: ProcessorId) -> SlowRep {
        SlowRep { flows: ProcessorCell::new(vec![7]) }
    }
}

#[test]
fn it_compiles() {
    assert_eq!(Object::from(Distributed::new(Slow)).interface(), "Control");
    fn is_control<T: Control>(control: &T) -> Option<u64> {
        control.acknowledged(Flow(0), &mut Window { cwnd: 0 }, &[])
    }
    assert_eq!(is_control(&Slow::rep(&Arc::new(Slow), ProcessorId::new(0).unwrap())), Some(7));
    let _: Option<(ControlRef, PrivateRef)> = None;
    assert_eq!(One.one(), 1);
}

#[test]
fn a_cell_that_is_in_use_says_so() {
    let cell = ProcessorCell::new(1);
    cell.with(|_| assert_eq!(cell.try_with(|value| *value), Err(swapper::InUse)));
    assert_eq!((cell.replace(2), cell.take(), cell.into_inner()), (1, 2, 0));
}
