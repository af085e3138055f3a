//! How a connection comes to be: what the SYNs agree on, and what is set up when the handshake is complete.

use smoltcp::wire::IpAddress;

use super::super::config::Config;
use super::super::cookie;
use super::super::egress::Path;
use super::super::event::Kinds;
use super::super::header::{Flags, Header};
use super::super::limiter::Limiter;
use super::super::lookup::Key;
use super::super::options::{Options, TIMESTAMPS_LEN, Timestamps};
use super::super::pacer::Pacer;
use super::super::rack::Rack;
use super::super::rate::Rate;
use super::super::reassembly::Reassembly;
use super::super::ring::Ring;
use super::super::rto::Rtt;
use super::super::scoreboard::Scoreboard;
use super::super::send_buffer::SendBuffer;
use super::super::seq::Seq;
use super::super::slab::ConnId;
use super::super::state::State;
use super::{Agreed, Connection, Env, Marks, OwedAck, Owner, Recovery, Stats, Timers};
use crate::congestion::{Congestion, Open, Window};
use crate::time::Instant;

/// Challenge ACKs that one connection sends in five seconds (RFC 5961 section 10). The limit is per connection, so that no attacker can learn
/// anything of one connection from the rate of another.
const CHALLENGES: u32 = 10;

/// Segments that are acknowledged without delay at the beginning of a connection.
const QUICK_ACKS: u8 = 16;

/// What a new connection needs to know.
pub(crate) struct Opening {
    pub id: ConnId,
    pub key: Key,
    pub path: Path,
    pub now: Instant,
    pub iss: Seq,
    pub ts_offset: u32,
}

impl Connection {
    fn new(opening: &Opening, config: &Config, state: State) -> Self {
        let Opening { id, key, path, now, iss, ts_offset } = *opening;
        let segment_limit = Self::segment_limit(&key.remote, None, config.mtu);
        Self {
            id,
            key,
            path,
            state,
            owner: Owner::Nobody,
            listener: None,
            agreed: Agreed::default(),
            opened: now,
            events: Kinds::NONE,
            event_queued: false,
            reason: None,
            closed_told: false,
            wants_room: false,
            nagle: config.nagle,
            work: true,
            work_queued: false,
            class: None,
            reset: None,
            iss,
            snd_una: iss,
            snd_nxt: iss,
            snd_wnd: 0,
            max_snd_wnd: 0,
            snd_wl1: Seq(0),
            snd_wl2: Seq(0),
            segment_limit,
            tx: SendBuffer::default(),
            fin_wanted: false,
            fin_sent: false,
            syn_due: true,
            syn_retries: 0,
            probed: false,
            override_sws: false,
            last_sent: now,
            window: Window::new(segment_limit),
            flow_open: false,
            rtt: Rtt::new(config),
            scoreboard: Scoreboard::default(),
            recovery: Recovery::new(iss),
            rack: Rack::new(),
            rate: Rate::new(now),
            pacer: Pacer::default(),
            marks: Marks::default(),
            probe_due: false,
            probe: None,
            probe_unmeasured: false,
            irs: Seq(0),
            rcv_nxt: Seq(0),
            rcv_edge: Seq(0),
            rx: Ring::default(),
            reassembly: Reassembly::default(),
            peer_fin: None,
            peer_segment: 0,
            owed: OwedAck { quick: QUICK_ACKS, ..OwedAck::default() },
            last_ack_sent: Seq(0),
            ts_offset,
            ts_recent: 0,
            ts_recent_at: now,
            challenges: Limiter::new(CHALLENGES, 5_000_000),
            measured: 0,
            measured_at: now,
            moved: 0,
            timers: Timers::default(),
            stats: Stats::default(),
        }
    }

    /// Payload and options octets of the largest segment: what the peer takes and what the path carries.
    pub(super) fn segment_limit(remote: &IpAddress, peer_mss: Option<u16>, mtu: usize) -> u32 {
        let path = (mtu.saturating_sub(Self::headers(remote))) as u32;
        let peer = u32::from(peer_mss.unwrap_or(Self::default_mss(remote)));
        // A peer that names less than 88 (Linux's least) could make us send headers without end.
        peer.min(path).max(88)
    }

    /// A connection that our service opens.
    pub fn active(opening: &Opening, config: &Config) -> Self {
        Self { owner: Owner::Service, ..Self::new(opening, config, State::SynSent) }
    }

    /// A connection that a peer opens with the SYN in `header`, on a port that is listened on. It has no buffers until the handshake is
    /// complete.
    pub fn passive(opening: &Opening, config: &Config, header: &Header) -> Self {
        let mut connection = Self::new(opening, config, State::SynReceived);
        connection.listener = Some(opening.key.local_port);
        connection.take_syn(header, opening.now, config);
        connection
    }

    /// The SYN with ACK that stands for this connection when nothing is remembered of it.
    pub fn cookie_answer(&self, syn: &Header, now: Instant, config: &Config) -> Header {
        let mut answer = self.syn_header(now, config);
        if let Some(timestamps) = &mut answer.options.timestamps {
            let scaling = config.window_scaling;
            timestamps.value = cookie::timestamp(timestamps.value, syn, config.sack, scaling, self.agreed.ecn);
        } else {
            // Nothing will be known of these when the answer comes.
            answer.options.window_scale = None;
            answer.options.sack_permitted = false;
            answer.flags = Flags::SYN.with(Flags::ACK);
        }
        answer
    }

