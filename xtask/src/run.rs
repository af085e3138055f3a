//! `cargo xtask run`: the image in a virtual machine, until Ctrl-C.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use protocols::sim::{Spec, SpecError};
use services::options::Options;

use crate::Usage;
use crate::link::{self, Link};
use crate::machine::{self, Accel, Machine, Network, SERVICES, TAP_GUEST, Transport, Vmm, forwards};
use crate::netns::Namespace;
use crate::vm::Vm;
use crate::{accel, clock, command, hosted, image, provision, uhyve, ui};

/// Options of `run`.
#[derive(clap::Args)]
pub struct Args {
    /// Processors of the guest.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u32).range(1..=64), value_name = "N")]
    smp: u32,
    /// Memory of the guest; below 128M thread stacks run out.
    #[arg(long, default_value = "256M", value_parser = memory, value_name = "SIZE")]
    memory: String,
    /// How the guest's instructions are executed.
    #[arg(long, value_enum, default_value = "auto")]
    accel: accel::Choice,
    /// Runs the same engine and services as a process of this host on a TAP, without a virtual machine (needs root).
    #[arg(long, conflicts_with_all = ["link", "accel", "memory"])]
    hosted: bool,
    /// Connects the guest to a TAP device in a network namespace of its own (needs root) instead of forwarded loopback ports.
    #[arg(long)]
    tap: bool,
    /// Queue pairs of the card on a TAP, for as many processors, which then carry connections; processor 0 always does.
    ///
    /// QEMU serves all of them by one thread: a second one takes some of its time, and pays only where the guest's own work is what takes longest.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=64), value_name = "N")]
    #[arg(requires = "tap", conflicts_with_all = ["hosted", "link", "vmm"])]
    queues: u32,
    /// Emulates a link between the guest and the TAP, such as rate=50mbit,delay=20ms,loss=0.5%,queue=64k; counters are shown at the end.
    ///
    /// Keys: rate=, delay= (one way), jitter=, loss= (a share, or gemodel:P:R[:1-H[:1-K]]), reorder=, reorder-by=, gap=, duplicate=,
    /// queue= (64k or 100p), seed=; with up. or down. in front for one direction only. Implies --tap.
    #[arg(long, value_parser = link_spec, value_name = "SPEC")]
    link: Option<String>,
    /// The virtual machine monitor.
    #[arg(long, value_enum, default_value = "qemu", conflicts_with_all = ["hosted", "link", "accel"])]
    vmm: Monitor,
    /// With `--vmm uhyve`: in a small Linux guest whose KVM is emulated, for machines whose own is not usable.
    #[arg(long)]
    nested: bool,
    /// Options for the image, such as `log=debug` or `congestion=reno`: ip= gateway= ip6= mtu= log= congestion= ecn= rps= nic= tx-copybreak=
    /// (`services/src/options.rs` lists their values).
    #[arg(value_name = "OPTION")]
    options: Vec<String>,
}

/// The virtual machine monitors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Monitor {
    /// QEMU.
    Qemu,
    /// Hermit's own, on KVM; its only network is a TAP.
    Uhyve,
}

/// How long the image may take to boot; TCG on a loaded machine takes a few seconds.
const BOOT: Duration = Duration::from_secs(60);

impl Args {
    /// Whether the guest is on a TAP.
    fn on_tap(&self) -> bool {
        self.tap || self.hosted || self.link.is_some()
    }

    /// Queues that the TAP is to have.
    fn tap_queues(&self) -> u32 {
        // Each thread of a process has its own.
        if self.hosted { self.smp } else { self.queues }
    }

    /// What the image would refuse is refused now: it would say so only after minutes of building.
    fn check_options(&self) -> Result<()> {
        let own = if self.on_tap() { machine::on_tap() } else { Vec::new() };
        let all = machine::with_asked(own, &self.options);
        // A failure on purpose is the image's own word, for its tests.
        let words = all.iter().map(String::as_str).filter(|word| self.hosted || !word.starts_with("test="));
        let wrong = |error: &dyn std::fmt::Display| Usage(format!("an option for the image: {error}")).into();
        let options = Options::parse(words).map_err(|error| wrong(&error))?;
        services::node::check(&options).map_err(|error| wrong(&error))
    }
}

