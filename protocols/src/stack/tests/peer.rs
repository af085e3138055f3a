//! What the tests talk to: a stack with a pipe on either side, and a test's own clock.

use alloc::sync::Arc;
use alloc::vec::Vec;

use smoltcp::time::{Duration, Instant};

use super::pipe::Pipe;
use crate::congestion::lookup;
use crate::frame::craft::{OUR_ADDRESS, OUR_MAC};
use crate::handover::Hub;
use crate::stack::{Addressing, Addressing6, Config, First, Ipv4Cidr, Shared, Stack};
use crate::steering::Steering;
use crate::tcp::{self, Engine, Secrets};

pub const STATIC: Config = Config {
    mac: OUR_MAC,
    mtu: 1500,
    addressing: Addressing::Static { address: Ipv4Cidr::new(OUR_ADDRESS, 24), gateway: None },
    addressing6: Addressing6::Off,
};

pub fn engine(seed: u8, config: tcp::Config) -> Engine {
    Engine::new(config, Secrets::from_seed([seed; 32]), lookup("reno").unwrap().standalone())
}

pub fn first() -> First {
    First { seed: 7, steering: Steering::new([7; 16], 1), hub: Hub::default() }
}

/// One stack with its link.
pub struct Peer {
    pub now: Instant,
    pub stack: Stack,
    pub rx: Pipe,
    pub tx: Pipe,
}

impl Peer {
    pub fn new(config: &Config) -> Self {
        Self::with_engine(config, tcp::Config::default())
    }

    pub fn with_engine(config: &Config, tcp: tcp::Config) -> Self {
        let now = Instant::from_secs(1);
        let stack = Stack::first(config, Arc::new(Shared::new()), engine(config.mac[5], tcp), first(), now).unwrap();
        Peer { now, stack, rx: Pipe::default(), tx: Pipe::default() }
    }

    /// One activity of an event loop without services.
    pub fn turn(&mut self) {
        while self.stack.receive(self.now, &mut self.rx, &mut self.tx, 32) == 32 {}
        while self.stack.transmit(self.now, &mut self.tx) {}
    }

    /// Gives the stack one frame and returns what it sends.
    pub fn ask(&mut self, frame: &[u8]) -> Vec<Vec<u8>> {
        self.rx.put(frame);
        self.turn();
        self.tx.take()
    }

    pub fn wait(&mut self, duration: Duration) {
        self.now += duration;
        self.turn();
    }
}
