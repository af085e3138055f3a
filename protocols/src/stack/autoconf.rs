//! How the host gets its IPv6 addresses: one of the link from the card's address (RFC 4291 appendix A), another from a router's
//! advertisements (RFC 4862) or fixed.
//!
//! An address is used from the beginning, while it is made sure that nobody else has it (RFC 4429): one solicitation from the unspecified
//! address asks for it, and if another station answers or asks for the same within a second, the address is given up. Of the prefixes
//! that routers offer the first is used, and of the routers the one that spoke last.

use alloc::vec;
use alloc::vec::Vec;

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Address, Ipv6Cidr,
    Ipv6Packet, Ipv6Repr, NdiscNeighborFlags, NdiscPrefixInfoFlags, NdiscPrefixInformation, NdiscRepr,
};

use super::config::Addressing6;
use super::listener::Listener;
use crate::frame::{ALL_NODES, ETHERNET_HEADER, MacAddress, Own6, group_mac, listener_query, solicited};

/// All routers of the link (RFC 4291 section 2.7.1).
const ALL_ROUTERS: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
/// How often a router is asked for, and how long it has to answer (RFC 4861 section 10).
const SOLICITATIONS: u8 = 3;
const SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);
/// How long another owner of an address has to object (RFC 4861 section 10, RETRANS_TIMER).
const PROBE: Duration = Duration::from_secs(1);
/// What one advertisement, which anyone on the link can forge, may at most shorten a lifetime to (RFC 4862 section 5.5.3 (e)).
const TWO_HOURS: Duration = Duration::from_secs(2 * 60 * 60);
/// Messages that may wait for the link. Of more, answers to whoever asks for our address are not made, and reports of groups wait their turn.
const WAITING: usize = 32;
/// Addresses are made of prefixes of this length, in bits (RFC 4291 section 2.5.1).
const PREFIX: u8 = 64;

/// The IPv6 addresses of the host, and the router.
pub(super) struct Autoconf {
    mac: MacAddress,
    link_local: Option<Ipv6Address>,
    global: Option<Ipv6Cidr>,
    /// When the global address ends; `None`: never.
    global_until: Option<Instant>,
    router: Option<Ipv6Address>,
    router_until: Option<Instant>,
    /// Whether routers are listened to.
    listens: bool,
    solicitations: u8,
    solicit_at: Instant,
    /// Addresses that nobody may have objected to by then.
    probes: Vec<(Ipv6Address, Instant)>,
    /// The groups in which our addresses are asked for.
    listener: Listener,
    to_send: Vec<Vec<u8>>,
    /// Addresses or router have changed since [`take_change`](Self::take_change).
    changed: bool,
    /// An address that was given up, until [`take_duplicate`](Self::take_duplicate).
    duplicate: Option<Ipv6Address>,
}

