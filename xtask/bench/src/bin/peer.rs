//! `midflight-peer`: the services of the Linux guest that the image is compared with: echo on 7/tcp and 7/udp, as a good server on Linux
//! does it: one thread and epoll for all connections, one thread that blocks for datagrams.
#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::process::{Resource, Rlimit, setrlimit};

const PORT: u16 = 7;
/// Files that may be open.
const FILES: u64 = 40_000;
/// The listener's name among the events.
const LISTENER: u64 = 0;

fn main() -> io::Result<()> {
    setrlimit(Resource::Nofile, Rlimit { current: Some(FILES), maximum: Some(FILES) })?;
    let datagrams = UdpSocket::bind(("0.0.0.0", PORT))?;
    std::thread::spawn(move || echo_datagrams(&datagrams));
    let listener = TcpListener::bind(("0.0.0.0", PORT))?;
    // The standard library's own backlog is 128, less than the image's.
    rustix::net::listen(&listener, 4096)?;
    listener.set_nonblocking(true)?;
    println!("linux-guest: ready");
    serve(&listener)
}

fn echo_datagrams(socket: &UdpSocket) {
    let mut octets = vec![0; 65_536];
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut octets) {
            // A full queue drops it, as on any path.
            let _ = socket.send_to(&octets[..length], from);
        }
    }
}

fn serve(listener: &TcpListener) -> io::Result<()> {
    let poll = epoll::create(CreateFlags::CLOEXEC)?;
    epoll::add(&poll, listener, EventData::new_u64(LISTENER), EventFlags::IN)?;
    let mut streams: HashMap<u64, TcpStream> = HashMap::new();
    let mut next = LISTENER + 1;
    let mut octets = vec![0; 128 << 10];
    let mut events: Vec<Event> = Vec::with_capacity(256);
    loop {
        events.clear();
        match epoll::wait(&poll, rustix::buffer::spare_capacity(&mut events), None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let name = event.data.u64();
            if name == LISTENER {
                while let Ok((stream, _)) = listener.accept() {
                    stream.set_nodelay(true)?;
                    epoll::add(&poll, stream.as_fd(), EventData::new_u64(next), EventFlags::IN)?;
                    streams.insert(next, stream);
                    next += 1;
                }
            } else if let Some(stream) = streams.get_mut(&name)
                // Written with blocking calls: the client of these measurements reads what it asked for.
                && !matches!(stream.read(&mut octets), Ok(length) if length > 0 && stream.write_all(&octets[..length]).is_ok())
            {
                // Closing also takes it out of the epoll set.
                streams.remove(&name);
            }
        }
    }
}
