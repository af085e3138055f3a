//! The records that have a fixed set of keys, typed.

use alloc::string::String;
use core::fmt;

use super::Record;

/// A record lacks this key, or its value has the wrong type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingKey(pub &'static str);

impl fmt::Display for MissingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the record has no usable value of `{}`", self.0)
    }
}

impl core::error::Error for MissingKey {}

trait Field: Sized {
    fn read(record: &Record, key: &'static str) -> Option<Self>;
}

impl Field for u64 {
    fn read(record: &Record, key: &'static str) -> Option<u64> {
        record.number(key)
    }
}

impl Field for String {
    fn read(record: &Record, key: &'static str) -> Option<String> {
        record.text(key).map(String::from)
    }
}

/// Declares a struct whose fields are the keys of a record.
macro_rules! records {
    ($($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $key:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl From<&$name> for Record {
            fn from(from: &$name) -> Record {
                Record::new()$(.with($key, from.$field.clone()))*
            }
        }

        impl TryFrom<&Record> for $name {
            type Error = MissingKey;

            /// Keys that are not known are ignored, so that a newer service can be read.
            fn try_from(record: &Record) -> Result<$name, MissingKey> {
                Ok($name { $($field: Field::read(record, $key).ok_or(MissingKey($key))?,)* })
            }
        }
    )*};
}

records! {
    /// One TCP connection, from `connections`.
    ConnectionRecord {
        /// The processor on which it lives.
        processor: u64 = "processor",
        /// Own address and port.
        local: String = "local",
        /// The peer's address and port.
        remote: String = "remote",
        /// State as RFC 9293 names it.
        state: String = "state",
        /// The congestion controller that serves it now.
        congestion: String = "congestion",
        /// Congestion window, octets.
        cwnd: u64 = "cwnd",
        /// Slow-start threshold, octets.
        ssthresh: u64 = "ssthresh",
        /// Smoothed round-trip time, microseconds; 0 before the first sample.
        srtt_us: u64 = "srtt_us",
        /// Variation of the round-trip time, microseconds.
        rttvar_us: u64 = "rttvar_us",
        /// Smallest round-trip time seen, microseconds; 0 before the first sample.
        min_rtt_us: u64 = "min_rtt_us",
        /// Retransmission timeout, microseconds.
        rto_us: u64 = "rto_us",
        /// Maximum segment size to send, octets.
        mss: u64 = "mss",
        /// Octets sent and not acknowledged.
        flight: u64 = "flight",
        /// Rate at which segments leave, octets per second; 0: as fast as cwnd permits.
        pacing_rate: u64 = "pacing_rate",
        /// Delivery rate, octets per second; 0 before the first sample.
        delivery_rate: u64 = "delivery_rate",
        /// Segments retransmitted.
        retransmits: u64 = "retransmits",
        /// Octets believed lost.
        lost: u64 = "lost",
        /// Times that fast recovery began.
        recoveries: u64 = "recoveries",
        /// Retransmission timeouts.
        timeouts: u64 = "timeouts",
        /// Tail loss probes sent.
        tail_probes: u64 = "tail_probes",
        /// Reductions of the window that were taken back.
        undone: u64 = "undone",
        /// 1 if explicit congestion notification was agreed on, otherwise 0.
        ecn: u64 = "ecn",
        /// Segments received with a congestion mark.
        ecn_marks: u64 = "ecn_marks",
        /// Reductions of the window because the peer echoed a mark.
        ecn_reductions: u64 = "ecn_reductions",
        /// How long a segment that was overtaken may be late before it counts as lost, microseconds.
        reordering_us: u64 = "reordering_us",
        /// Payload octets received in order.
        bytes_in: u64 = "bytes_in",
        /// Payload octets acknowledged by the peer.
        bytes_out: u64 = "bytes_out",
    }

    /// One swap, from `swap` and `trace`.
    TraceRecord {
        /// Number of the swap since the start; the first is 1.
        swap: u64 = "swap",
        /// Name of the object.
        object: String = "object",
        /// Implementation before.
        from: String = "from",
        /// Implementation ordered.
        to: String = "to",
        /// `committed` or `undone`.
        outcome: String = "outcome",
        /// Why it was undone, or `-`.
        reason: String = "reason",
        /// State-transfer protocol that was negotiated, or `-`.
        protocol: String = "protocol",
        /// Processors that took part.
        processors: u64 = "processors",
        /// Time in which what is swapped in was made ready before the swap began, nanoseconds.
        prepare_ns: u64 = "prepare_ns",
        /// The longest time of that between two looks for packets, nanoseconds.
        prepare_turn_ns: u64 = "prepare_turn_ns",
        /// Time of the Forward phase, nanoseconds.
        forward_ns: u64 = "forward_ns",
        /// Time of the Block phase, nanoseconds.
        block_ns: u64 = "block_ns",
        /// Time of the Transfer phase, nanoseconds.
        transfer_ns: u64 = "transfer_ns",
        /// Time of the Complete phase, nanoseconds.
        complete_ns: u64 = "complete_ns",
        /// From the order to the end, nanoseconds.
        total_ns: u64 = "total_ns",
        /// Calls forwarded to the old object.
        forwarded: u64 = "forwarded",
        /// Calls suspended.
        suspended: u64 = "suspended",
        /// Longest time for which one call was suspended, nanoseconds.
        longest_suspension_ns: u64 = "longest_suspension_ns",
        /// Connections whose state was moved.
        moved: u64 = "moved",
        /// The same for each processor, separated by commas.
        moved_per_processor: String = "moved_per_processor",
    }
}
