//! The link: frames in, frames out, with little room.

use std::collections::VecDeque;

use protocols::stack::{Fill, Full, Offloads, Receive, RxMeta, Transmit, TxMeta};

#[derive(Default)]
pub struct Inward(pub VecDeque<(Vec<u8>, RxMeta)>);

#[derive(Default)]
pub struct Outward {
    pub frames: Vec<Vec<u8>>,
    pub room: usize,
}

impl Receive for Inward {
    fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize {
        let count = self.0.len().min(budget);
        self.0.drain(..count).for_each(|(mut frame, meta)| each(&mut frame, meta));
        count
    }
}

impl Transmit for Outward {
    fn offloads(&self) -> Offloads {
        Offloads::default()
    }

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        assert_eq!(meta, TxMeta::default());
        if self.frames.len() >= self.room {
            return Err(Full);
        }
        let mut frame = vec![0xa5; len];
        fill(&mut frame);
        self.frames.push(frame);
        Ok(())
    }

    fn flush(&mut self) {}
}
