//! One connection.
//!
//! It holds everything that lasts while controllers of congestion come and go: windows, RTT, scoreboard, recovery. What arrives is taken
//! in by `input`, `ack` and `data`; what is due goes out by `output`; `timers` lets time pass; `service` is what a service may do.
//! Each of them only notes what has to be sent, or told to the service; the engine sees to it afterwards.

mod ack;
mod buffers;
mod close;
mod data;
mod ecn;
mod frto;
mod input;
mod open;
mod output;
mod probe;
mod recovery;
mod service;
mod timers;

use smoltcp::wire::IpAddress;

use super::config::Config;
use super::counters::Counters;
use super::egress::Path;
use super::error::CloseReason;
use super::event::Kinds;
use super::info::Info;
use super::limiter::Limiter;
use super::lookup::Key;
use super::memory::Memory;
use super::options::TIMESTAMPS_LEN;
use super::pacer::{Pace, Pacer};
use super::rack::Rack;
use super::rate::Rate;
use super::reassembly::Reassembly;
use super::ring::Ring;
use super::rto::Rtt;
use super::scoreboard::Scoreboard;
use super::send_buffer::SendBuffer;
use super::seq::Seq;
use super::slab::ConnId;
use super::state::State;
use crate::congestion::{CongestionRef, Flow, Window};
use crate::time::Instant;

use ecn::Marks;
pub(crate) use open::Opening;
use probe::Probe;
use recovery::Recovery;
use timers::Timers;

/// What a connection may use of the engine's during a call.
pub(crate) struct Env<'a> {
    pub now: Instant,
    pub config: &'a Config,
    pub congestion: &'a CongestionRef,
    pub counters: &'a mut Counters,
    pub memory: &'a mut Memory,
}

/// How the connection stands to its service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// Half open: no service knows of it.
    Nobody,
    /// A service has it.
    Service,
    /// The service is done with it; what remains is between the peer and us.
    Gone,
}

/// What both sides agreed on in their SYNs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Agreed {
    pub timestamps: bool,
    pub sack: bool,
    pub ecn: bool,
    /// Shift of the windows that the peer announces.
    pub send_scale: u8,
    /// Shift of the windows that we announce.
    pub receive_scale: u8,
}

/// A reset that has to go out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reset {
    pub sequence: Seq,
    pub acknowledgement: Option<Seq>,
}

/// The ACK that we owe.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct OwedAck {
    /// Octets received since the last ACK.
    pub octets: u32,
    /// Segments that they came in, as the link delivers them: a card may have joined several.
    pub segments: u32,
    /// Due at the next output.
    pub due: bool,
    /// Due before the next segment is looked at: each such segment gets an ACK of its own.
    pub at_once: bool,
    /// Segments that are still acknowledged without delay, because the peer is in slow start.
    pub quick: u8,
}

pub(crate) struct Connection {
    pub id: ConnId,
    pub key: Key,
    pub path: Path,
    pub state: State,
    pub owner: Owner,
    /// The port that was listened on.
    pub listener: Option<u16>,
    pub agreed: Agreed,
    opened: Instant,

    // Toward the service.
    /// Not yet told.
    pub events: Kinds,
    /// In the engine's queue of events.
    pub event_queued: bool,
    pub reason: Option<CloseReason>,
    closed_told: bool,
    wants_room: bool,
    nagle: bool,

    // Toward the engine.
    /// Something may have to be sent.
    pub work: bool,
    /// In the engine's queue of connections with work, or in one of a class that waits.
    pub work_queued: bool,
    /// The class of the last segment that had to wait for its turn.
    pub class: Option<u8>,
    pub reset: Option<Reset>,

    // Sending (RFC 9293 section 3.3.1 names).
    iss: Seq,
    snd_una: Seq,
    snd_nxt: Seq,
    snd_wnd: u32,
    max_snd_wnd: u32,
    snd_wl1: Seq,
    snd_wl2: Seq,
    /// Payload and options octets of the largest segment to the peer.
    segment_limit: u32,
    tx: SendBuffer,
    fin_wanted: bool,
    fin_sent: bool,
    syn_due: bool,
    syn_retries: u8,
    /// An octet beyond `snd_nxt` has been sent as a window probe.
    probed: bool,
    /// The override timeout of RFC 9293 section 3.8.6.2.1 has expired: send what fits.
    override_sws: bool,
    last_sent: Instant,
    window: Window,
    flow_open: bool,
    rtt: Rtt,
    scoreboard: Scoreboard,
    recovery: Recovery,
    rack: Rack,
    rate: Rate,
    pacer: Pacer,
    marks: Marks,
    /// A tail loss probe is to be sent.
    probe_due: bool,
    probe: Option<Probe>,
    /// No round trip was measured since the last tail loss probe left.
    probe_unmeasured: bool,

