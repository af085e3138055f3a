//! Where frames meet the classifier: coming in before anything else in the stack, going out just before the link ([`gate`](super::gate)).
//!
//! ARP is no IP and meets no rules, nor does Neighbor Discovery, which is to IPv6 what ARP is to IPv4: without it nobody could be spoken to.
//! What belongs to a connection meets them on the connection's processor, both ways. A processor without a queue pair of
//! the card has no classifier: what comes in for it meets the rules on processor 0 before it is handed over, what it sends when processor 0
//! gives it to the card.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::reject::{self, ANSWERS};
use super::scheduler::Scheduler;
use super::{Transmit, TxMeta};
use crate::classification::Verdict;
use crate::classification::classifier::{Classifier, ClassifierRef, Duties, Packet};
use crate::frame::{Class, ETHERNET_HEADER, Local};
use crate::handover::{Lanes, UnderWay};
use crate::tcp::Limiter;
use crate::time::Instant;

/// The card's number, of those that rules can name.
const INTERFACE: u8 = 0;
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

/// What the classifier decided, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Frames that a rule dropped coming in, the rejected ones among them.
    pub dropped: u64,
    /// Of those, frames whose sender was told.
    pub rejected: u64,
    /// Frames that a rule dropped going out.
    pub dropped_out: u64,
}

/// The classifier as the stack uses it.
pub(super) struct Filter {
    pub(super) classifier: ClassifierRef,
    pub(super) duties: Duties,
    answers: Limiter,
    /// What goes out while a rule may hold it back.
    pub(super) outgoing: Vec<u8>,
    pub counts: Counts,
    /// Classes by turns, from the first time on that the way out is shared.
    pub scheduler: Option<Box<Scheduler>>,
    /// What other processors have under way by this one, from processor 1 on; nothing for one that sends by itself.
    pub lanes: Vec<Option<Arc<Lanes>>>,
}

impl Filter {
    pub fn new(classifier: ClassifierRef, lanes: Vec<Option<Arc<Lanes>>>) -> Self {
        let answers = Limiter::new(ANSWERS, 1_000_000);
        let (duties, counts) = (Duties::default(), Counts::default());
        Self { classifier, duties, answers, outgoing: Vec::new(), counts, scheduler: None, lanes }
    }

    /// A frame that another processor has under way.
    pub fn under_way(&self, meta: TxMeta, octets: usize) -> Option<UnderWay> {
        let lane = meta.lane?;
        let lanes = self.lanes.get(usize::from(lane.sender).checked_sub(1)?)?.as_ref()?;
        Some(UnderWay::new(lanes, lane, octets))
    }

    pub fn classifier(&self) -> &ClassifierRef {
        &self.classifier
    }

    /// Takes the newest rules, at the beginning of an activity.
    pub fn refresh(&mut self) {
        self.duties = self.classifier.refresh();
        if self.duties.shared || self.scheduler.is_some() {
            let scheduler = self.scheduler.get_or_insert_default();
            self.classifier.sharing(&mut scheduler.sharing);
            scheduler.begin();
        }
    }

    /// Whether a frame that came in goes on; if not, its sender may get an answer. `exists` says whether there is the connection that it belongs to or is
    /// about.
    pub fn admits(
        &mut self,
        now: Instant,
        (frame, class): (&[u8], &Class),
        exists: &dyn Fn() -> bool,
        local: &Local,
        tx: &mut dyn Transmit,
    ) -> bool {
        if !self.duties.incoming {
            return true;
        }
        let end = match class {
            Class::Tcp(tcp) => tcp.segment.end,
            Class::Host { length } => *length,
            Class::Neighbor { .. } => return true,
            Class::TooBig(_) => frame.len(),
        };
        let Some(packet) = packet(&frame[..end.min(frame.len())]) else { return true };
        let decision = self.classifier.incoming(&packet, exists, micros(now));
        match decision.verdict {
            Verdict::Accept => return true,
            Verdict::Drop => {}
            Verdict::Reject(how) => {
                if let Some(answer) = reject::answer(frame, how, local)
                    && self.answers.allow(now)
                {
                    // An answer that the link has no room for is lost, as any other frame may be.
                    let sent = tx.transmit(answer.len(), TxMeta::default(), &mut |into| into.copy_from_slice(&answer));
                    self.counts.rejected += u64::from(sent.is_ok());
                }
            }
        }
        self.counts.dropped += 1;
        false
    }
}

/// The IP packet of a frame; `None` if it is none, or one that meets no rules.
pub(super) fn packet(frame: &[u8]) -> Option<Packet<'_>> {
    let (link, octets) = frame.split_at_checked(ETHERNET_HEADER)?;
    let meets = link[12..] == IPV4 || link[12..] == IPV6 && !is_discovery(octets);
    meets.then_some(Packet { octets, length: octets.len(), interface: INTERFACE })
}

/// Whether an IPv6 packet is Neighbor Discovery's: of ICMPv6 without extension headers, and of this link alone (RFC 4861 section 4).
fn is_discovery(octets: &[u8]) -> bool {
    octets.get(6..8) == Some(&[58, 255]) && matches!(octets.get(40), Some(133..=137))
}

pub(super) fn micros(now: Instant) -> u64 {
    now.total_micros().max(0).cast_unsigned()
}
