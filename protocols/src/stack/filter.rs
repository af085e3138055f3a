//! Where frames meet the classifier: coming in before anything else in the stack, going out just before the link.
//!
//! ARP is no IP and meets no rules, nor does Neighbor Discovery, which is to IPv6 what ARP is to IPv4: without it nobody could be spoken to.
//! What belongs to a connection meets them on the connection's processor, both ways. A processor without a queue pair of
//! the card has no classifier: what comes in for it meets the rules on processor 0 before it is handed over, what it sends when processor 0
//! gives it to the card.

use alloc::vec::Vec;

use super::reject::{self, ANSWERS};
use super::{Full, Offloads, Transmit, TxMeta};
use crate::classification::Verdict;
use crate::classification::classifier::{Classifier, ClassifierRef, Decision, Duties, Packet};
use crate::frame::{Class, ETHERNET_HEADER, Local};
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
    classifier: ClassifierRef,
    duties: Duties,
    answers: Limiter,
    /// What goes out while a rule may hold it back.
    outgoing: Vec<u8>,
    pub counts: Counts,
}

impl Filter {
    pub fn new(classifier: ClassifierRef) -> Self {
        let answers = Limiter::new(ANSWERS, 1_000_000);
        Self { classifier, duties: Duties::default(), answers, outgoing: Vec::new(), counts: Counts::default() }
    }

    pub fn classifier(&self) -> &ClassifierRef {
        &self.classifier
    }

    /// Takes the newest rules, at the beginning of an activity.
    pub fn refresh(&mut self) {
        self.duties = self.classifier.refresh();
    }

    /// Whether a frame that came in goes on; if not, its sender may get an answer.
    pub fn admits(&mut self, now: Instant, frame: &[u8], class: &Class, local: &Local, tx: &mut dyn Transmit) -> bool {
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
        let decision = self.classifier.incoming(&packet, micros(now));
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
fn packet(frame: &[u8]) -> Option<Packet<'_>> {
    let (link, octets) = frame.split_at_checked(ETHERNET_HEADER)?;
    let meets = link[12..] == IPV4 || link[12..] == IPV6 && !is_discovery(octets);
    meets.then_some(Packet { octets, length: octets.len(), interface: INTERFACE })
}

/// Whether an IPv6 packet is Neighbor Discovery's: of ICMPv6 without extension headers, and of this link alone (RFC 4861 section 4).
fn is_discovery(octets: &[u8]) -> bool {
    octets.get(6..8) == Some(&[58, 255]) && matches!(octets.get(40), Some(133..=137))
}

fn micros(now: Instant) -> u64 {
    now.total_micros().max(0).cast_unsigned()
}

/// The link behind the classifier.
pub(super) struct Gate<'a> {
    pub tx: &'a mut dyn Transmit,
    pub filter: Option<&'a mut Filter>,
    pub now: Instant,
}

impl Transmit for Gate<'_> {
    fn offloads(&self) -> Offloads {
        self.tx.offloads()
    }

    /// While rules may hold back what goes out, a frame is written before it is known whether the link has room; then it is written
    /// once more when it is tried again.
    fn transmit(&mut self, len: usize, meta: TxMeta, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full> {
        let now = micros(self.now);
        match &mut self.filter {
            Some(Filter { duties: Duties { outgoing: true, .. }, classifier, outgoing, counts, .. }) => {
                if outgoing.len() < len {
                    outgoing.resize(len, 0);
                }
                fill(&mut outgoing[..len]);
                let frame = &outgoing[..len];
                let packet = packet(frame);
                let decision = packet.as_ref().map_or(Decision::ACCEPT, |packet| classifier.outgoing(packet, now));
                if decision.verdict == Verdict::Accept {
                    self.tx.transmit(len, meta, &mut |into| into.copy_from_slice(frame))?;
                } else {
                    counts.dropped_out += 1;
                }
                if let Some(packet) = &packet {
                    classifier.sent(packet, &decision, now);
                }
                Ok(())
            }
            Some(Filter { duties: Duties { stateful: true, .. }, classifier, .. }) => {
                self.tx.transmit(len, meta, &mut |frame| {
                    fill(frame);
                    if let Some(packet) = packet(frame) {
                        classifier.sent(&packet, &Decision::ACCEPT, now);
                    }
                })
            }
            _ => self.tx.transmit(len, meta, fill),
        }
    }

    fn flush(&mut self) {
        self.tx.flush();
    }
}
