//! Rules as text: a form close to what users of nftables read and write, and ClassBench's filters.
//!
//! One rule a line, or one setting of the way out; `#` begins a comment, blank lines are skipped:
//!
//! ```text
//! 10 ip saddr 10.0.0.0/8 tcp dport 80-443 tcp flags syn / syn,ack ip dscp cs1 iif 0 accept
//! 20 ct state established,related accept
//! 30 udp dport 7070 limit rate 100/second burst 20 packets counter 1 accept
//! 40 ip6 saddr 2001:db8::/32 meta l4proto ipv6-icmp class 2 accept
//! 50 oif 0 tcp sport 5201 class 3 accept
//! 90 reject with icmpx admin-prohibited
//! class 3 weight 10
//! egress rate 50mbit
//! ```
//!
//! # Grammar
//!
//! In the notation of RFC 5234; words stand between spaces.
//!
//! ```text
//! line      = rule / setting
//! setting   = "class" number "weight" number           ; 1 to 100; a class without one has 1
//!           / "egress" "rate" (rate / "none")
//! rate      = number ("bit" / "kbit" / "mbit" / "gbit")  ; one word, decimal, powers of 1000, at least 8kbit
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
//! # Settings of the way out
//! As soon as there is a setting, classes that want to send share the way out by their weights (deficit round robin; see
//! [`stack`](crate::stack)) whenever the card is full, or the rate of `egress rate`, which counts octets of IP packets on all processors
//! together, as `tbf` of tc(8) does. A setting replaces the one before it; a file that replaces all rules replaces all settings, too.
//!
//! # Where it differs from nftables
//! - There are neither tables nor chains: a rule with `oif` is for frames that go out, every other one for frames that come in.
//! - A rule ends with its verdict, and a frame meets one rule only: the first that matches. So there are no sets, no jumps, no `!=`.
//! - `ct state` picks up a TCP connection in its middle only if the system has it, whereas Linux believes the segment (`nf_conntrack_tcp_loose`).
//!   Other segments of no connection that was seen to begin are `new`, or `invalid` if they could not begin one (a reset).
//!   A SYN on the ports of a connection that both ends have confirmed is `new`, not `established`: it asks for the next one.
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
mod setting;

#[cfg(test)]
mod tests;

pub use classbench::parse_classbench;
pub use error::{Fault, TextError};
pub use parse::parse_rule;
pub use print::Printed;
pub use setting::{PrintedSetting, parse_setting};

/// The greatest class.
pub const MAX_CLASS: u16 = 15;
/// The greatest number of a shared counter.
pub const MAX_COUNTER: u16 = 255;
/// The greatest number of an interface.
pub const MAX_INTERFACE: u8 = 0x7f;
/// Set in [`Pattern::interface`](super::Pattern::interface) and [`Header::interface`](super::Header::interface) for what goes out.
pub const OUT: u8 = 0x80;

/// What one line says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Line {
    /// A rule.
    Rule(super::Rule),
    /// A setting of the way out.
    Setting(super::Setting),
}

/// What a line says, without comment: a setting begins with a word, a rule with its priority.
///
/// # Errors
/// Where it stops making sense, and why; the line is left at 0.
pub fn parse_either(text: &str) -> Result<Line, TextError> {
    match setting::begins(text) {
        true => parse_setting(text).map(Line::Setting),
        false => parse_rule(text).map(Line::Rule),
    }
}

/// What one line says, if there is anything on it. `line` is its number, for errors; the first is 1.
///
/// # Errors
/// Where the line stops making sense, and why.
pub fn parse_line(line: u32, text: &str, format: Format) -> Result<Option<Line>, TextError> {
    let read = match format {
        Format::Rules => {
            let rule = text.split('#').next().unwrap_or_default();
            if rule.trim().is_empty() {
                return Ok(None);
            }
            parse_either(rule)
        }
        Format::ClassBench => {
            if text.trim().is_empty() {
                return Ok(None);
            }
            // ClassBench knows no priorities: the first filter is the best.
            parse_classbench(text, line).map(Line::Rule)
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
