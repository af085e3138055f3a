//! Tests against the real image in a real virtual machine, with real clients. One file a subject.

mod boot;
mod captures;
mod card;
mod classifier;
mod control_port;
mod echoes;
mod elf;
mod exceptions;
mod frames;
mod hosted;
mod hostile;
mod idle;
mod iperf;
mod ipv6;
mod lent;
mod link;
mod payload;
mod processors;
mod swaps;
mod tap;
mod tracking;
mod traffic;
mod uhyve;
mod watched;
mod wire;

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{Context, Result};
pub use frames::checksum;
use watched::Watched;

use crate::control::ControlClient;
use crate::machine::{Accel, Machine, Network, Transport, Vmm, forwards};
use crate::test::{Outcome, Step};
use crate::{accel, clock, image, provision};

/// The steps that need the image, in their order.
pub const STEPS: &[Step] = &[
    Step { name: "elf", what: "the image bears the notes by which QEMU and uhyve boot it", run: elf::notes },
    Step {
        name: "exceptions",
        what: "a processor exception is reported with registers and ends the machine",
        run: exceptions::reported,
    },
    Step {
        name: "card-gave-up",
        what: "a network card that gives up is reported and ends the machine",
        run: card::gave_up,
    },
    Step { name: "card-link", what: "a network card's link that goes down and up is reported", run: card::link },
    Step { name: "sleep", what: "an interrupt right before hlt is not missed", run: exceptions::sleep_ends },
    Step {
        name: "again",
        what: "an interrupt delivered while its own handler runs does no harm",
        run: exceptions::handlers_nest,
    },
    Step { name: "boot", what: "it boots, says that it is ready, and answers help, list and status", run: boot::ready },
    Step { name: "options", what: "a malformed option is reported and ends the image", run: boot::malformed_options },
    Step { name: "idle", what: "an idle guest leaves the host's processor alone", run: idle::measure },
    Step { name: "control-errors", what: "bad requests get an error and change nothing", run: control_port::errors },
    Step {
        name: "payload",
        what: "every octet arrives in order, both ways, while controllers are swapped",
        run: payload::under_swaps,
    },
    Step {
        name: "plain-card",
        what: "the same with a card without features, and with all features left unused",
        run: payload::without_features,
    },
    Step {
        name: "deadline",
        what: "a swap that cannot finish in time is undone, and traffic goes on",
        run: swaps::undone,
    },
    Step { name: "iperf-download", what: "iperf3 -R for 30 s with a swap every second", run: iperf::download },
    Step { name: "iperf-upload", what: "iperf3 for 30 s with a swap every second", run: iperf::upload },
    Step {
        name: "iperf-many",
        what: "parallel streams, sizes, many tests in a row under swaps, on both processors by rps=on, and a second client",
        run: iperf::variety,
    },
    Step {
        name: "iperf-datagrams",
        what: "iperf3 -u both ways without loss, and as fast as it goes",
        run: iperf::datagrams,
    },
    Step {
        name: "processors",
        what: "connections live on both processors and a swap moves both",
        run: processors::both,
    },
    Step {
        name: "classifier-verdicts",
        what: "drops, resets and ICMP errors are seen as such, a bad batch changes nothing, default drop is usable",
        run: classifier::verdicts,
    },
    Step {
        name: "classifier-swaps",
        what: "iperf3 through 10,000 rules with another classifier every second",
        run: classifier::under_swaps,
    },
    Step {
        name: "classifier-100k",
        what: "100,000 rules in 256 MiB, swapped under load without a loss",
        run: classifier::many_rules,
    },
    Step {
        name: "classifier-weights",
        what: "two downloads in classes with weights of 3 and 1 share the rate 3 to 1",
        run: classifier::weights,
    },
    Step {
        name: "classifier-queues",
        what: "classifiers swapped on two processors with queue pairs: what rules counted adds up",
        run: classifier::queues,
    },
    Step {
        name: "classifier-tracking",
        what: "rules that accept only what is established are loaded under iperf3: nothing is rejected but forged segments",
        run: tracking::under_traffic,
    },
    Step { name: "hostile", what: "frames that lie and floods of SYNs are dropped and counted", run: hostile::frames },
    Step {
        name: "hosted",
        what: "the same code as a process: every octet arrives, iperf3 both ways, swaps every second",
        run: hosted::process,
    },
    Step {
        name: "link",
        what: "the emulated link has the delay, rate and loss that were asked for",
        run: link::emulated,
    },
    Step {
        name: "captures",
        what: "tshark finds what is wrong in a capture, and nothing in those of recovery, marks, resets and all other tests",
        run: captures::judged,
    },
    Step { name: "bench", what: "every figure is measured, on the host and in the guest", run: crate::bench::smoke },
    Step {
        name: "tap",
        what: "the same on a TAP in a network namespace of its own, and what is lent as it is",
        run: tap::download,
    },
    Step {
        name: "ipv6",
        what: "ping, nc, payload, iperf3 both ways with swaps, and rejecting rules, all over IPv6 on a TAP",
        run: ipv6::everything,
    },
    Step { name: "queues", what: "the same with a queue pair of the card for each processor", run: tap::queues },
    Step {
        name: "uhyve",
        what: "the same image under uhyve, in a Linux guest: ping, payload, iperf3 both ways with swaps, status",
        run: uhyve::nested,
    },
];

