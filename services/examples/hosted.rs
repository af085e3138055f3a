//! The services as a Linux process on a TAP device, a thread for each processor: for debuggers and the real iperf3.
//!
//! ```sh
//! ip netns add mf && ip -n mf tuntap add tap0 mode tap && ip -n mf addr add 10.77.0.1/24 dev tap0
//! ip -n mf link set tap0 up && ip -n mf link set lo up
//! ip netns exec mf cargo run --release -p services --example hosted -- tap0 2 ip=10.77.0.2/24
//! ip netns exec mf iperf3 -c 10.77.0.2
//! ```

use std::cell::RefCell;
use std::os::fd::{AsRawFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use protocols::stack::{Full, Offloads, Receive, RxMeta, Transmit, TxMeta};
use protocols::time::{Duration, Instant};
use services::node::{Nic, Node, Platform, Ready, Shared, Turn};
use services::options::Options;
use smoltcp::phy::{Device, Medium, RxToken, TunTapInterface, TxToken};
use swapper::{Host, ProcessorId};

/// A processor that another one may wake looks up from the TAP device at least this often; `phy::wait` counts whole ms.
const NAP: Duration = Duration::from_millis(1);

struct Process(Host);

impl Process {
    fn time(&self) -> Instant {
        Instant::from_micros((self.now_ns() / 1000) as i64)
    }
}

impl Platform for Process {
    fn now_ns(&self) -> u64 {
        swapper::Platform::now(&self.0)
    }

    fn wake(&self, processor: usize) {
        ProcessorId::new(processor).into_iter().for_each(|processor| swapper::Platform::wake(&self.0, processor));
    }

    fn wait(&self, processor: usize, until_ns: Option<u64>) {
        let processor = ProcessorId::new(processor);
        processor.into_iter().for_each(|processor| swapper::Platform::wait(&self.0, processor, until_ns));
    }

    fn ready(&self, ready: &Ready) {
        println!("{ready}");
    }
}

/// The two halves of the link: the stack sends from within `receive`.
struct Tap(Rc<RefCell<TunTapInterface>>);

impl Receive for Tap {
    fn receive(&mut self, budget: usize, each: &mut dyn FnMut(&mut [u8], RxMeta)) -> usize {
        let mut buffer = [0; 9100];
        for taken in 0..budget {
            let length = {
                let mut tap = self.0.borrow_mut();
                let Some((token, _)) = tap.receive(Instant::ZERO) else { return taken };
                token.consume(|frame| {
                    buffer[..frame.len()].copy_from_slice(frame);
                    frame.len()
                })
            };
            each(&mut buffer[..length], RxMeta { checksum_verified: false });
        }
        budget
    }
}

impl Transmit for Tap {
    fn offloads(&self) -> Offloads {
        Offloads::default()
    }

    fn transmit(&mut self, len: usize, _meta: TxMeta, fill: &mut dyn FnMut(&mut [u8])) -> Result<(), Full> {
        let mut tap = self.0.borrow_mut();
        let token = tap.transmit(Instant::ZERO).ok_or(Full)?;
        token.consume(len, |frame| fill(frame));
        Ok(())
    }

    fn flush(&mut self) {}
}

fn node(shared: &Arc<Shared>, processor: usize) -> Node {
    // SAFETY: a node runs its workers between activities only.
    #[allow(unsafe_code)]
    let processor = unsafe { shared.system().attach(processor) }.expect("each thread attaches once");
    Node::new(shared.clone(), processor).unwrap_or_else(|error| fail(&error.to_string()))
}

fn fail(text: &str) -> ! {
    eprintln!("midflight: error: {text}");
    std::process::exit(1)
}

fn sleep(platform: &Process, turn: Turn, tap: Option<RawFd>, processor: usize) {
    let now = platform.time();
    let left = turn.wake_at.map(|at| if at > now { at - now } else { Duration::ZERO });
    match tap {
        _ if turn.again || left == Some(Duration::ZERO) => {}
        Some(tap) => {
            let _ = smoltcp::phy::wait(tap, Some(left.map_or(NAP, |left| left.min(NAP))));
        }
        None => platform.wait(processor, turn.wake_at.map(|at| at.total_micros() as u64 * 1000)),
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [tap, processors, words @ ..] = &arguments[..] else { fail("usage: hosted TAP PROCESSORS [OPTION...]") };
    let processors: usize = processors.parse().unwrap_or_else(|_| fail("the number of processors is no number"));
    let options = Options::parse(words.iter().map(String::as_str)).unwrap_or_else(|error| fail(&error.to_string()));
    let platform: &'static Process = Box::leak(Box::new(Process(Host::new(processors))));
    let device = TunTapInterface::new(tap, Medium::Ethernet).unwrap_or_else(|error| fail(&format!("{tap}: {error}")));
    let nic = Nic { mac: [2, 0, 0, 0, 0, 2], mtu: 1500, offloads: Offloads::default() };
    // Good enough for a debugger's bench, and only there.
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
    let seed = std::array::from_fn(|index| (seed >> (8 * (index % 8))) as u8);
    let shared =
        Shared::new(&options, processors, nic, seed, platform).unwrap_or_else(|error| fail(&error.to_string()));

    let mut starts = Vec::new();
    for processor in 1..processors {
        let (shared, (start, started)) = (shared.clone(), mpsc::channel::<()>());
        starts.push(start);
        thread::spawn(move || {
            let _ = started.recv();
            let mut node = node(&shared, processor);
            loop {
                let turn = node.turn_detached(platform.time());
                sleep(platform, turn, None, processor);
            }
        });
    }
    let file = device.as_raw_fd();
    let tap = Rc::new(RefCell::new(device));
    let (mut rx, mut tx) = (Tap(tap.clone()), Tap(tap));
    let mut node = node(&shared, 0);
    for start in &starts {
        // A thread that is gone has said why.
        let _ = start.send(());
    }
    loop {
        let turn = node.turn(platform.time(), &mut rx, &mut tx);
        sleep(platform, turn, Some(file), 0);
    }
}
