//! A link in one word, as people type it: `rate=50mbit,delay=20ms,loss=0.5%,queue=64k`.
//!
//! | key | value | means |
//! |---|---|---|
//! | `rate` | `50mbit` (`bit`, `kbit`, `mbit`, `gbit`: powers of 1000) | what leaves the queue; without it nothing queues |
//! | `delay` | `20ms` (`us`, `ms`, `s`), at most 60 s | from the queue to arrival, **one way** |
//! | `jitter` | as `delay` | up to so much more, uniformly; packets keep their order |
//! | `loss` | `0.5%`, or `gemodel:P:R[:1-H[:1-K]]` | independent, or in bursts: Gilbert-Elliott with netem's four parameters; 1-H is 100 % and 1-K 0 % unless given |
//! | `reorder` | `5%` | how many packets are reordered: they skip the delay, as with netem, unless `reorder-by` is given |
//! | `reorder-by` | as `delay` | a reordered packet is held back for so long instead |
//! | `gap` | `5` | only every fifth packet may be reordered |
//! | `duplicate` | `1%` | how many packets arrive twice |
//! | `queue` | `64k` (`b`, `k`, `m`: powers of 1024) or `100p` packets | drop-tail; 1000 packets unless given, as with netem |
//! | `seed` | `7` | where the randomness begins; 1 unless given |
//!
//! A key stands for both directions; with `up.` in front for what the guest sends, with `down.` for what it receives. These go before
//! the plain one, wherever they stand.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

use super::units::{bytes_or_packets, count, percent, rate, time};
use super::{Config, Loss};
use crate::time::Duration;

/// Packets that may wait unless it is said: netem's own default.
const QUEUE_PACKETS: usize = 1000;
/// The keys of a direction.
const KEYS: [&str; 9] = ["rate", "delay", "jitter", "loss", "reorder", "reorder-by", "gap", "duplicate", "queue"];

/// A link in both directions, and where its randomness begins.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// What the guest sends.
    pub up: Config,
    /// What the guest receives.
    pub down: Config,
    /// For [`Duplex::new`](super::Duplex::new).
    pub seed: u64,
}

/// What is wrong with a link's word. `Display` says what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecError {
    /// A part that is not `key=value`.
    NoPair(String),
    /// There is no such key.
    Unknown(String),
    /// The same key twice.
    Repeated(String),
    /// A value that its key does not take.
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it takes.
        takes: &'static str,
    },
    /// A key that means nothing without another one in its direction.
    Without {
        /// The key.
        key: &'static str,
        /// What is missing.
        needs: &'static str,
    },
}

impl fmt::Display for SpecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoPair(part) => {
                write!(f, "`{part}` is not of the form key=value, such as rate=50mbit,delay=20ms,loss=0.5%,queue=64k")
            }
            Self::Unknown(key) => write!(
                f,
                "a link has no `{key}`; there are {} (each also with up. or down. in front) and seed",
                KEYS.join(", ")
            ),
            Self::Repeated(key) => write!(f, "`{key}` is given twice"),
            Self::Value { key, value, takes } => write!(f, "{key}={value} is not possible: {key} takes {takes}"),
            Self::Without { key, needs } => write!(f, "{key} means nothing without {needs} in the same direction"),
        }
    }
}

impl core::error::Error for SpecError {}

impl FromStr for Spec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut pairs: Vec<(&str, &str)> = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (key, value) = part.split_once('=').ok_or_else(|| SpecError::NoPair(shown(part)))?;
            let plain = key.strip_prefix("up.").or(key.strip_prefix("down.")).unwrap_or(key);
            if key != "seed" && !KEYS.contains(&plain) {
                return Err(SpecError::Unknown(shown(key)));
            }
            if pairs.iter().any(|(other, _)| *other == key) {
                return Err(SpecError::Repeated(shown(key)));
            }
            pairs.push((key, value));
        }
        let seed = match pairs.iter().find(|(key, _)| *key == "seed") {
            Some((key, value)) => value.parse().map_err(|_| refused(key, value, "a number below 2^64"))?,
            None => 1,
        };
        Ok(Self { up: direction(&pairs, "up.")?, down: direction(&pairs, "down.")?, seed })
    }
}

