//! What is measured. A suite boots both guests, takes its samples turn by turn, and ends them.

use anyhow::Result;

use super::pair::Parts;
use super::record::Records;
use super::{bulk, lossy, machine, rules, small, swaps};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// Samples of each figure.
    pub rounds: usize,
    /// Seconds of each sample.
    pub seconds: u64,
}

/// A named set of measurements.
pub struct Suite {
    /// What `--only` selects by.
    pub name: &'static str,
    /// What it measures.
    pub what: &'static str,
    /// Does it.
    pub run: fn(&Parts, Amount, &mut Records) -> Result<()>,
}

/// All of them.
pub const SUITES: &[Suite] = &[
    Suite { name: "bulk", what: "TCP, 1 and 4 streams, both ways, all offloads", run: bulk::offloads },
    Suite { name: "plain", what: "the same without offloads", run: bulk::plain },
    Suite { name: "requests", what: "request and response, connections opened and closed", run: small::requests },
    Suite { name: "datagrams", what: "UDP echo, many datagrams under way", run: small::datagrams },
    Suite { name: "boot", what: "start to first ping, idle, size of the image", run: machine::boot },
    Suite { name: "memory", what: "10,000 connections in 128 MiB", run: machine::connections },
    Suite { name: "swaps", what: "a swap every 100 ms under load", run: swaps::under_load },
    Suite { name: "rules", what: "through 10,000 rules and without; swaps with 100,000", run: rules::through_rules },
    Suite { name: "loss", what: "1 % loss, 40 ms, 50 Mbit/s", run: lossy::loss },
    Suite { name: "bursts", what: "losses in bursts", run: lossy::bursts },
    Suite { name: "reordering", what: "5 % reordering, no loss", run: lossy::reordering },
];
