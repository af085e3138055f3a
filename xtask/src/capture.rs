//! What a machine's card sends and receives while a test runs, and tshark's opinion of it afterwards.
//!
//! QEMU writes each frame between card and network to a FIFO (`filter-dump`); where it cannot (several queues), or is not there (`unikernel/hosted`), dumpcap
//! does so on the TAP with those that the guest sends. Of each tenth of a second a part is kept. Of the frames that the guest sent none may be malformed, and none
//! may have a wrong checksum. Where the card completes checksums (a TAP with offloads) a segment or datagram may carry the sum of the pseudo-header in its
//! place, and must be exact in that.

mod dumpcap;
mod notices;
mod pcap;
pub mod tally;
mod tshark;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustix::fs::{FileType, Mode, mknodat};

pub use dumpcap::{Dumpcap, Until};
pub use notices::{notices, notices_on};
pub use tshark::{Found, Sender};

use crate::machine::{Machine, Network, Vmm};
use crate::{cleanup, hosted, paths, provision, ui};

/// Fails if tshark finds fault with a frame that the guest sent; otherwise the file is removed.
pub fn blameless(file: &Path, sender: Sender, whole: bool) -> Result<Found> {
    let found = tshark::judge(file, sender, whole)?;
    let partial = if whole { String::new() } else { format!(", {} left to the card", found.partial) };
    ui::note(&format!("tshark: {} frames of the guest, {} checksums right{partial}", found.sent, found.right));
    ensure!(
        found.bad.is_empty(),
        "the guest sent {} frames that are malformed or have a wrong checksum ({} keeps them):\n    {}",
        found.blamed,
        file.display(),
        found.bad.join("\n    ")
    );
    ensure!(found.sent == 0 || found.right > 0, "tshark verified no checksum of {} frames", found.sent);
    // It may be gone already.
    let _ = std::fs::remove_file(file);
    Ok(found)
}

/// The address that QEMU gives its first card, and the Linux guest of [`Vmm::Nested`] its TAP.
const GUEST: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

/// A capture under way.
pub struct Capture {
    fifo: PathBuf,
    file: PathBuf,
    card: [u8; 6],
    /// Whether the frames of the guest have whole checksums.
    whole: bool,
    /// Who writes, unless QEMU does.
    dumpcap: Option<Dumpcap>,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<Result<pcap::Kept>>>,
    _undo: cleanup::Undo,
}

impl Capture {
    /// A capture of `machine`'s card; the machine has to be started with [`arguments`](Self::arguments).
    pub fn of(machine: &Machine) -> Result<Self> {
        let card = if matches!(machine.vmm, Vmm::Hosted) { hosted::MAC } else { GUEST };
        let whole = !leaves_checksums(machine);
        // QEMU's filters know no networks of several queues.
        match (&machine.vmm, &machine.network) {
            (Vmm::Qemu | Vmm::Nested(_), network) if !matches!(network, Network::Queues(..)) => Self::new(card, whole),
            (_, network) => match network.namespace() {
                Some(namespace) => Self::on_tap(namespace, card, whole, Until::Asked),
                None => bail!("what a machine sends can be captured if it is QEMU or has a TAP, not of {machine:?}"),
            },
        }
    }

    /// A capture of what comes from the address `card` by `tap0` of the namespace.
    fn on_tap(namespace: &str, card: [u8; 6], whole: bool, until: Until) -> Result<Self> {
        let mut capture = Self::new(card, whole)?;
        let filter = format!("ether src {}", tshark::address(card));
        capture.dumpcap = Some(Dumpcap::start(namespace, "tap0", &filter, &capture.fifo, until)?);
        Ok(capture)
    }

    /// A FIFO, and one who reads it.
    fn new(card: [u8; 6], whole: bool) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        provision::need(&[provision::TSHARK])?;
        let dir = paths::target().join("captures");
        std::fs::create_dir_all(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let name = format!("{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (fifo, file) = (dir.join(format!("{name}.fifo")), dir.join(format!("{name}.pcap")));
        mknodat(rustix::fs::CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
            .with_context(|| format!("cannot make {}", fifo.display()))?;
        let doomed = fifo.clone();
        let undo = cleanup::register(move || {
            // It may be gone already.
            let _ = std::fs::remove_file(&doomed);
        });
        let stop = Arc::new(AtomicBool::new(false));
        let reader = pcap::Reader::open(&fifo, &file, card)?;
        let stopped = Arc::clone(&stop);
        let reader = Some(std::thread::spawn(move || reader.run(&stopped)));
        Ok(Self { fifo, file, card, whole, dumpcap: None, stop, reader, _undo: undo })
    }

    /// What QEMU is told besides, if it is QEMU that captures.
    pub fn arguments(&self) -> Vec<String> {
        if self.dumpcap.is_some() {
            return Vec::new();
        }
        let object = format!("filter-dump,id=dump0,netdev=n0,maxlen=65600,file={}", self.fifo.display());
        vec!["-object".into(), object]
    }

    /// Judges what was kept. The machine has ended.
    pub fn judge(mut self) -> Result<Found> {
        let kept = self.end()?;
        if kept.kept == 0 {
            // It was never alive, or nobody asked it anything.
            let _ = std::fs::remove_file(&self.file);
            return Ok(Found::default());
        }
        ui::note(&format!("{} of {} frames were kept", kept.kept, kept.seen));
        blameless(&self.file, Sender::Card(self.card), self.whole)
    }

    fn end(&mut self) -> Result<pcap::Kept> {
        let ended = self.dumpcap.take().map(Dumpcap::end);
        self.stop.store(true, Ordering::Release);
        let reader = self.reader.take().context("the capture has ended already")?;
        let kept = reader.join().map_err(|_| anyhow!("the capture's reader panicked"))?;
        ended.transpose()?;
        kept
    }
}

/// Whether the guest may leave checksums to its card; uhyve's leaves them to the card of Linux around it.
fn leaves_checksums(machine: &Machine) -> bool {
    let offered = matches!(machine.network, Network::Tap(_) | Network::Tap6(_) | Network::Queues(..));
    let is_unused =
        |option: &String| option.strip_prefix("nic=").is_some_and(|all| all.split(',').any(|one| one == "no-csum"));
    offered && !machine.without_offloads && !machine.options.iter().any(is_unused)
}

impl Drop for Capture {
    fn drop(&mut self) {
        if self.reader.is_some() {
            // Nobody wants what it kept: the test has failed.
            let _ = self.end();
            let _ = std::fs::remove_file(&self.file);
        }
    }
}
