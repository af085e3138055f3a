//! Forward RTO-recovery: whether a retransmission timeout was for nothing, found out by sending new data once instead of everything again
//! (RFC 5682 section 3.1; without SACK section 2.1). Where both sides use timestamps, the first ACK tells it without a question
//! (`detect_spurious`), and recovery loses no round trip by it.
//!
//! ```text
//!   timer expires      ACK advances: two new segments      advances again, or SACKs an original
//!   -------------> Asked --------------------------> Forward --------------------------> undo
//!                    |  everything, or nothing new to send  |  SACKs the new data, or a duplicate
//!                    +--------------> Off <-----------------+  the timeout was right: the rest goes again
//! ```

use super::super::scoreboard::Delivered;
use super::super::seq::Seq;
use super::recovery::Phase;
use super::{Connection, Env};

/// Segments of new data that ask whether the originals are still coming (step 2b).
const NEW_SEGMENTS: u32 = 2;

/// How far the question has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Frto {
    /// Nothing is asked: recovery is the usual one.
    #[default]
    Off,
    /// The first segment was sent again; its ACK is waited for (step 2).
    Asked,
    /// New data is sent instead of what counts as lost, up to this sequence number; the next ACK tells (step 3).
    Forward(Seq),
}

impl Frto {
    /// Where new data ends that goes out before what counts as lost.
    #[inline]
    pub fn forward(self) -> Option<Seq> {
        match self {
            Self::Forward(end) => Some(end),
            _ => None,
        }
    }
}

impl Connection {
    /// The timer has expired, `again` for the same segment. In the middle of another recovery the answer would not be clear (step 1).
    pub(super) fn ask_forward(&mut self, again: bool) {
        let clear = self.recovery.phase == Phase::Open || (again && self.recovery.frto == Frto::Asked);
        self.recovery.frto = if clear && !self.agreed.timestamps { Frto::Asked } else { Frto::Off };
    }

    /// An ACK came in the recovery of a timeout: it moved SND.UNA by `advanced`, or is a `duplicate`.
    pub(super) fn answer_forward(&mut self, advanced: u32, duplicate: bool, delivered: &Delivered, env: &mut Env<'_>) {
        match self.recovery.frto {
            Frto::Off => {}
            Frto::Asked if advanced > 0 => {
                let wanted = NEW_SEGMENTS * self.window.mss;
                let usable = self.snd_wnd.saturating_sub(self.snd_nxt - self.snd_una);
                let new = wanted.min(self.unsent()).min(usable);
                // Without new data to ask with, recovery is the usual one; if everything is acknowledged, it is over (step 2a).
                let asks = new > 0 && self.snd_una.lt(self.recovery.point);
                self.recovery.frto = if asks { Frto::Forward(self.snd_nxt + new) } else { Frto::Off };
            }
            // Something overtook the first segment, so that this may well be lost (section 2.1 step 2a). SACK tells what it was, and the
            // question stays (section 3.1 step 2).
            Frto::Asked if duplicate && !self.agreed.sack => self.recovery.frto = Frto::Off,
            Frto::Asked => {}
            Frto::Forward(_) => {
                // Only the first segment was sent again, and that is acknowledged: what arrives now is an original (step 3b), unless it is
                // the new data (step 3a).
                let original = delivered.last.is_some_and(|(last, _)| last.end.le(self.recovery.point));
                let progress = (advanced > 0 && !delivered.retransmitted) || (delivered.by_sack > 0 && original);
                if progress {
                    self.undo(env);
                }
                if progress || advanced > 0 || duplicate {
                    self.recovery.frto = Frto::Off;
                }
            }
        }
    }
}
