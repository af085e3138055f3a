//! Proportional rate reduction: how much may be sent on each ACK of a fast recovery (RFC 9937 section 6), so that the flight comes down to
//! ssthresh by the end of it, without a pause and without a burst.
//!
//! It belongs to the connection: cwnd is the controller's and stays where its reduction put it, at ssthresh, for the time after recovery.

#[cfg(test)]
mod tests;

/// The state of one recovery. Octets.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Prr {
    /// In flight when recovery began (RecoverFS).
    flight: u32,
    /// Delivered since (prr_delivered).
    delivered: u64,
    /// Sent since (prr_out).
    out: u64,
    /// What may be in flight now: what RFC 9937 calls cwnd.
    limit: u32,
}

impl Prr {
    /// Recovery begins with an ACK that delivers something of `flight` octets in flight.
    pub fn begin(flight: u32) -> Self {
        Self { flight: flight.max(1), ..Self::default() }
    }

    /// An ACK delivered `delivered` octets, and `in_flight` are left. `safe`: it moved SND.UNA and brought no news of loss (SafeACK).
    pub fn acknowledged(&mut self, delivered: u32, in_flight: u32, ssthresh: u32, mss: u32, safe: bool) {
        if delivered == 0 {
            return;
        }
        self.delivered += u64::from(delivered);
        let mut count = if in_flight > ssthresh {
            let share = (u128::from(self.delivered) * u128::from(ssthresh)).div_ceil(u128::from(self.flight));
            u64::try_from(share).unwrap_or(u64::MAX).saturating_sub(self.out)
        } else {
            let bound = self.delivered.saturating_sub(self.out).max(u64::from(delivered));
            let bound = if safe { bound + u64::from(mss) } else { bound };
            bound.min(u64::from(ssthresh - in_flight))
        };
        if self.out == 0 {
            // The first retransmission, a whole segment, goes out with the ACK that began recovery.
            count = count.max(u64::from(mss));
        }
        self.limit = in_flight.saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    /// `octets` were sent, for the first time or again.
    #[inline]
    pub fn sent(&mut self, octets: u32) {
        self.out += u64::from(octets);
    }

    /// Octets that may be in flight until the next ACK.
    #[inline]
    pub fn limit(&self) -> u32 {
        self.limit
    }
}
