//! Asks the control port: again with the same ID if no answer comes, and page by page if one datagram is not enough.

use std::cell::Cell;
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use protocols::control::{Id, Reply, ReplyError, Request, RulesVerb, Verb};

/// How often a request is repeated while no answer comes.
const REPEAT: Duration = Duration::from_millis(500);
/// How long an answer is waited for, beside the time that a swap may take.
const PATIENCE: Duration = Duration::from_secs(4);
/// What the service grants a swap that names no deadline.
const DEFAULT_DEADLINE: Duration = Duration::from_secs(1);
/// How long a batch of rules may take to come into force, or a classifier to be made ready.
const RULES: Duration = Duration::from_secs(60);
/// Pieces of an upload that are on their way at the same time; the port keeps 64 datagrams.
const WINDOW: usize = 32;
/// Octets of a piece: what fits a datagram beside the request's first line.
const PIECE: usize = 1400;
/// Pages of the longest answer.
const MAX_PAGES: usize = 50_000;

/// Speaks with one control port.
pub struct Client {
    socket: UdpSocket,
    host: String,
    run: String,
    asked: Cell<u32>,
}

/// Why there is no reply.
#[derive(Debug)]
pub enum Failure {
    /// The address is none.
    Host(String, io::Error),
    /// Nothing came in time.
    Silence(String),
    /// What came is no reply.
    Garbled(ReplyError),
    /// The network.
    Io(io::Error),
}

