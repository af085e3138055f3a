//! Every octet that goes out comes back, in order, while controllers are swapped.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::swaps::Alternation;
use super::{Guest, Lab};
use crate::machine::Transport;
use crate::test::Outcome;

/// Octets in each direction, per connection.
const AMOUNT: u64 = 11 << 20;
/// Octets between two swaps.
const BETWEEN: u64 = 1 << 20;
/// No progress for this long is a failure.
const STALL: Duration = Duration::from_secs(30);

/// Two connections to the echo service at once, with different contents; a swap every megabyte.
pub fn under_swaps(lab: &Lab) -> Result<Outcome> {
    lab.boot(|_| ())?.tested(exchange)
}

/// The same with a card that offers next to nothing, and with an image that uses nothing of what the card offers.
pub fn without_features(lab: &Lab) -> Result<Outcome> {
    lab.boot(|machine| machine.without_offloads = true)?.tested(exchange)?;
    let unused = "nic=no-csum,no-guest-csum,no-tso,no-guest-tso,no-event-idx,no-mq";
    lab.boot(|machine| machine.options.push(unused.into()))?.tested(exchange)
}

/// The same with a guest that runs.
pub fn exchange(guest: &Guest) -> Result<()> {
    let address = guest.address(Transport::Tcp, 7)?;
    // Connected here: only this thread may be in the guest's network namespace.
    let connect = || TcpStream::connect(address).context("the echo service does not answer");
    let streams = [(connect()?, 1u64), (connect()?, 0x9e37_79b9)];
    let (progress, reported) = std::sync::mpsc::channel::<u64>();
    let clients: Vec<_> = streams
        .map(|(stream, seed)| {
            let progress = progress.clone();
            std::thread::spawn(move || echo(stream, seed, &progress))
        })
        .into();
    drop(progress);
    let mut swaps = Alternation::new(guest)?;
    let mut since = 0;
    for octets in reported {
        since += octets;
        if since >= BETWEEN {
            since = 0;
            swaps.swap()?;
        }
    }
    for client in clients {
        let sum = client.join().map_err(|_| anyhow::anyhow!("a client panicked"))??;
        ensure!(sum.sent == sum.returned, "the checksum of what came back differs: {sum:?}");
    }
    swaps.check(10, false)
}

/// Checksums of the two directions.
#[derive(Debug)]
struct Sums {
    sent: u64,
    returned: u64,
}

/// Sends [`AMOUNT`] pseudo-random octets and reads them back; each octet is compared, and both directions are summed.
fn echo(stream: TcpStream, seed: u64, progress: &std::sync::mpsc::Sender<u64>) -> Result<Sums> {
    stream.set_read_timeout(Some(STALL))?;
    stream.set_write_timeout(Some(STALL))?;
    let mut out = stream.try_clone()?;
    let writer = std::thread::spawn(move || -> Result<u64> {
        let (mut pattern, mut sum) = (Pattern(seed), FNV);
        let mut block = vec![0; 32 << 10];
        for _ in 0..AMOUNT / block.len() as u64 {
            pattern.fill(&mut block);
            sum = add(sum, &block);
            out.write_all(&block).context("the echo service stopped reading")?;
        }
        out.shutdown(std::net::Shutdown::Write)?;
        Ok(sum)
    });
    let mut back = stream;
    let (mut pattern, mut returned, mut total) = (Pattern(seed), FNV, 0);
    let (mut block, mut expected) = (vec![0; 32 << 10], vec![0; 32 << 10]);
    loop {
        let length = back.read(&mut block).with_context(|| format!("nothing came back after {total} octets"))?;
        if length == 0 {
            break;
        }
        pattern.fill(&mut expected[..length]);
        if let Some(at) = block[..length].iter().zip(&expected).position(|(a, b)| a != b) {
            anyhow::bail!("octet {} came back as {}, sent as {}", total + at as u64, block[at], expected[at]);
        }
        returned = add(returned, &block[..length]);
        total += length as u64;
        // Nobody may be listening any more when another client has failed.
        let _ = progress.send(length as u64);
    }
    let sent = writer.join().map_err(|_| anyhow::anyhow!("the writer panicked"))??;
    ensure!(total == AMOUNT, "{total} of {AMOUNT} octets came back");
    Ok(Sums { sent, returned })
}

const FNV: u64 = 0xcbf2_9ce4_8422_2325;

fn add(sum: u64, octets: &[u8]) -> u64 {
    octets.iter().fold(sum, |sum, octet| (sum ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Octets that do not repeat within a test: a linear congruential generator's high bits.
struct Pattern(u64);

impl Pattern {
    fn fill(&mut self, block: &mut [u8]) {
        for octet in block {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            *octet = (self.0 >> 56) as u8;
        }
    }
}
