//! The control port on processor 0: the control service with its socket, its mailboxes and its swaps.

use alloc::vec::Vec;

use protocols::classification::classifier::{Batch, Rulebook};
use protocols::classification::{Rule, RuleId, Shares};
use protocols::control::{PORT, Record, Refusal};
use protocols::stack::{Stack, Udp, UdpError, UdpLimits, UdpPeer};
use protocols::time::{Duration, Instant};

use super::rules::{Done, Rules};
use super::shared::{Shared, shown};
use super::swaps::Swaps;
use crate::control::{Host, Object, Question, Server, Started, Ticket};
use crate::service::System;

/// Datagrams that may wait.
const DATAGRAMS: usize = 64;
/// Time for the answer to leave before the system ends.
const LAST_WORDS: Duration = Duration::from_millis(100);
/// Datagrams that are read in one turn.
const BUDGET: usize = 16;

/// The control port.
pub(super) struct ControlPort {
    udp: Udp,
    server: Server<UdpPeer>,
    swaps: Swaps,
    rules: Rules,
    /// When the system ends, if somebody asked for that.
    end: Option<Instant>,
    /// There may be datagrams that were not read for want of budget.
    pub(super) again: bool,
}

impl ControlPort {
    /// Listens. `book` has the rules of the classifier.
    pub(super) fn open(stack: &mut Stack, book: Rulebook) -> Result<ControlPort, UdpError> {
        let udp = stack.udp_bind(PORT, UdpLimits { datagrams: DATAGRAMS, octets: DATAGRAMS * 1472 })?;
        let (swaps, rules) = (Swaps::default(), Rules::new(book));
        Ok(ControlPort { udp, server: Server::new(), swaps, rules, end: None, again: false })
    }

    /// Takes requests, answers and decided swaps.
    pub(super) fn turn(&mut self, now: Instant, stack: &mut Stack, shared: &Shared, scratch: &mut [u8]) {
        if self.end.is_some_and(|end| end <= now) {
            shared.platform.end();
        }
        let ControlPort { udp, server, swaps, rules, end, again } = self;
        let mut left = BUDGET;
        while left > 0 {
            let mut datagram = None;
            let came = stack.udp_receive(*udp, &mut |octets, peer| {
                let length = octets.len().min(scratch.len());
                scratch[..length].copy_from_slice(&octets[..length]);
                datagram = Some((length, peer));
            });
            let Some((length, peer)) = datagram.filter(|_| came) else { break };
            let mut host = NodeHost { now, stack, udp: *udp, shared, swaps, rules, end };
            server.request(&mut host, peer, &scratch[..length]);
            left -= 1;
        }
        *again = left == 0;
        while let Some((processor, ticket, answer)) = shared.answers.take() {
            let mut host = NodeHost { now, stack, udp: *udp, shared, swaps, rules, end };
            server.answered(&mut host, processor, ticket, answer);
        }
        while let Some((ticket, trace)) = swaps.finished(shared, rules) {
            let mut host = NodeHost { now, stack, udp: *udp, shared, swaps, rules, end };
            server.swapped(&mut host, ticket, trace);
        }
        let failed = match rules.turn(shared) {
            Some(Done::Prepared) => swaps.prepared(shared, rules),
            Some(Done::InForce(ticket)) => {
                let mut host = NodeHost { now, stack, udp: *udp, shared, swaps, rules, end };
                server.rules_in_force(&mut host, ticket);
                None
            }
            None => None,
        };
        *again |= rules.again;
        if let Some((ticket, trace)) = failed {
            let mut host = NodeHost { now, stack, udp: *udp, shared, swaps, rules, end };
            server.swapped(&mut host, ticket, trace);
        }
        server.poll(&mut NodeHost { now, stack, udp: *udp, shared, swaps, rules, end });
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.server.next_deadline(), self.end].into_iter().flatten().min()
    }
}

struct NodeHost<'a> {
    now: Instant,
    stack: &'a mut Stack,
    udp: Udp,
    shared: &'a Shared,
    swaps: &'a mut Swaps,
    rules: &'a mut Rules,
    end: &'a mut Option<Instant>,
}

impl Host<UdpPeer> for NodeHost<'_> {
    fn now(&self) -> Instant {
        self.now
    }

    fn reply(&mut self, peer: UdpPeer, datagram: &[u8]) {
        if let Err(error) = self.stack.udp_send(self.udp, peer, datagram) {
            log::debug!("control: a reply was lost: {error}");
        }
    }

    fn processors(&self) -> usize {
        self.shared.processors()
    }

    fn ask(&mut self, processor: usize, question: Question, ticket: Ticket) -> bool {
        let asked = self.shared.local(processor).questions.put((ticket, question));
        if asked {
            self.shared.wake(processor);
        }
        asked
    }

    fn shut_down(&mut self) {
        self.end.get_or_insert(self.now + LAST_WORDS);
    }

    fn objects(&self) -> Vec<Object> {
        Swaps::objects(self.shared, self.rules)
    }

    fn swap(&mut self, object: &str, implementation: &str, deadline: Duration) -> Result<Started, Refusal> {
        self.swaps.order(self.shared, self.rules, object, implementation, deadline)
    }

    fn rules(&self, from: Option<RuleId>, most: usize) -> Option<Vec<(RuleId, Rule)>> {
        self.rules.page(from, most)
    }

    fn shares(&self) -> Option<Shares> {
        self.rules.book.rules().shares().copied()
    }

    fn rule_summary(&self) -> Record {
        self.rules.summary()
    }

    fn change_rules(&mut self, batch: Batch) -> Result<u64, Refusal> {
        self.rules.change(batch)
    }

    fn status(&self) -> Vec<Record> {
        let shared = self.shared;
        let memory = shared.platform.memory();
        let uptime_ns = shared.platform.now_ns().saturating_sub(shared.started_ns);
        let mut records = alloc::vec![
            Record::new()
                .with("version", env!("CARGO_PKG_VERSION"))
                .with("uptime_ms", uptime_ns / 1_000_000)
                .with("processors", shared.processors() as u64)
                .with("address", shown(shared.addresses.address()))
                .with("address6", shown(shared.address6()))
                .with("mtu", shared.stack.mtu as u64)
                .with("congestion", shared.congestion())
                .with("memory_total", memory.total)
                .with("memory_free", memory.free),
        ];
        let mut nic = shared.platform.nic();
        nic.retain(|(name, _)| Record::is_key(name));
        for chunk in nic.chunks(20) {
            let record = Record::new().with("nic", "virtio-net");
            records.push(chunk.iter().fold(record, |record, &(name, value)| record.with(name, value)));
        }
        records
    }
}
