//! Delivery rate: how fast the network takes what a connection sends (draft-ietf-ccwg-bbr, "Delivery Rate Samples";
//! draft-cheng-iccrg-delivery-rate-estimation).
//!
//! Each transmission notes what had been delivered when it left. When it arrives, the octets delivered since then, over the longer of the
//! time in which they were sent and the time in which they were acknowledged, are a sample: ACKs that come in a bunch cannot make it too
//! high. It belongs to the connection, so a swap of the controller loses no sample.

use crate::congestion::RateSample;
use crate::time::Instant;

#[cfg(test)]
mod tests;

/// What a transmission notes when it leaves (draft: the fields of P).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    /// Octets delivered so far (P.delivered).
    pub delivered: u64,
    /// Octets marked lost so far; wraps (P.lost).
    pub lost: u32,
    /// Octets in flight, this transmission included (P.tx_in_flight).
    pub in_flight: u32,
    /// When `delivered` last grew (P.delivered_time).
    pub delivered_at: Instant,
    /// When the first transmission of the interval left (P.first_send_time).
    pub first_sent: Instant,
    /// The service had nothing to send (P.is_app_limited).
    pub app_limited: bool,
}

impl Snapshot {
    /// Whether a transmission that left at the same time and noted `next` belongs to the same burst: no ACK came between the two.
    #[inline]
    pub fn is_of_burst(&self, next: &Snapshot) -> bool {
        (self.delivered, self.lost, self.app_limited) == (next.delivered, next.lost, next.app_limited)
    }
}

/// The sampler of one connection (draft: the fields of C).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    delivered_at: Instant,
    first_sent: Instant,
    /// Samples are limited by the service until this much is delivered; 0: they are not.
    limited_until: u64,
    /// The last sample that the service did not limit, or a higher one that it did, octets/s.
    pub latest: u64,
}

impl Rate {
    pub fn new(now: Instant) -> Self {
        Self { delivered_at: now, first_sent: now, limited_until: 0, latest: 0 }
    }

    /// `len` octets leave, when `delivered` and `lost` octets were so far, and `in_flight` octets are in the network without them.
    #[inline]
    pub fn sending(&mut self, now: Instant, len: u32, in_flight: u32, delivered: u64, lost: u32) -> Snapshot {
        if in_flight == 0 {
            self.delivered_at = now;
            self.first_sent = now;
        }
        Snapshot {
            delivered,
            lost,
            in_flight: in_flight.saturating_add(len),
            delivered_at: self.delivered_at,
            first_sent: self.first_sent,
            app_limited: self.limited_until > 0,
        }
    }

    /// The service has nothing more to send although the windows permit it.
    #[inline]
    pub fn limited_by_service(&mut self, delivered: u64, in_flight: u32) {
        self.limited_until = (delivered + u64::from(in_flight)).max(1);
    }

    /// Whether the service limits the rate.
    pub fn is_limited(&self) -> bool {
        self.limited_until > 0
    }

    /// An ACK came: what left last of what it reports as arrived left at `sent` and noted `before`; with it `delivered` octets are delivered
    /// in all. An interval shorter than `min_rtt` µs is no measurement.
    pub fn sample(
        &mut self,
        now: Instant,
        sent: Instant,
        before: &Snapshot,
        delivered: u64,
        lost: u32,
        min_rtt: u32,
    ) -> RateSample {
        if self.limited_until > 0 && delivered > self.limited_until {
            self.limited_until = 0;
        }
        self.delivered_at = now;
        self.first_sent = sent;
        let since = |from: Instant, to: Instant| (to.total_micros() - from.total_micros()).max(0) as u64;
        let interval = since(before.first_sent, sent).max(since(before.delivered_at, now));
        let octets = delivered.saturating_sub(before.delivered);
        let mut sample = RateSample {
            delivery_rate: 0,
            prior_delivered: before.delivered,
            delivered: octets,
            interval,
            tx_in_flight: before.in_flight,
            lost: lost.wrapping_sub(before.lost),
            app_limited: before.app_limited,
        };
        if interval > 0 && interval >= u64::from(min_rtt) {
            sample.delivery_rate = octets.saturating_mul(1_000_000) / interval;
            if !sample.app_limited || sample.delivery_rate > self.latest {
                self.latest = sample.delivery_rate;
            }
        }
        sample
    }
}
