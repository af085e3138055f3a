//! The control connection of a test: the server's half of the conversation.
//!
//! ```text
//!  cookie → · PARAM_EXCHANGE ← · parameters → · CREATE_STREAMS ← · (streams connect) · TEST_START, TEST_RUNNING ←
//!  (data) · TEST_END → · EXCHANGE_RESULTS ← · results → · results, DISPLAY_RESULTS ← · IPERF_DONE → · closed
//! ```

use alloc::vec::Vec;

use protocols::stack::IpAddress;
use protocols::tcp::{ConnId, Error};
use protocols::time::{Duration, Instant};

use super::lobby::{Count, Lobby, Phase, Stream, Test};
use super::parameters::{self, Mode, Parameters};
use super::results::{self, Results, StreamResults};
use super::session::fill;
use super::wire::{self, Collector, Notice, Order, Refusal};
use crate::service::{Context, Sockets, System};

/// Time for the client to take each of its steps outside the test itself.
const STEP: Duration = Duration::from_secs(30);
/// Time above its own length after which a test is given up.
const GRACE: Duration = Duration::from_secs(40);
/// Time without any data after which a test is given up.
const SILENCE: Duration = Duration::from_secs(30);
/// How often a running test is looked at.
const WATCH: Duration = Duration::from_secs(1);

/// The control connection.
#[derive(Debug)]
pub(super) struct Control {
    test: u64,
    stage: Stage,
    deadline: Instant,
    out: Vec<u8>,
    /// Close when `out` is empty.
    last: bool,
}

#[derive(Debug)]
enum Stage {
    Parameters(Collector),
    Streams,
    Running { busy_us: u64 },
    Collecting { busy_us: u64 },
    Results { collector: Collector, own: Vec<u8> },
    Farewell,
}

/// What the session does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Wait,
    Leave,
    Reset,
}

impl Control {
    pub(super) fn new(test: u64, now: Instant) -> Control {
        let stage = Stage::Parameters(Collector::json(parameters::MAX_JSON));
        Control { test, stage, deadline: now + STEP, out: alloc::vec![Order::ParamExchange.octet()], last: false }
    }

    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Ends the test, if this connection still has one.
    pub(super) fn end(&mut self, lobby: &Lobby, context: &Context<'_>) {
        if lobby.end(self.test).is_some() {
            log::info!("iperf3: test {} ended by the client", self.test);
            lobby.announce(context.system, context.processor);
        }
    }

    /// Reads and writes what can be read and written.
    pub(super) fn run(&mut self, conn: ConnId, lobby: &Lobby, context: &mut Context<'_>) -> Step {
        loop {
            if flush(&mut self.out, conn, context.tcp).is_err() {
                self.end(lobby, context);
                return Step::Reset;
            }
            if self.last {
                return if self.out.is_empty() { Step::Leave } else { Step::Wait };
            }
            match self.read(conn, lobby, context) {
                Ok(true) => {}
                Ok(false) => return Step::Wait,
                Err(Error::Finished(_)) => {
                    self.end(lobby, context);
                    return Step::Leave;
                }
                Err(_) => {
                    self.end(lobby, context);
                    return Step::Reset;
                }
            }
        }
    }

    /// Takes one thing that the client says. Returns whether there was one.
    fn read(&mut self, conn: ConnId, lobby: &Lobby, context: &mut Context<'_>) -> Result<bool, Error> {
        match &mut self.stage {
            Stage::Parameters(collector) => {
                if !fill(collector, conn, context.tcp)? {
                    return Ok(false);
                }
                let client = context.tcp.remote(conn);
                let parsed = Parameters::parse(collector.whole().unwrap_or_default(), lobby.longest(client));
                self.prepare(parsed, client, lobby, context);
            }
            Stage::Results { collector, own } => {
                if !fill(collector, conn, context.tcp)? {
                    return Ok(false);
                }
                self.out.extend_from_slice(&wire::frame(own));
                self.out.push(Order::DisplayResults.octet());
                self.stage = Stage::Farewell;
                self.deadline = context.now + STEP;
                // The next client may come before this one has said good-bye.
                lobby.end(self.test);
                lobby.announce(context.system, context.processor);
            }
            // Nothing is due from the client until the results are asked for.
            Stage::Collecting { .. } => return Ok(false),
            Stage::Streams | Stage::Running { .. } | Stage::Farewell => {
                let mut octet = [0];
                if context.tcp.recv(conn, &mut octet)? == 0 {
                    return Ok(false);
                }
                self.heed(Notice::from_octet(octet[0]), lobby, context);
            }
        }
        Ok(true)
    }

    fn prepare(
        &mut self,
        parsed: Result<Parameters, Refusal>,
        client: Option<IpAddress>,
        lobby: &Lobby,
        context: &Context<'_>,
    ) {
        match parsed {
            Ok(parameters) => {
                let streams = Vec::with_capacity(parameters.streams());
                lobby.change(self.test, |test| {
                    test.parameters = Some(parameters);
                    test.client = client;
                    test.streams = streams;
                    test.phase = Phase::Creating;
                });
                self.out.push(Order::CreateStreams.octet());
                self.stage = Stage::Streams;
                self.deadline = context.now + STEP;
            }
            Err(refusal) => {
                log::info!("iperf3: test {} refused: {refusal:?}", self.test);
                self.out.extend_from_slice(&refusal.octets());
                self.last = true;
                lobby.end(self.test);
            }
        }
    }

