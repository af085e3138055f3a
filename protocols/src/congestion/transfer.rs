//! How controllers hand their private state over in a swap (Transfer phase).
//!
//! The protocols are defined here, up front, for all controllers. Of those that both sides list, the one with the highest
//! rank wins:
//!
//! | rank | protocol | form | cost |
//! |---|---|---|---|
//! | 9 | [`COMMON_WINDOW`] | one [`Past`] for each connection, converted by the new controller | a few instructions per connection |
//! | 33 | [`CUBIC_TABLE`] | the whole table of [`cubic::State`](super::cubic::State), by reference | the same for any number of connections |
//! | 34 | [`RENO_TABLE`] | the whole table of [`reno::State`](super::reno::State), by reference | the same for any number of connections |
//!
//! A protocol by reference names one layout of private state: whoever changes the layout defines a new protocol. No
//! controller lists [`Protocol::NOTHING`]: a swap may be refused, but no connection ever starts over.
//!
//! cwnd, ssthresh and everything measured are in the connection's [`Window`](super::Window); no protocol touches them.

use alloc::vec::Vec;

use swapper::{Failure, Protocol, State, Transfer};

use super::algorithm::Algorithm;
use super::table::Table;
use super::{Flow, Past, Rep};

/// What any loss-based controller can state of its connections, version 2. Form: [`Pasts`]. (Version 1, without HyStart++, was 8.)
pub const COMMON_WINDOW: Protocol = Protocol::new(9, "common-window-2");
/// The table of [`reno::State`](super::reno::State), version 2, by reference. Form: [`Table`] of it. (Version 1, without HyStart++, was 32.)
pub const RENO_TABLE: Protocol = Protocol::new(34, "reno-table-2");
/// The table of [`cubic::State`](super::cubic::State), version 1, by reference. Form: [`Table`] of it.
pub const CUBIC_TABLE: Protocol = Protocol::new(33, "cubic-table");

/// The form of [`COMMON_WINDOW`]: the connections of one processor, in no particular order.
pub type Pasts = Vec<(Flow, Past)>;

impl<A: Algorithm> Transfer for Rep<A> {
    /// By reference: moves the table out. In the common form: copies, so that nothing needs to be restored.
    fn export(&self, protocol: Protocol) -> Result<State, Failure> {
        if protocol == A::TABLE {
            let table = self.table.take();
            let items = table.len() as u64;
            return Ok(State::new(table, items));
        }
        if protocol != COMMON_WINDOW {
            return Err(Failure::Unsupported(protocol));
        }
        self.table.with(|table| {
            let mut pasts = Pasts::new();
            pasts.try_reserve_exact(table.len()).map_err(|_| Failure::NoMemory)?;
            pasts.extend(table.iter().map(|(flow, state)| (flow, A::past(state))));
            let items = pasts.len() as u64;
            Ok(State::new(pasts, items))
        })
    }

    fn import(&self, protocol: Protocol, state: &State) -> Result<(), Failure> {
        if protocol == A::TABLE {
            return state.get::<Table<A::State>>().map(|_| ());
        }
        if protocol != COMMON_WINDOW {
            return Err(Failure::Unsupported(protocol));
        }
        let pasts = state.get::<Pasts>()?;
        let mut table = Table::default();
        if let Some(highest) = pasts.iter().map(|(flow, _)| *flow).max() {
            table.reserve(highest).then_some(()).ok_or(Failure::NoMemory)?;
        }
        for &(flow, past) in pasts {
            table.insert(flow, A::from_past(past));
        }
        self.table.replace(table);
        Ok(())
    }

    fn adopt(&self, protocol: Protocol, state: State) {
        self.put_back(protocol, state);
    }

    fn restore(&self, protocol: Protocol, state: State) {
        self.put_back(protocol, state);
    }
}

impl<A: Algorithm> Rep<A> {
    /// Takes a table that came by reference.
    fn put_back(&self, protocol: Protocol, state: State) {
        if protocol != A::TABLE {
            return;
        }
        // `import` has checked the form; a state of another form would leave the connections with fresh private state.
        if let Ok(table) = state.take::<Table<A::State>>() {
            self.table.replace(table);
        }
    }
}
