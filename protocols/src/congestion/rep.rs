//! The part of a controller that serves one processor.

use swapper::ProcessorCell;

use super::algorithm::Algorithm;
use super::table::Table;
use super::{Ack, Congestion, CongestionEvent, Flow, Open, Restart, Timeout, Undo, Window, common};

/// A controller's Rep: the rules, and the private state of the connections of one processor.
#[derive(Debug)]
pub struct Rep<A: Algorithm> {
    algorithm: A,
    pub(super) table: ProcessorCell<Table<A::State>>,
}

impl<A: Algorithm> Rep<A> {
    /// A Rep without connections.
    pub fn new(algorithm: A) -> Self {
        Self { algorithm, table: ProcessorCell::new(Table::default()) }
    }

    /// Lends the state of `flow`. No call re-enters a Rep, because algorithms call nothing.
    fn with<R>(&self, flow: Flow, f: impl FnOnce(&A, &mut A::State) -> R) -> R {
        self.table.with(|table| f(&self.algorithm, table.get_or_insert(flow)))
    }
}

impl<A: Algorithm> Congestion for Rep<A> {
    fn open(&self, flow: Flow, window: &mut Window, open: &Open) {
        common::open(window, open);
        self.table.with(|table| {
            table.insert(flow, A::State::default());
        });
    }

    fn acknowledged(&self, flow: Flow, window: &mut Window, ack: &Ack) {
        self.with(flow, |algorithm, state| algorithm.acknowledged(state, window, ack));
    }

    fn congestion(&self, flow: Flow, window: &mut Window, event: &CongestionEvent) {
        self.with(flow, |algorithm, state| algorithm.congestion(state, window, event));
    }

    fn timeout(&self, flow: Flow, window: &mut Window, timeout: &Timeout) {
        self.with(flow, |algorithm, state| algorithm.timeout(state, window, timeout));
    }

    fn recovered(&self, flow: Flow, window: &mut Window, now: u64) {
        self.with(flow, |algorithm, state| algorithm.recovered(state, window, now));
    }

    fn undo(&self, flow: Flow, window: &mut Window, _undo: &Undo) {
        self.with(flow, |algorithm, state| algorithm.undo(state, window));
    }

    fn restart(&self, flow: Flow, window: &mut Window, restart: &Restart) {
        self.with(flow, |algorithm, state| algorithm.restart(state, window, restart));
    }

    fn close(&self, flow: Flow) {
        self.table.with(|table| table.remove(flow));
    }
}