    fn heed(&mut self, notice: Option<Notice>, lobby: &Lobby, context: &Context<'_>) {
        match (notice, &self.stage) {
            (Some(Notice::TestEnd), &Stage::Running { busy_us }) => {
                lobby.change(self.test, |test| {
                    if let Phase::Running(since) = test.phase {
                        test.phase = Phase::Ending(since, context.now);
                    }
                });
                self.stage = Stage::Collecting { busy_us };
                self.deadline = context.now + STEP;
                lobby.announce(context.system, context.processor);
            }
            (Some(Notice::IperfDone), Stage::Farewell) => self.last = true,
            // The client gives up, or says what it cannot say here: the test ends.
            _ => {
                self.end(lobby, context);
                self.last = true;
            }
        }
    }

    /// The test has changed.
    pub(super) fn notice(&mut self, lobby: &Lobby, context: &mut Context<'_>) {
        match &self.stage {
            Stage::Streams => {
                let ready = lobby.change(self.test, |test| {
                    let ready = test.phase == Phase::Ready;
                    if ready {
                        test.phase = Phase::Running(context.now);
                    }
                    ready.then_some(test.parameters).flatten()
                });
                let Some(parameters) = ready.flatten() else { return };
                let way = match parameters.mode {
                    Mode::Receive => "from the client",
                    Mode::Send => "to the client",
                    Mode::Both => "both ways",
                };
                log::info!("iperf3: test {} runs, streams: {}, {way}", self.test, parameters.streams());
                self.out.extend([Order::TestStart.octet(), Order::TestRunning.octet()]);
                self.stage = Stage::Running { busy_us: busy(context.system) };
                self.deadline = context.now + WATCH;
                lobby.moved(context.now);
                lobby.announce(context.system, context.processor);
            }
            Stage::Collecting { busy_us } => {
                let busy_us = busy(context.system).saturating_sub(*busy_us);
                let congestion = context.system.congestion();
                let own = lobby.change(self.test, |test| {
                    test.streams
                        .iter()
                        .all(|stream| stream.report.is_some())
                        .then(|| measured(test, busy_us, congestion))
                });
                let Some(own) = own.flatten() else { return };
                self.out.push(Order::ExchangeResults.octet());
                let collector = Collector::json(results::MAX_JSON);
                self.stage = Stage::Results { collector, own: own.to_json() };
                self.deadline = context.now + STEP;
            }
            _ => {}
        }
    }

    /// Does what is due. Returns whether the connection is to be reset.
    pub(super) fn tick(&mut self, lobby: &Lobby, context: &Context<'_>) -> bool {
        if let Stage::Running { .. } = self.stage {
            let now = context.now;
            self.deadline = now + WATCH;
            let late = lobby.change(self.test, |test| match (test.phase, &test.parameters) {
                (Phase::Running(since), Some(parameters)) if parameters.time > 0 => {
                    now > since + Duration::from_secs(parameters.time + parameters.omit) + GRACE
                }
                _ => false,
            });
            if late == Some(false) && now < lobby.last_moved() + SILENCE {
                return false;
            }
        }
        log::warn!("iperf3: test {} given up, the client is silent", self.test);
        if lobby.end(self.test).is_some() {
            lobby.announce(context.system, context.processor);
        }
        true
    }
}

fn busy(system: &dyn System) -> u64 {
    (0..system.processors()).map(|processor| system.busy_us(processor)).sum()
}

fn measured(test: &Test, busy_us: u64, congestion: &'static str) -> Results {
    let asked = test.parameters.as_ref();
    let (mode, omit) = asked.map_or((Mode::Receive, 0), |asked| (asked.mode, asked.omit));
    let elapsed_us = match test.phase {
        Phase::Ending(since, until) => (until - since).total_micros(),
        _ => 0,
    };
    let utilisation = if elapsed_us == 0 { 0.0 } else { busy_us as f64 * 100.0 / elapsed_us as f64 };
    let end_time = elapsed_us.saturating_sub(omit * 1_000_000) as f64 / 1e6;
    let datagrams = |stream: &Stream| stream.report.map_or(Count::default(), |report| report.datagrams);
    let stream = |stream: &Stream| StreamResults {
        id: stream.id,
        bytes: stream.report.map_or(0, |report| report.bytes),
        retransmits: stream.report.map_or(-1, |report| report.retransmits),
        jitter: datagrams(stream).jitter,
        errors: datagrams(stream).errors,
        omitted_errors: datagrams(stream).omitted_errors,
        packets: datagrams(stream).packets,
        omitted_packets: datagrams(stream).omitted_packets,
        start_time: 0.0,
        end_time,
    };
    Results {
        cpu_util_total: utilisation,
        cpu_util_user: 0.0,
        // A unikernel has no user mode.
        cpu_util_system: utilisation,
        sender_has_retransmits: match mode {
            Mode::Receive => -1,
            // What is lost of datagrams is not sent again.
            _ => i8::from(!asked.is_some_and(|asked| asked.datagrams)),
        },
        congestion_used: congestion,
        streams: test.streams.iter().map(stream).collect(),
    }
}

fn flush(out: &mut Vec<u8>, conn: ConnId, tcp: &mut dyn Sockets) -> Result<(), Error> {
    while !out.is_empty() {
        match tcp.send(conn, out)? {
            0 => break,
            sent => drop(out.drain(..sent)),
        }
    }
    Ok(())
}
