//! An iperf3 server on port 5201, as the client of iperf 3.12 speaks it, with streams of TCP or of datagrams. One test at a time; a second
//! client is told so. The meaning of states and numbers is from iperf's `iperf_api.h` and from watching what passes.

mod control;
mod datagrams;
mod lobby;
mod parameters;
mod results;
mod session;
mod stream;
mod wire;

use alloc::sync::Arc;

use protocols::tcp::{Answer, ConnId, Event, Kinds};
use protocols::time::Instant;

pub use datagrams::Datagrams;
pub use lobby::Lobby;
use session::{Fate, Session};

use crate::service::{Context, Service};
use crate::table::Table;

/// Connections on one processor: all streams of the largest test, with room for clients that are turned away.
const MAX_SESSIONS: usize = 2 * parameters::MAX_STREAMS + 64;

/// The iperf3 service of one processor.
pub struct Iperf3 {
    lobby: Arc<Lobby>,
    sessions: Table<Session>,
    /// Changes of the lobby that were looked at.
    seen: u64,
    /// When the first session has something to do; may be too early.
    next: Option<Instant>,
}

impl Iperf3 {
    /// Its port.
    pub const PORT: u16 = 5201;

    /// The service of one processor; the lobby is that of all.
    pub fn new(lobby: Arc<Lobby>) -> Iperf3 {
        let seen = lobby.changes();
        Iperf3 { lobby, sessions: Table::new(MAX_SESSIONS), seen, next: None }
    }

    fn on(&mut self, conn: ConnId, act: impl FnOnce(&mut Session, &Lobby) -> Fate) {
        let Some(session) = self.sessions.get_mut(conn) else { return };
        match act(session, &self.lobby) {
            Fate::Drop => drop(self.sessions.remove(conn)),
            Fate::Keep => self.next = earlier(self.next, session.deadline()),
        }
    }
}

fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

impl Service for Iperf3 {
    fn name(&self) -> &'static str {
        "iperf3"
    }

    fn port(&self) -> u16 {
        Iperf3::PORT
    }

    fn event(&mut self, context: &mut Context<'_>, event: &Event) {
        let conn = event.conn;
        if event.kinds.contains(Kinds::ACCEPTED) && self.sessions.insert(conn, Session::new(context.now)).is_err() {
            log::warn!(
                "iperf3: {MAX_SESSIONS} connections are open on processor {}; one more was reset",
                context.processor
            );
            context.tcp.abort(conn);
            return;
        }
        if event.kinds.contains(Kinds::CLOSED) {
            if let Some(mut session) = self.sessions.remove(conn) {
                session.gone(conn, &self.lobby, context);
            }
            return;
        }
        self.on(conn, |session, lobby| session.run(conn, lobby, context));
    }

    fn take(&mut self, conn: ConnId, octets: &[u8], _: Answer<'_>) -> usize {
        self.sessions.get_mut(conn).map_or(0, |session| session.take(octets))
    }

    fn poll(&mut self, context: &mut Context<'_>) {
        if self.next.is_some_and(|next| next <= context.now) {
            self.next = None;
            for conn in self.sessions.names() {
                self.on(conn, |session, lobby| session.tick(conn, lobby, context));
            }
        }
        // What one session does may concern another one of this processor, so look until nothing changes.
        // A test has few phases, so this ends.
        loop {
            let changes = self.lobby.changes();
            if changes == self.seen {
                break;
            }
            self.seen = changes;
            for conn in self.sessions.names() {
                self.on(conn, |session, lobby| session.notice(conn, lobby, context));
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        self.next
    }
}

#[cfg(test)]
mod tests;
