//! The one test that runs, as all processors see it.
//!
//! The streams of a test live on whatever processors the steering sends them to. What they count stays there; the lobby
//! holds what they have to agree on, and is touched only when the test goes from one phase to the next.

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use protocols::tcp::ConnId;
use protocols::time::Instant;
use spin::mutex::SpinMutex;

use super::parameters::{Mode, Parameters};
use super::wire::Cookie;
use crate::service::System;

/// Shared by the iperf3 services of all processors.
#[derive(Debug, Default)]
pub struct Lobby {
    /// Counts the changes of `test`, so that a processor sees without the lock whether there is something to look at.
    changes: AtomicU64,
    /// Time of the last data of any stream, microseconds; each processor notes it about once a second.
    moved_us: AtomicU64,
    test: SpinMutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// Number of the test that came last.
    pub(super) number: u64,
    pub(super) test: Option<Test>,
}

/// Where a test stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Phase {
    /// The control connection exchanges parameters.
    Parameters,
    /// Streams connect.
    Creating,
    /// All streams are there.
    Ready,
    /// Data flows since then.
    Running(Instant),
    /// The client ended the test then; the processors report what they counted.
    Ending(Instant, Instant),
}

/// The test.
#[derive(Debug)]
pub(super) struct Test {
    pub(super) number: u64,
    pub(super) cookie: Cookie,
    pub(super) parameters: Option<Parameters>,
    pub(super) phase: Phase,
    /// In the order in which the client opened them, once all are there.
    pub(super) streams: Vec<Stream>,
}

/// One stream of the test.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) processor: usize,
    pub(super) conn: ConnId,
    /// When its connection was accepted.
    pub(super) accepted: Instant,
    /// As the client numbers it: 1, 3, 4, 5 …
    pub(super) id: u32,
    /// Whether the server sends on it.
    pub(super) sends: bool,
    pub(super) report: Option<Report>,
}

/// What a processor counted of a stream.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Report {
    pub(super) bytes: u64,
    pub(super) retransmits: i64,
}

/// What a cookie opens.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    /// The control connection of the test with this number.
    Control(u64),
    /// A stream of the test with this number; whether it is the last of them.
    Stream { test: u64, last: bool },
    /// Another test runs.
    Busy,
}

impl Lobby {
    /// How often the test has changed.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Tells every processor that the test has changed.
    pub(super) fn announce(&self, system: &dyn System, except: usize) {
        self.changes.fetch_add(1, Ordering::Release);
        (0..system.processors()).filter(|&processor| processor != except).for_each(|processor| system.wake(processor));
    }

    /// Notes that data moved.
    pub(super) fn moved(&self, now: Instant) {
        self.moved_us.fetch_max(now.total_micros().cast_unsigned(), Ordering::Relaxed);
    }

    /// When data moved last.
    pub(super) fn last_moved(&self) -> Instant {
        Instant::from_micros(self.moved_us.load(Ordering::Relaxed).cast_signed())
    }

    /// Looks at the test, or changes it; who changes it has to `announce` that. `look` must be short.
    pub(super) fn with<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.test.lock())
    }

    /// Decides about a connection that has shown its cookie.
    pub(super) fn admit(&self, cookie: Cookie, processor: usize, conn: ConnId, accepted: Instant) -> Admission {
        self.with(|state| match &mut state.test {
            None => {
                state.number += 1;
                let number = state.number;
                state.test =
                    Some(Test { number, cookie, parameters: None, phase: Phase::Parameters, streams: Vec::new() });
                Admission::Control(number)
            }
            Some(test) => match &test.parameters {
                Some(parameters) if test.phase == Phase::Creating && test.cookie == cookie => {
                    test.streams.push(Stream { processor, conn, accepted, id: 0, sends: false, report: None });
                    let last = test.streams.len() == parameters.streams();
                    if last {
                        number_streams(&mut test.streams, parameters);
                        test.phase = Phase::Ready;
                    }
                    Admission::Stream { test: test.number, last }
                }
                _ => Admission::Busy,
            },
        })
    }

    /// Runs `change` on the test if it is still the one with this number.
    pub(super) fn change<T>(&self, number: u64, change: impl FnOnce(&mut Test) -> T) -> Option<T> {
        self.with(|state| state.test.as_mut().filter(|test| test.number == number).map(change))
    }

    /// Ends the test if it is still the one with this number.
    pub(super) fn end(&self, number: u64) -> Option<Test> {
        self.with(
            |state| {
                if state.test.as_ref().is_some_and(|test| test.number == number) { state.test.take() } else { None }
            },
        )
    }
}

/// Gives each stream its number and direction.
///
/// The client opens them one after another, each after it has seen the answer to the one before; so the order of their
/// acceptance is that order, on whatever processors they are. It numbers them 1, 3, 4, 5 …, and of a test in both
/// directions the first half sends to the server.
fn number_streams(streams: &mut [Stream], parameters: &Parameters) {
    streams.sort_by_key(|stream| stream.accepted);
    for (index, stream) in streams.iter_mut().enumerate() {
        stream.id = if index == 0 { 1 } else { index as u32 + 2 };
        stream.sends = match parameters.mode {
            Mode::Receive => false,
            Mode::Send => true,
            Mode::Both => index >= parameters.parallel,
        };
    }
}