impl Autoconf {
    /// `None` if there is to be no IPv6.
    pub fn new(mac: MacAddress, addressing: Addressing6, seed: u64, now: Instant) -> Option<Self> {
        let (global, router, listens) = match addressing {
            Addressing6::Off => return None,
            Addressing6::Auto => (None, None, true),
            Addressing6::Static { address, gateway } => (Some(address), gateway, false),
        };
        let link_local = combined(Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), interface_identifier(mac));
        let mut autoconf = Autoconf {
            mac,
            link_local: Some(link_local),
            global,
            global_until: None,
            router,
            router_until: None,
            listens,
            solicitations: if listens { SOLICITATIONS } else { 0 },
            solicit_at: now,
            probes: Vec::new(),
            listener: Listener::new(mac, seed),
            to_send: Vec::new(),
            changed: true,
            duplicate: None,
        };
        autoconf.probe(link_local, now);
        if let Some(global) = global {
            autoconf.probe(global.address(), now);
        }
        Some(autoconf)
    }

    pub fn addresses(&self) -> Own6 {
        Own6 { link_local: self.link_local, global: self.global.map(|global| global.address()) }
    }

    pub fn global(&self) -> Option<Ipv6Cidr> {
        self.global
    }

    pub fn link_local(&self) -> Option<Ipv6Address> {
        self.link_local
    }

    pub fn router(&self) -> Option<Ipv6Address> {
        self.router
    }

    /// Whether addresses or router have changed since this was last asked.
    pub fn take_change(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    /// An address that was given up because another station has it.
    pub fn take_duplicate(&mut self) -> Option<Ipv6Address> {
        self.duplicate.take()
    }

    /// When [`poll`](Self::poll) has something to do.
    pub fn poll_at(&self) -> Option<Instant> {
        if !self.to_send.is_empty() {
            return Some(Instant::ZERO);
        }
        let solicit = (self.solicitations > 0).then_some(self.solicit_at);
        let probed = self.probes.iter().map(|(_, until)| *until).min();
        let all = [solicit, probed, self.global_until, self.router_until, self.listener.poll_at()];
        all.into_iter().flatten().min()
    }

    /// Lets time pass.
    pub fn poll(&mut self, now: Instant) {
        let was_in_doubt = self.is_in_doubt();
        self.probes.retain(|(_, until)| *until > now);
        if was_in_doubt && !self.is_in_doubt() {
            self.listener.report_again(now);
        }
        if self.global_until.is_some_and(|until| until <= now) {
            (self.global, self.global_until, self.changed) = (None, None, true);
        }
        if self.router_until.is_some_and(|until| until <= now) {
            (self.router, self.router_until, self.changed) = (None, None, true);
        }
        if self.solicitations > 0
            && self.solicit_at <= now
            && let Some(source) = self.link_local
        {
            self.solicitations -= 1;
            self.solicit_at = now + SOLICITATION_INTERVAL;
            let lladdr = Some(EthernetAddress(self.mac).into());
            self.send(source, ALL_ROUTERS, NdiscRepr::RouterSolicit { lladdr });
        }
        self.listen(now);
    }

    /// Listens to the groups in which our addresses are asked for, and says so when that is due.
    fn listen(&mut self, now: Instant) {
        // Both addresses may be asked for in one group.
        let addresses = [self.link_local, self.global.map(|global| global.address())];
        self.listener.listen(addresses.map(|address| address.map(|address| solicited(&address))), now);
        let source = self.link_local.filter(|_| !self.is_in_doubt()).unwrap_or(Ipv6Address::UNSPECIFIED);
        while self.to_send.len() < WAITING
            && let Some(frame) = self.listener.next(source, now)
        {
            self.to_send.push(frame);
        }
    }

    /// Whether another station may still have our address of the link.
    fn is_in_doubt(&self) -> bool {
        self.link_local.is_some_and(|address| self.is_probed(&address))
    }

    /// The oldest frame that is to be sent.
    pub fn next_frame(&self) -> Option<&[u8]> {
        self.to_send.first().map(Vec::as_slice)
    }

    /// It was sent.
    pub fn sent(&mut self) {
        self.to_send.remove(0);
    }

    /// Looks at a message of Neighbor Discovery, or a query of Multicast Listener Discovery, that was found valid. Whether smoltcp is to see it too.
    pub fn take(&mut self, frame: &[u8], now: Instant) -> bool {
        if let Some(query) = listener_query(frame) {
            self.listener.asked(&query, now);
            return false;
        }
        let Some((source, message)) = parse(frame) else { return false };
        match message {
            NdiscRepr::RouterAdvert { router_lifetime, prefix_info, .. } => {
                if self.listens {
                    self.advertised(source, router_lifetime, prefix_info, now);
                }
                false
            }
            NdiscRepr::NeighborSolicit { target_addr, .. } if source.is_unspecified() => {
                if self.is_probed(&target_addr) {
                    self.give_up(&target_addr);
                } else {
                    // Whoever asks has no address yet, so all hear it (RFC 4861 section 7.2.4).
                    let flags = NdiscNeighborFlags::OVERRIDE;
                    let lladdr = Some(EthernetAddress(self.mac).into());
                    self.send(target_addr, ALL_NODES, NdiscRepr::NeighborAdvert { flags, target_addr, lladdr });
                }
                false
            }
            NdiscRepr::NeighborAdvert { target_addr, .. } if self.addresses().contains(&target_addr) => {
                if self.is_probed(&target_addr) {
                    self.give_up(&target_addr);
                }
                false
            }
            _ => true,
        }
    }

    /// RFC 4861 section 6.3.4 and RFC 4862 section 5.5.3.
    fn advertised(
        &mut self,
        source: Ipv6Address,
        lifetime: Duration,
        prefix: Option<NdiscPrefixInformation>,
        now: Instant,
    ) {
        self.solicitations = 0;
        if lifetime > Duration::ZERO {
            self.changed |= self.router != Some(source);
            (self.router, self.router_until) = (Some(source), Some(now + lifetime));
        } else if self.router == Some(source) {
            (self.router, self.router_until, self.changed) = (None, None, true);
        }
        let Some(prefix) = prefix else { return };
        let usable = prefix.flags.contains(NdiscPrefixInfoFlags::ADDRCONF)
            && prefix.prefix_len == PREFIX
            && prefix.preferred_lifetime <= prefix.valid_lifetime
            && !prefix.prefix.is_unicast_link_local()
            && !prefix.prefix.is_multicast()
            && prefix.prefix.to_bits() >> PREFIX != 0;
        if !usable {
            return;
        }
        let offered = combined(prefix.prefix, interface_identifier(self.mac));
        let offered_until = now + prefix.valid_lifetime;
        match (self.global, self.global_until) {
            (Some(global), until) if global.address() == offered => {
                let least = until.unwrap_or(now).min(now + TWO_HOURS);
                self.global_until = Some(offered_until.max(least));
            }
            (None, _) if prefix.valid_lifetime > Duration::ZERO => {
                (self.global, self.global_until) = (Some(Ipv6Cidr::new(offered, PREFIX)), Some(offered_until));
                self.changed = true;
                self.probe(offered, now);
            }
            _ => {}
        }
    }

    fn is_probed(&self, address: &Ipv6Address) -> bool {
        self.probes.iter().any(|(probed, _)| probed == address)
    }

    /// Asks whether anyone else has the address (RFC 4862 section 5.4.2), which is answered in a group.
    fn probe(&mut self, address: Ipv6Address, now: Instant) {
        self.probes.push((address, now + PROBE));
        self.listen(now);
        let solicit = NdiscRepr::NeighborSolicit { target_addr: address, lladdr: None };
        self.send(Ipv6Address::UNSPECIFIED, solicited(&address), solicit);
    }

    fn give_up(&mut self, address: &Ipv6Address) {
        self.duplicate = Some(*address);
        self.probes.retain(|(probed, _)| probed != address);
        if self.link_local == Some(*address) {
            // The identifier is not ours alone, so the other address is in doubt as well, and routers cannot be spoken to.
            (self.link_local, self.listens, self.solicitations) = (None, false, 0);
        }
        if self.global.is_some_and(|global| global.address() == *address) {
            (self.global, self.global_until) = (None, None);
            self.listens = false;
        }
        self.changed = true;
    }

    fn send(&mut self, source: Ipv6Address, destination: Ipv6Address, message: NdiscRepr<'_>) {
        if self.to_send.len() >= WAITING {
            return;
        }
        let message = Icmpv6Repr::Ndisc(message);
        let ip = Ipv6Repr {
            src_addr: source,
            dst_addr: destination,
            next_header: IpProtocol::Icmpv6,
            payload_len: message.buffer_len(),
            hop_limit: 255,
        };
        let mut octets = vec![0; ETHERNET_HEADER + ip.buffer_len() + message.buffer_len()];
        let mut frame = EthernetFrame::new_unchecked(&mut octets[..]);
        frame.set_src_addr(EthernetAddress(self.mac));
        frame.set_dst_addr(EthernetAddress(group_mac(&destination)));
        frame.set_ethertype(EthernetProtocol::Ipv6);
        let mut packet = Ipv6Packet::new_unchecked(frame.payload_mut());
        ip.emit(&mut packet);
        let mut body = Icmpv6Packet::new_unchecked(packet.payload_mut());
        message.emit(&source, &destination, &mut body, &ChecksumCapabilities::default());
        self.to_send.push(octets);
    }
}

/// The sender and the message, which lies directly behind the IPv6 header.
fn parse(frame: &[u8]) -> Option<(Ipv6Address, NdiscRepr<'_>)> {
    let packet = Ipv6Packet::new_checked(frame.get(ETHERNET_HEADER..)?).ok()?;
    let (source, destination) = (packet.src_addr(), packet.dst_addr());
    let message = Icmpv6Packet::new_checked(packet.payload()).ok()?;
    // Verified before it came here.
    match Icmpv6Repr::parse(&source, &destination, &message, &ChecksumCapabilities::ignored()).ok()? {
        Icmpv6Repr::Ndisc(message) => Some((source, message)),
        _ => None,
    }
}

/// The modified EUI-64 of a card (RFC 4291 appendix A).
fn interface_identifier(mac: MacAddress) -> u64 {
    let [a, b, c, d, e, f] = mac;
    u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f])
}

/// The address of an interface in a network of [`PREFIX`] bits.
fn combined(network: Ipv6Address, identifier: u64) -> Ipv6Address {
    Ipv6Address::from_bits(network.to_bits() >> PREFIX << PREFIX | u128::from(identifier))
}
