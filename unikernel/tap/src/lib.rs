//! A Linux TAP device: whole Ethernet frames, each behind virtio-net's header where offloads are wanted. What
//! `unikernel/virtio` is for the image, this is for programs on a Linux host.
//!
//! Only this module has unsafe code: three requests of `ioctl` that the kernel documents (Documentation/networking/tuntap.rst).

mod header;

use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub use header::{HEADER, Header, Segments};
use rustix::fs::{Mode, OFlags};
use rustix::ioctl::{IntegerSetter, Setter, Updater, ioctl, opcode};

const TUNSETIFF: rustix::ioctl::Opcode = opcode::write::<i32>(b'T', 202);
const TUNSETOFFLOAD: rustix::ioctl::Opcode = opcode::write::<u32>(b'T', 208);
const TUNSETVNETHDRSZ: rustix::ioctl::Opcode = opcode::write::<i32>(b'T', 216);

const IFF_TAP: i16 = 0x0002;
const IFF_NO_PI: i16 = 0x1000;
const IFF_VNET_HDR: i16 = 0x4000;
const IFF_MULTI_QUEUE: i16 = 0x0100;

const TUN_F_CSUM: usize = 0x01;
const TUN_F_TSO4: usize = 0x02;
const TUN_F_TSO6: usize = 0x04;

/// Octets of an interface's name, the zero at its end included.
const NAME: usize = 16;

/// `struct ifreq` of linux/if.h, as TUNSETIFF reads and writes it.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; NAME],
    flags: i16,
    rest: [u8; 22],
}

/// A device that cannot be had.
#[derive(Debug)]
pub enum TapError {
    /// The name is empty, too long, or holds a zero.
    Name(String),
    /// A step failed.
    System {
        /// The device.
        name: String,
        /// What was tried.
        step: &'static str,
        /// What the kernel says.
        error: io::Error,
    },
}

impl fmt::Display for TapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name:?} is no interface's name: 1 to 15 octets"),
            Self::System { name, step, error } => write!(f, "TAP device {name}: cannot {step}: {error}"),
        }
    }
}

impl std::error::Error for TapError {}

/// What is in front of each frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Nothing: the kernel completes checksums and cuts segments before a frame comes out, and takes only complete ones.
    Plain,
    /// A [`Header`]: frames come and go with partial checksums and as large segments (TCP).
    Offloads,
}

/// A TAP device, not blocking. It is attached to as long as this lives.
#[derive(Debug)]
pub struct Tap {
    file: OwnedFd,
    form: Form,
}

impl Tap {
    /// Attaches to the device `name` of this network namespace, which is made if there is none.
    ///
    /// # Errors
    /// What the kernel refused: mostly for want of privilege, or because another program is attached.
    pub fn open(name: &str, form: Form) -> Result<Self, TapError> {
        Self::attach(name, form, 0)
    }

    /// Attaches so many queues to the device `name`, which must have been made for several (`multi_queue`), or is made so. The kernel brings the frames of a
    /// connection to the queue that sent its last one (Documentation/networking/tuntap.rst, section 3.3).
    ///
    /// # Errors
    /// As for [`open`](Self::open); also if the device is there and has one queue only.
    pub fn open_queues(name: &str, form: Form, queues: usize) -> Result<Vec<Self>, TapError> {
        (0..queues).map(|_| Self::attach(name, form, IFF_MULTI_QUEUE)).collect()
    }

    fn attach(name: &str, form: Form, flags: i16) -> Result<Self, TapError> {
        let mut request = InterfaceRequest { name: [0; NAME], flags: IFF_TAP | IFF_NO_PI | flags, rest: [0; 22] };
        if name.is_empty() || name.len() >= NAME || name.contains('\0') {
            return Err(TapError::Name(name.chars().take(40).collect()));
        }
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        let failed =
            |step| move |error: rustix::io::Errno| TapError::System { name: name.into(), step, error: error.into() };
        let access = OFlags::RDWR | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open("/dev/net/tun", access, Mode::empty()).map_err(failed("open /dev/net/tun"))?;
        if form == Form::Offloads {
            request.flags |= IFF_VNET_HDR;
        }
        // SAFETY: TUNSETIFF reads and writes one `struct ifreq`, which `InterfaceRequest` is: 40 octets, the flags at 16.
        unsafe { ioctl(&file, Updater::<TUNSETIFF, _>::new(&mut request)) }.map_err(failed("attach"))?;
        let offloads = match form {
            Form::Plain => 0,
            Form::Offloads => {
                // SAFETY: TUNSETVNETHDRSZ reads one `int`.
                unsafe { ioctl(&file, Setter::<TUNSETVNETHDRSZ, i32>::new(HEADER as i32)) }
                    .map_err(failed("set the size of the header"))?;
                TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6
            }
        };
        // SAFETY: TUNSETOFFLOAD takes its argument as a number.
        unsafe { ioctl(&file, IntegerSetter::<TUNSETOFFLOAD>::new_usize(offloads)) }
            .map_err(failed("set the offloads"))?;
        Ok(Self { file, form })
    }

    /// What is in front of each frame.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Takes a frame that has come, with its header; `None`: there is none. What does not fit into `into` is lost, so give 64 KiB and a
    /// header's length.
    ///
    /// # Errors
    /// What the kernel says, for example that the interface is down.
    pub fn receive(&self, into: &mut [u8]) -> io::Result<Option<usize>> {
        match rustix::io::read(&self.file, into) {
            Ok(length) => Ok(Some(length)),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Sends a frame with its header; `false`: there is no room now.
    ///
    /// # Errors
    /// What the kernel says, for example that the header contradicts the frame.
    pub fn send(&self, frame: &[u8]) -> io::Result<bool> {
        self.send_parts(&[IoSlice::new(frame)])
    }

    /// The same for a frame that lies in several parts, one after the other.
    ///
    /// # Errors
    /// As for [`send`](Self::send).
    pub fn send_parts(&self, parts: &[IoSlice<'_>]) -> io::Result<bool> {
        match rustix::io::writev(&self.file, parts) {
            Ok(_) => Ok(true),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests;
