//! Why a frame was dropped, and how often.

/// Declares the reasons once: the enum, its list and the names under which they are counted.
macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal,)+) => {
        /// Why a received frame was dropped.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u8)]
        pub enum DropReason {
            $($(#[doc = $doc])+ $variant,)+
        }

        impl DropReason {
            /// All reasons, in the order in which they are declared.
            pub const ALL: &'static [DropReason] = &[$(DropReason::$variant,)+];

            /// The reason's name: lower case, underscores.
            pub const fn name(self) -> &'static str {
                match self { $(DropReason::$variant => $name,)+ }
            }

            /// The name of the reason's counter: `drop_` and [`name`](Self::name).
            pub const fn counter(self) -> &'static str {
                match self { $(DropReason::$variant => concat!("drop_", $name),)+ }
            }
        }
    };
}

reasons! {
    /// Shorter than an Ethernet header.
    EthernetShort = "ethernet_short",
    /// The source is a group address, all zero or our own.
    EthernetSource = "ethernet_source",
    /// The destination is another station's address.
    EthernetNotOurs = "ethernet_not_ours",
    /// The destination is a multicast group that we are not in.
    EthernetMulticast = "ethernet_multicast",
    /// An IEEE 802.3 length instead of an EtherType (below 1536).
    EthernetLength = "ethernet_length",
    /// An EtherType that nothing here speaks.
    EtherType = "ether_type",
    /// Shorter than an ARP packet for Ethernet and IPv4 (28 octets, RFC 826).
    ArpShort = "arp_short",
    /// Hardware type, protocol type or their lengths are not Ethernet's and IPv4's, or the operation is unknown.
    ArpFormat = "arp_format",
    /// The sender's addresses cannot be those of a station.
    ArpSender = "arp_sender",
    /// The sender claims our own address.
    ArpConflict = "arp_conflict",
    /// The target is not our address.
    ArpNotOurs = "arp_not_ours",
    /// Shorter than an IPv4 header.
    IpShort = "ip_short",
    /// The version is not 4.
    IpVersion = "ip_version",
    /// IHL below 5, or the header is longer than the frame.
    IpHeaderLength = "ip_header_length",
    /// The total length is below the header's or beyond the end of the frame.
    IpTotalLength = "ip_total_length",
    /// The header's checksum is wrong.
    IpChecksum = "ip_checksum",
    /// The list of options is malformed.
    IpOptions = "ip_options",
    /// The datagram carries a source route.
    IpSourceRoute = "ip_source_route",
    /// A fragment.
    IpFragment = "ip_fragment",
    /// The source is a group, broadcast, loopback, reserved, unspecified or our own address.
    IpSource = "ip_source",
    /// The destination is not ours.
    IpNotOurs = "ip_not_ours",
    /// A protocol other than TCP, UDP and ICMP (ICMPv6 over IPv6).
    IpProtocol = "ip_protocol",
    /// Shorter than an IPv6 header.
    Ip6Short = "ip6_short",
    /// The version is not 6.
    Ip6Version = "ip6_version",
    /// The payload length goes beyond the end of the frame.
    Ip6PayloadLength = "ip6_payload_length",
    /// The source is a group, loopback, unspecified, IPv4-mapped or our own address.
    Ip6Source = "ip6_source",
    /// The destination is neither ours nor a group of ours.
    Ip6NotOurs = "ip6_not_ours",
    /// Extension headers are malformed, too many, out of place, or in front of anything but TCP and queries of Multicast Listener Discovery.
    Ip6Extension = "ip6_extension",
    /// An option that must not be skipped (RFC 8200 section 4.2).
    Ip6Option = "ip6_option",
    /// A routing header with addresses left to visit.
    Ip6Routing = "ip6_routing",
    /// A fragment of an IPv6 packet.
    Ip6Fragment = "ip6_fragment",
    /// A message of Neighbor Discovery whose hop limit is not 255.
    NeighborHopLimit = "neighbor_hop_limit",
    /// A message of Neighbor Discovery that RFC 4861 section 6.1 or 7.1 calls invalid.
    NeighborFormat = "neighbor_format",
    /// A solicitation for another station's address.
    NeighborNotOurs = "neighbor_not_ours",
    /// A query of Multicast Listener Discovery that RFC 3810 section 6.2 calls invalid.
    ListenerQuery = "listener_query",
    /// Shorter than a TCP header.
    TcpShort = "tcp_short",
    /// The data offset is below 5 or beyond the end of the segment.
    TcpDataOffset = "tcp_data_offset",
    /// TCP to a broadcast or group address, or in a frame to several stations.
    TcpBroadcast = "tcp_broadcast",
    /// Port 0.
    TcpPort = "tcp_port",
    /// The checksum is wrong.
    TcpChecksum = "tcp_checksum",
    /// Shorter than a UDP header.
    UdpShort = "udp_short",
    /// UDP's length is below 8 or beyond the end of the datagram.
    UdpLength = "udp_length",
    /// Destination port 0.
    UdpPort = "udp_port",
    /// The checksum is wrong.
    UdpChecksum = "udp_checksum",
    /// No checksum, over IPv6 (RFC 8200 section 8.1).
    UdpNoChecksum = "udp_no_checksum",
    /// UDP to a group, over IPv6.
    UdpMulticast = "udp_multicast",
    /// Shorter than an ICMP header.
    IcmpShort = "icmp_short",
    /// The checksum is wrong.
    IcmpChecksum = "icmp_checksum",
    /// ICMP to several stations (RFC 1122 section 3.2.2.6 and RFC 4443 section 4.2 allow silence).
    IcmpBroadcast = "icmp_broadcast",
    /// A message that nothing here acts on.
    IcmpIgnored = "icmp_ignored",
    /// "Fragmentation needed" or "packet too big" that does not quote a TCP segment of ours.
    IcmpQuote = "icmp_quote",
}

impl core::fmt::Display for DropReason {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.name())
    }
}

/// How often each reason occurred.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drops([u64; DropReason::ALL.len()]);

impl Default for Drops {
    fn default() -> Self {
        Drops([0; DropReason::ALL.len()])
    }
}

impl Drops {
    /// Counts one frame.
    pub fn count(&mut self, reason: DropReason) {
        self.0[reason as usize] += 1;
    }

    /// Frames dropped for this reason.
    pub fn get(&self, reason: DropReason) -> u64 {
        self.0[reason as usize]
    }

    /// Frames dropped for any reason.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Calls `each` with the name and value of every reason's [counter](DropReason::counter), also where it is 0.
    pub fn each(&self, mut each: impl FnMut(&'static str, u64)) {
        for &reason in DropReason::ALL {
            each(reason.counter(), self.get(reason));
        }
    }
}
