//! The two guests that are compared, each in a network namespace of its own, so that they can be measured turn by turn without booting.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::Value;

use super::linux;
use crate::command::{self, Guarded};
use crate::control::ControlClient;
use crate::e2e::Lab;
use crate::link::{self, Link};
use crate::machine::{Machine, Network, TAP_GUEST, Transport, Vmm};
use crate::netns::Namespace;
use crate::vm::Vm;
use crate::{paths, ui};

/// How long a boot may take.
const BOOT: Duration = Duration::from_secs(60);

/// How often iperf3's server may refuse a test, and what time it is given each time.
const REFUSALS: u32 = 50;
const RETRY: Duration = Duration::from_millis(200);

/// Who is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The image.
    Midflight,
    /// The Linux guest.
    Linux,
}

impl Who {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Midflight, Self::Linux];

    /// Its name in results.
    pub fn name(self) -> &'static str {
        match self {
            Self::Midflight => "midflight",
            Self::Linux => "linux",
        }
    }
}

/// What the machine is like, the same for both.
#[derive(Clone, Debug)]
pub struct Setup {
    pub processors: u32,
    /// Queue pairs of the card, and processors that there is room for.
    pub queues: u32,
    pub without_offloads: bool,
    pub memory: &'static str,
    pub link: Option<&'static str>,
    /// For the image.
    pub option: Option<&'static str>,
}

impl Default for Setup {
    fn default() -> Self {
        Self { processors: 1, queues: 1, without_offloads: false, memory: "256M", link: None, option: None }
    }
}

/// What is needed to boot either.
pub struct Parts {
    lab: Lab,
    linux: linux::Guest,
    traffic: PathBuf,
    link: PathBuf,
}

impl Parts {
    /// Builds and downloads everything, so that nothing compiles while something is measured.
    pub fn provide() -> Result<Self> {
        let lab = Lab::new();
        ui::step("Building the traffic and the guest's services");
        command::run(command::cargo().args(["build", "--release", "--package", "traffic", "--quiet"]))?;
        let program = |name: &str| paths::target().join("release").join(name);
        let linux = linux::provide(&program("midflight-peer"))?;
        lab.machine()?;
        Ok(Self { lab, linux, traffic: program("midflight-traffic"), link: link::build()? })
    }

    /// The image.
    pub fn image(&self) -> Result<PathBuf> {
        self.lab.image()
    }

    /// A namespace for `who`, in which nothing runs.
    pub fn place(&self, who: Who) -> Result<Place<'_>> {
        self.place_named(who, "")
    }

    /// The same where `who` has several, told apart by `suffix`.
    pub fn place_named(&self, who: Who, suffix: &str) -> Result<Place<'_>> {
        Ok(Place { parts: self, who, namespace: Namespace::named(&format!("{}{suffix}", who.name()))? })
    }

    /// Both guests, booted.
    pub fn boot(&self, setup: &Setup) -> Result<[Running<'_>; 2]> {
        let [first, second] = Who::BOTH.map(|who| self.place(who)?.boot(setup));
        Ok([first?, second?])
    }
}

/// Where a guest can run.
pub struct Place<'a> {
    parts: &'a Parts,
    pub who: Who,
    namespace: Namespace,
}

impl<'a> Place<'a> {
    /// Boots the guest.
    pub fn boot(self, setup: &Setup) -> Result<Running<'a>> {
        let link = match setup.link {
            Some(spec) => Some(Link::start(&self.parts.link, &self.namespace, spec, false)?),
            None => None,
        };
        let vm = self.start(setup, link.as_ref())?;
        let ready = match self.who {
            Who::Midflight => vm.wait_ready(BOOT),
            Who::Linux => vm.wait_line(BOOT, |line| line.contains(linux::READY)),
        };
        ready.with_context(|| format!("the guest {} does not start", self.who.name()))?;
        Ok(Running { vm, link, place: self })
    }

    /// Starts it, ready or not.
    pub fn start(&self, setup: &Setup, link: Option<&Link>) -> Result<Vm> {
        let mut machine: Machine = self.parts.lab.machine()?;
        machine.processors = setup.processors;
        machine.memory = setup.memory.into();
        machine.without_offloads = setup.without_offloads;
        let name = self.namespace.name().to_owned();
        machine.network = match link {
            Some(link) => Network::Link(name, link.dir().to_owned()),
            None if setup.queues > 1 => {
                self.namespace.use_several_queues()?;
                Network::Queues(name, setup.queues)
            }
            None => Network::Tap(name),
        };
        machine.options.extend(setup.option.map(str::to_owned));
        if self.who == Who::Linux {
            machine.image = self.parts.linux.kernel.clone();
            machine.vmm = Vmm::Linux(self.parts.linux.initramfs.clone());
        }
        Vm::start(machine, |_| ())
    }

    /// A program in the namespace, of which the words are separated by spaces.
    fn program(&self, program: &std::path::Path, words: &str) -> std::process::Command {
        let mut command = command::tethered("ip");
        command.args(["netns", "exec", self.namespace.name()]).arg(program).args(words.split_whitespace());
        command
    }

    /// Starts `midflight-traffic WORDS` in the background.
    pub fn traffic_behind(&self, words: &str) -> Result<Guarded> {
        Guarded::spawn(self.program(&self.parts.traffic, words).stdout(std::process::Stdio::null()))
    }

    /// Runs `midflight-traffic WORDS` and returns what it says.
    pub fn traffic(&self, words: &str) -> Result<Value> {
        let line = command::output(&mut self.program(&self.parts.traffic, words))?;
        serde_json::from_str(&line).with_context(|| format!("midflight-traffic {words} said {line}"))
    }

    /// Runs `iperf3 -c GUEST -J WORDS`.
    pub fn iperf(&self, words: &str) -> Result<Value> {
        let line = format!("-c {TAP_GUEST} -J {words}");
        let (_keep, nothing) = std::sync::mpsc::channel::<()>();
        let mut refused = 0;
        loop {
            let mut iperf = self.program("iperf3".as_ref(), &line);
            // With an error it may end with 1, but its report says more.
            let text = command::output_whatever(&mut iperf)?;
            let report: Value =
                serde_json::from_str(&text).with_context(|| format!("iperf3 {words} wrote no report"))?;
            let Some(error) = report["error"].as_str() else { return Ok(report) };
            // Its server listens again only when it has seen the end of the test before, which may get lost on the way.
            // The peer's may also reset the connection of a test that begins right after another; ours never does.
            let reset = self.who == Who::Linux && error.contains("reset by peer");
            let again = error.contains("refused") || error.contains("busy") || reset;
            anyhow::ensure!(again && refused < REFUSALS, "iperf3 {words} against {}: {error}", self.who.name());
            refused += 1;
            let _ = nothing.recv_timeout(RETRY);
        }
    }

    /// The namespace, to work inside.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }
}

/// A guest that runs. The machine ends before its link, and both before their namespace.
pub struct Running<'a> {
    pub vm: Vm,
    pub link: Option<Link>,
    pub place: Place<'a>,
}

impl Running<'_> {
    /// Calls `work` with a client of the image's control port; a reply may take as long as `limit`.
    pub fn on_control<T: Send>(
        &self,
        limit: Duration,
        work: impl FnOnce(&ControlClient) -> Result<T> + Send,
    ) -> Result<T> {
        let address = self.vm.machine.network.address(Transport::Udp, 7070).context("the guest has no control port")?;
        self.place.namespace().inside(move || work(&ControlClient::new(address, limit)?))
    }
}
