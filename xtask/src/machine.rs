//! The virtual machine that the image boots in: QEMU's command line.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context, Result};

use crate::{command, hosted, netbench, uhyve};

/// Address of the host on the TAP.
pub const TAP_HOST: &str = "10.77.0.1";
/// Address of the guest on the TAP.
pub const TAP_GUEST: &str = "10.77.0.2";

/// The same over IPv6, in a network of unique local addresses (RFC 4193).
pub const TAP_HOST6: &str = "fd00:77::1";
/// Address of the guest there.
pub const TAP_GUEST6: &str = "fd00:77::2";

/// What runs the guest.
#[derive(Clone, Debug, Default)]
pub enum Vmm {
    /// QEMU, the image.
    #[default]
    Qemu,
    /// Nothing: the same code is a process of the host (see [`hosted`]).
    Hosted,
    /// QEMU, a Linux guest in place of the image: its initial file system. The kernel is in the image's place.
    Linux(PathBuf),
    /// The program uhyve, on the host's KVM and a TAP.
    Uhyve(PathBuf),
    /// A monitor in a Linux guest of QEMU's.
    Nested(Arc<uhyve::Nested>),
}

/// Address of the host on QEMU's user-mode network.
const USER_HOST: &str = "10.0.2.2";
/// The address that this network gives its first guest, and to which it forwards.
const USER_GUEST: &str = "10.0.2.15";

/// What a network card of QEMU's does not offer without offloads.
pub const WITHOUT_OFFLOADS: &str = ",csum=off,gso=off,guest_csum=off,host_tso4=off,host_tso6=off,guest_tso4=off,guest_tso6=off,guest_ufo=off,host_ufo=off";

/// How the guest's instructions are executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accel {
    /// By the processor.
    Kvm,
    /// By QEMU's translator.
    Tcg,
    /// By it, with a clock that counts instructions as 2 ns each, which is about what they take on the other clock: what the guest measures then depends
    /// on the guest alone.
    Counted,
}

/// The transport of a forwarded port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    Tcp,
    Udp,
}

/// One port of the guest and the port of the host's loopback address that leads to it.
#[derive(Clone, Copy, Debug)]
pub struct Forward {
    pub transport: Transport,
    pub guest: u16,
    pub host: u16,
}

/// What the NIC is connected to.
#[derive(Clone, Debug)]
pub enum Network {
    /// QEMU's own user-mode network, with ports forwarded from loopback; no privilege needed.
    User(Vec<Forward>),
    /// The device `tap0` of a network namespace.
    Tap(String),
    /// As `Tap`, and the guest is reached over IPv6.
    Tap6(String),
    /// As `Tap`, with so many queues, two at least: see [`Namespace::use_several_queues`](crate::netns::Namespace::use_several_queues). The machine has
    /// room for as many processors, if it has fewer.
    Queues(String, u32),
    /// As `Tap`, and every frame also goes to and comes from the program that listens at this address of the namespace (QEMU's socket
    /// format: each frame behind its length as 32 bits, big-endian).
    Wire(String, SocketAddr),
    /// An emulated link in front of the device `tap0` of a network namespace: the directory of its two sockets.
    Link(String, PathBuf),
}

/// A machine to start.
#[derive(Clone, Debug)]
pub struct Machine {
    pub vmm: Vmm,
    /// The image, or the program of a hosted process.
    pub image: PathBuf,
    pub processors: u32,
    pub memory: String,
    pub accel: Accel,
    /// Rate of the time-stamp counter in MHz.
    pub tsc_mhz: u64,
    pub network: Network,
    /// The network card joins and cuts no segments and leaves checksums alone.
    pub without_offloads: bool,
    /// A socket where QEMU's monitor takes commands.
    pub monitor: Option<PathBuf>,
    /// Options for the image itself.
    pub options: Vec<String>,
}

/// The services of the image and the host's port that each gets if it is free: port 7 is the host's own privilege. Those of one port stand
/// beside one another.
pub const SERVICES: [(Transport, u16, u16); 5] = [
    (Transport::Tcp, 5201, 5201),
    (Transport::Udp, 5201, 5201),
    (Transport::Udp, 7070, 7070),
    (Transport::Tcp, 7, 7007),
    (Transport::Udp, 7, 7007),
];

/// How often a port is chosen anew that is free for one transport only.
const ATTEMPTS: usize = 16;

