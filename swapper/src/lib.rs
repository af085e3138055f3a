//! Clustered objects, and hot swapping of their code while calls are using them.
#![cfg_attr(not(test), no_std)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

mod cell;
mod coid;
mod error;
mod generation;
#[doc(hidden)]
pub mod glue;
#[cfg(feature = "std")]
mod host;
mod local;
mod local_table;
mod mediator;
mod meeting;
mod platform;
mod processor;
mod processor_set;
mod report;
mod root;
mod sync;
mod system;
mod transfer;
mod worker;

pub use cell::{InUse, ProcessorCell};
pub use coid::{Coid, INDEX_BITS, REGION_ENTRIES, VBASE, local_table_bytes};
pub use error::{ObjectError, SwapError, SystemError};
pub use glue::{Implemented, Interface};
#[cfg(feature = "std")]
pub use host::Host;
pub use local::Progress;
pub use platform::Platform;
pub use processor::{Activity, Processor};
pub use processor_set::{MAX_PROCESSORS, ProcessorId, ProcessorSet};
pub use report::{HeldUp, Missing, Outcome, PhaseTimes, ProcessorReport, Reason, Report};
pub use root::{Clustered, Component, Distributed, Object, Shared};
pub use swapper_macros::interface;
pub use system::{Swap, SwapOptions, System};
pub use transfer::{Failure, Protocol, State, Transfer};
