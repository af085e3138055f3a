//! Why the image cannot run. Each ends the machine with one line and status 1.

use core::fmt;

use services::node::SetupError;
use services::options::OptionError;
use swapper::SystemError;

use crate::arch::exit;
use crate::console;
use crate::local::LocalError;
use crate::nic::NicError;

/// Why the image cannot run.
#[derive(Debug)]
pub enum Error {
    /// A word of the command line.
    Option(OptionError),
    /// `test=` asks for something that is not there.
    UnknownTest,
    /// `bench=` asks for something that is not there.
    #[cfg(feature = "bench")]
    UnknownBench,
    /// `bench=` needs so many processors.
    #[cfg(feature = "bench")]
    FewProcessors(usize),
    /// A processor's private memory.
    Local(LocalError),
    /// The network card.
    Nic(NicError),
    /// No source of random numbers.
    NoEntropy,
    /// The node could not be set up.
    Setup(SetupError),
    /// A processor could not be attached to the swapper.
    System(SystemError),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Option(error) => error.fmt(f),
            Self::UnknownTest => write!(f, "test= knows {}", crate::test::NAMES),
            #[cfg(feature = "bench")]
            Self::UnknownBench => write!(f, "bench= knows {}", crate::bench::NAMES),
            #[cfg(feature = "bench")]
            Self::FewProcessors(needed) => write!(f, "bench= needs {needed} processors (-smp {needed})"),
            Self::Local(error) => error.fmt(f),
            Self::Nic(error) => error.fmt(f),
            Self::NoEntropy => {
                f.write_str("the processor has no random numbers (RDRAND): use a processor model that has")
            }
            Self::Setup(error) => error.fmt(f),
            Self::System(error) => error.fmt(f),
        }
    }
}

impl Error {
    /// Says so and ends the machine.
    pub fn end(&self) -> ! {
        console::line(format_args!("midflight: error: {self}"));
        exit::fail()
    }
}

impl From<OptionError> for Error {
    fn from(error: OptionError) -> Self {
        Self::Option(error)
    }
}

impl From<LocalError> for Error {
    fn from(error: LocalError) -> Self {
        Self::Local(error)
    }
}

impl From<NicError> for Error {
    fn from(error: NicError) -> Self {
        Self::Nic(error)
    }
}

impl From<SetupError> for Error {
    fn from(error: SetupError) -> Self {
        Self::Setup(error)
    }
}

impl From<SystemError> for Error {
    fn from(error: SystemError) -> Self {
        Self::System(error)
    }
}
