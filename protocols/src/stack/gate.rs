//! The way out: the link behind the classifier, and behind the turns of classes that wait.

use super::filter::{Filter, micros, packet};
use super::scheduler::{Blocked, Queued, Scheduler};
use super::{Fill, Full, Offloads, Transmit, TxMeta};
use crate::classification::Verdict;
use crate::classification::classifier::{Classifier, Decision, Packet};
use crate::handover::UnderWay;
use crate::tcp::{Payload, octets_of};
use crate::time::{Duration, Instant};

/// Who sends, and so what becomes of a frame whose class has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum From {
    /// A connection, which keeps its octets and is asked again in its class's turn.
    Connection,
    /// It is queued; if the queue is full, the sender keeps it.
    Answer,
    /// It is queued; if the queue is full, it is dropped and counted, so that it is not in the way of what comes after it.
    Host,
    /// Another processor, which has only so much of each class under way: it is queued.
    Another,
}

/// The link, as everything in the stack sends through it.
pub(super) struct Gate<'a> {
    pub tx: &'a mut dyn Transmit,
    pub filter: Option<&'a mut Filter>,
    pub now: Instant,
    pub from: From,
    /// The class of the last frame that was refused because others have their turn.
    pub refused: Option<u8>,
}

impl<'a> Gate<'a> {
    pub fn new(tx: &'a mut dyn Transmit, filter: Option<&'a mut Filter>, now: Instant) -> Self {
        Self { tx, filter, now, from: From::Answer, refused: None }
    }

    fn scheduler(&mut self) -> Option<&mut Scheduler> {
        self.filter.as_mut()?.scheduler.as_deref_mut()
    }

    /// Begins to send.
    pub fn begin(&mut self) {
        if let Some(scheduler) = self.scheduler() {
            scheduler.begin();
        }
    }

    /// Whether what is of this class has to wait; if so, it is noted that it does.
    pub fn must_wait(&mut self, class: u8) -> bool {
        if let Some(lanes) = self.tx.lanes() {
            return !lanes.has_credit(class);
        }
        let Some(scheduler) = self.scheduler().filter(|scheduler| scheduler.is_on()) else { return false };
        let waits = !scheduler.may_send(class);
        if waits {
            scheduler.wait(class);
        }
        waits
    }

    /// The class whose turn it is, if classes wait and something can go.
    pub fn next_turn(&mut self) -> Option<u8> {
        self.scheduler()?.next_turn()
    }

    /// Whether in this turn connections go before what is in the class's queue: as far as other processors send by this one.
    pub fn are_connections_first(&mut self, class: u8) -> bool {
        let Some(Filter { scheduler: Some(scheduler), lanes, .. }) = self.filter.as_deref_mut() else { return false };
        lanes.iter().any(Option::is_some) && scheduler.are_connections_first(class)
    }

    /// The turn is over, or can go no further. `more`: the class has more than what is in its queue.
    pub fn end_turn(&mut self, more: bool) {
        if let Some(scheduler) = self.scheduler() {
            scheduler.end_turn(more);
        }
    }

    /// Whether classes wait, and until when nothing can go: at once, if something can.
    pub fn waits_until(&mut self) -> Option<Instant> {
        let now = self.now;
        let scheduler = self.scheduler().filter(|scheduler| scheduler.is_waiting())?;
        Some(match scheduler.blocked() {
            None => now,
            Some(Blocked::Link) => now + super::stack::RETRY,
            Some(Blocked::Until(at)) => Instant::from_micros(at.div_ceil(1000).cast_signed()).max(now + TICK),
        })
    }

    /// Sends what is in the queue of the class whose turn it is; whether all of it has gone.
    pub fn send_queued(&mut self, class: u8) -> bool {
        let now = micros(self.now) * 1000;
        let Some(Filter { scheduler: Some(scheduler), .. }) = &mut self.filter else { return true };
        while scheduler.may_send(class) {
            let Some(queued) = scheduler.pop(class) else { return true };
            let Queued { frame, meta, octets, .. } = &queued;
            if !scheduler.is_within_rate(*octets, now) {
                scheduler.push_front(class, queued);
            } else if self.tx.transmit(frame.len(), *meta, &mut |into| into.copy_from_slice(frame)).is_err() {
                scheduler.link_is_full();
                scheduler.push_front(class, queued);
            } else {
                scheduler.sent(class, *octets, now);
                drop(queued.under_way);
            }
        }
        !scheduler.has_queued(class)
    }
}

