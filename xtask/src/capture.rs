//! What a guest's card sends and receives while a test runs, and tshark's opinion of it afterwards.
//!
//! QEMU writes each frame between card and network to a FIFO (`filter-dump`); a part of bounded size is kept. Of the frames that the guest sent none may be
//! malformed, and none may have a wrong checksum. Where the card completes checksums (a TAP with offloads) the frame carries the sum of the
//! pseudo-header only, as it should, and the IPv4 header's is the one that can be judged.

mod pcap;
mod tshark;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;

use anyhow::{Context, Result, anyhow, ensure};
use rustix::fs::{FileType, Mode, mknodat};

pub use tshark::{Found, Sender, notices};

use crate::machine::{Machine, Network, Vmm};
use crate::{cleanup, paths, provision, ui};

/// Fails if tshark finds fault with a frame that the guest sent; otherwise the file is removed.
pub fn blameless(file: &Path, sender: Sender, whole: bool) -> Result<Found> {
    let found = tshark::judge(file, sender, whole)?;
    let besides = if whole { "" } else { " (those of TCP and UDP are the card's)" };
    ui::note(&format!("tshark: {} frames of the guest, {} checksums right{besides}", found.sent, found.right));
    ensure!(
        found.bad.is_empty(),
        "the guest sent frames that are malformed or have a wrong checksum ({} keeps them):\n    {}",
        file.display(),
        found.bad.join("\n    ")
    );
    ensure!(found.sent == 0 || found.right > 0, "tshark verified no checksum of {} frames", found.sent);
    // It may be gone already.
    let _ = std::fs::remove_file(file);
    Ok(found)
}

/// The address that QEMU gives its first card.
const GUEST: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

/// A capture under way.
pub struct Capture {
    fifo: PathBuf,
    file: PathBuf,
    /// Whether the frames of the guest have whole checksums.
    whole: bool,
    stop: Arc<AtomicBool>,
    reader: Option<JoinHandle<Result<pcap::Kept>>>,
    _undo: cleanup::Undo,
}

impl Capture {
    /// A capture of `machine`'s card, if QEMU runs it and can capture it; the machine has to be started with [`arguments`](Self::arguments).
    pub fn of(machine: &Machine) -> Result<Option<Self>> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // QEMU's filters know no networks of several queues.
        if !matches!(machine.vmm, Vmm::Qemu) || matches!(machine.network, Network::Queues(..)) {
            return Ok(None);
        }
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
        let reader = pcap::Reader::open(&fifo, &file, GUEST)?;
        let stopped = Arc::clone(&stop);
        let reader = Some(std::thread::spawn(move || reader.run(&stopped)));
        let offloads = matches!(machine.network, Network::Tap(_) | Network::Tap6(_)) && !machine.without_offloads;
        Ok(Some(Self { fifo, file, whole: !offloads, stop, reader, _undo: undo }))
    }

    /// What QEMU is told besides.
    pub fn arguments(&self) -> [String; 2] {
        let object = format!("filter-dump,id=dump0,netdev=n0,maxlen=65600,file={}", self.fifo.display());
        ["-object".into(), object]
    }

    /// Judges what was kept. The machine has ended.
    pub fn judge(mut self) -> Result<()> {
        let kept = self.end()?;
        ui::note(&format!("{} of {} frames were kept", kept.kept, kept.seen));
        blameless(&self.file, Sender::Card(GUEST), self.whole).map(drop)
    }

    fn end(&mut self) -> Result<pcap::Kept> {
        self.stop.store(true, Ordering::Release);
        let reader = self.reader.take().context("the capture has ended already")?;
        reader.join().map_err(|_| anyhow!("the capture's reader panicked"))?
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        if self.reader.is_some() {
            // Nobody wants what it kept: the test has failed, or has ended otherwise.
            let _ = self.end();
            let _ = std::fs::remove_file(&self.file);
        }
    }
}