/// One direction: the plain keys, then its own.
fn direction(pairs: &[(&str, &str)], prefix: &str) -> Result<Config, SpecError> {
    let mut config = Config { queue_packets: QUEUE_PACKETS, ..Config::default() };
    let plain = pairs.iter().filter(|(key, _)| KEYS.contains(key)).map(|&(key, value)| (key, key, value));
    let own = pairs.iter().filter_map(|&(key, value)| Some((key, key.strip_prefix(prefix)?, value)));
    for (key, name, value) in plain.chain(own) {
        set(&mut config, name, value).map_err(|takes| refused(key, value, takes))?;
    }
    let reorders = config.reorder != super::Probability::NEVER;
    if !reorders && config.reorder_by != Duration::ZERO {
        return Err(SpecError::Without { key: "reorder-by", needs: "reorder" });
    }
    if !reorders && config.reorder_gap != 0 {
        return Err(SpecError::Without { key: "gap", needs: "reorder" });
    }
    if reorders && config.reorder_by == Duration::ZERO && config.delay == Duration::ZERO {
        return Err(SpecError::Without { key: "reorder", needs: "delay or reorder-by" });
    }
    Ok(config)
}

/// Sets one key; the error says what it takes.
fn set(config: &mut Config, name: &str, value: &str) -> Result<(), &'static str> {
    const PERCENT: &str = "a share from 0% to 100%, in steps of 0.0001%";
    const TIME: &str = "a time up to 60s with its unit (us, ms, s), such as 20ms";
    match name {
        "rate" => config.rate = rate(value).ok_or("bits per second with their unit (bit, kbit, mbit, gbit)")?,
        "delay" => config.delay = time(value).ok_or(TIME)?,
        "jitter" => config.jitter = time(value).ok_or(TIME)?,
        "loss" => {
            config.loss =
                loss(value).ok_or("a share such as 0.5%, or gemodel:P:R[:1-H[:1-K]] such as gemodel:1%:25%")?;
        }
        "reorder" => config.reorder = percent(value).ok_or(PERCENT)?,
        "reorder-by" => config.reorder_by = time(value).ok_or(TIME)?,
        "gap" => config.reorder_gap = count(value).ok_or("a number from 1 to 65536")?,
        "duplicate" => config.duplicate = percent(value).ok_or(PERCENT)?,
        "queue" => {
            let limits =
                bytes_or_packets(value).ok_or("bytes (64k, 1m, 1500b) or packets (100p), at most 1024m or 65536p")?;
            (config.queue, config.queue_packets) = limits;
        }
        _ => return Err("nothing"),
    }
    Ok(())
}

fn loss(value: &str) -> Option<Loss> {
    let Some(parameters) = value.strip_prefix("gemodel:") else { return percent(value).map(Loss::Independent) };
    let mut parameters = parameters.split(':').map(percent);
    let (to_bad, to_good) = (parameters.next()??, parameters.next()??);
    let in_bad = parameters.next().unwrap_or(Some(super::Probability::ALWAYS))?;
    let in_good = parameters.next().unwrap_or(Some(super::Probability::NEVER))?;
    parameters.next().is_none().then_some(Loss::Bursts { to_bad, to_good, in_good, in_bad })
}

fn refused(key: &str, value: &str, takes: &'static str) -> SpecError {
    SpecError::Value { key: shown(key), value: shown(value), takes }
}

/// A word as a message quotes it: short and printable.
fn shown(word: &str) -> String {
    word.chars().take(60).map(|character| if character.is_control() { '?' } else { character }).collect()
}

#[cfg(test)]
mod tests;
