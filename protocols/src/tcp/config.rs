//! Settings and secrets of an engine.

use crate::time::Duration;

/// What connections do about ECN (RFC 3168).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ecn {
    /// Nothing.
    Off,
    /// Agree if the peer offers it. The default, as in Linux.
    #[default]
    Accept,
    /// Offer it in connections that `connect` opens, and agree if the peer offers it.
    Offer,
}

/// Settings of an engine. The defaults suit a server on a local network; limits are per engine, that is per processor.
#[derive(Clone, Debug)]
pub struct Config {
    /// Connections of all states but TIME-WAIT together. At the limit a SYN is dropped and counted, and `connect` fails.
    pub max_connections: usize,
    /// Connections in TIME-WAIT, each of which costs less than a hundred octets. At the limit the oldest ends, and is counted.
    pub max_time_wait: usize,
    /// Octets of all connections' buffers together. Buffers that are empty and not in use have no memory. At the limit received
    /// data is dropped, so that the peer sends it again, and a service waits until it may send. A buffer grows to a quarter of what is free at most.
    pub buffer_bytes: usize,
    /// Octets that each of a connection's two buffers may hold at the beginning, rounded up to a power of two, at least 4096. Memory comes with what lies
    /// in them, from 1 KiB on.
    pub initial_buffer: usize,
    /// Octets to which the send buffer may grow, rounded up to a power of two.
    pub send_buffer: usize,
    /// Octets to which the receive buffer may grow, rounded up to a power of two, at most 2^30. It decides the window scale.
    pub receive_buffer: usize,
    /// The link's IP MTU in octets: 576..=65535.
    pub mtu: usize,
    /// Whether Nagle's algorithm is on in new connections (RFC 9293 section 3.7.4). Off by default: services here write whole messages.
    pub nagle: bool,
    /// Offer and accept timestamps (RFC 7323).
    pub timestamps: bool,
    /// Offer and accept SACK (RFC 2018).
    pub sack: bool,
    /// When a listener's backlog is full, answer SYNs by cookies, for which nothing is remembered. Otherwise the oldest half-open connection
    /// is dropped.
    pub syn_cookies: bool,
    /// Explicit congestion notification.
    pub ecn: Ecn,
    /// Offer and accept window scaling (RFC 7323).
    pub window_scaling: bool,
    /// The longest time that an ACK is delayed; at most 500 ms (RFC 9293 section 3.8.6.3).
    pub delayed_ack: Duration,
    /// Segments, as the link delivers them, that may wait for one ACK within a burst of [`receive`](super::Engine::receive) calls; if the card joined
    /// some, no more than this many full-sized ones or a quarter of the receive buffer. The ACK is due with every second full-sized segment, and is sent by
    /// the [`poll`](super::Engine::poll) that ends the burst; this bounds the burst. 2 keeps strictly to RFC 9293 section 3.8.6.3.
    pub max_stretch: u32,
    /// Floor of the retransmission timeout. RFC 6298 suggests 1 s; 200 ms is what today's stacks use.
    pub min_rto: Duration,
    /// Ceiling of the retransmission timeout, at least 60 s (RFC 6298 section 2.5).
    pub max_rto: Duration,
    /// Retransmission timeout before the first sample (RFC 6298 section 2.1).
    pub initial_rto: Duration,
    /// Retransmissions of one segment, or unanswered window probes, before the connection is given up.
    pub max_retries: u8,
    /// Retransmissions of a SYN or SYN-ACK before the connection is given up.
    pub max_syn_retries: u8,
    /// Twice the maximum segment lifetime: how long TIME-WAIT lasts.
    pub time_wait: Duration,
    /// How long a connection that its service has closed waits in FIN-WAIT-2 for the peer's FIN.
    pub fin_wait: Duration,
    /// Resets per second in answer to segments for which there is no connection. Those beyond are dropped and counted.
    pub resets_per_second: u32,
    /// Spread what cwnd permits over the round trip on paths of a millisecond or more, also if the controller sets no rate.
    pub pacing: bool,
    /// Segments that one connection may send per `poll` before others have their turn. A multiple of 45, which the largest frame that a card cuts
    /// holds at an MTU of 1500: so no frame is cut short for it.
    pub burst: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            max_time_wait: 16_384,
            buffer_bytes: 64 << 20,
            initial_buffer: 64 << 10,
            send_buffer: 2 << 20,
            receive_buffer: 4 << 20,
            mtu: 1500,
            nagle: false,
            timestamps: true,
            sack: true,
            syn_cookies: true,
            ecn: Ecn::Accept,
            window_scaling: true,
            delayed_ack: Duration::from_millis(40),
            max_stretch: 8,
            min_rto: Duration::from_millis(200),
            max_rto: Duration::from_secs(60),
            initial_rto: Duration::from_secs(1),
            max_retries: 15,
            max_syn_retries: 5,
            time_wait: Duration::from_secs(60),
            fin_wait: Duration::from_secs(60),
            resets_per_second: 100,
            pacing: true,
            burst: 90,
        }
    }
}

impl Config {
    /// Brings every setting into its range.
    pub(crate) fn checked(mut self) -> Self {
        let power = |octets: usize| octets.clamp(4096, 1 << 30).next_power_of_two();
        self.send_buffer = power(self.send_buffer);
        self.receive_buffer = power(self.receive_buffer);
        self.initial_buffer = power(self.initial_buffer);
        self.mtu = self.mtu.clamp(576, 65_535);
        self.max_connections = self.max_connections.clamp(1, 1 << 20);
        self.max_time_wait = self.max_time_wait.clamp(1, 1 << 20);
        self.max_rto = self.max_rto.max(self.min_rto);
        self.max_stretch = self.max_stretch.max(1);
        self.burst = self.burst.max(1);
        self
    }

    /// Octets of the receive buffer that a connection opens with.
    pub(crate) fn first_receive_buffer(&self) -> usize {
        self.initial_buffer.min(self.receive_buffer)
    }

    /// Octets of the send buffer that a connection opens with.
    pub(crate) fn first_send_buffer(&self) -> usize {
        self.initial_buffer.min(self.send_buffer)
    }

    /// The shift with which a window of the whole receive buffer fits into 16 bits.
    pub(crate) fn window_scale(&self) -> u8 {
        let mut shift = 0;
        while self.receive_buffer >> shift > 65_535 && shift < super::options::MAX_WINDOW_SCALE {
            shift += 1;
        }
        shift
    }
}

/// What a peer must not be able to guess.
#[derive(Clone)]
pub struct Secrets {
    /// Key of initial sequence numbers, timestamp offsets and ephemeral ports.
    pub isn: [u8; 16],
    /// Key of the connection table's hash.
    pub hash: [u8; 16],
    /// Start of the sequence of ephemeral ports.
    pub seed: u64,
}

impl Secrets {
    /// Divides 32 random octets.
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let mut isn = [0; 16];
        let mut hash = [0; 16];
        isn.copy_from_slice(&seed[..16]);
        hash.copy_from_slice(&seed[16..]);
        let mixed = super::isn::keyed(&hash, b"midflight ephemeral port");
        Self { isn, hash, seed: mixed }
    }
}

impl core::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Secrets")
    }
}
