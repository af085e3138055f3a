//! What a stack counted.

use crate::frame::Drops;

/// What a stack counted since it began. Frames that the TCP engine drops are in its own counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames received from the link.
    pub frames_in: u64,
    /// Their octets.
    pub octets_in: u64,
    /// Frames of TCP given to the link.
    pub frames_out: u64,
    /// Their octets.
    pub octets_out: u64,
    /// Segments given to this processor's TCP engine.
    pub segments: u64,
    /// Frames given to the host functions (ARP, ICMP echo, DHCP, UDP).
    pub host: u64,
    /// Frames for the host functions that found their queue full.
    pub host_full: u64,
    /// Frames for the host functions that came to a processor that has none: handed to processor 0 from a queue pair, dropped otherwise.
    pub host_elsewhere: u64,
    /// Datagrams of UDP written straight into the link's buffers, by one copy.
    pub datagrams_written: u64,
    /// Datagrams of UDP that were queued for smoltcp to send: the first of each second to a peer, and what came behind others.
    pub datagrams_queued: u64,
    /// ICMP "fragmentation needed" that no connection believed.
    pub too_big_ignored: u64,
    /// Frames handed to the processor that they belong to.
    pub handed_over: u64,
    /// Frames for another processor that were dropped because the ring was full, or the frame too long for it.
    pub handover_dropped: u64,
    /// Times that another processor was woken for frames handed to it.
    pub handover_wakes: u64,
    /// Frames of other processors given to the link.
    pub forwarded: u64,
    /// Segments or datagrams of no shape that this link can carry: a defect if it is not 0.
    pub impossible: u64,
    /// Frames that a rule of the classifier dropped coming in, the rejected ones among them.
    pub rule_dropped: u64,
    /// Of those, frames whose sender was told (RST, ICMP).
    pub rule_rejected: u64,
    /// Frames that a rule dropped going out.
    pub rule_dropped_out: u64,
    /// Frames dropped by the first check, by reason.
    pub drops: Drops,
}

impl Counters {
    /// Calls `each` with every counter's name and value; reasons for drops have the prefix `drop_`.
    pub fn each(&self, mut each: impl FnMut(&str, u64)) {
        for (name, value) in [
            ("frames_in", self.frames_in),
            ("octets_in", self.octets_in),
            ("frames_out", self.frames_out),
            ("octets_out", self.octets_out),
            ("segments", self.segments),
            ("host", self.host),
            ("host_full", self.host_full),
            ("host_elsewhere", self.host_elsewhere),
            ("datagrams_written", self.datagrams_written),
            ("datagrams_queued", self.datagrams_queued),
            ("too_big_ignored", self.too_big_ignored),
            ("handed_over", self.handed_over),
            ("handover_dropped", self.handover_dropped),
            ("handover_wakes", self.handover_wakes),
            ("forwarded", self.forwarded),
            ("impossible", self.impossible),
            ("rule_dropped", self.rule_dropped),
            ("rule_rejected", self.rule_rejected),
            ("rule_dropped_out", self.rule_dropped_out),
        ] {
            each(name, value);
        }
        self.drops.each(each);
    }
}
