//! A network namespace of our own with a TAP device in it, so that nothing of the host's network is touched.

use std::net::Ipv4Addr;
use std::os::fd::AsFd;

use anyhow::{Context, Result, bail};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::machine::{TAP_HOST, TAP_HOST6};
use crate::{cleanup, command, provision};

/// A namespace that is removed, with all in it, when dropped or when the command is interrupted.
pub struct Namespace {
    name: String,
    _undo: cleanup::Undo,
}

const PREFIX: &str = "midflight-";
/// Address of a namespace's card on the network of its second TAP.
pub const ROUTER: [u8; 6] = [2, 0, 0, 0, 0x79, 1];

impl Namespace {
    /// Makes the namespace, with `tap0` at [`TAP_HOST`]/24, and [`TAP_HOST6`]/64 where the kernel has IPv6. Needs root.
    pub fn new() -> Result<Self> {
        Self::named("")
    }

    /// The same; `name` tells several of this process apart.
    pub fn named(name: &str) -> Result<Self> {
        provision::need(&[provision::ROUTES])?;
        if !rustix::process::geteuid().is_root() {
            bail!("a TAP and its network namespace need root: run this as root, or without --tap");
        }
        if !std::path::Path::new("/dev/net/tun").exists() {
            bail!("this machine has no TAP devices (/dev/net/tun is missing): run this without --tap");
        }
        let namespace = Self::bare(name)?;
        namespace.add_tap(&[])?;
        Ok(namespace)
    }

    /// The namespace without the TAP.
    fn bare(name: &str) -> Result<Self> {
        remove_orphans();
        let mine = format!("{PREFIX}{}", std::process::id());
        let name = if name.is_empty() { mine } else { format!("{mine}-{name}") };
        ip(&["netns", "add", &name])?;
        let doomed = name.clone();
        let undo = cleanup::register(move || remove(&doomed));
        let namespace = Self { name, _undo: undo };
        namespace.ip(&["link", "set", "lo", "up"])?;
        Ok(namespace)
    }

    /// Replaces `tap0` by one for a machine that opens several queues of it; others cannot open it then.
    pub fn use_several_queues(&self) -> Result<()> {
        self.ip(&["link", "delete", "tap0"])?;
        self.add_tap(&["multi_queue"])
    }

    /// A namespace behind this one, which forwards to it: a client there is at `10.78.0.2` on `far0`. What crosses is cut into segments and has its
    /// checksums completed by this one, as by a router whose card does nothing.
    pub fn behind(&self) -> Result<Self> {
        provision::need(&[provision::ETHTOOL])?;
        let far = Self::bare("far")?;
        self.ip(&["link", "add", "near0", "type", "veth", "peer", "name", "far0", "netns", &far.name])?;
        self.ip(&["addr", "add", "10.78.0.1/24", "dev", "near0"])?;
        self.ip(&["link", "set", "near0", "up"])?;
        far.ip(&["addr", "add", "10.78.0.2/24", "dev", "far0"])?;
        far.ip(&["link", "set", "far0", "up"])?;
        far.ip(&["route", "add", "default", "via", "10.78.0.1"])?;
        for (space, device) in [(self, "near0"), (&far, "far0")] {
            let mut ethtool = command::tethered("ip");
            ethtool.args([
                "netns",
                "exec",
                &space.name,
                "ethtool",
                "-K",
                device,
                "tx",
                "off",
                "tso",
                "off",
                "gso",
                "off",
            ]);
            command::output(ethtool.args(["gro", "off"]))?;
        }
        self.sysctl("net/ipv4/ip_forward", "1")?;
        Ok(far)
    }

    /// A second TAP, `far0`, to and from which this namespace forwards as a router: whoever opens it is the station at `address`, alone in a network, and
    /// sends to [`ROUTER`].
    pub fn add_far_tap(&self, mac: [u8; 6], address: Ipv4Addr) -> Result<()> {
        let text = |mac: [u8; 6]| mac.map(|octet| format!("{octet:02x}")).join(":");
        let (address, mac) = (address.to_string(), text(mac));
        self.ip(&["tuntap", "add", "dev", "far0", "mode", "tap"])?;
        self.ip(&["link", "set", "far0", "address", &text(ROUTER), "up"])?;
        self.ip(&["route", "add", &address, "dev", "far0"])?;
        self.ip(&["neigh", "add", &address, "lladdr", &mac, "dev", "far0"])?;
        self.sysctl("net/ipv4/ip_forward", "1")
    }

    fn add_tap(&self, flags: &[&str]) -> Result<()> {
        self.ip(&[&["tuntap", "add", "dev", "tap0", "mode", "tap"], flags].concat())?;
        self.ip(&["addr", "add", &format!("{TAP_HOST}/24"), "dev", "tap0"])?;
        if self.has_ipv6() {
            // Nobody else can have it, so it need not be asked for first.
            self.ip(&["addr", "add", &format!("{TAP_HOST6}/64"), "dev", "tap0", "nodad"])?;
        }
        self.ip(&["link", "set", "tap0", "up"])
    }

    /// Whether the namespace's kernel speaks IPv6.
    pub fn has_ipv6(&self) -> bool {
        let off = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
        self.inside(|| Ok(std::fs::read_to_string(off)?)).is_ok_and(|text| text.trim() == "0")
    }

    fn ip(&self, words: &[&str]) -> Result<()> {
        ip(&[&["-n", &self.name], words].concat()).map(drop)
    }

    /// Runs `work` on a thread of its own whose sockets belong to the namespace.
    pub fn inside<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = format!("/run/netns/{}", self.name);
        let file = std::fs::File::open(&path).with_context(|| format!("cannot open {path}"))?;
        let thread = std::thread::scope(|scope| {
            scope
                .spawn(|| {
                    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
                        .context("cannot enter the network namespace")?;
                    work()
                })
                .join()
        });
        thread.map_err(|_| anyhow::anyhow!("the work in the namespace panicked"))?
    }

    /// Sets a variable of the namespace's kernel, by its path under `/proc/sys`.
    pub fn sysctl(&self, path: &str, value: &str) -> Result<()> {
        let path = format!("/proc/sys/{path}");
        self.inside(|| std::fs::write(&path, value).with_context(|| format!("cannot set {path}")))
    }

    /// Its name, for `ip netns exec`.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// Removes the namespaces of runs that were killed before they could do so: each bears the process ID of its run.
fn remove_orphans() {
    let Ok(names) = std::fs::read_dir("/run/netns") else { return };
    for name in names.flatten().filter_map(|entry| entry.file_name().into_string().ok()) {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let Some(Ok(owner)) = owner.map(str::parse::<u32>) else { continue };
        if !std::path::Path::new(&format!("/proc/{owner}")).exists() {
            remove(&name);
        }
    }
}

fn remove(name: &str) {
    if let Err(error) = ip(&["netns", "delete", name]) {
        eprintln!("warning: the network namespace {name} stays: {error:#}");
    }
}

fn ip(words: &[&str]) -> Result<String> {
    // No tether: this also runs while the command is ending.
    let mut ip = std::process::Command::new(command::find("ip").context("ip is missing")?);
    let output = ip.args(words).output().context("cannot start ip")?;
    if !output.status.success() {
        bail!("ip {} failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
