//! The host functions beside TCP: ARP and Neighbor Discovery, ICMP echo, DHCP and UDP, by smoltcp.

use alloc::vec;

use smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use smoltcp::socket::{dhcpv4, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr, Ipv4Address, Ipv4Cidr, Ipv6Address, Ipv6Cidr};

use super::autoconf::Autoconf;
use super::config::is_usable;
use super::datagram::{Datagram, UDP_HEADER};
use super::device::Device;
use super::ip::{Ends, IPV4_HEADER, IPV6_HEADER};
use super::probe;
use super::udp::{Udp, UdpError, UdpLimits, UdpPeer};
use super::{Addressing, Config, Transmit, TxMeta};
use crate::frame::{MacAddress, Own6};

/// UDP ports that can be bound at the same time.
const UDP_PORTS: usize = 8;
/// The prefix of the link's own addresses, in bits (RFC 4291 section 2.5.6).
const LINK_LOCAL_PREFIX: u8 = 64;
/// How long to wait for a DHCP offer before asking again (RFC 2131 section 4.1 suggests 4 s at first).
const DHCP_DISCOVER_TIMEOUT: Duration = Duration::from_secs(4);

pub(super) struct Host {
    interface: Interface,
    sockets: SocketSet<'static>,
    device: Device,
    dhcp: Option<SocketHandle>,
    address: Option<Ipv4Cidr>,
    gateway: Option<Ipv4Address>,
    autoconf: Option<Autoconf>,
    mac: MacAddress,
    mtu: usize,
    udp_ports: usize,
    /// When smoltcp has to run next: at once after whatever gives it work.
    next: Option<Instant>,
    /// Received frames that found no room.
    pub dropped: u64,
    /// Datagrams written straight into the link's buffers.
    pub written: u64,
    /// Datagrams that smoltcp got to send.
    pub queued: u64,
}

impl Host {
    /// `config` was checked.
    pub fn new(config: &Config, seed: u64, now: Instant) -> Self {
        let mut device = Device::new(config.mtu);
        let mut settings = iface::Config::new(EthernetAddress(config.mac).into());
        settings.random_seed = seed;
        let interface = Interface::new(settings, &mut device, now);
        let mut host = Host {
            interface,
            sockets: SocketSet::new(vec![]),
            device,
            dhcp: None,
            address: None,
            gateway: None,
            autoconf: Autoconf::new(config.mac, config.possible6(), seed, now),
            mac: config.mac,
            mtu: config.mtu,
            udp_ports: 0,
            next: Some(now),
            dropped: 0,
            written: 0,
            queued: 0,
        };
        match config.addressing {
            Addressing::Dhcp => {
                let mut socket = dhcpv4::Socket::new();
                let mut retry = socket.get_retry_config();
                retry.discover_timeout = DHCP_DISCOVER_TIMEOUT;
                socket.set_retry_config(retry);
                host.dhcp = Some(host.sockets.add(socket));
            }
            Addressing::Static { address, gateway } => host.set_address(Some(address), gateway),
        }
        host.configure(now);
        host
    }

    /// The addresses of IPv6.
    pub fn address6(&self) -> Own6 {
        self.autoconf.as_ref().map_or(Own6::default(), Autoconf::addresses)
    }

    /// The address of IPv6 that is not the link's alone.
    pub fn global6(&self) -> Option<Ipv6Cidr> {
        self.autoconf.as_ref().and_then(Autoconf::global)
    }

    pub fn address(&self) -> Option<Ipv4Cidr> {
        self.address
    }

    /// An address of IPv6 that was given up because another station has it.
    pub fn take_duplicate(&mut self) -> Option<Ipv6Address> {
        self.autoconf.as_mut().and_then(Autoconf::take_duplicate)
    }

    /// Takes a received frame that `frame::check` found sound.
    pub fn offer(&mut self, now: Instant, frame: &[u8]) {
        if self.device.received.is_full() {
            self.poll(now);
        }
        if let Some(answer) = probe::answer(frame, self.mac) {
            if !self.device.answer(&answer) {
                self.dropped += 1;
            }
            return;
        }
        match self.device.received.push(frame.len()) {
            Some(place) => place.copy_from_slice(frame),
            None => self.dropped += 1,
        }
        self.next = Some(now);
    }

