//! What the engine leaves to a controller that sets a rate.

use swapper::Protocol;

use super::script::{Script, config};
use crate::congestion::algorithm::Algorithm;
use crate::congestion::{Ack, Congestion, CongestionEvent, Controller, Past, Restart, Timeout, Window};
use crate::tcp::{Engine, Secrets};

/// Keeps its window, and sends as fast as any link takes, if it `paces`.
#[derive(Clone, Copy)]
struct Fixed {
    paces: bool,
}

impl Algorithm for Fixed {
    type State = Past;
    const PROTOCOLS: &'static [Protocol] = &[];
    const TABLE: Protocol = Protocol::new(60, "test");

    fn acknowledged(&self, _: &mut Past, window: &mut Window, _: &Ack) {
        if self.paces {
            window.pacing_rate = 1 << 40;
        }
    }

    fn congestion(&self, _: &mut Past, window: &mut Window, _: &CongestionEvent) {
        window.ssthresh = 2 * window.mss;
    }

    fn timeout(&self, _: &mut Past, _: &mut Window, _: &Timeout) {}
    fn recovered(&self, _: &mut Past, _: &mut Window, _: u64) {}
    fn undo(&self, _: &mut Past, _: &mut Window) {}
    fn restart(&self, _: &mut Past, _: &mut Window, _: &Restart) {}

    fn past(state: &Past) -> Past {
        *state
    }

    fn from_past(past: Past) -> Past {
        past
    }
}

/// Four of ten segments are reported as arrived or lost: what goes out then.
fn recover(paces: bool) -> usize {
    let controller = swapper::standalone::<dyn Congestion>(Controller(Fixed { paces }).object()).unwrap();
    let mut script = Script::new(&config());
    script.engine = Engine::new(config(), Secrets::from_seed([9; 32]), controller);
    script.engine.listen(super::script::PORT, 4).unwrap();
    script.handshake(Script::with_sack());
    script.send(60_000);
    script.sent();
    script.advance(10);
    script.ack(1000);
    script.sent();
    script.advance(10);
    script.sack(1000, &[(2000, 5000)]);
    let info = script.engine.info(script.conn()).unwrap();
    assert_eq!((info.fast_recoveries, info.cwnd, info.ssthresh), (1, 10_000, 2000));
    script.sent_data().len()
}

#[test]
fn recovery_is_governed_by_who_sets_a_rate() {
    assert_eq!(recover(false), 1, "in proportion to what arrives (RFC 9937)");
    assert_eq!(recover(true), 4, "up to cwnd");
}
