//! The guest as a whole: how soon it answers, what it takes while idle, how large it is, how much fits into it.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use object::read::elf::{ElfFile64, ProgramHeader};

use super::pair::{Parts, Setup, Who};
use super::quiet::{Sample, sample};
use super::record::Records;
use super::suites::Amount;
use crate::machine::TAP_GUEST;

/// Seconds for which idle guests are watched.
const IDLE: u64 = 4;
/// Connections that are to be open at once.
const CONNECTIONS: u64 = 10_000;

/// From the start of QEMU to the first answer to a ping; then idle; then the image's size.
pub fn boot(parts: &Parts, amount: Amount, records: &mut Records) -> Result<()> {
    for _ in 0..amount.rounds {
        for who in Who::BOTH {
            let place = parts.place(who)?;
            // The host asks for the guest's Ethernet address once a second, and three times at most: that would be what is measured.
            for (name, value) in [("retrans_time_ms", "4"), ("mcast_solicit", "10000")] {
                place.namespace().sysctl(&format!("net/ipv4/neigh/tap0/{name}"), value)?;
            }
            // It asks before the machine is there, so that its own start does not count.
            let ping = place.traffic_behind(&format!("first-ping {TAP_GUEST}"))?;
            let began = Instant::now();
            let vm = place.start(&Setup::default(), None)?;
            let ended = ping.wait()?;
            let taken = began.elapsed();
            anyhow::ensure!(ended.success(), "{} did not answer a ping; it said:\n{}", who.name(), vm.tail());
            records.add_exact("QEMU's start to the first answered ping", who, "ms", taken.as_secs_f64() * 1e3);
            vm.end();
        }
    }
    let guests = parts.boot(&Setup::default())?;
    let all = [&guests[0].vm, &guests[1].vm];
    for _ in 0..amount.rounds {
        for guest in &guests {
            let watch = || {
                let (_keep, nothing) = std::sync::mpsc::channel::<()>();
                // Nothing is waited for: time itself is what is measured.
                let _ = nothing.recv_timeout(Duration::from_secs(IDLE.min(amount.seconds * 2)));
                Ok(0.0)
            };
            let taken = sample(&guest.vm, &all, watch)?;
            let cores = Sample { value: taken.guest * 100.0, ..taken };
            records.add("idle", guest.place.who, "% of a core", &cores);
        }
    }
    let image = parts.image()?;
    let octets = std::fs::read(&image).with_context(|| format!("cannot read {}", image.display()))?;
    let file = ElfFile64::<object::Endianness>::parse(octets.as_slice())?;
    let loaded =
        file.elf_program_headers().iter().filter(|header| header.p_type(file.endian()) == object::elf::PT_LOAD);
    let loaded: u64 = loaded.map(|header| header.p_filesz(file.endian())).sum();
    records.add_exact("image, what is loaded of the file", Who::Midflight, "MiB", loaded as f64 / f64::from(1 << 20));
    records.add_exact(
        "image, the file with its debug information",
        Who::Midflight,
        "MiB",
        octets.len() as f64 / f64::from(1 << 20),
    );
    Ok(())
}

/// So many connections open at once in 128 MiB, with an octet there and back on each.
pub fn connections(parts: &Parts, _amount: Amount, records: &mut Records) -> Result<()> {
    let setup = Setup { memory: "128M", ..Setup::default() };
    for guest in parts.boot(&setup)? {
        guest.place.namespace().sysctl("net/ipv4/ip_local_port_range", "10000 65000")?;
        let said = guest.place.traffic(&format!("hold {TAP_GUEST}:7 --count {CONNECTIONS}"))?;
        let answered = said["answered"].as_f64().context("the traffic did not say how many were answered")?;
        records.add_exact("connections open and answered in 128 MiB", guest.place.who, "", answered);
        let seconds = said["seconds"].as_f64().unwrap_or(f64::NAN);
        records.add_exact("time to open them", guest.place.who, "s", seconds);
        let seconds = said["answers"].as_f64().unwrap_or(f64::NAN);
        records.add_exact("time until all are answered", guest.place.who, "s", seconds);
    }
    Ok(())
}