/// Provides what is missing, builds, boots, and waits for the end.
pub fn run(args: &Args) -> Result<()> {
    if args.nested && args.vmm == Monitor::Qemu {
        return Err(Usage("--nested goes with --vmm uhyve".into()).into());
    }
    if args.queues > args.smp {
        let (queues, processors) = (args.queues, args.smp);
        return Err(Usage(format!("--queues {queues} is more than the --smp {processors} processors could use")).into());
    }
    args.check_options()?;
    if args.vmm == Monitor::Uhyve && !args.nested {
        uhyve::run::usable(args.tap)?;
    }
    if !args.hosted {
        provision::need(&[provision::QEMU])?;
    }
    // For the lines that are suggested; the guest runs without them.
    provision::want(&[provision::IPERF3, provision::NETCAT]);
    let namespace = args.on_tap().then(Namespace::new).transpose()?;
    let start = |(spec, namespace): (&String, &Namespace)| Link::start(&link::build()?, namespace, spec, true);
    let link = args.link.as_ref().zip(namespace.as_ref()).map(start).transpose()?;
    let image = if args.hosted { hosted::build()? } else { image::build()? };
    let network = match (&namespace, &link) {
        (Some(namespace), Some(link)) => Network::Link(namespace.name().to_owned(), link.dir().to_owned()),
        (Some(namespace), None) if args.tap_queues() > 1 => {
            namespace.use_several_queues()?;
            Network::Queues(namespace.name().to_owned(), args.tap_queues())
        }
        (Some(namespace), None) => Network::Tap(namespace.name().to_owned()),
        (None, _) => Network::User(forwards(true)?),
    };
    let mut machine = Machine {
        vmm: if args.hosted { Vmm::Hosted } else { Vmm::Qemu },
        image,
        processors: args.smp,
        memory: args.memory.clone(),
        accel: Accel::Tcg,
        tsc_mhz: clock::tsc_mhz(),
        network,
        without_offloads: false,
        monitor: None,
        options: args.options.clone(),
    };
    if args.vmm == Monitor::Uhyve {
        return uhyve::run::run(machine, args.nested);
    }
    if args.hosted {
        ui::step("Starting");
    } else {
        machine.accel = accel::resolve(args.accel, &machine)?;
        ui::step("Booting");
    }
    let vm = Vm::start(machine, |line| println!("{line}"))?;
    let ready = vm.wait_ready(BOOT)?;
    accel::image_is_good();
    tell(&vm.machine.network, &ready);
    let status = vm.wait_end()?;
    let tail = vm.tail();
    vm.end();
    // A guest's `exit(0)` reaches us as 3, through QEMU's debug-exit device.
    if status.code() != Some(3) {
        bail!("the machine ended by itself ({status}); its last lines were:\n{tail}");
    }
    Ok(())
}

/// Says where the guest is and what to type next.
pub fn tell(network: &Network, ready: &str) {
    let own = address(ready, "address=").map_or_else(|| TAP_GUEST.to_owned(), str::to_owned);
    let at = |transport, port| {
        let mut at = network.address(transport, port)?;
        if network.namespace().is_some() {
            at.set_ip(own.parse().ok()?);
        }
        Some(at)
    };
    ui::step("Ready; Ctrl-C ends it");
    if let Network::User(forwards) = network {
        for forward in forwards {
            let usual = SERVICES
                .iter()
                .find(|(transport, guest, _)| (*transport, *guest) == (forward.transport, forward.guest));
            if let Some((_, _, usual)) = usual
                && *usual != forward.host
                && listens(ready, forward.transport, forward.guest)
            {
                ui::note(&format!(
                    "Port {usual} of this host is taken: {} leads to the guest's port {}.",
                    forward.host, forward.guest
                ));
            }
        }
    } else {
        ui::note(&format!(
            "The guest is at {own}{}, in the network namespace of the lines below.",
            address(ready, "address6=").map(|six| format!(" and {six}")).unwrap_or_default()
        ));
    }
    let services: Vec<_> = SERVICES
        .iter()
        .filter(|(transport, guest, _)| listens(ready, *transport, *guest))
        .filter_map(|(transport, guest, _)| {
            let name = service(*guest);
            let transport_name = if *transport == Transport::Tcp { "tcp" } else { "udp" };
            Some(format!("{name} {}/{transport_name}", at(*transport, *guest)?))
        })
        .collect();
    ui::note(&format!("Listening: {}", services.join(", ")));
    let inside = match network {
        Network::Tap(name) | Network::Tap6(name) | Network::Queues(name, _) | Network::Link(name, _) => {
            format!("ip netns exec {name} ")
        }
        _ => String::new(),
    };
    let (Some(iperf), Some(control)) = (at(Transport::Tcp, 5201), at(Transport::Udp, 7070)) else { return };
    eprintln!("\nType next, in another terminal:\n");
    eprintln!("    {inside}iperf3 -c {} -p {} -t 30 -R", iperf.ip(), iperf.port());
    if command::find("nc").is_some() {
        eprintln!("    echo 'swap congestion reno' | {inside}nc -u -w1 {} {}", control.ip(), control.port());
    } else {
        eprintln!("    {inside}cargo run --package midflight -- --host {control} swap congestion reno");
    }
    eprintln!("    {inside}cargo run --package midflight -- --host {control} watch\n");
}

/// An address that the line of readiness tells behind `key`, without its prefix: it may be another than usual, if it was asked for.
fn address<'a>(ready: &'a str, key: &str) -> Option<&'a str> {
    let told = ready.split_whitespace().find_map(|word| word.strip_prefix(key))?;
    told.split('/').next()
}

/// Whether the line of readiness names the port: `… tcp=7,5201 udp=7,7070`.
fn listens(ready: &str, transport: Transport, port: u16) -> bool {
    let key = if transport == Transport::Tcp { "tcp=" } else { "udp=" };
    let mut ports = ready.split_whitespace().filter_map(|word| word.strip_prefix(key)).flat_map(|list| list.split(','));
    ports.any(|text| text.parse() == Ok(port))
}

fn service(port: u16) -> &'static str {
    match port {
        7 => "echo",
        5201 => "iperf3",
        7070 => "control",
        _ => "unknown",
    }
}

/// A link's word, if it is one.
fn link_spec(text: &str) -> Result<String, SpecError> {
    text.parse::<Spec>().map(|_| text.to_owned())
}

/// A size as QEMU takes it: a number and M or G.
fn memory(text: &str) -> Result<String> {
    let (number, unit) =
        text.split_at_checked(text.len().saturating_sub(1)).context("a size is a number and M or G")?;
    let megabytes = match (number.parse::<u64>(), unit) {
        (Ok(number), "M") => number,
        (Ok(number), "G") => number.saturating_mul(1024),
        _ => bail!("a size is a number and M or G, such as 256M"),
    };
    if !(128..=512 * 1024).contains(&megabytes) {
        bail!("the guest needs between 128M and 512G");
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests;