    /// Our SYN went out as a cookie, and what answers it is about to be taken.
    pub fn answered_by_cookie(mut self) -> Self {
        self.syn_due = false;
        self.snd_nxt = self.iss + 1;
        self
    }

    /// Takes what the peer's SYN says.
    pub(super) fn take_syn(&mut self, header: &Header, now: Instant, config: &Config) {
        let options = &header.options;
        self.irs = Seq(header.sequence);
        self.rcv_nxt = self.irs + 1;
        self.last_ack_sent = self.rcv_nxt;
        self.segment_limit = Self::segment_limit(&self.key.remote, options.mss, config.mtu);
        self.agreed.sack = config.sack && options.sack_permitted;
        self.agree_on_ecn(header, config.ecn);
        if let Some(shift) = options.window_scale.filter(|_| config.window_scaling) {
            self.agreed.send_scale = shift;
            self.agreed.receive_scale = config.window_scale();
        } else {
            self.agreed.send_scale = 0;
            self.agreed.receive_scale = 0;
        }
        if let Some(timestamps) = options.timestamps.filter(|_| config.timestamps) {
            self.agreed.timestamps = true;
            self.ts_recent = timestamps.value;
            self.ts_recent_at = now;
        } else {
            self.agreed.timestamps = false;
        }
        if self.segment_limit <= TIMESTAMPS_LEN as u32 {
            self.agreed.timestamps = false;
        }
        // The window of a SYN is never scaled (RFC 7323 section 2.2).
        self.snd_wnd = u32::from(header.window);
        self.max_snd_wnd = self.snd_wnd;
        self.snd_wl1 = self.irs;
        self.snd_wl2 = self.snd_una;
        self.rcv_edge = self.rcv_nxt + self.syn_window(config);
    }

    /// The window that our SYN announces.
    pub(super) fn syn_window(&self, config: &Config) -> u32 {
        config.first_receive_buffer().min(65_535) as u32
    }

    /// Our SYN, or SYN with ACK.
    pub(super) fn syn_header(&self, now: Instant, config: &Config) -> Header {
        let answering = self.state == State::SynReceived;
        // An answer agrees only to what was offered.
        let scaling = if answering { self.agreed.receive_scale > 0 || self.agreed.send_scale > 0 } else { true };
        let options = Options {
            mss: Some((config.mtu - Self::headers(&self.key.remote)) as u16),
            window_scale: (config.window_scaling && scaling).then(|| config.window_scale()),
            sack_permitted: if answering { self.agreed.sack } else { config.sack },
            timestamps: (if answering { self.agreed.timestamps } else { config.timestamps })
                .then(|| Timestamps { value: self.timestamp(now), echo: if answering { self.ts_recent } else { 0 } }),
            ..Options::default()
        };
        Header {
            source_port: self.key.local_port,
            destination_port: self.key.remote_port,
            sequence: self.iss.0,
            acknowledgement: if answering { self.rcv_nxt.0 } else { 0 },
            flags: if answering { Flags::SYN.with(Flags::ACK) } else { Flags::SYN }
                .with(self.ecn_syn_flags(answering, config.ecn)),
            window: self.syn_window(config) as u16,
            options,
            ..Header::default()
        }
    }

    /// Our SYN is acknowledged and the peer's has come: gets a congestion window, and the promise of buffers.
    pub(super) fn establish(&mut self, env: &mut Env<'_>) {
        self.tx = SendBuffer::new(env.config.first_send_buffer());
        self.rx = Ring::new(env.config.first_receive_buffer());
        self.state = if self.fin_wanted { State::FinWait1 } else { State::Established };
        self.timers.send = None;
        self.window = Window::new(self.mss());
        if self.syn_retries > 0 {
            self.rtt.syn_was_lost();
        }
        self.copy_rtt();
        let open = Open { now: env.now.total_micros() as u64, syn_lost: self.syn_retries > 0 };
        env.congestion.open(self.flow(), &mut self.window, &open);
        self.flow_open = true;
        self.recovery = Recovery::new(self.iss);
        self.rack = Rack::new();
        self.rate = Rate::new(env.now);
        self.last_sent = env.now;
        self.measured_at = env.now;
        if self.listener.is_some() {
            env.counters.accepted += 1;
            self.owner = Owner::Service;
            self.events |= Kinds::ACCEPTED;
        } else {
            env.counters.connected += 1;
            self.events |= Kinds::CONNECTED;
        }
        self.events |= Kinds::WRITABLE;
        self.work = true;
    }
}

impl Connection {
    /// The path carries packets of `mtu` octets at most, says an ICMP message about the segment at `sequence`.
    pub fn path_mtu(&mut self, sequence: u32, mtu: usize) -> bool {
        let sequence = Seq(sequence);
        let in_flight = sequence.ge(self.snd_una) && sequence.lt(self.snd_nxt);
        let least = Self::least_mtu(&self.key.remote);
        let limit = mtu.max(least).saturating_sub(Self::headers(&self.key.remote)) as u32;
        if !in_flight || !self.state.is_synchronized() || limit >= self.segment_limit {
            return false;
        }
        self.segment_limit = limit;
        self.window.mss = self.mss();
        // What was too big is lost for certain; it goes again in smaller pieces, and says nothing about congestion.
        self.scoreboard.mark_lost_by_timeout(limit, None, self.last_sent);
        self.recovery.force = true;
        self.work = true;
        true
    }
}