    /// Takes a message of Neighbor Discovery that `frame::check` found valid.
    pub fn offer_neighbor(&mut self, now: Instant, frame: &[u8]) {
        let Some(autoconf) = &mut self.autoconf else { return };
        if autoconf.take(frame, now) {
            self.offer(now, frame);
        }
        self.next = Some(now);
    }

    /// Works on what was received, on timers and on what services want to send.
    ///
    /// Costs next to nothing when there is nothing to do: it is called in every turn.
    pub fn poll(&mut self, now: Instant) {
        if self.poll_at().is_none_or(|at| at > now) {
            return;
        }
        self.interface.poll(now, &mut self.device, &mut self.sockets);
        self.lease();
        self.configure(now);
        let own = self.autoconf.as_ref().and_then(Autoconf::poll_at);
        self.next = [self.interface.poll_at(now, &self.sockets), own].into_iter().flatten().min();
    }

    /// Lets the configuration of IPv6 go on, and takes over what has changed.
    fn configure(&mut self, now: Instant) {
        let Some(autoconf) = &mut self.autoconf else { return };
        autoconf.poll(now);
        while let Some(frame) = autoconf.next_frame() {
            if !self.device.answer(frame) {
                break;
            }
            autoconf.sent();
        }
        if autoconf.take_change() {
            self.apply();
        }
    }

    /// Takes over what the DHCP client has found out.
    fn lease(&mut self) {
        let Some(handle) = self.dhcp else { return };
        let lease = match self.sockets.get_mut::<dhcpv4::Socket>(handle).poll() {
            None => return,
            Some(dhcpv4::Event::Configured(lease)) => Some((lease.address, lease.router)),
            Some(dhcpv4::Event::Deconfigured) => None,
        };
        match lease.filter(|(address, _)| is_usable(*address)) {
            Some((address, router)) => {
                // A router beyond our network could never be reached.
                let router = router.filter(|router| address.contains_addr(router) && *router != address.address());
                self.set_address(Some(address), router);
            }
            None => self.set_address(None, None),
        }
    }

    /// Moves the frames to be sent to the link; returns whether the link took all of them.
    pub fn send(&mut self, tx: &mut dyn Transmit) -> bool {
        while let Some(frame) = self.device.to_send.front() {
            if tx.transmit(frame.len(), TxMeta::default(), &mut |into| into.copy_from_slice(frame)).is_err() {
                return false;
            }
            self.device.to_send.pop();
        }
        true
    }

    /// Whether frames are waiting for room on the link.
    pub fn is_waiting(&self) -> bool {
        !self.device.to_send.is_empty()
    }

    /// Whether received frames are waiting for [`poll`](Self::poll).
    fn has_received(&self) -> bool {
        !self.device.received.is_empty()
    }

    /// Whether [`poll`](Self::poll) could go on at once, now that the link has taken what waited.
    pub fn has_more(&self, now: Instant) -> bool {
        let own = self.autoconf.as_ref().and_then(Autoconf::poll_at);
        self.has_received() || own.is_some_and(|at| at <= now)
    }

    /// When [`poll`](Self::poll) has to be called next; may be in the past.
    pub fn poll_at(&self) -> Option<Instant> {
        if self.has_received() { Some(Instant::ZERO) } else { self.next }
    }

