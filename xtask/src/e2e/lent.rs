//! What a service lends arrives as it is: the iperf3 service's octets, sent from where they lie, while controllers are swapped.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::Guest;
use super::swaps::Alternation;
use crate::machine::Transport;
use crate::ui;

/// Octets of each stream.
const AMOUNT: usize = 48 << 20;
const STREAMS: usize = 2;
/// Octets between two swaps.
const BETWEEN: usize = 4 << 20;
/// No progress for this long is a failure.
const STALL: Duration = Duration::from_secs(30);
/// What the service sends repeats itself after so many octets.
const PERIOD: usize = 64 << 10;

/// Steps of a test (iperf3's `iperf_api.h`).
mod state {
    pub const TEST_START: u8 = 1;
    pub const TEST_RUNNING: u8 = 2;
    pub const TEST_END: u8 = 4;
    pub const PARAM_EXCHANGE: u8 = 9;
    pub const CREATE_STREAMS: u8 = 10;
    pub const EXCHANGE_RESULTS: u8 = 13;
    pub const DISPLAY_RESULTS: u8 = 14;
    pub const IPERF_DONE: u8 = 16;
}

/// Every octet of two downloads is the one that it should be. Returns how many octets the card read where they lie, of how many that arrived.
pub fn downloads(guest: &Guest) -> Result<(u64, u64)> {
    let address = guest.address(Transport::Tcp, 5201)?;
    let before = read_in_place(guest)?;
    let connect = || -> Result<TcpStream> {
        let mut stream = TcpStream::connect(address).context("the iperf3 service does not answer")?;
        stream.set_read_timeout(Some(STALL))?;
        stream.write_all(b"midflightmidflightmidflightmidflight\0")?;
        Ok(stream)
    };
    let mut control = connect()?;
    expect(&mut control, &[state::PARAM_EXCHANGE])?;
    write_json(&mut control, &format!(r#"{{"tcp":true,"time":600,"parallel":{STREAMS},"reverse":true}}"#))?;
    expect(&mut control, &[state::CREATE_STREAMS])?;
    let mut streams = (0..STREAMS).map(|_| connect()).collect::<Result<Vec<_>>>()?;
    expect(&mut control, &[state::TEST_START, state::TEST_RUNNING])?;

    let expected: Vec<u8> = (0..PERIOD).map(|at| (at ^ at >> 8) as u8).collect();
    let mut octets = vec![0; PERIOD];
    let mut swaps = Alternation::new(guest)?;
    for at in (0..AMOUNT).step_by(PERIOD) {
        for stream in &mut streams {
            stream.read_exact(&mut octets).with_context(|| format!("nothing came after {at} octets"))?;
            let wrong = octets.iter().zip(&expected).position(|(a, b)| a != b);
            ensure!(wrong.is_none(), "octet {} is not what the service lent", at + wrong.unwrap_or_default());
        }
        if at % BETWEEN == 0 {
            swaps.swap()?;
        }
    }
    swaps.check(AMOUNT / BETWEEN, false)?;

    control.write_all(&[state::TEST_END])?;
    expect(&mut control, &[state::EXCHANGE_RESULTS])?;
    write_json(&mut control, "{}")?;
    let mut length = [0; 4];
    control.read_exact(&mut length)?;
    let results = &mut vec![0; u32::from_be_bytes(length) as usize];
    control.read_exact(results)?;
    expect(&mut control, &[state::DISPLAY_RESULTS])?;
    control.write_all(&[state::IPERF_DONE])?;
    let arrived = (AMOUNT * STREAMS) as u64;
    let lent = read_in_place(guest)? - before;
    ui::note(&format!("{} MiB arrived as they were lent; the card read {} MiB in place", arrived >> 20, lent >> 20));
    Ok((lent, arrived))
}

/// Octets that the card read where services have them.
fn read_in_place(guest: &Guest) -> Result<u64> {
    let records = guest.control()?.all("status")?;
    let found = records.iter().find_map(|record| record.get("nic_tx_lent_bytes"));
    Ok(found.context("status has no nic_tx_lent_bytes")?.parse()?)
}

fn expect(control: &mut TcpStream, states: &[u8]) -> Result<()> {
    for expected in states {
        let mut state = [0];
        control.read_exact(&mut state).context("the iperf3 service went silent")?;
        ensure!(state[0] == *expected, "the iperf3 service is in state {}, not {expected}", state[0]);
    }
    Ok(())
}

fn write_json(control: &mut TcpStream, json: &str) -> Result<()> {
    control.write_all(&(json.len() as u32).to_be_bytes())?;
    Ok(control.write_all(json.as_bytes())?)
}
