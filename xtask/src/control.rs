//! The person's side of the control port: one request a datagram, repeated under one ID until its reply comes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long one attempt waits; UDP may lose the request or the reply, and the guest answers a repeated ID from memory.
const ATTEMPT: Duration = Duration::from_millis(700);

/// A client of one guest.
pub struct ControlClient {
    socket: UdpSocket,
    limit: Duration,
}

/// One line of `key=value` pairs.
pub type Record = BTreeMap<String, String>;

/// A reply without its ID.
#[derive(Debug)]
pub struct Reply {
    pub text: String,
}

impl Reply {
    /// Whether it begins `ok`.
    pub fn is_ok(&self) -> bool {
        self.text.split_whitespace().next() == Some("ok")
    }

    /// The code of an `error CODE text`.
    pub fn error(&self) -> Option<&str> {
        let mut words = self.text.split_whitespace();
        (words.next() == Some("error")).then(|| words.next()).flatten()
    }

    /// The records after the first line.
    pub fn records(&self) -> Vec<Record> {
        let pairs = |line: &str| {
            line.split_whitespace()
                .filter_map(|word| word.split_once('='))
                .map(|(key, value)| (key.into(), value.into()))
                .collect()
        };
        self.text.lines().skip(1).map(pairs).collect()
    }
}

impl ControlClient {
    /// A client of the control port at `server`; a request without a reply fails after `limit`.
    pub fn new(server: SocketAddr, limit: Duration) -> Result<Self> {
        let any: IpAddr = if server.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0)).context("no UDP port is free")?;
        socket.connect(server).context("the control port cannot be reached")?;
        Ok(Self { socket, limit })
    }

    /// Sends `request` and returns its reply, whether `ok` or `error`.
    pub fn ask(&self, request: &str) -> Result<Reply> {
        let id = format!("#{} ", new_id());
        let reply = self.exchange(format!("{id}{request}").as_bytes(), |reply| reply.starts_with(&id));
        let text = reply.with_context(|| format!("no reply to `{request}`"))?;
        Ok(Reply { text: text[id.len()..].to_owned() })
    }

    /// Sends `request` for a reply in JSON, which bears the ID as a field.
    pub fn ask_json(&self, request: &str) -> Result<serde_json::Value> {
        let id = new_id();
        let ours = |reply: &str| serde_json::from_str::<serde_json::Value>(reply).is_ok_and(|reply| reply["id"] == id);
        let reply = self.exchange(format!("#{id} json {request}").as_bytes(), ours);
        Ok(serde_json::from_str(&reply.with_context(|| format!("no reply to `json {request}`"))?)?)
    }

    /// Sends `request` and fails unless the reply is `ok`.
    pub fn order(&self, request: &str) -> Result<Reply> {
        let reply = self.ask(request)?;
        if !reply.is_ok() {
            bail!("`{request}` got `{}`", reply.text.trim());
        }
        Ok(reply)
    }

    /// The records of all pages of the reply to `verb`.
    pub fn all(&self, verb: &str) -> Result<Vec<Record>> {
        let mut all = Vec::new();
        let mut from = String::new();
        loop {
            let mut next = None;
            for record in self.order(format!("{verb} {from}").trim())?.records() {
                // The last record of a page says where the next one begins.
                match record.get("next") {
                    Some(number) if record.len() == 1 => next = Some(number.clone()),
                    _ => all.push(record),
                }
            }
            match next {
                Some(number) if number != from => from = number,
                _ => return Ok(all),
            }
        }
    }

    /// Sends octets that may be no request at all and returns whatever is replied to them.
    pub fn send_raw(&self, octets: &[u8]) -> Result<Reply> {
        Ok(Reply { text: self.exchange(octets, |_| true)? })
    }

    fn exchange(&self, octets: &[u8], ours: impl Fn(&str) -> bool) -> Result<String> {
        let end = Instant::now() + self.limit;
        let mut buffer = [0; 2048];
        while Instant::now() < end {
            self.socket.send(octets).context("cannot send to the control port")?;
            let again = Instant::now() + ATTEMPT;
            // Late replies to earlier requests are passed over.
            while let Some(left) = again.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
                self.socket.set_read_timeout(Some(left))?;
                match self.socket.recv(&mut buffer) {
                    Ok(length) => {
                        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                        if ours(&text) {
                            return Ok(text);
                        }
                    }
                    Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                        bail!("nothing listens there")
                    }
                    Err(_) => break,
                }
            }
        }
        bail!("the guest stayed silent for {} s", self.limit.as_secs())
    }
}

/// An ID that no other request of this host has had for long.
fn new_id() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A guest that loses the first request and sends a stranger's reply before its own.
    #[test]
    fn a_lost_request_is_repeated_under_its_id_and_strangers_are_ignored() {
        let server = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        let address = server.local_addr().unwrap();
        let guest = std::thread::spawn(move || {
            let mut buffer = [0; 2048];
            let (length, _) = server.recv_from(&mut buffer).unwrap();
            let first = buffer[..length].to_vec();
            let (length, peer) = server.recv_from(&mut buffer).unwrap();
            assert_eq!(first, &buffer[..length]);
            let id = String::from_utf8(first).unwrap().split(' ').next().unwrap().to_owned();
            server.send_to(b"#other ok\n", peer).unwrap();
            server.send_to(format!("{id} ok list\nname=a value=1\nname=b value=2\n").as_bytes(), peer).unwrap();
        });
        let reply = ControlClient::new(address, Duration::from_secs(30)).unwrap().ask("list").unwrap();
        guest.join().unwrap();
        assert!(reply.is_ok() && reply.error().is_none());
        let records = reply.records();
        assert_eq!(records.len(), 2);
        assert_eq!(records[1]["name"], "b");
    }

    #[test]
    fn errors_carry_their_code() {
        let reply = Reply { text: "error unknown-verb there is no frobnicate".into() };
        assert_eq!(reply.error(), Some("unknown-verb"));
        assert!(!reply.is_ok());
    }
}
