//! Queries of Multicast Listener Discovery (version 2: RFC 3810 section 5.1; version 1: RFC 2710 section 3).

use smoltcp::wire::Ipv6Address;

use super::DropReason;
use super::ipv6::{Checked, address};

/// The type of a query.
pub(crate) const QUERY: u8 = 130;
/// Octets of a query of version 1, and the least of one of version 2 (RFC 3810 section 8.1).
const LENGTH_1: usize = 24;
const LENGTH_2: usize = 28;

/// A query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// The group that is asked for; all, if it is none.
    pub group: Option<Ipv6Address>,
    /// How long an answer may take, in milliseconds.
    pub most_ms: u64,
    /// Whoever asks knows version 1 only.
    pub is_older: bool,
}

/// What every listener has to verify (RFC 3810 section 6.2).
pub(super) fn check(message: &[u8], ip: &Checked, source: Ipv6Address) -> Result<(), DropReason> {
    let sound = ip.hop_limit == 1 && ip.alerts && source.is_unicast_link_local();
    if sound && query(message).is_some() { Ok(()) } else { Err(DropReason::ListenerQuery) }
}

/// Reads one; `None` if it is none.
pub(crate) fn query(message: &[u8]) -> Option<Query> {
    let is_older = message.len() == LENGTH_1;
    if !is_older && message.len() < LENGTH_2 || message[0] != QUERY {
        return None;
    }
    let group = address(message, 8)?;
    if !group.is_unspecified() && !group.is_multicast() {
        return None;
    }
    let code = u64::from(u16::from_be_bytes([message[4], message[5]]));
    // RFC 3810 section 5.1.3: beyond 32,767 a mantissa and an exponent.
    let most_ms = if is_older || code < 0x8000 { code } else { (code & 0xfff | 0x1000) << ((code >> 12 & 7) + 3) };
    Some(Query { group: (!group.is_unspecified()).then_some(group), most_ms, is_older })
}
