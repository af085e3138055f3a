//! The TAP device in the form that the stack takes.

use std::io::{self, IoSlice};
use std::sync::atomic::{AtomicU64, Ordering};

use protocols::stack::{Fill, Full, Offloads, Payload, Receive, RxMeta, Transmit, TxMeta};
use tap::{Form, HEADER, Header, Segments, Tap};

/// Our end's address: locally administered.
pub const MAC: [u8; 6] = [2, 0x4d, 0x66, 0, 0, 2];

/// The longest frame: Ethernet's header, and an IP packet whose segments are joined or will be cut.
const LONGEST: usize = 14 + 65_535;

/// From how many octets on a part of a frame is left for the kernel to read where it lies: as the image's driver has it.
const LEAST_LENT: usize = 2048;

/// What has happened on a queue of the device; on cache lines of its own, since each processor writes its own.
#[derive(Default)]
#[repr(align(128))]
pub struct Counters {
    rx_frames: AtomicU64,
    rx_bytes: AtomicU64,
    tx_frames: AtomicU64,
    tx_bytes: AtomicU64,
    tx_lent: AtomicU64,
    tx_full: AtomicU64,
    tx_refused: AtomicU64,
}

impl Counters {
    /// Names, as the image has them, and values of all queues together.
    pub fn list(queues: &[Self]) -> Vec<(&'static str, u64)> {
        let sum = |counter: fn(&Self) -> &AtomicU64| -> u64 {
            queues.iter().map(|one| counter(one).load(Ordering::Relaxed)).sum()
        };
        vec![
            ("nic_rx_frames", sum(|one| &one.rx_frames)),
            ("nic_rx_bytes", sum(|one| &one.rx_bytes)),
            ("nic_tx_frames", sum(|one| &one.tx_frames)),
            ("nic_tx_bytes", sum(|one| &one.tx_bytes)),
            ("nic_tx_lent_bytes", sum(|one| &one.tx_lent)),
            ("nic_tx_full", sum(|one| &one.tx_full)),
            ("nic_tx_refused", sum(|one| &one.tx_refused)),
        ]
    }
}

/// Adds to a counter that only one thread writes.
fn add(counter: &AtomicU64, value: usize) {
    counter.store(counter.load(Ordering::Relaxed) + value as u64, Ordering::Relaxed);
}

/// A queue of the device with its buffers.
pub struct Nic {
    device: Tap,
    received: Box<[u8]>,
    sent: Box<[u8]>,
    /// Octets of a frame in `sent` for which the device had no room.
    waiting: usize,
}

impl Nic {
    /// On a device.
    pub fn new(device: Tap) -> Self {
        let buffer = || vec![0; HEADER + LONGEST].into_boxed_slice();
        Self { device, received: buffer(), sent: buffer(), waiting: 0 }
    }

    /// What the device does for the stack.
    pub fn offloads(&self) -> Offloads {
        match self.device.form() {
            Form::Plain => Offloads::default(),
            Form::Offloads => Offloads { checksum: true, segmentation: Some(LONGEST), segmentation6: Some(LONGEST) },
        }
    }

    /// The device, to wait for.
    pub fn device(&self) -> &Tap {
        &self.device
    }

    /// Whether a frame waits for room.
    pub fn is_full(&self) -> bool {
        self.waiting > 0
    }

    /// Both directions, to be used at the same time.
    pub fn split<'a>(&'a mut self, counters: &'a Counters) -> (Rx<'a>, Tx<'a>) {
        let offloads = self.offloads();
        let Self { device, received, sent, waiting } = self;
        (Rx { device, buffer: received, counters }, Tx { device, buffer: sent, waiting, offloads, counters })
    }
}

/// Receiving.
pub struct Rx<'a> {
    device: &'a Tap,
    buffer: &'a mut [u8],
    counters: &'a Counters,
}

impl Receive for Rx<'_> {
    fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize {
        for taken in 0..budget {
            // A device that is down has nothing; the loop looks again when the host says so.
            let Ok(Some(length)) = self.device.receive(self.buffer) else { return taken };
            let (checksum_verified, frame) = match self.device.form() {
                Form::Plain => (false, &mut self.buffer[..length]),
                Form::Offloads => match Header::split(&mut self.buffer[..length]) {
                    Some((header, frame)) => (header.verified || header.checksum.is_some(), frame),
                    None => continue,
                },
            };
            add(&self.counters.rx_frames, 1);
            add(&self.counters.rx_bytes, frame.len());
            each(frame, RxMeta { checksum_verified });
        }
        budget
    }
}

/// Transmitting. The device takes each frame at once, or one waits here.
pub struct Tx<'a> {
    device: &'a Tap,
    buffer: &'a mut [u8],
    waiting: &'a mut usize,
    offloads: Offloads,
    counters: &'a Counters,
}

impl Tx<'_> {
    /// Hands over the frame of so many octets that waits in the buffer.
    fn hand_over(&mut self) {
        let length = std::mem::take(self.waiting);
        let sent = self.device.send(&self.buffer[..length]);
        self.note(sent, length);
    }

    /// Notes what became of a frame of `length` octets, which waits if there was no room.
    fn note(&mut self, sent: io::Result<bool>, length: usize) {
        match sent {
            Ok(true) => {
                add(&self.counters.tx_frames, 1);
                add(&self.counters.tx_bytes, length - self.header());
            }
            Ok(false) => {
                *self.waiting = length;
                add(&self.counters.tx_full, 1);
            }
            Err(_) => add(&self.counters.tx_refused, 1),
        }
    }

    fn header(&self) -> usize {
        if self.device.form() == Form::Offloads { HEADER } else { 0 }
    }
}

impl Transmit for Tx<'_> {
    fn offloads(&self) -> Offloads {
        self.offloads
    }

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        self.transmit_parts(len, Payload::default(), meta, fill)
    }

    fn least_lent(&self) -> usize {
        LEAST_LENT
    }

    fn transmit_parts(&mut self, head: usize, body: Payload<'_>, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        self.flush();
        if *self.waiting > 0 {
            return Err(Full);
        }
        let header = self.header();
        let [first, second] = body.map(|part| part.octets);
        let rest = first.len() + second.len();
        let len = head + rest;
        if len > LONGEST {
            add(&self.counters.tx_refused, 1);
            return Ok(());
        }
        if header > 0 {
            let segments = meta.segmentation.map(|s| Segments { header: s.header_len, payload: s.mss, ipv6: s.ipv6 });
            let checksum = meta.checksum.map(|c| (c.start, c.offset));
            let octets = Header { checksum, segments, verified: false }.octets();
            self.buffer[..HEADER].copy_from_slice(&octets);
        }
        let begin = header + head;
        fill(&mut self.buffer[header..begin]);
        // The kernel reads at once, so nobody has to keep what is lent.
        let parts = [IoSlice::new(&self.buffer[..begin]), IoSlice::new(first), IoSlice::new(second)];
        let sent = self.device.send_parts(if rest > 0 { &parts } else { &parts[..1] });
        self.note(sent, begin + rest);
        if *self.waiting > 0 {
            let (place, last) = self.buffer[begin..begin + rest].split_at_mut(first.len());
            place.copy_from_slice(first);
            last.copy_from_slice(second);
        } else {
            add(&self.counters.tx_lent, rest);
        }
        Ok(())
    }

    fn flush(&mut self) {
        if *self.waiting > 0 {
            self.hand_over();
        }
    }
}
