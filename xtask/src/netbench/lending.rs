//! What it costs or saves that the card reads what a service lends where it lies: the same image with everything lent, and with everything copied.

use super::bulk::goodput;
use super::pair::{Parts, Setup, Who};
use super::quiet::sample;
use super::record::Records;
use super::suites::Amount;
use super::turns;

/// What is compared: its name in those of figures, and the image's option for it.
const KINDS: [(&str, &str); 2] = [("read in place", "tx-copybreak=0"), ("copied", "tx-copybreak=65535")];
/// Turns for each round, many, since the two are nearly as fast.
const TURNS: usize = 3;

/// The guest sends by one and four streams, with all offloads, where a frame carries up to 64 KiB, and without any, where it carries one segment.
pub fn in_place_and_copied(parts: &Parts, amount: Amount, records: &mut Records) -> anyhow::Result<()> {
    for (how, without_offloads) in [("offloads", false), ("no offloads", true)] {
        let mut guests = Vec::new();
        for (number, &(_, option)) in KINDS.iter().enumerate() {
            let setup = Setup { without_offloads, option: Some(option), ..Setup::default() };
            guests.push(parts.place_named(Who::Midflight, &format!("-{number}"))?.boot(&setup)?);
        }
        let all: Vec<_> = guests.iter().map(|guest| &guest.vm).collect();
        for streams in [1, 4] {
            let line = format!("-t {} -P {streams} -R", amount.seconds);
            let name = format!("TCP out, {streams} stream{}, {how}", if streams == 1 { "" } else { "s" });
            for number in 0..TURNS * amount.rounds * KINDS.len() {
                let kind = turns::kind(number, KINDS.len());
                let guest = &guests[kind];
                let taken = sample(&guest.vm, &all, || goodput(&guest.place.iperf(&line)?))?;
                records.add(&format!("{name}, {}", KINDS[kind].0), Who::Midflight, "Mbit/s", &taken);
            }
        }
    }
    Ok(())
}
