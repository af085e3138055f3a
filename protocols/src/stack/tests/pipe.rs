//! A link in memory, one direction.

use alloc::collections::VecDeque;
use alloc::vec;
use alloc::vec::Vec;

use crate::stack::{Fill, Full, Offloads, Payload, Receive, RxMeta, Transmit, TxMeta};

/// Holds at most `room` frames.
pub struct Pipe {
    pub frames: VecDeque<(Vec<u8>, TxMeta)>,
    pub offloads: Offloads,
    pub room: usize,
    pub flushes: usize,
    pub least_lent: usize,
    /// Octets that were read where they lie.
    pub lent: usize,
}

impl Default for Pipe {
    fn default() -> Self {
        Pipe {
            frames: VecDeque::new(),
            offloads: Offloads::default(),
            room: 1000,
            flushes: 0,
            least_lent: usize::MAX,
            lent: 0,
        }
    }
}

impl Pipe {
    pub fn put(&mut self, frame: &[u8]) {
        self.frames.push_back((frame.to_vec(), TxMeta::default()));
    }

    pub fn take(&mut self) -> Vec<Vec<u8>> {
        self.frames.drain(..).map(|(frame, _)| frame).collect()
    }
}

impl Transmit for Pipe {
    fn offloads(&self) -> Offloads {
        self.offloads
    }

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        if self.frames.len() >= self.room {
            return Err(Full);
        }
        // Whatever was in the buffer before must not show.
        let mut frame = vec![0xa5; len];
        fill(&mut frame);
        self.frames.push_back((frame, meta));
        Ok(())
    }

    fn least_lent(&self) -> usize {
        self.least_lent
    }

    fn transmit_parts(&mut self, head: usize, body: Payload<'_>, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        let octets = body.map(|part| part.octets).concat();
        self.transmit(head + octets.len(), meta, &mut |frame| {
            let (place, rest) = frame.split_at_mut(head);
            fill(place);
            rest.copy_from_slice(&octets);
        })?;
        for part in body {
            if let Some(lender) = part.lender
                && part.octets.len() >= self.least_lent
            {
                let (all, own) = (lender.as_ptr_range(), part.octets.as_ptr_range());
                assert!(all.start <= own.start && own.end <= all.end, "octets that their lender does not keep");
                self.lent += part.octets.len();
            }
        }
        Ok(())
    }

    fn flush(&mut self) {
        self.flushes += 1;
    }
}

impl Receive for Pipe {
    fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize {
        let mut taken = 0;
        while taken < budget
            && let Some((mut frame, meta)) = self.frames.pop_front()
        {
            assert_eq!(meta, TxMeta::default(), "this pipe is no device: it completes nothing");
            each(&mut frame, RxMeta::default());
            taken += 1;
        }
        taken
    }
}
