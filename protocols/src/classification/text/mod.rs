//! Rules as text: a form close to what users of nftables read and write, and ClassBench's filters.
//!
//! One rule a line; `#` begins a comment, blank lines are skipped:
//!
//! ```text
//! 10 ip saddr 10.0.0.0/8 tcp dport 80-443 tcp flags syn / syn,ack ip dscp cs1 iif 0 accept
//! 20 ct state established,related accept
//! 30 udp dport 7070 limit rate 100/second burst 20 packets counter 1 accept
//! 40 ip6 saddr 2001:db8::/32 meta l4proto ipv6-icmp class 2 accept
//! 50 oif 0 tcp sport 5201 class 3 accept
//! 90 reject with icmpx admin-prohibited
//! ```
//!
//! # Grammar
//!
//! In the notation of RFC 5234; words stand between spaces.
//!
//! ```text
//! rule      = priority *match *statement verdict
//! priority  = number                                  ; 0 to 16777215, the lowest comes first
//! match     = "ip" ("saddr" / "daddr") address4 ["/" length] / "ip6" ("saddr" / "daddr") address6 ["/" length]
//!           / "ip" "protocol" protocol / "ip6" "nexthdr" protocol / "meta" "l4proto" protocol
//!           / "meta" "nfproto" ("ipv4" / "ipv6")
//!           / ("tcp" / "udp" / "sctp" / "th") ("sport" / "dport") port ["-" port]
//!           / "tcp" "flags" flags ["/" flags] / "th" "flags" flags "/" flags
//!           / ["ip" / "ip6"] "dscp" dscp
//!           / "iif" number / "oif" number             ; 0 to 127
//!           / "ct" "state" state *("," state)
//! statement = "class" number                          ; 0 to 15
//!           / "counter" number                        ; 0 to 255
//!           / "limit" "rate" number "/second" ["burst" number "packets"]
//!           / "limit" "rate" number unit "/second" ["burst" number unit]
//! verdict   = "accept" / "drop" / "reject" ["with" kind]
//! kind      = "tcp" "reset" / ("icmp" / "icmpv6" / "icmpx") ("port-unreachable" / "admin-prohibited")
//! protocol  = number / "tcp" / "udp" / "icmp" / "icmpv6" / "ipv6-icmp" / "igmp" / "gre" / "esp" / "ah" / "sctp" …
//! flags     = hexadecimal / flag *("," flag)          ; fin syn rst psh ack urg ece cwr, or 0x0
//! dscp      = number / "cs0" … "cs7" / "af11" … "af43" / "ef" / "va" / "le" / "be"
//! state     = "new" / "established" / "related" / "invalid"
//! unit      = "bytes" / "kbytes" / "mbytes"           ; of 1, 1024 and 1048576 octets
//! ```
//!
//! # Where it differs from nftables
//! - There are neither tables nor chains: a rule with `oif` is for frames that go out, every other one for frames that come in.
//! - A rule ends with its verdict, and a frame meets one rule only: the first that matches. So there are no sets, no jumps, no `!=`.
//! - What exceeds a `limit` is dropped; it does not go on to the next rule. Rates are per second.
//! - `counter` takes a number: that of a shared counter which the frame is mirrored to. Each rule counts without asking.
//! - `class` chooses a class: `meta priority` would be the nearest of nftables.
//!
//! What is printed reads back as the same rule, in one spelling.

mod classbench;
mod error;
mod names;
mod parse;
mod print;
mod scan;

#[cfg(test)]
mod tests;

pub use classbench::parse_classbench;
pub use error::{Fault, TextError};
pub use parse::parse_rule;
pub use print::Printed;

/// The greatest class.
pub const MAX_CLASS: u16 = 15;
/// The greatest number of a shared counter.
pub const MAX_COUNTER: u16 = 255;
/// The greatest number of an interface.
pub const MAX_INTERFACE: u8 = 0x7f;
/// Set in [`Pattern::interface`](super::Pattern::interface) and [`Header::interface`](super::Header::interface) for what goes out.
pub const OUT: u8 = 0x80;

/// The rule of one line, if there is one on it. `line` is its number, for errors; the first is 1.
///
/// # Errors
/// Where the line stops making sense, and why.
pub fn parse_line(line: u32, text: &str, format: Format) -> Result<Option<super::Rule>, TextError> {
    let read = match format {
        Format::Rules => {
            let rule = text.split('#').next().unwrap_or_default();
            if rule.trim().is_empty() {
                return Ok(None);
            }
            parse_rule(rule)
        }
        Format::ClassBench => {
            if text.trim().is_empty() {
                return Ok(None);
            }
            // ClassBench knows no priorities: the first filter is the best.
            parse_classbench(text, line)
        }
    };
    read.map(Some).map_err(|error| error.on(line))
}

/// A form of rules as text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Format {
    /// This module's own.
    #[default]
    Rules,
    /// ClassBench's filters.
    ClassBench,
}