    // Receiving.
    irs: Seq,
    rcv_nxt: Seq,
    /// The right edge of the window that was announced.
    rcv_edge: Seq,
    rx: Ring,
    reassembly: Reassembly,
    peer_fin: Option<Seq>,
    /// The largest payload that came, an estimate of the peer's segment size.
    peer_segment: u32,
    owed: OwedAck,
    last_ack_sent: Seq,
    ts_offset: u32,
    ts_recent: u32,
    ts_recent_at: Instant,
    challenges: Limiter,
    /// Octets read since `measured_at`: how fast the service is (buffer tuning).
    measured: usize,
    measured_at: Instant,
    /// Octets that had moved through the buffers when they were last looked at.
    moved: u64,

    pub timers: Timers,
    stats: Stats,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stats {
    /// Payload octets sent, retransmissions included.
    sent: u64,
    retransmitted: u64,
    timeouts: u64,
    fast_recoveries: u64,
    tail_probes: u64,
    duplicates: u64,
    undone: u64,
    marks: u64,
    echoes: u64,
    bytes_in: u64,
    bytes_out: u64,
    segments_in: u64,
    segments_out: u64,
}

impl Connection {
    fn flow(&self) -> Flow {
        Flow(self.id.index)
    }

    /// Octets of IP and TCP headers without options.
    fn headers(address: &IpAddress) -> usize {
        match address {
            IpAddress::Ipv4(_) => 40,
            IpAddress::Ipv6(_) => 60,
        }
    }

    /// The path MTU below which no ICMP message is believed: what every host takes (RFC 791 section 3.1), what every link carries (RFC 8201 section 4).
    fn least_mtu(address: &IpAddress) -> usize {
        match address {
            IpAddress::Ipv4(_) => 576,
            IpAddress::Ipv6(_) => 1280,
        }
    }

    /// The segment size to assume of a peer that names none (RFC 9293 section 3.7.1).
    fn default_mss(address: &IpAddress) -> u16 {
        match address {
            IpAddress::Ipv4(_) => 536,
            IpAddress::Ipv6(_) => 1220,
        }
    }

    /// Payload octets of a full-sized segment without SACK blocks (RFC 6691: options come out of the peer's MSS).
    fn mss(&self) -> u32 {
        let options = if self.agreed.timestamps { TIMESTAMPS_LEN as u32 } else { 0 };
        self.segment_limit - options
    }

    /// Our clock in the connection's timestamps: milliseconds (RFC 7323 section 5.4).
    fn timestamp(&self, now: Instant) -> u32 {
        ((now.total_micros() as u64 / 1000) as u32).wrapping_add(self.ts_offset)
    }

    /// Data in the send buffer that has not been sent.
    #[inline]
    fn unsent(&self) -> u32 {
        if self.fin_sent {
            return 0;
        }
        (self.tx.len() as u32).saturating_sub(self.snd_nxt - self.snd_una)
    }

    pub fn info(&self, now: Instant, config: &Config) -> Info {
        Info {
            state: self.state,
            local: self.key.local,
            remote: self.key.remote,
            local_port: self.key.local_port,
            remote_port: self.key.remote_port,
            cwnd: self.window.cwnd,
            ssthresh: self.window.ssthresh,
            srtt_us: self.rtt.srtt,
            rttvar_us: self.rtt.rttvar,
            min_rtt_us: self.rtt.min,
            rto_us: u32::try_from(self.rtt.timeout(config).total_micros()).unwrap_or(u32::MAX),
            mss: self.mss(),
            flight: self.scoreboard.flight(),
            send_window: self.snd_wnd,
            receive_window: if self.rcv_edge.gt(self.rcv_nxt) { self.rcv_edge - self.rcv_nxt } else { 0 },
            retransmitted_segments: self.stats.retransmitted,
            timeouts: self.stats.timeouts,
            fast_recoveries: self.stats.fast_recoveries,
            tail_probes: self.stats.tail_probes,
            duplicate_reports: self.stats.duplicates,
            undone: self.stats.undone,
            ecn: self.agreed.ecn,
            ecn_marks: self.stats.marks,
            ecn_reductions: self.stats.echoes,
            delivered: self.window.delivered,
            delivery_rate: self.rate.latest,
            sent: self.stats.sent,
            pacing_rate: Pace::of(&self.window, config.pacing).map_or(0, |pace| pace.rate),
            service_limited: self.rate.is_limited(),
            lost: self.scoreboard.lost_ever(),
            reordering_seen: self.rack.reordering_seen,
            reordering_window_us: self.reordering_window(),
            bytes_in: self.stats.bytes_in,
            bytes_out: self.stats.bytes_out,
            segments_in: self.stats.segments_in,
            segments_out: self.stats.segments_out,
            sack: self.agreed.sack,
            timestamps: self.agreed.timestamps,
            send_queued: self.tx.len() as u32,
            receive_queued: self.rx.len() as u32,
            age_us: u64::try_from((now.total_micros() - self.opened.total_micros()).max(0)).unwrap_or(0),
        }
    }
}
