//! What is measured. A suite boots both guests, takes its samples turn by turn, and ends them.

use anyhow::Result;

use super::pair::Parts;
use super::record::Records;
use super::{bulk, lending, lossy, machine, one_way, processors, rules, small, swaps};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Samples of each figure.
    pub rounds: usize,
    /// Seconds of each sample.
    pub seconds: u64,
}

/// Samples of each figure, unless something else is asked for.
pub const ROUNDS: usize = 5;

impl Amount {
    /// Minutes that `suite` takes.
    pub fn minutes(self, suite: &Suite) -> f64 {
        // Booting, and what a sample needs besides its length, are about half of it.
        let length = 0.5 + 0.5 * self.seconds as f64 / SECONDS as f64;
        suite.minutes * length * self.rounds as f64 / ROUNDS as f64
    }
}

/// Seconds of each sample, unless few are wanted.
pub const SECONDS: u64 = 2;

/// A named set of measurements.
pub struct Suite {
    /// What `--only` selects by.
    pub name: &'static str,
    /// What it measures.
    pub what: &'static str,
    /// Minutes that it takes with [`ROUNDS`] rounds of full length on a quiet host; a loaded one takes samples again, twice at most.
    pub minutes: f64,
    /// Does it.
    pub run: fn(&Parts, Amount, &mut Records) -> Result<()>,
}

/// All of them.
pub const SUITES: &[Suite] = &[
    Suite { name: "bulk", what: "TCP, 1 and 4 streams, both ways, all offloads", minutes: 2.0, run: bulk::offloads },
    Suite { name: "plain", what: "the same without offloads", minutes: 2.0, run: bulk::plain },
    Suite {
        name: "requests",
        what: "request and response, connections opened and closed",
        minutes: 1.5,
        run: small::requests,
    },
    Suite { name: "datagrams", what: "UDP echo, many datagrams under way", minutes: 1.0, run: small::datagrams },
    Suite { name: "one-way", what: "UDP one way, without loss and flooded", minutes: 8.0, run: one_way::rates },
    Suite { name: "processors", what: "two processors beside one", minutes: 21.0, run: processors::one_and_two },
    Suite {
        name: "slow-cores",
        what: "the same with a slow core for each thread",
        minutes: 19.0,
        run: processors::slow_cores,
    },
    Suite {
        name: "lending",
        what: "what is lent read in place, and copied",
        minutes: 6.0,
        run: lending::in_place_and_copied,
    },
    Suite { name: "boot", what: "start to first ping, idle, size of the image", minutes: 1.5, run: machine::boot },
    Suite { name: "memory", what: "10,000 connections in 128 MiB", minutes: 0.5, run: machine::connections },
    Suite { name: "swaps", what: "a swap every 100 ms under load", minutes: 6.5, run: swaps::under_load },
    Suite {
        name: "rules",
        what: "through 10,000 rules and without; swaps with 100,000",
        minutes: 8.0,
        run: rules::through_rules,
    },
    Suite { name: "loss", what: "1 % loss, 40 ms, 50 Mbit/s", minutes: 1.5, run: lossy::loss },
    Suite { name: "bursts", what: "losses in bursts", minutes: 1.5, run: lossy::bursts },
    Suite { name: "reordering", what: "5 % reordering, no loss", minutes: 1.5, run: lossy::reordering },
];