/// Ports of the host for all services: the usual ones where they are free if `usual`, else any free ones. One port of the guest is one
/// of the host for both transports: a client of iperf3 asks for both at the same.
pub fn forwards(usual: bool) -> Result<Vec<Forward>> {
    // All probes stay open until every port is chosen, so that none is chosen twice.
    let mut probes = Vec::new();
    let mut forwards = Vec::new();
    for services in SERVICES.chunk_by(|one, other| one.1 == other.1) {
        let first = if usual { services[0].2 } else { 0 };
        let (host, opened) = std::iter::once(first)
            .chain([0; ATTEMPTS])
            .find_map(|port| Probe::open_all(services.iter().map(|service| service.0), port).ok())
            .context("no port of the host is free")?;
        probes.extend(opened);
        forwards.extend(services.iter().map(|&(transport, guest, _)| Forward { transport, guest, host }));
    }
    Ok(forwards)
}

enum Probe {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

impl Probe {
    /// One port for all of them: the one that was asked for, or with 0 any that the first is given.
    fn open_all(transports: impl Iterator<Item = Transport>, mut port: u16) -> std::io::Result<(u16, Vec<Self>)> {
        let mut probes = Vec::new();
        for transport in transports {
            let probe = Self::open(transport, port)?;
            port = probe.port()?;
            probes.push(probe);
        }
        Ok((port, probes))
    }

    fn open(transport: Transport, port: u16) -> std::io::Result<Self> {
        let address = (Ipv4Addr::LOCALHOST, port);
        Ok(match transport {
            Transport::Tcp => Self::Tcp(TcpListener::bind(address)?),
            Transport::Udp => Self::Udp(UdpSocket::bind(address)?),
        })
    }

    fn port(&self) -> std::io::Result<u16> {
        Ok(match self {
            Self::Tcp(socket) => socket.local_addr()?.port(),
            Self::Udp(socket) => socket.local_addr()?.port(),
        })
    }
}

impl Network {
    /// Where the guest's `port` is reached from (for a TAP: from inside its namespace).
    pub fn address(&self, transport: Transport, port: u16) -> Option<SocketAddr> {
        match self {
            Self::User(forwards) => forwards
                .iter()
                .find(|forward| forward.transport == transport && forward.guest == port)
                .map(|forward| (Ipv4Addr::LOCALHOST, forward.host).into()),
            Self::Tap(_) | Self::Queues(..) | Self::Wire(..) | Self::Link(..) => {
                Some((TAP_GUEST.parse::<Ipv4Addr>().ok()?, port).into())
            }
            Self::Tap6(_) => Some((TAP_GUEST6.parse::<Ipv6Addr>().ok()?, port).into()),
        }
    }

    /// QEMU's arguments for the network `n0`.
    pub fn arguments(&self) -> Vec<String> {
        match self {
            Self::User(forwards) => words(["-netdev", &user("n0", forwards)]),
            Self::Tap(_) | Self::Tap6(_) => words(["-netdev", &tap("n0")]),
            Self::Queues(_, queues) => words(["-netdev", &format!("{},queues={queues}", tap("n0"))]),
            Self::Link(_, dir) => {
                let at = |name: &str| dir.join(name).display().to_string();
                let (local, remote) = (at("guest"), at("link"));
                let sockets = format!("local.type=unix,local.path={local},remote.type=unix,remote.path={remote}");
                words(["-netdev", &format!("dgram,id=n0,{sockets}")])
            }
            // A hub joins the two networks and the NIC.
            Self::Wire(_, wire) => words([
                "-netdev",
                &tap("t0"),
                "-netdev",
                &format!("socket,id=w0,connect={wire}"),
                "-netdev",
                "hubport,id=h0,hubid=0,netdev=t0",
                "-netdev",
                "hubport,id=h1,hubid=0,netdev=w0",
                "-netdev",
                "hubport,id=n0,hubid=0",
            ]),
        }
    }

    /// What QEMU's card is told of its queue pairs: an interrupt for each direction of each pair, one for the configuration, one for the control
    /// queue.
    pub fn pairs(&self) -> String {
        match self {
            Self::Queues(_, queues) => format!(",mq=on,vectors={}", 2 * queues + 2),
            _ => String::new(),
        }
    }

    /// The network namespace that the machine runs in, if it is one of its own.
    pub fn namespace(&self) -> Option<&str> {
        match self {
            Self::User(_) => None,
            Self::Tap(name) | Self::Tap6(name) | Self::Queues(name, _) | Self::Wire(name, _) | Self::Link(name, _) => {
                Some(name)
            }
        }
    }
}

/// What was asked for takes the place of what would have been said; another address has another network, whose gateway is not known.
pub fn with_asked(mut own: Vec<String>, asked: &[String]) -> Vec<String> {
    let names: Vec<&str> = asked.iter().filter_map(|word| Some(word.split_once('=')?.0)).collect();
    own.retain(|word| match word.split_once('=') {
        Some(("gateway", _)) => !names.contains(&"gateway") && !names.contains(&"ip"),
        Some((name, _)) => !names.contains(&name),
        None => true,
    });
    own.extend_from_slice(asked);
    own
}

/// The image's options for its addresses on a TAP.
pub fn on_tap() -> Vec<String> {
    let (four, six) = (format!("ip={TAP_GUEST}/24"), format!("ip6={TAP_GUEST6}/64,{TAP_HOST6}"));
    vec![four, format!("gateway={TAP_HOST}"), six]
}

fn tap(id: &str) -> String {
    format!("tap,id={id},ifname=tap0,script=no,downscript=no")
}

fn user(id: &str, forwards: &[Forward]) -> String {
    // It forwards IPv4 only, so an address from its router advertisements would be of no use.
    let mut text = format!("user,id={id},ipv6=off");
    for Forward { transport, guest, host } in forwards {
        let transport = if *transport == Transport::Tcp { "tcp" } else { "udp" };
        text += &format!(",hostfwd={transport}:127.0.0.1:{host}-:{guest}");
    }
    text
}

fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    words.into_iter().map(str::to_owned).collect()
}