/// How long a boot may take under the translator on a loaded machine.
const BOOT: Duration = Duration::from_secs(60);
/// How long a control request may stay without reply.
const REPLY: Duration = Duration::from_secs(15);

/// What the tests share: the image, built once, and how it is executed here.
pub struct Lab {
    image: OnceLock<PathBuf>,
    accel: OnceLock<Accel>,
    tsc_mhz: OnceLock<u64>,
}

impl Lab {
    /// Nothing is built or started yet.
    pub fn new() -> Self {
        Self { image: OnceLock::new(), accel: OnceLock::new(), tsc_mhz: OnceLock::new() }
    }

    /// The image, built at first use.
    pub fn image(&self) -> Result<PathBuf> {
        if let Some(image) = self.image.get() {
            return Ok(image.clone());
        }
        let image = image::build()?;
        Ok(self.image.get_or_init(|| image).clone())
    }

    /// Two processors and 256 MiB on QEMU's user-mode network with free ports of the host.
    pub fn machine(&self) -> Result<Machine> {
        provision::need(&[provision::QEMU])?;
        let mut machine = Machine {
            vmm: Vmm::Qemu,
            image: self.image()?,
            processors: 2,
            memory: "256M".into(),
            accel: Accel::Tcg,
            tsc_mhz: *self.tsc_mhz.get_or_init(clock::tsc_mhz),
            network: Network::User(forwards(false)?),
            without_offloads: false,
            monitor: None,
            options: Vec::new(),
        };
        if self.accel.get().is_none() {
            let accel = accel::resolve(accel::Choice::Auto, &machine)?;
            self.accel.get_or_init(|| accel);
        }
        machine.accel = self.accel.get().copied().unwrap_or(Accel::Tcg);
        Ok(machine)
    }

    /// A guest that is ready. A port that another program took between our choosing it and QEMU's use of it is replaced.
    pub fn boot(&self, change: impl Fn(&mut Machine)) -> Result<Guest> {
        self.boot_within(BOOT, change)
    }

    /// The same, where a boot may take as long as `limit`.
    pub fn boot_within(&self, limit: Duration, change: impl Fn(&mut Machine)) -> Result<Guest> {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut machine = self.machine()?;
            change(&mut machine);
            match self.start_until(machine, |vm| vm.wait_ready(limit)) {
                Ok((vm, ready)) => {
                    accel::image_is_good();
                    return Ok(Guest { vm, ready });
                }
                // Its last lines are in the error.
                Err(error) if attempts < 3 && format!("{error:#}").contains("host forwarding rule") => {}
                Err(error) => return Err(error),
            }
        }
    }
}

/// A booted guest.
pub struct Guest {
    pub vm: Watched,
    /// Its line of readiness.
    pub ready: String,
}

impl Guest {
    /// A client of its control port.
    pub fn control(&self) -> Result<ControlClient> {
        ControlClient::new(self.address(Transport::Udp, 7070)?, REPLY)
    }

    /// Where its `port` is reached.
    pub fn address(&self, transport: Transport, port: u16) -> Result<std::net::SocketAddr> {
        self.vm.machine.network.address(transport, port).with_context(|| format!("port {port} is not forwarded"))
    }

    /// Ends the test on this guest: it must still run, must not have reported an exception or a panic, and must have sent no frame that tshark finds fault
    /// with.
    pub fn finish(self) -> Result<Outcome> {
        self.check()?;
        self.end()
    }

    /// The same of a guest that may have ended.
    pub fn end(self) -> Result<Outcome> {
        let found = self.vm.end()?;
        anyhow::ensure!(found.sent > 0, "the guest was ready, and sent nothing that was captured");
        Ok(Outcome::PASSED)
    }

    /// Fails if the guest died or reported an error.
    pub fn check(&self) -> Result<()> {
        let bad = |line: &str| {
            ["midflight: exception", "midflight: error", "panicked"].iter().any(|word| line.contains(word))
        };
        anyhow::ensure!(self.vm.runs(), "the guest died; its last lines were:\n{}", self.vm.tail());
        anyhow::ensure!(!self.vm.said(bad), "the guest reported an error; its last lines were:\n{}", self.vm.tail());
        Ok(())
    }

    /// Runs `test`, and on its failure adds the end of the serial log.
    pub fn tested(self, test: impl FnOnce(&Self) -> Result<()>) -> Result<Outcome> {
        self.explained(test)?;
        self.finish()
    }

    /// The same with a test whose result is wanted, and that may end the machine.
    pub fn explained<T>(&self, test: impl FnOnce(&Self) -> Result<T>) -> Result<T> {
        test(self).or_else(|error| {
            let state =
                if self.vm.runs() { "still runs".into() } else { format!("has ended ({})", self.vm.wait_end()?) };
            Err(anyhow::anyhow!("{error:#}\nthe machine {state}; its last lines were:\n{}", self.vm.tail()))
        })
    }

    /// Asks the image to end, which must be well by then, and returns the status of the machine.
    pub fn shut_down(&self) -> Result<ExitStatus> {
        self.check()?;
        self.control()?.order("shutdown")?;
        let limit = self.vm.end_after(BOOT);
        let status = self.vm.wait_end()?;
        drop(limit);
        Ok(status)
    }
}
