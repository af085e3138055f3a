//! Rules that Reno and CUBIC share, all on the connection's [`Window`].

use super::{Ack, AckFlags, Cause, CongestionEvent, MAX_WINDOW, Open, Restart, Window};

/// Sets the window of a new connection: RFC 6928 section 2, or one segment after a lost SYN (RFC 5681 section 3.1).
pub(super) fn open(window: &mut Window, open: &Open) {
    *window = Window {
        mss: window.mss,
        in_flight: window.in_flight,
        srtt: window.srtt,
        rttvar: window.rttvar,
        min_rtt: window.min_rtt,
        delivered: window.delivered,
        ..Window::new(window.mss)
    };
    if open.syn_lost {
        window.cwnd = window.smss();
    }
}

/// Whether this ACK may make the window grow: never during fast recovery nor for an ACK that echoes a congestion mark (RFC 3168
/// section 6.1.2), and only while the window is what limits the
/// sender (RFC 9438 section 5.8; RFC 7661 section 4.4). In slow start a flow that uses half the window counts as limited
/// by it, because cwnd will have doubled by the time the data is acknowledged.
pub(super) fn may_grow(window: &Window, ack: &Ack) -> bool {
    if ack.acked == 0 || ack.flags.intersects(AckFlags::FAST_RECOVERY | AckFlags::ECN_ECHO) {
        return false;
    }
    ack.flags.contains(AckFlags::CWND_LIMITED) || (window.in_slow_start() && window.cwnd / 2 < ack.prior_in_flight)
}

/// Slow start with appropriate byte counting (RFC 5681 section 3.1, RFC 3465 section 2.2): at most `limit` segments for one ACK,
/// one after a timeout (section 2.3), divided by `divisor`. Stops at ssthresh.
pub(super) fn slow_start(window: &mut Window, ack: &Ack, limit: u32, divisor: u32) {
    let limit = if ack.flags.contains(AckFlags::TIMEOUT_RECOVERY) { 1 } else { limit };
    let growth = ack.acked.min(limit * window.smss()) / divisor;
    window.cwnd = window.cwnd.saturating_add(growth).min(window.ssthresh);
    keep_limits(window);
}

/// Notes cwnd and ssthresh so that [`undo`] can give them back.
pub(super) fn remember(window: &mut Window) {
    window.prior_cwnd = window.cwnd;
    window.prior_ssthresh = window.ssthresh;
}

/// The bytes that a reduction starts from: FlightSize, as RFC 5681 equation 4 says, or cwnd if there was no room in it for another segment,
/// because segments go whole (RFC 9438 section 4.6 permits cwnd where it does not grow unused). But not more than the connection was meant
/// to have in the network: FlightSize also counts what SACK has reported as arrived, so during recovery it can be twice
/// cwnd, and a timeout then would raise ssthresh.
pub(super) fn in_use(window: &Window, flight: u32) -> u32 {
    let used = if window.cwnd.saturating_sub(flight) < window.smss() { flight.max(window.cwnd) } else { flight };
    used.min(window.cwnd.max(window.ssthresh))
}

/// Whether the reduction may be the smaller one of the alternative backoff with ECN (RFC 8511): whoever marks instead of dropping keeps its
/// queue short, so that a window reduced as for a loss would leave the link idle. In slow start the window may be twice what the path holds,
/// and is reduced as for a loss.
pub(super) fn is_gentle(window: &Window, event: &CongestionEvent) -> bool {
    event.cause == Cause::Ecn && !window.in_slow_start()
}

/// `percent` of `bytes`, of which a controller keeps so much in a reduction.
pub(super) fn part(bytes: u32, percent: u32) -> u32 {
    (u64::from(bytes) * u64::from(percent) / 100) as u32
}

/// What a reduction leaves of the window at least: two segments after a loss (RFC 5681 equation 4), one after an ECN echo (RFC 3168 section 6.1.2; for
/// both RFC 9438 section 4.6, figure 5). So an echo never raises a window of one segment, which the engine then sends more slowly.
pub(super) fn floor(window: &Window, event: &CongestionEvent) -> u32 {
    match event.cause {
        Cause::Loss => 2 * window.smss(),
        Cause::Ecn => window.smss(),
    }
}

/// Enters recovery: ssthresh becomes `target`, at least two segments (RFC 5681 equation 4), and cwnd falls to it, or to
/// `floor` if that is more. Never raises a window that is above `floor`.
pub(super) fn reduce(window: &mut Window, target: u32, floor: u32) {
    let smss = window.smss();
    window.ssthresh = target.max(2 * smss);
    window.cwnd = target.min(window.cwnd).max(floor);
    keep_limits(window);
}

/// The retransmission timer expired: ssthresh becomes `target`, at least two segments (RFC 5681 equation 4), unless the
/// timer has expired for this segment before; cwnd becomes the loss window of one segment.
pub(super) fn lose_window(window: &mut Window, target: u32, repeated: bool) {
    let smss = window.smss();
    if !repeated {
        window.ssthresh = target.max(2 * smss);
    }
    window.cwnd = smss;
    keep_limits(window);
}

/// Leaves fast recovery (RFC 6582 section 3.2 step 3): cwnd is ssthresh, which it already is unless the reduction was
/// undone or the MSS changed meanwhile.
pub(super) fn recovered(window: &mut Window) {
    window.cwnd = window.cwnd.min(window.ssthresh);
    keep_limits(window);
}

/// Gives back cwnd and ssthresh from before the last reduction (RFC 4015 section 3.2, RFC 9438 section 4.9). Returns whether
/// there was something to give back.
pub(super) fn undo(window: &mut Window) -> bool {
    if window.prior_cwnd == 0 {
        return false;
    }
    window.cwnd = window.cwnd.max(window.prior_cwnd);
    window.ssthresh = window.ssthresh.max(window.prior_ssthresh);
    window.prior_cwnd = 0;
    window.prior_ssthresh = 0;
    keep_limits(window);
    true
}

/// After an idle period longer than the retransmission timeout the window is at most the initial one (RFC 5681 section 4.1).
/// Returns whether it fell.
pub(super) fn restart(window: &mut Window, restart: &Restart) -> bool {
    let limit = super::initial_window(window.mss);
    if restart.idle <= u64::from(restart.rto) || window.cwnd <= limit {
        return false;
    }
    window.cwnd = limit;
    true
}

/// Keeps cwnd within one segment and [`MAX_WINDOW`], and ssthresh at two segments or more, whatever happened.
pub(super) fn keep_limits(window: &mut Window) {
    let smss = window.smss();
    window.cwnd = window.cwnd.clamp(smss, MAX_WINDOW);
    window.ssthresh = window.ssthresh.max(2 * smss);
}
