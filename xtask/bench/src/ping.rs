//! The first answer to a ping (RFC 792).

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType, ipproto, recv, sendto, socket};

/// Between two requests.
const PERIOD: Timespec = Timespec { tv_sec: 0, tv_nsec: 2_000_000 };
/// Tells our requests from others'.
const IDENTITY: [u8; 2] = [0x4d, 0x66];

/// Asks until there is an answer; the line says after what time.
pub fn first(to: Ipv4Addr, limit: Duration) -> io::Result<String> {
    let socket = socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP))?;
    let began = Instant::now();
    let (mut number, mut answer) = (0u16, [0u8; 256]);
    while began.elapsed() < limit {
        number = number.wrapping_add(1);
        // The route or the neighbour may not be there yet: that is an answer missing, not a failure.
        let _ = sendto(&socket, &request(number), SendFlags::empty(), &SocketAddrV4::new(to, 0));
        if poll(&mut [PollFd::new(&socket, PollFlags::IN)], Some(&PERIOD))? == 0 {
            continue;
        }
        let (length, _) = recv(&socket, &mut answer, RecvFlags::empty())?;
        let header = usize::from(answer[0] & 0xf) * 4;
        let ours = answer[..length].get(header..header + 6).is_some_and(|icmp| icmp[0] == 0 && icmp[4..6] == IDENTITY);
        if ours {
            return Ok(format!("{{\"seconds\":{:.6}}}", began.elapsed().as_secs_f64()));
        }
    }
    Err(io::Error::new(io::ErrorKind::TimedOut, "no answer to a ping"))
}

/// An echo request without data.
fn request(number: u16) -> [u8; 8] {
    let [high, low] = number.to_be_bytes();
    let mut octets = [8, 0, 0, 0, IDENTITY[0], IDENTITY[1], high, low];
    let sum: u32 = octets.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    octets[2..4].copy_from_slice(&sum.to_be_bytes());
    octets
}
