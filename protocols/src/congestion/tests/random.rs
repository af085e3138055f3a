//! Random paths, and swaps at random times: what a swap must never do to a connection under the real engine.

use alloc::vec::Vec;

use super::hosts::Hosts;
use super::tcp::swap;
use super::traffic::NAMES;
use crate::congestion::MAX_WINDOW;
use crate::sim::{self, Loss, Probability, Rng};
use crate::tcp::{Config, Info};
use crate::time::Duration;

/// How much the path holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Queue {
    /// More than the peer's window: nothing is ever lost.
    Endless,
    /// A part of the bandwidth-delay product up to twice, and random losses.
    Short,
}

fn path(rng: &mut Rng, queue: Queue) -> sim::Config {
    let rate = 500_000 + rng.below(10_000_000);
    let delay = 1 + rng.below(60);
    let held = (rate * 2 * delay / 1000) as usize;
    let (queue, loss) = match queue {
        Queue::Endless => (1 << 24, 0),
        Queue::Short => (20_000 + rng.below(2 * held as u64) as usize, rng.below(5_000) as u32),
    };
    let loss = Loss::Independent(Probability::from_millionths(loss));
    sim::Config { rate, queue, loss, delay: Duration::from_millis(delay), ..sim::Config::default() }
}

/// What made the window smaller, so far.
fn reductions(sender: &Info) -> [u64; 2] {
    [sender.fast_recoveries, sender.timeouts]
}

/// Looks at the senders before and after some time: a window grows by what is delivered at most, and falls for a reason alone.
fn check(before: &[Info], after: &[Info], highest: &mut [u32], tail_losses: bool) {
    for ((before, after), highest) in before.iter().zip(after).zip(highest) {
        let delivered = after.delivered - before.delivered;
        // A reduction that is taken back gives back what there was once.
        let most = u64::from(*highest) + delivered + u64::from(after.mss);
        assert!(u64::from(after.cwnd) <= most, "{before:?} {after:?}");
        assert!((after.mss..=MAX_WINDOW).contains(&after.cwnd), "{after:?}");
        if reductions(before) == reductions(after) && !tail_losses {
            assert!(after.cwnd >= before.cwnd, "{before:?} {after:?}");
        }
        *highest = (*highest).max(after.cwnd);
    }
}

/// Two connections for some seconds, looked at every few milliseconds, and with a swap there if asked for. Hosts see to it that no octet is lost.
fn run(seed: u64, queue: Queue, swaps: bool) -> Vec<Info> {
    let mut rng = Rng::new(seed);
    let link = path(&mut rng, queue);
    let back = sim::Config { delay: link.delay, ..sim::Config::default() };
    let timestamps = rng.below(2) == 0;
    let mut hosts =
        Hosts::new(NAMES[rng.below(3) as usize], &Config { timestamps, ..Config::default() }, link, back, seed);
    (0..2).for_each(|_| hosts.connect());
    hosts.run(Duration::from_millis(300));
    let mut highest: Vec<u32> = hosts.senders().iter().map(|sender| sender.cwnd).collect();
    for _ in 0..150 {
        let before = hosts.senders();
        let to = NAMES[rng.below(3) as usize];
        if swaps {
            swap(&hosts, to);
        }
        hosts.run(Duration::from_micros(100 + rng.below(50_000)));
        check(&before, &hosts.senders(), &mut highest, queue == Queue::Short);
    }
    assert!(hosts.received().iter().all(|&octets| octets > 0));
    hosts.senders()
}

#[test]
fn swaps_at_any_time_send_nothing_again_where_nothing_is_lost() {
    for seed in 0..12 {
        let [without, with] = [false, true].map(|swaps| run(seed, Queue::Endless, swaps));
        for (without, with) in without.iter().zip(&with) {
            assert_eq!((without.retransmitted_segments, with.retransmitted_segments), (0, 0), "seed {seed}: {with:?}");
            assert_eq!((reductions(with), with.undone), ([0; 2], 0), "seed {seed}");
        }
    }
}

#[test]
fn swaps_at_any_time_keep_windows_within_what_the_path_gives() {
    for seed in 100..112 {
        let with = run(seed, Queue::Short, true);
        assert_eq!(run(seed, Queue::Short, true), with, "seed {seed}");
        assert!(with.iter().all(|sender| sender.timeouts * 4 <= 4 + sender.fast_recoveries), "seed {seed}: {with:?}");
    }
}
