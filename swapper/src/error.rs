//! What can be refused, and why.

use crate::{Coid, INDEX_BITS, MAX_PROCESSORS, MAX_WAITING, ProcessorId, ProcessorSet, REGION_ENTRIES};
use core::fmt;

/// Why there is no system or no processor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SystemError {
    /// A system has from 1 to [`MAX_PROCESSORS`] processors.
    Processors(usize),
    /// The system has no processor of this number.
    NoSuchProcessor(usize),
    /// A region has so many entries that a COID cannot name them all, or is not a multiple of [`REGION_ENTRIES`].
    Region {
        /// Entries asked for.
        entries: usize,
        /// Regions: one for each processor.
        processors: usize,
    },
    /// No memory for the tables.
    NoMemory,
    /// A thread is attached as this processor already.
    Attached(ProcessorId),
}

impl fmt::Display for SystemError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Processors(count) => write!(f, "a system has 1 to {MAX_PROCESSORS} processors, not {count}"),
            Self::NoSuchProcessor(number) => write!(f, "the system has no processor {number}"),
            Self::Region { entries, processors } => write!(
                f,
                "{processors} regions of {entries} entries: a region is a multiple of {REGION_ENTRIES}, and all together have at most 2^{INDEX_BITS}"
            ),
            Self::NoMemory => f.write_str("no memory for the translation tables"),
            Self::Attached(processor) => {
                write!(f, "a thread is attached as processor {processor} already; detach it first")
            }
        }
    }
}

impl core::error::Error for SystemError {}

/// Why a COID does not lead to an object, or an object not into the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ObjectError {
    /// The object is gone, or never was.
    Stale(Coid),
    /// The object has another interface.
    Interface {
        /// The object.
        coid: Coid,
        /// The interface it has.
        has: &'static str,
        /// The interface asked for.
        wanted: &'static str,
    },
    /// The processor's region of the table is full.
    Full(ProcessorId),
    /// There is no memory for more entries of this processor's tables.
    NoMemory(ProcessorId),
    /// References exist on these processors, so the object cannot be destroyed.
    Referenced {
        /// The object.
        coid: Coid,
        /// Where the references are.
        by: ProcessorSet,
    },
    /// The object is being swapped, so it cannot be destroyed.
    InSwap(Coid),
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale(coid) => write!(f, "there is no object {coid} any more"),
            Self::Interface { coid, has, wanted } => {
                write!(f, "object {coid} has the interface {has}, not {wanted}, or {wanted} in another version")
            }
            Self::Full(processor) => {
                write!(
                    f,
                    "processor {processor} has as many objects as its region of the table holds; destroy some, create on another processor, or make the regions larger"
                )
            }
            Self::NoMemory(processor) => write!(f, "no memory for more entries of the tables of processor {processor}"),
            Self::Referenced { coid, by } => {
                write!(f, "object {coid} is referenced on processors {by:?}; drop the references first")
            }
            Self::InSwap(coid) => write!(f, "object {coid} is being swapped; wait for the swap to end"),
        }
    }
}

impl core::error::Error for ObjectError {}

/// Why a swap did not begin. Nothing was touched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SwapError {
    /// The object is gone, or never was.
    Stale(Coid),
    /// The replacement has another interface than the object.
    Interface {
        /// The object.
        coid: Coid,
        /// The interface it has.
        has: &'static str,
        /// The replacement's.
        replacement: &'static str,
    },
    /// The two components have no state-transfer protocol in common; their bit vectors.
    NoCommonProtocol {
        /// What the object supports.
        old: u64,
        /// What the replacement supports.
        new: u64,
    },
    /// Another swap of this object has not ended.
    InSwap(Coid),
    /// Another swap of this object has not ended, and [`MAX_WAITING`] wait for it already.
    Queue(Coid),
    /// No processor is attached, so nobody could carry the swap out.
    NoProcessor,
    /// No memory for a swap, or for its place in the queue.
    NoMemory,
}

impl fmt::Display for SwapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stale(coid) => write!(f, "there is no object {coid} any more"),
            Self::Interface { coid, has, replacement } => write!(
                f,
                "object {coid} has the interface {has} and the replacement {replacement}; both must be built against the same version"
            ),
            Self::NoCommonProtocol { old, new } => {
                write!(f, "no common state-transfer protocol: the object supports {old:#x}, the replacement {new:#x}")
            }
            Self::InSwap(coid) => write!(f, "object {coid} is being swapped already; try again when that has ended"),
            Self::Queue(coid) => {
                write!(f, "{MAX_WAITING} swaps of object {coid} wait already, the limit; cancel one or try again later")
            }
            Self::NoMemory => f.write_str("no memory for a swap; free some and try again"),
            Self::NoProcessor => f.write_str("no processor is attached to carry the swap out"),
        }
    }
}

impl core::error::Error for SwapError {}
