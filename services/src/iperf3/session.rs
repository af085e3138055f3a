//! One connection to the iperf3 port, on its processor: first nobody knows what it is, then it shows a cookie.

use protocols::tcp::{ConnId, Error};
use protocols::time::{Duration, Instant};

use super::control::Control;
use super::lobby::{Admission, Lobby, Phase, Place, Report};
use super::stream::Stream;
use super::wire::{Collector, Order};
use crate::service::{Context, Sockets};

/// Time for the cookie.
const OPENING: Duration = Duration::from_secs(10);
/// Time for the peer to take the last octets and close.
const LEAVING: Duration = Duration::from_secs(10);

/// A connection.
#[derive(Debug)]
pub(super) enum Session {
    /// The cookie is not whole yet.
    Opening { cookie: Collector, accepted: Instant },
    /// The control connection of a test.
    Control(Control),
    /// A data connection.
    Data(Stream),
    /// All is said; what still comes is dropped.
    Leaving { until: Instant },
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Keep,
    /// It was reset, or is gone.
    Drop,
}

impl Session {
    pub(super) fn new(now: Instant) -> Session {
        Session::Opening { cookie: Collector::cookie(), accepted: now }
    }

    /// Takes octets where they lie, as far as nobody has to look at them. Returns how many.
    pub(super) fn take(&mut self, octets: &[u8]) -> usize {
        match self {
            Session::Opening { .. } | Session::Control(_) => 0,
            Session::Data(stream) => stream.take(octets.len()),
            Session::Leaving { .. } => octets.len(),
        }
    }

    /// Reads and writes what can be read and written.
    pub(super) fn run(&mut self, conn: ConnId, lobby: &Lobby, context: &mut Context<'_>) -> Fate {
        loop {
            let next = match self {
                Session::Opening { cookie, accepted } => match fill(cookie, conn, context.tcp) {
                    Ok(true) => admit(cookie, *accepted, conn, lobby, context),
                    Ok(false) => return Fate::Keep,
                    Err(_) => return drop_now(conn, context),
                },
                Session::Control(control) => match control.run(conn, lobby, context) {
                    super::control::Step::Wait => return Fate::Keep,
                    super::control::Step::Leave => leave(conn, context),
                    super::control::Step::Reset => return drop_now(conn, context),
                },
                Session::Data(stream) => match stream.pump(conn, context.tcp, context.now) {
                    Ok(note) => {
                        if note {
                            lobby.moved(context.now);
                        }
                        return Fate::Keep;
                    }
                    Err(Error::Finished(_)) => {
                        self.gone(conn, lobby, context);
                        leave(conn, context)
                    }
                    Err(_) => {
                        self.gone(conn, lobby, context);
                        return drop_now(conn, context);
                    }
                },
                Session::Leaving { .. } => loop {
                    match context.tcp.recv_with(conn, &mut |octets| octets.len()) {
                        Ok(0) | Err(_) => return Fate::Keep,
                        Ok(_) => {}
                    }
                },
            };
            *self = next;
        }
    }

    /// The test has changed.
    pub(super) fn notice(&mut self, conn: ConnId, lobby: &Lobby, context: &mut Context<'_>) -> Fate {
        match self {
            Session::Opening { .. } | Session::Leaving { .. } => return Fate::Keep,
            Session::Control(control) => control.notice(lobby, context),
            Session::Data(stream) => {
                let found = lobby.change(stream.test, |test| {
                    let place = Place::Connection { processor: context.processor, conn };
                    let own = test.streams.iter().find(|own| own.place == place);
                    (test.phase, test.parameters, own.is_some_and(|own| own.sends))
                });
                match found {
                    Some((Phase::Running(_), Some(parameters), sends)) => stream.start(sends, &parameters, context.now),
                    Some((Phase::Ending(..), ..)) => {
                        let report = stream.stop(conn, context.tcp);
                        deliver(stream.test, conn, report, lobby, context);
                        *self = leave(conn, context);
                    }
                    Some(_) => {}
                    // The test ended before its time: there is nobody to count for.
                    None => return drop_now(conn, context),
                }
            }
        }
        self.run(conn, lobby, context)
    }

    /// When `tick` has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Session::Opening { accepted, .. } => Some(*accepted + OPENING),
            Session::Control(control) => Some(control.deadline()),
            Session::Data(stream) => stream.deadline(),
            Session::Leaving { until } => Some(*until),
        }
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, conn: ConnId, lobby: &Lobby, context: &mut Context<'_>) -> Fate {
        if self.deadline().is_none_or(|deadline| deadline > context.now) {
            return Fate::Keep;
        }
        match self {
            Session::Opening { .. } | Session::Leaving { .. } => drop_now(conn, context),
            Session::Control(control) => {
                if control.tick(lobby, context) {
                    return drop_now(conn, context);
                }
                Fate::Keep
            }
            Session::Data(stream) => {
                stream.tick(conn, context.tcp, context.now);
                self.run(conn, lobby, context)
            }
        }
    }

    /// The connection is over; tells the test.
    pub(super) fn gone(&mut self, conn: ConnId, lobby: &Lobby, context: &mut Context<'_>) {
        match self {
            Session::Control(control) => control.end(lobby, context),
            Session::Data(stream) => {
                let report = stream.stop(conn, context.tcp);
                deliver(stream.test, conn, report, lobby, context);
            }
            Session::Opening { .. } | Session::Leaving { .. } => {}
        }
    }
}

/// Reads into the collector. Returns whether it is whole.
pub(super) fn fill(collector: &mut Collector, conn: ConnId, tcp: &mut dyn Sockets) -> Result<bool, Error> {
    loop {
        if collector.whole().is_some() {
            return Ok(true);
        }
        let mut bad = false;
        let taken = tcp.recv_with(conn, &mut |octets| {
            let taken = collector.take(octets);
            bad |= taken.is_err();
            taken.unwrap_or(octets.len())
        })?;
        if bad {
            return Err(Error::Finished(conn));
        }
        if taken == 0 {
            return Ok(collector.whole().is_some());
        }
    }
}

fn admit(cookie: &Collector, accepted: Instant, conn: ConnId, lobby: &Lobby, context: &mut Context<'_>) -> Session {
    let cookie = cookie.whole().and_then(|octets| octets.try_into().ok()).unwrap_or([0; super::wire::COOKIE]);
    match lobby.admit(cookie, context.processor, conn, accepted) {
        Admission::Control(number) => Session::Control(Control::new(number, context.now)),
        Admission::Stream { test, last } => {
            if last {
                lobby.announce(context.system, context.processor);
            }
            Session::Data(Stream::new(test, lobby.block()))
        }
        Admission::Busy => {
            log::debug!("iperf3: a client was turned away, a test is running");
            // One octet into an empty send buffer; if the connection is gone already, nobody misses it.
            let _ = context.tcp.send(conn, &[Order::AccessDenied.octet()]);
            leave(conn, context)
        }
    }
}

fn deliver(test: u64, conn: ConnId, report: Report, lobby: &Lobby, context: &mut Context<'_>) {
    let place = Place::Connection { processor: context.processor, conn };
    let whole = lobby.change(test, |test| test.deliver(place, report));
    if whole == Some(true) {
        lobby.announce(context.system, context.processor);
    }
}

/// Ends our side in order and waits for the peer's.
fn leave(conn: ConnId, context: &mut Context<'_>) -> Session {
    let _ = context.tcp.shutdown(conn);
    Session::Leaving { until: context.now + LEAVING }
}

fn drop_now(conn: ConnId, context: &mut Context<'_>) -> Fate {
    context.tcp.abort(conn);
    Fate::Drop
}
