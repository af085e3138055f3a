//! A network device in software, for tests: it honours the protocol, watches that the driver does, and can be told to lie.
//!
//! ```text
//!  FakeNic ─┬─ config(), mmio(), memory(): what the driver is given
//!           ├─ model(): registers, the log of what the driver did, violations of the standard
//!           ├─ deliver(), collect(): frames from and to the wire
//!           └─ queue(): the device's side of a queue, to misbehave with
//! ```
//! Device memory is never freed.

#[allow(unsafe_code)]
mod memory;
mod model;
mod pci;
mod queue;

use alloc::vec::Vec;
use std::sync::{Arc, Mutex, MutexGuard};

pub use memory::FakeMemory;
pub use model::{Event, Model, Raised};
pub use pci::{FakeConfig, FakeMmio, FakePorts, FakeWindow, Shape};
pub use queue::{Chain, DeviceQueue};

use crate::net::HEADER;

/// The device. Clones are handles of the same one.
#[derive(Clone, Debug)]
pub struct FakeNic {
    model: Arc<Mutex<Model>>,
    memory: FakeMemory,
    shape: Shape,
}

impl FakeNic {
    /// A device of the given shape, with what is usual for it.
    pub fn new(shape: Shape) -> Self {
        let memory = FakeMemory::default();
        let model = Model::new(shape, memory.clone());
        Self { model: Arc::new(Mutex::new(model)), memory, shape }
    }

    /// The same, after `change`.
    pub fn with(shape: Shape, change: impl FnOnce(&mut Model)) -> Self {
        let nic = Self::new(shape);
        change(&mut nic.model());
        nic
    }

    /// Its configuration space.
    pub fn config(&self) -> FakeConfig {
        FakeConfig { nic: self.clone() }
    }

    /// Ports 0xcf8 and 0xcfc of a machine where it is at 00:02.0.
    pub fn ports(&self) -> FakePorts {
        FakePorts::new(self.clone(), (0, 2, 0))
    }

    /// Its BARs.
    pub fn mmio(&self) -> FakeMmio {
        FakeMmio { nic: self.clone() }
    }

    /// The memory that it shares with the driver.
    pub fn memory(&self) -> &FakeMemory {
        &self.memory
    }

    /// Its registers and its log.
    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Does something with the device's side of an enabled queue.
    pub fn queue<R>(&self, queue: u16, act: impl FnOnce(&mut DeviceQueue) -> R) -> R {
        act(self.model().queue_mut(queue))
    }

    /// Puts a frame with its virtio header into the receive queue of a pair and raises the interrupt if the driver wants it. False: no buffer, dropped.
    pub fn deliver_with(&self, pair: u16, header: [u8; HEADER], frame: &[u8]) -> bool {
        let mut model = self.model();
        let queue = model.queue_mut(2 * pair);
        let Some(chain) = queue.pop() else { return false };
        let mut bytes = Vec::from(header);
        bytes.extend_from_slice(frame);
        let written = queue.write(&chain, &bytes);
        queue.push(u32::from(chain.head), written);
        model.interrupt(2 * pair);
        true
    }

    /// The same with the plainest header.
    pub fn deliver(&self, pair: u16, frame: &[u8]) -> bool {
        let mut header = [0; HEADER];
        header[10] = 1;
        self.deliver_with(pair, header, frame)
    }

    /// Takes all frames out of the transmit queue of a pair and completes them.
    pub fn collect(&self, pair: u16) -> Vec<([u8; HEADER], Vec<u8>)> {
        let uhyve = self.shape.is_uhyve();
        let mut model = self.model();
        let queue = model.queue_mut(2 * pair + 1);
        let mut frames = Vec::new();
        while let Some(chain) = queue.pop() {
            let bytes = queue.read(&chain);
            // Nothing was written, but uhyve says how much was read.
            queue.push(u32::from(chain.head), if uhyve { bytes.len() as u32 } else { 0 });
            let (header, frame) = bytes.split_at(HEADER);
            frames.push((header.try_into().expect("split at its length"), frame.to_vec()));
        }
        model.interrupt(2 * pair + 1);
        frames
    }
}