impl Machine {
    /// The command that starts it, serial line on standard output.
    pub fn command(&self) -> Command {
        match &self.vmm {
            Vmm::Linux(initramfs) => netbench::linux_command(self, initramfs),
            Vmm::Qemu => self.within("qemu-system-x86_64", self.qemu_words(&self.image, &self.network)),
            Vmm::Hosted => hosted::command(self),
            // The device tree tells the counter's rate.
            Vmm::Uhyve(program) => self.within(program, uhyve::words(self, &self.image, &[])),
            Vmm::Nested(nested) => self.within("qemu-system-x86_64", nested.words(self)),
        }
    }

    /// `program` in the namespace of the network.
    fn within(&self, program: impl AsRef<OsStr>, arguments: Vec<String>) -> Command {
        let mut command = match self.network.namespace() {
            Some(namespace) => {
                let mut command = command::tethered("ip");
                command.args(["netns", "exec", namespace]).arg(program);
                command
            }
            None => command::tethered(program),
        };
        command.args(arguments);
        command
    }

    /// QEMU's arguments, for the image at `image` on `network`.
    pub fn qemu_words(&self, image: &Path, network: &Network) -> Vec<String> {
        let accel = match self.accel {
            Accel::Kvm => "kvm",
            Accel::Tcg => "tcg,thread=multi",
            Accel::Counted => "tcg,thread=single",
        };
        let mut all = words(["-M", "q35", "-accel", accel]);
        // With MWAIT (CPUID's MONITOR) Hermit's idle loop burns the host's processor and loses wake-ups.
        all.extend(words(["-cpu", "max,-monitor", "-smp", &self.smp(), "-m", &self.memory]));
        // Threads are called after what they are for: `CPU 0/TCG`.
        all.extend(words(["-name", "midflight,debug-threads=on"]));
        all.extend(words(["-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"]));
        all.extend(words(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]));
        all.extend(network.arguments());
        if let Some(monitor) = &self.monitor {
            all.extend(words(["-monitor", &format!("unix:{},server=on,wait=off", monitor.display())]));
        }
        // Without an option ROM: the machine boots from the image only.
        let offloads = if self.without_offloads { WITHOUT_OFFLOADS } else { "" };
        let pairs = network.pairs();
        let card = format!("virtio-net-pci,netdev=n0,disable-legacy=on,romfile={offloads}{pairs}");
        all.extend(words(["-device", &card]));
        let mut tsc_mhz = self.tsc_mhz;
        if self.accel == Accel::Counted {
            all.extend(words(["-icount", "shift=1"]));
            // Then the counter counts nanoseconds.
            tsc_mhz = 1000;
        }
        let line = format!("midflight -freq {tsc_mhz} -- {}", self.image_options().join(" "));
        all.extend(words(["-kernel", &image.display().to_string(), "-append", line.trim_end()]));
        all
    }

    /// What QEMU is told of processors.
    pub fn smp(&self) -> String {
        match self.network {
            Network::Queues(_, queues) if queues > self.processors => format!("{},maxcpus={queues}", self.processors),
            _ => self.processors.to_string(),
        }
    }

    /// The options of the image: its address, where it cannot ask by DHCP, then what was asked for.
    pub fn image_options(&self) -> Vec<String> {
        let own = match (&self.network, &self.vmm) {
            // The bridge is not there before the image is ready.
            (Network::User(_), Vmm::Nested(_)) => vec![format!("ip={USER_GUEST}/24"), format!("gateway={USER_HOST}")],
            (Network::User(_), _) => Vec::new(),
            _ => on_tap(),
        };
        with_asked(own, &self.options)
    }

    /// Its memory in MiB, 0 if that is no size.
    pub fn memory_mib(&self) -> u64 {
        let number = self.memory.trim_end_matches(['M', 'G']).parse().unwrap_or(0);
        if self.memory.ends_with('G') { number * 1024 } else { number }
    }
}

#[cfg(test)]
mod tests;
