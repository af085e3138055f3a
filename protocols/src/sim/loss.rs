//! How a link loses packets.

use super::{Probability, Rng};

/// A model of loss.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Loss {
    /// Nothing is lost but what the queue drops.
    #[default]
    None,
    /// Each packet is lost with this probability, whatever happened to others.
    Independent(Probability),
    /// Losses come in bursts (Gilbert-Elliott): the link is in a good or a bad state and may change before each packet.
    Bursts {
        /// From good to bad. The mean length of a good period is the inverse, in packets.
        to_bad: Probability,
        /// From bad to good. The mean length of a burst is the inverse, in packets.
        to_good: Probability,
        /// Loss in the good state.
        in_good: Probability,
        /// Loss in the bad state.
        in_bad: Probability,
    },
}

/// A model of loss in operation.
#[derive(Debug)]
pub(super) struct Process {
    bad: bool,
}

impl Process {
    pub(super) fn new() -> Self {
        Self { bad: false }
    }

    /// Whether the next packet is lost.
    pub(super) fn loses(&mut self, model: &Loss, rng: &mut Rng) -> bool {
        match *model {
            Loss::None => false,
            Loss::Independent(probability) => rng.chance(probability),
            Loss::Bursts { to_bad, to_good, in_good, in_bad } => {
                if rng.chance(if self.bad { to_good } else { to_bad }) {
                    self.bad = !self.bad;
                }
                rng.chance(if self.bad { in_bad } else { in_good })
            }
        }
    }
}