impl Failure {
    /// The code with which the program ends.
    pub fn exit_code(&self) -> u8 {
        match self {
            Failure::Host(..) => 2,
            Failure::Silence(_) | Failure::Garbled(_) | Failure::Io(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Host(host, error) => write!(f, "`{host}` is no HOST or HOST:PORT: {error}"),
            Failure::Silence(host) => write!(
                f,
                "no answer from {host} by UDP; is Midflight running there? Name another place with --host HOST:PORT; \
                 one on a TAP answers in its network namespace only (ip netns exec NAME midflight …)"
            ),
            Failure::Garbled(error) => write!(f, "what answers there is no control port of Midflight: {error}"),
            Failure::Io(error) => write!(f, "the network: {error}"),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}

impl Client {
    /// For the control port at `host`, which may name a port.
    pub fn new(host: &str, port: u16) -> Result<Client, Failure> {
        // An address of IPv6 alone has colons too.
        let names_port = host.contains(':') && host.parse::<Ipv6Addr>().is_err();
        let resolved = if names_port { host.to_socket_addrs() } else { (host, port).to_socket_addrs() };
        let unknown = |error| Failure::Host(host.into(), error);
        let none = || unknown(io::Error::new(ErrorKind::NotFound, "there is no such host"));
        // QEMU forwards from IPv4 only, so of a name's addresses those come first.
        let address = resolved.map_err(unknown)?.min_by_key(SocketAddr::is_ipv6).ok_or_else(none)?;
        let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(address)?;
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = format!("{:x}-{:x}", std::process::id(), since.as_micros() as u64 & 0xFFFF_FFFF);
        Ok(Client { socket, host: address.to_string(), run, asked: Cell::new(0) })
    }

    /// Where it asks.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The whole answer, all pages.
    pub fn whole(&self, verb: &Verb) -> Result<Reply, Failure> {
        let mut reply = self.ask(verb.clone())?;
        let mut verb = verb.clone();
        for _ in 0..MAX_PAGES {
            let Ok(records) = &mut reply.outcome else { break };
            let Some(next) = records.last().and_then(|record| record.number("next")) else { break };
            match &mut verb {
                Verb::List { from }
                | Verb::Status { from }
                | Verb::Connections { from }
                | Verb::Rules(RulesVerb::Counters { from })
                    if next > *from =>
                {
                    *from = next
                }
                Verb::Rules(RulesVerb::List { from }) => *from = u32::try_from(next).ok(),
                Verb::Trace { count, before } if *before == 0 || next < *before => {
                    records.pop();
                    *before = next;
                    let rest =
                        count.map(|count| count.saturating_sub(u16::try_from(records.len()).unwrap_or(u16::MAX)));
                    let page = self.ask(Verb::Trace { count: rest, before: next })?;
                    records.extend_from_slice(page.records());
                    continue;
                }
                _ => break,
            }
            records.pop();
            let page = self.ask(verb.clone())?;
            records.extend_from_slice(page.records());
        }
        Ok(reply)
    }

    /// One request, repeated with the same ID until it is answered.
    pub fn ask(&self, verb: Verb) -> Result<Reply, Failure> {
        self.asked.set(self.asked.get().wrapping_add(1));
        let id: Option<Id> = format!("{}-{:x}", self.run, self.asked.get()).parse().ok();
        let patience = match &verb {
            Verb::Swap { object, deadline_ms, .. } => {
                let prepared = if object == "classifier" { RULES } else { Duration::ZERO };
                PATIENCE + prepared + deadline_ms.map_or(DEFAULT_DEADLINE, |ms| Duration::from_millis(ms.into()))
            }
            Verb::Rules(RulesVerb::List { .. } | RulesVerb::Counters { .. }) => PATIENCE,
            Verb::Rules(_) => PATIENCE + RULES,
            _ => PATIENCE,
        };
        let request = Request { id, json: false, verb }.to_string();
        let until = Instant::now() + patience;
        let mut buffer = vec![0; 65_536];
        loop {
            match self.socket.send(request.as_bytes()) {
                // What the port unreachable message of an earlier datagram leaves behind.
                Err(error) if error.kind() != ErrorKind::ConnectionRefused => return Err(error.into()),
                _ => {}
            }
            let repeat = (Instant::now() + REPEAT).min(until);
            if let Some(reply) = self.await_reply(id, repeat, &mut buffer)? {
                return Ok(reply);
            }
            if Instant::now() >= until {
                return Err(Failure::Silence(self.host.clone()));
            }
        }
    }

    /// Sends the pieces of an upload, several at a time, each again until the port has taken it. Ends early with a refusal, if one comes.
    pub fn upload(&self, upload: u32, text: &str, progress: &mut dyn FnMut(usize)) -> Result<Option<Reply>, Failure> {
        let mut buffer = vec![0; 65_536];
        let (mut taken, mut heard) = (0, Instant::now());
        while taken < text.len() {
            let mut sent = taken;
            for _ in 0..WINDOW {
                let piece = piece(&text[sent..]);
                if piece.is_empty() {
                    break;
                }
                let verb = RulesVerb::Part { upload, offset: sent as u32, text: piece.into() };
                let request = Request { id: None, json: false, verb: Verb::Rules(verb) }.to_string();
                match self.socket.send(request.as_bytes()) {
                    Err(error) if error.kind() != ErrorKind::ConnectionRefused => return Err(error.into()),
                    _ => {}
                }
                sent += piece.len();
            }
            let until = Instant::now() + REPEAT;
            while taken < sent {
                let Some(reply) = self.await_reply(None, until, &mut buffer)? else { break };
                let Ok(records) = &reply.outcome else { return Ok(Some(reply)) };
                let record = records.iter().find(|record| record.number("upload") == Some(upload.into()));
                let Some(received) = record.and_then(|record| record.number("received")) else { continue };
                // What the port has taken is never less than what it had taken before.
                let received = usize::try_from(received).unwrap_or(0).min(text.len());
                if received > taken && text.is_char_boundary(received) {
                    (taken, heard) = (received, Instant::now());
                    progress(taken);
                }
            }
            if heard.elapsed() > PATIENCE {
                return Err(Failure::Silence(self.host.clone()));
            }
        }
        Ok(None)
    }

    fn await_reply(&self, id: Option<Id>, until: Instant, buffer: &mut [u8]) -> Result<Option<Reply>, Failure> {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left))?;
            match self.socket.recv(buffer) {
                Ok(length) => {
                    let reply = Reply::parse(&buffer[..length]).map_err(Failure::Garbled)?;
                    // The answer to an earlier request may come late.
                    if reply.id == id {
                        return Ok(Some(reply));
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => return Ok(None),
                    // Nobody listens there now; whoever starts may still answer the next repetition.
                    ErrorKind::ConnectionRefused => std::thread::sleep(left),
                    ErrorKind::Interrupted => {}
                    _ => return Err(error.into()),
                },
            }
        }
    }
}

/// The first octets of the text that fit a datagram, never half a character.
fn piece(text: &str) -> &str {
    let mut end = text.len().min(PIECE);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
