//! Multicast Listener Discovery: which groups of this link we listen to, so that switches that look into it ("snooping") forward their frames to
//! us (version 2: RFC 3810; version 1, where a querier knows no other: RFC 2710). They are those in which the owner of one of our addresses is
//! asked for. Without that, nobody behind such a switch finds our address.
//!
//! smoltcp joins groups too, but reports that it listens to no source of them, and knows version 2 only.

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, Ipv6Address};

use crate::frame::checksum::Sum;
use crate::frame::{MacAddress, Query, group_mac};

/// How often a change is reported in all, since a report may get lost (RFC 3810 section 9.1).
const ROBUSTNESS: u8 = 2;
/// The longest time to the next of these reports (section 9.11).
const UNSOLICITED: Duration = Duration::from_secs(1);
/// How long a querier of version 1 counts (section 9.12, with the default intervals).
const OLDER_QUERIER: Duration = Duration::from_secs(260);
/// All routers that know MLDv2 (section 5.2.14).
const REPORTS_TO: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 0x16);
/// All routers of the link, which are told of leaving by version 1 (RFC 2710 section 5).
const ALL_ROUTERS: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

const REPORT: u8 = 143;
const REPORT_1: u8 = 131;
const DONE_1: u8 = 132;
const ICMP: u8 = 58;
/// The next header, a length of 8 octets, Router Alert for MLD (RFC 2711), and padding.
const ROUTER_ALERT: [u8; 8] = [ICMP, 0, 5, 2, 0, 0, 1, 0];

/// What a report says of a group (section 5.2.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Record {
    /// An answer: no source is excluded.
    IsExclude = 2,
    /// We listen no longer.
    ToInclude = 3,
    /// We listen from now on.
    ToExclude = 4,
}

/// A group that we listen to, or have left a moment ago.
struct Group {
    address: Ipv6Address,
    joined: bool,
    /// Reports of the change that are still to be sent, and when the next one is.
    changes: u8,
    change_at: Instant,
    /// When a query is answered.
    answer_at: Option<Instant>,
}

/// The groups.
pub(super) struct Listener {
    mac: MacAddress,
    groups: Vec<Group>,
    /// Until when version 1 is spoken.
    older_until: Option<Instant>,
    random: u64,
}

impl Listener {
    /// None yet. `seed` is secret: others on the link should not answer at the same moments.
    pub fn new(mac: MacAddress, seed: u64) -> Self {
        Listener { mac, groups: Vec::new(), older_until: None, random: seed }
    }

    /// Joins the groups in `wanted`, and leaves the others.
    pub fn listen(&mut self, wanted: [Option<Ipv6Address>; 2], now: Instant) {
        for address in wanted.into_iter().flatten() {
            match self.groups.iter_mut().find(|group| group.address == address) {
                Some(group) if group.joined => {}
                Some(group) => (group.joined, group.changes, group.change_at) = (true, ROBUSTNESS, now),
                None => {
                    let group = Group { address, joined: true, changes: ROBUSTNESS, change_at: now, answer_at: None };
                    self.groups.push(group);
                }
            }
        }
        for group in self.groups.iter_mut().filter(|group| group.joined && !wanted.contains(&Some(group.address))) {
            (group.joined, group.changes, group.change_at, group.answer_at) = (false, ROBUSTNESS, now, None);
        }
    }

    /// Our address of the link can be spoken from: what was reported without one is reported again (RFC 3590 section 4).
    pub fn report_again(&mut self, now: Instant) {
        for at in 0..self.groups.len() {
            let delay = self.within(UNSOLICITED);
            let group = &mut self.groups[at];
            (group.changes, group.change_at) = (ROBUSTNESS, now + delay);
        }
    }

    /// Somebody asks: each group is answered for at a moment of its own, unless it is about to be (section 6.2).
    pub fn asked(&mut self, query: &Query, now: Instant) {
        if query.is_older {
            self.older_until = Some(now + OLDER_QUERIER);
        }
        for at in 0..self.groups.len() {
            let group = &self.groups[at];
            if group.joined && query.group.is_none_or(|asked| asked == group.address) {
                let at_most = Duration::from_millis(query.most_ms);
                let answer_at = now + self.within(at_most);
                let group = &mut self.groups[at];
                group.answer_at = Some(group.answer_at.map_or(answer_at, |pending| pending.min(answer_at)));
            }
        }
    }

    /// When [`next`](Self::next) has something.
    pub fn poll_at(&self) -> Option<Instant> {
        let due = |group: &Group| [(group.changes > 0).then_some(group.change_at), group.answer_at];
        self.groups.iter().flat_map(due).flatten().min()
    }

    /// A frame that is due, sent from `source`: our address of the link, or none while it is not sure that nobody else has it.
    pub fn next(&mut self, source: Ipv6Address, now: Instant) -> Option<Vec<u8>> {
        let older = self.older_until.is_some_and(|until| now < until);
        for at in 0..self.groups.len() {
            let delay = self.within(UNSOLICITED);
            let group = &mut self.groups[at];
            let address = group.address;
            if group.changes > 0 && group.change_at <= now {
                (group.changes, group.change_at) = (group.changes - 1, now + delay);
                let record = if group.joined { Record::ToExclude } else { Record::ToInclude };
                if group.changes == 0 && !group.joined {
                    self.groups.remove(at);
                }
                return Some(frame(self.mac, source, address, record, older));
            }
            if group.answer_at.is_some_and(|at| at <= now) {
                group.answer_at = None;
                return Some(frame(self.mac, source, address, Record::IsExclude, older));
            }
        }
        None
    }

    /// A time from nothing to `most`, by chance (xorshift; G. Marsaglia, "Xorshift RNGs", 2003).
    fn within(&mut self, most: Duration) -> Duration {
        self.random = self.random.max(1);
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        Duration::from_micros(self.random % (most.total_micros() + 1))
    }
}

/// A report of one group; by version 1 to the group itself, or of leaving it to all routers.
fn frame(mac: MacAddress, source: Ipv6Address, group: Ipv6Address, record: Record, older: bool) -> Vec<u8> {
    let (destination, mut message) = match (older, record) {
        (false, _) => (REPORTS_TO, vec![REPORT, 0, 0, 0, 0, 0, 0, 1, record as u8, 0, 0, 0]),
        (true, Record::ToInclude) => (ALL_ROUTERS, vec![DONE_1, 0, 0, 0, 0, 0, 0, 0]),
        (true, _) => (group, vec![REPORT_1, 0, 0, 0, 0, 0, 0, 0]),
    };
    message.extend_from_slice(&group.octets());
    let (from, to) = (IpAddress::Ipv6(source), IpAddress::Ipv6(destination));
    let checksum = Sum::pseudo_header(&from, &to, ICMP, message.len()).with(&message).checksum();
    message[2..4].copy_from_slice(&checksum.to_be_bytes());
    let length = (ROUTER_ALERT.len() + message.len()) as u16;
    [
        &group_mac(&destination)[..],
        &mac,
        &[0x86, 0xdd, 0x60, 0, 0, 0],
        &length.to_be_bytes(),
        // Hop-by-hop options come next; no router passes it on.
        &[0, 1],
        &source.octets(),
        &destination.octets(),
        &ROUTER_ALERT,
        &message,
    ]
    .concat()
}
