//! Pacing: what cwnd permits leaves spread over the round trip and not in one burst, which would fill the queue of the bottleneck at once.
//!
//! Each transmission pays for its length with time, and the next one leaves no earlier than that time is over (the "earliest departure time"
//! of draft-ietf-ccwg-bbr, "Pacing Rate"). What leaves at once is a quantum: a millisecond's worth of data as in Linux, so that runs for
//! the link to cut stay long, and never less than what the timer wheel can time, so that its ticks cost no rate. It belongs to the
//! connection, so that a swap of the controller neither delays nor hastens a segment.

use crate::congestion::Window;
use crate::time::Instant;

#[cfg(test)]
mod tests;

/// A rate of its own choice is kept on paths with at least this smallest round-trip time, µs: on shorter ones a window is few ticks of the
/// wheel, and where the time is longer only under load, it is the hosts that are slow.
const MIN_RTT: u32 = 1_000;

/// A quantum is the data of this time, µs, between two segments and [`MAX_QUANTUM`]...
const QUANTUM_TIME: u64 = 1_000;
/// ...octets...
const MAX_QUANTUM: u64 = 65_536;
/// ...but not less than the data of two ticks of the timer wheel, µs.
const MIN_QUANTUM_TIME: u64 = 256;

/// The rate at which a connection may send now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Octets/s, at least 1.
    pub rate: u64,
    /// Octets that leave at once.
    pub quantum: u32,
}

impl Pace {
    /// The rate that the controller sets, or, if `by_default`, what Linux takes: twice cwnd per round trip until ssthresh is near, 1.2 times
    /// after that. `None`: as fast as cwnd permits.
    #[inline]
    pub fn of(window: &Window, by_default: bool) -> Option<Self> {
        let rate = match window.pacing_rate {
            0 if !by_default || window.min_rtt < MIN_RTT => return None,
            0 => {
                let percent = if window.cwnd < window.ssthresh / 2 { 200 } else { 120 };
                u64::from(window.cwnd) * 10_000 * percent / u64::from(window.srtt.max(1))
            }
            rate => rate,
        };
        let rate = rate.max(1);
        let of = |micros: u64| rate.saturating_mul(micros) / 1_000_000;
        let quantum = match window.send_quantum {
            0 => of(QUANTUM_TIME).min(MAX_QUANTUM),
            quantum => u64::from(quantum),
        };
        let quantum = quantum.max(of(MIN_QUANTUM_TIME)).max(2 * u64::from(window.smss()));
        Some(Self { rate, quantum: u32::try_from(quantum).unwrap_or(u32::MAX) })
    }

    /// Nanoseconds that `octets` take.
    fn time(&self, octets: u32) -> i64 {
        i64::try_from(u64::from(octets) * 1_000_000_000 / self.rate).unwrap_or(i64::MAX)
    }
}

/// The departure times of one connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pacer {
    /// Until when is paid, ns on the engine's clock.
    paid_until: i64,
}

impl Pacer {
    /// `None` if something may leave now, otherwise when.
    #[inline]
    pub fn wait(&self, now: Instant) -> Option<Instant> {
        (self.paid_until > nanos(now)).then(|| Instant::from_micros(self.paid_until / 1000 + 1))
    }

    /// `octets` leave now. A connection that comes late, because a timer was late or it had nothing to send, gets half a quantum of that
    /// time back.
    #[inline]
    pub fn sent(&mut self, octets: u32, pace: &Pace, now: Instant) {
        let earliest = nanos(now).saturating_sub(pace.time(pace.quantum) / 2);
        self.paid_until = self.paid_until.max(earliest).saturating_add(pace.time(octets));
    }
}

fn nanos(at: Instant) -> i64 {
    at.total_micros().saturating_mul(1000)
}
