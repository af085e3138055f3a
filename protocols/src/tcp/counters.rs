//! What an engine counts.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts since the engine began. Every segment that is not taken is in exactly one of the drop counters.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub struct Counters { $($(#[$doc])* pub $name: u64,)* }

        impl Counters {
            /// Calls `each` with every counter's name and value.
            pub fn each(&self, mut each: impl FnMut(&'static str, u64)) {
                $(each(stringify!($name), self.$name);)*
            }
        }
    };
}

counters! {
    /// Segments given to the engine.
    segments_in,
    /// Segments that the link took; a run for the link to cut counts each of its segments.
    segments_out,
    /// Payload octets received in order, and given to services.
    bytes_in,
    /// Those of them that an intake took in place, without a copy.
    bytes_in_place,
    /// Payload octets sent, without retransmissions.
    bytes_out,
    /// Segments retransmitted.
    retransmitted,
    /// Connections that peers opened.
    accepted,
    /// Connections that `connect` opened.
    connected,
    /// Connections ended in order.
    finished,
    /// Connections ended by a reset from the peer.
    reset,
    /// Connections ended by a reset from here.
    aborted,
    /// Connections ended because the peer did not answer.
    timed_out,
    /// Retransmission timeouts.
    timeouts,
    /// Times that fast recovery began.
    fast_recoveries,
    /// Window reductions that were taken back because nothing had been lost.
    undone,
    /// Segments that came with a congestion mark (RFC 3168).
    ecn_marks,
    /// Reductions of a window because the peer echoed a mark.
    ecn_reductions,
    /// Tail loss probes sent.
    tail_probes,
    /// Losses at the end of a flight that a probe repaired.
    tail_losses,
    /// Duplicates that peers reported (RFC 2883).
    duplicate_reports,
    /// Zero-window probes sent.
    probes,
    /// Resets sent.
    resets_out,
    /// Challenge ACKs sent (RFC 5961).
    challenges,
    /// Times that the link had no room.
    link_full,
    /// Connections in TIME-WAIT ended early by a SYN of the next incarnation.
    time_wait_reused,
    /// Connections in TIME-WAIT ended early because there were too many.
    time_wait_evicted,
    /// Dropped: header or options malformed.
    drop_malformed,
    /// Dropped: wrong checksum.
    drop_checksum,
    /// Dropped: to or from an address that is not one host's, or port 0.
    drop_address,
    /// Dropped: for no connection and no listener; answered by a reset unless that would exceed the limit.
    drop_no_connection,
    /// Resets not sent because of the limit.
    resets_suppressed,
    /// Dropped: outside the receive window.
    drop_window,
    /// Dropped: timestamp older than the newest one accepted (PAWS).
    drop_paws,
    /// Dropped: no timestamp although timestamps were agreed on.
    drop_no_timestamp,
    /// Dropped: acknowledges what was never sent, or what is too old (RFC 5961 section 5).
    drop_ack,
    /// Dropped: neither ACK nor RST nor an acceptable SYN.
    drop_no_ack,
    /// Dropped: SYN in a synchronized state (RFC 5961 section 4).
    drop_syn,
    /// Dropped: RST that does not match exactly (RFC 5961 section 3).
    drop_rst,
    /// Dropped: out of order, and no room to remember one more range.
    drop_reassembly,
    /// Dropped: SYN when there are as many connections as are allowed.
    drop_syn_connections,
    /// SYNs answered by a cookie because the backlog was full.
    cookies_sent,
    /// Connections opened by an answer to a cookie.
    cookies_taken,
    /// Half-open connections dropped because the backlog was full.
    drop_half_open,
    /// Dropped: data for which there was no memory; the peer sends it again.
    drop_no_memory,
    /// Times that a service had to wait for memory to send from.
    no_memory,
    /// Dropped: data for a connection that its service has closed.
    drop_after_close,
    /// Challenge ACKs not sent because of the limit.
    challenges_suppressed,
}