/// The clock's grain.
const TICK: Duration = Duration::from_micros(1);

impl Transmit for Gate<'_> {
    fn offloads(&self) -> Offloads {
        self.tx.offloads()
    }

    fn transmit(&mut self, len: usize, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        self.transmit_parts(len, Payload::default(), meta, fill)
    }

    fn least_lent(&self) -> usize {
        self.tx.least_lent()
    }

    fn transmit_parts(&mut self, head: usize, body: Payload<'_>, meta: TxMeta, fill: Fill<'_>) -> Result<(), Full> {
        let now = micros(self.now);
        let mut under_way = self.filter.as_ref().and_then(|filter| filter.under_way(meta, head + octets_of(&body)));
        let sent = match &mut self.filter {
            Some(filter) if filter.duties.outgoing || filter.scheduler.as_ref().is_some_and(|all| all.is_on()) => {
                self.refused = None;
                examine(filter, self.tx, (self.from, now), (head, body, meta), fill, &mut under_way).map_err(|class| {
                    self.refused = class;
                    Full
                })
            }
            Some(Filter { duties, classifier, .. }) if duties.stateful => {
                self.tx.transmit_parts(head, body, meta, &mut |frame| {
                    fill(frame);
                    if let Some(packet) = whole(frame, &body) {
                        classifier.sent(&packet, &Decision::ACCEPT, now);
                    }
                })
            }
            _ => self.tx.transmit_parts(head, body, meta, fill),
        };
        if let (Err(Full), Some(under_way)) = (sent, under_way) {
            under_way.stays();
        }
        sent
    }

    fn flush(&mut self) {
        self.tx.flush();
    }
}

/// The IP packet of a frame of which `head` is the beginning, and `body` the rest.
fn whole<'a>(head: &'a [u8], body: &Payload<'_>) -> Option<Packet<'a>> {
    packet(head).map(|packet| Packet { length: packet.length + octets_of(body), ..packet })
}

/// While rules may hold back what goes out, or classes wait for each other, a frame's head is written before it is known whether it may go; then
/// it is written once more when it is tried again. If it may not go, its class comes back, or none if the link is full.
fn examine(
    filter: &mut Filter,
    tx: &mut dyn Transmit,
    (from, now): (From, u64),
    (head, body, meta): (usize, Payload<'_>, TxMeta),
    fill: Fill<'_>,
    under_way: &mut Option<UnderWay>,
) -> Result<(), Option<u8>> {
    let Filter { classifier, outgoing, counts, scheduler, .. } = filter;
    if outgoing.len() < head {
        outgoing.resize(head, 0);
    }
    fill(&mut outgoing[..head]);
    let frame = &outgoing[..head];
    // What is no IP packet (ARP) is of no class, and waits for none.
    let mut transmit =
        || tx.transmit_parts(head, body, meta, &mut |into| into.copy_from_slice(frame)).map_err(|Full| None);
    let Some(packet) = whole(frame, &body) else { return transmit() };
    let decision = classifier.outgoing(&packet, now);
    if let Some(under_way) = under_way {
        under_way.is_of(decision.class);
    }
    if decision.verdict != Verdict::Accept {
        counts.dropped_out += 1;
        classifier.sent(&packet, &decision, now);
        return Ok(());
    }
    let (class, nanos) = (decision.class, now.saturating_mul(1000));
    match scheduler.as_deref_mut().filter(|scheduler| scheduler.is_on()) {
        None => transmit()?,
        Some(scheduler) => {
            if scheduler.may_send(class) && scheduler.is_within_rate(packet.length, nanos) {
                if transmit().is_ok() {
                    scheduler.sent(class, packet.length, nanos);
                    classifier.sent(&packet, &decision, now);
                    return Ok(());
                }
                scheduler.link_is_full();
            }
            scheduler.wait(class);
            let (octets, len) = (packet.length, head + octets_of(&body));
            let all = || [frame, body[0].octets, body[1].octets].concat();
            let queue = || Queued { frame: all(), meta, octets, under_way: under_way.take() };
            if from == From::Another {
                scheduler.push_another(class, len, queue);
            } else if from == From::Connection || !scheduler.push(class, len, queue) {
                if from != From::Host {
                    return Err(Some(class));
                }
                scheduler.dropped(class);
                return Ok(());
            }
        }
    }
    classifier.sent(&packet, &decision, now);
    Ok(())
}