    pub fn udp_bind(&mut self, port: u16, limits: UdpLimits) -> Result<Udp, UdpError> {
        if self.udp_ports == UDP_PORTS {
            return Err(UdpError::TooManyPorts(UDP_PORTS));
        }
        let taken = self.sockets.iter().any(|(_, socket)| match socket {
            smoltcp::socket::Socket::Udp(socket) => socket.endpoint().port == port,
            _ => false,
        });
        if taken {
            return Err(UdpError::Port(port));
        }
        let buffer =
            || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; limits.datagrams], vec![0; limits.octets]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(port).map_err(|_| UdpError::Port(port))?;
        self.udp_ports += 1;
        Ok(Udp(self.sockets.add(socket)))
    }

    pub fn udp_receive(&mut self, udp: Udp, each: &mut dyn FnMut(&[u8], UdpPeer)) -> bool {
        let socket = self.sockets.get_mut::<udp::Socket>(udp.0);
        loop {
            let Ok((data, meta)) = socket.recv() else { return false };
            // smoltcp always knows our address for a received datagram; without it there is no peer to speak of.
            let Some(local) = meta.local_address else { continue };
            each(data, UdpPeer { remote: meta.endpoint, local });
            return true;
        }
    }

    /// Writes a datagram straight into the link's buffer, if the way to the peer is known and nothing waits that came before; else queues it.
    pub fn udp_transmit(
        &mut self,
        now: Instant,
        udp: Udp,
        to: UdpPeer,
        data: &[u8],
        tx: &mut dyn Transmit,
    ) -> Result<(), UdpError> {
        self.check_length(to, data)?;
        let socket = self.sockets.get::<udp::Socket>(udp.0);
        let ports = (socket.endpoint().port, to.remote.port);
        let is_next = self.device.to_send.is_empty() && socket.send_queue() == 0;
        let possible = is_next && ports.1 != 0 && self.is_own(to.local);
        let ends = Ends::new(&to.local, &to.remote.addr).filter(|_| possible);
        let way = ends.and_then(|ends| Some((ends, self.device.ways.find(&to.local, &to.remote.addr, now)?)));
        let Some((ends, link)) = way else { return self.udp_send(udp, to, data) };
        let datagram = Datagram { link, mac: self.mac, ends, ports, data };
        let meta = datagram.meta(tx.offloads().checksum);
        let sent = tx.transmit(datagram.len(), meta, &mut |into| datagram.write(into, meta));
        self.written += u64::from(sent.is_ok());
        sent.map_err(|_| UdpError::Full)
    }

    pub fn udp_send(&mut self, udp: Udp, to: UdpPeer, data: &[u8]) -> Result<(), UdpError> {
        self.check_length(to, data)?;
        let mut meta = udp::UdpMetadata::from(to.remote);
        // An answer to a broadcast comes from our own address.
        meta.local_address = self.is_own(to.local).then_some(to.local);
        self.next = Some(Instant::ZERO);
        let sent = self.sockets.get_mut::<udp::Socket>(udp.0).send_slice(data, meta);
        self.queued += u64::from(sent.is_ok());
        sent.map_err(|error| match error {
            udp::SendError::Unaddressable => UdpError::Unaddressable(to),
            udp::SendError::BufferFull => UdpError::Full,
        })
    }

    fn check_length(&self, to: UdpPeer, data: &[u8]) -> Result<(), UdpError> {
        let header = if matches!(to.remote.addr, IpAddress::Ipv4(_)) { IPV4_HEADER } else { IPV6_HEADER };
        let limit = self.mtu - header - UDP_HEADER;
        if data.len() > limit {
            return Err(UdpError::TooLong { length: data.len(), limit });
        }
        Ok(())
    }

    fn is_own(&self, address: IpAddress) -> bool {
        match address {
            IpAddress::Ipv4(address) => self.address.is_some_and(|own| own.address() == address),
            IpAddress::Ipv6(address) => self.address6().contains(&address),
        }
    }

    /// Frames that were longer than the link's MTU allows.
    pub fn too_long(&self) -> u64 {
        self.device.too_long
    }

    fn set_address(&mut self, address: Option<Ipv4Cidr>, gateway: Option<Ipv4Address>) {
        (self.address, self.gateway) = (address, gateway);
        self.apply();
    }

    /// Tells smoltcp of all addresses and routers.
    fn apply(&mut self) {
        self.device.ways.forget();
        let own = self.autoconf.as_ref();
        let link_local = own.and_then(Autoconf::link_local).map(|address| Ipv6Cidr::new(address, LINK_LOCAL_PREFIX));
        let all = [
            self.address.map(IpCidr::Ipv4),
            link_local.map(IpCidr::Ipv6),
            own.and_then(Autoconf::global).map(IpCidr::Ipv6),
        ];
        self.interface.update_ip_addrs(|addresses| {
            addresses.clear();
            // There is always room for three.
            let _ = all.into_iter().flatten().try_for_each(|address| addresses.push(address));
        });
        let routes = self.interface.routes_mut();
        routes.remove_default_ipv4_route();
        routes.remove_default_ipv6_route();
        // There is always room for one of each family.
        if let Some(gateway) = self.gateway {
            let _ = routes.add_default_ipv4_route(gateway);
        }
        if let Some(router) = own.and_then(Autoconf::router) {
            let _ = routes.add_default_ipv6_route(router);
        }
    }
}
