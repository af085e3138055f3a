//! The engine: all TCP connections of one processor.

mod cookies;
mod input;
mod open;
mod poll;
mod service;
mod time_wait;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::config::{Config, Secrets};
use super::connection::Owner;
use super::connection::{Connection, Env};
use super::counters::Counters;
use super::directory::Directory;
use super::error::Error;
use super::event::{Event, Kinds};
use super::info::Info;
use super::limiter::Limiter;
use super::listener::Listeners;
use super::lookup::Lookup;
use super::memory::Memory;
use super::slab::{ConnId, Slab};
use super::state::State;
use super::time_wait::TimeWaits;
use super::timer_wheel::TimerWheel;
use crate::congestion::CongestionRef;
use crate::steering::FourTuple;
use crate::time::Instant;

/// All TCP connections of one processor.
pub struct Engine {
    config: Config,
    secrets: Secrets,
    congestion: CongestionRef,
    connections: Slab<Connection>,
    lookup: Lookup,
    listeners: Listeners,
    wheel: TimerWheel,
    /// Slots of connections that have an event to tell.
    events: VecDeque<u32>,
    /// Slots of connections that may have something to send.
    work: VecDeque<u32>,
    /// By class: slots of connections that wait for its turn. Empty until one has to.
    waiting: Vec<VecDeque<u32>>,
    time_waits: TimeWaits,
    memory: Memory,
    counters: Counters,
    resets: Limiter,
    next_port: u32,
    now: Instant,
    link_full: bool,
}

impl Engine {
    /// An engine without connections. Settings outside their ranges are brought into them.
    pub fn new(config: Config, secrets: Secrets, congestion: CongestionRef) -> Self {
        let config = config.checked();
        let capacity = config.max_connections.min(1024);
        Self {
            connections: Slab::new(config.max_connections),
            lookup: Lookup::new(secrets.hash, config.max_connections),
            listeners: Listeners::default(),
            wheel: TimerWheel::new(),
            events: VecDeque::with_capacity(capacity),
            work: VecDeque::with_capacity(capacity),
            waiting: Vec::new(),
            time_waits: TimeWaits::new(secrets.hash, config.max_time_wait),
            memory: Memory::new(config.buffer_bytes),
            counters: Counters::default(),
            resets: Limiter::new(config.resets_per_second, 1_000_000),
            next_port: secrets.seed as u32,
            now: Instant::from_micros(0),
            link_full: false,
            config,
            secrets,
            congestion,
        }
    }

    /// The next event, if there is one. After an event with [`Kinds::CLOSED`] the connection's name may be stale.
    pub fn next_event(&mut self) -> Option<Event> {
        while let Some(index) = self.events.pop_front() {
            let Some(connection) = self.connections.at_mut(index) else { continue };
            if !core::mem::take(&mut connection.event_queued) {
                continue;
            }
            let kinds = core::mem::take(&mut connection.events);
            if kinds.is_empty() {
                continue;
            }
            let closed = kinds.contains(Kinds::CLOSED);
            let reason = connection.reason.filter(|_| closed);
            let event = Event { conn: connection.id, listener: connection.listener, kinds, reason };
            if closed {
                connection.owner = Owner::Gone;
                self.settle(index);
            }
            return Some(event);
        }
        None
    }

    /// What there is to know of a connection.
    ///
    /// # Errors
    /// [`Error::Stale`].
    pub fn info(&self, conn: ConnId) -> Result<Info, Error> {
        let connection = self.connections.at(conn.index).filter(|connection| connection.id == conn);
        connection.map(|connection| connection.info(self.now, &self.config)).ok_or(Error::Stale(conn))
    }

    /// All connections, half-open ones included, by slot. In TIME-WAIT there are only those that a service still has.
    pub fn connections(&self) -> impl Iterator<Item = (ConnId, Info)> + '_ {
        self.connections.iter().map(|connection| (connection.id, connection.info(self.now, &self.config)))
    }

    /// Whether there is this connection, half open or more, or in TIME-WAIT.
    pub fn has(&self, tuple: &FourTuple) -> bool {
        let key = tuple.into();
        self.lookup.has(&key) || self.time_waits.find(&key, self.now).is_some()
    }

    /// From now on other processors see in `directory` which connections there are.
    pub fn publish(&mut self, directory: Arc<Directory>) {
        self.lookup.publish(directory.clone());
        self.time_waits.publish(directory);
    }

    /// How many connections [`connections`](Self::connections) gives.
    pub fn connection_count(&self) -> usize {
        self.connections.len()
    }

    /// Octets that the buffers of all connections take.
    pub fn buffer_octets(&self) -> usize {
        self.memory.used()
    }

    /// What was counted since the engine began.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The settings in force.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The congestion controller.
    pub fn congestion(&self) -> &CongestionRef {
        &self.congestion
    }

    fn observe(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Calls `act` with the connection in a slot, and sees to what follows.
    fn with<R>(&mut self, index: u32, act: impl FnOnce(&mut Connection, &mut Env<'_>) -> R) -> Option<R> {
        let connection = self.connections.at_mut(index)?;
        let mut env = Env {
            now: self.now,
            config: &self.config,
            congestion: &self.congestion,
            counters: &mut self.counters,
            memory: &mut self.memory,
        };
        let before = connection.state;
        let result = act(connection, &mut env);
        let after = connection.state;
        if before != after {
            self.state_changed(index, before, after);
        }
        self.settle(index);
        Some(result)
    }

    fn state_changed(&mut self, index: u32, before: State, after: State) {
        let Some(connection) = self.connections.at(index) else { return };
        let key = connection.key;
        if before == State::SynReceived
            && let Some(listener) = connection.listener.and_then(|port| self.listeners.get_mut(port))
        {
            listener.resolved();
        }
        // The identity first: for other processors the connection is never gone in between.
        if after == State::TimeWait {
            let remains = connection.remains();
            self.enter_time_wait(remains);
        }
        if matches!(after, State::TimeWait | State::Closed) {
            self.lookup.remove(&key, index);
        }
    }

    /// Queues a connection for what it has to tell and to send, sets its timer, and drops it when nothing is left of it.
    #[inline]
    fn settle(&mut self, index: u32) {
        let Some(connection) = self.connections.at_mut(index) else { return };
        if matches!(connection.state, State::TimeWait | State::Closed) {
            connection.note_closed();
        }
        if !connection.events.is_empty() && !connection.event_queued && connection.owner == Owner::Service {
            connection.event_queued = true;
            self.events.push_back(index);
        }
        if connection.work && !connection.work_queued {
            connection.work_queued = true;
            self.work.push_back(index);
        }
        if let Some(deadline) = connection.timers.earliest() {
            self.wheel.ensure(index, deadline);
        }
        if connection.is_over() {
            self.drop_connection(index);
        }
    }

    fn drop_connection(&mut self, index: u32) {
        self.wheel.cancel(index);
        let Some(mut connection) = self.connections.remove(index) else { return };
        let mut env = Env {
            now: self.now,
            config: &self.config,
            congestion: &self.congestion,
            counters: &mut self.counters,
            memory: &mut self.memory,
        };
        connection.release_all(&mut env);
    }
}
