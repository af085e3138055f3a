//! The Transfer phase's contract between two components: protocols, their negotiation, and the state itself (0065).

use crate::memory::try_box;
use alloc::{boxed::Box, string::String};
use core::{any::Any, fmt};

/// A state-transfer protocol, defined up front for a family of components: a rank and a name.
///
/// The rank is the protocol's bit in the vector that a component declares; of those that both sides declare, the one
/// with the highest rank wins.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Protocol {
    rank: u8,
    name: &'static str,
}

impl Protocol {
    /// No state is moved: the new object starts afresh. The lowest rank.
    pub const NOTHING: Self = Self { rank: 0, name: "nothing" };

    /// A protocol with a rank from 1 to 63.
    ///
    /// # Panics
    /// If the rank is 0 or above 63; in a constant, when it is compiled.
    pub const fn new(rank: u8, name: &'static str) -> Self {
        assert!(rank > 0 && rank < 64, "a protocol's rank is from 1 to 63");
        Self { rank, name }
    }

    /// Its rank, also the number of its bit.
    pub const fn rank(self) -> u8 {
        self.rank
    }

    /// Its name, for reports.
    pub const fn name(self) -> &'static str {
        self.name
    }
}

/// The bit vector of some protocols.
pub(crate) fn bits(protocols: &[Protocol]) -> u64 {
    protocols.iter().fold(0, |bits, protocol| bits | 1 << protocol.rank)
}

/// The best protocol that both sides support: logical AND, then the most significant bit.
pub(crate) fn negotiate(old: &[Protocol], new: &[Protocol]) -> Option<Protocol> {
    let rank = (bits(old) & bits(new)).checked_ilog2()?;
    new.iter().copied().find(|protocol| u32::from(protocol.rank) == rank)
}

/// The state that one Rep hands to another, in the form that their protocol defines.
///
/// It stays on the processor of the two Reps, so it may hold anything: a whole table moved out of the old Rep, or a
/// copy in a common form.
pub struct State {
    value: Box<dyn Any>,
    items: u64,
}

impl State {
    /// State that consists of `items` things (connections, say), which the swap's report counts.
    pub fn new<T: Any>(value: T, items: u64) -> Self {
        Self { value: Box::new(value), items }
    }

    /// As [`new`](Self::new), for a component that wants to say so where there is no memory.
    ///
    /// # Errors
    /// [`Failure::NoMemory`]; the value is dropped then, so what cannot be made again is not to be moved in this way.
    pub fn try_new<T: Any>(value: T, items: u64) -> Result<Self, Failure> {
        let value = try_box(value).ok_or(Failure::NoMemory)?;
        Ok(Self { value, items })
    }

    /// No state.
    pub fn nothing() -> Self {
        Self::new((), 0)
    }

    /// How many things it consists of.
    pub const fn items(&self) -> u64 {
        self.items
    }

    /// The state, if it has the form `T`.
    ///
    /// # Errors
    /// [`Failure::WrongForm`].
    pub fn get<T: Any>(&self) -> Result<&T, Failure> {
        self.value.downcast_ref().ok_or(Failure::WrongForm { expected: core::any::type_name::<T>() })
    }

    /// The state itself, if it has the form `T`; otherwise everything comes back.
    pub fn take<T: Any>(self) -> Result<T, Self> {
        let items = self.items;
        self.value.downcast().map(|value| *value).map_err(|value| Self { value, items })
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("items", &self.items).finish_non_exhaustive()
    }
}

/// Why a component could not export or import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Failure {
    /// The component was asked for a protocol that it does not list.
    Unsupported(Protocol),
    /// The state has another form than the protocol says.
    WrongForm {
        /// The Rust type that was expected.
        expected: &'static str,
    },
    /// No memory for it.
    NoMemory,
    /// The state is not acceptable, and why.
    Refused(String),
}

impl Failure {
    /// A copy that needs no memory that is not there: without the words of a refusal if need be.
    pub(crate) fn duplicate(&self) -> Self {
        let Self::Refused(why) = self else { return self.clone() };
        let mut copy = String::new();
        if copy.try_reserve_exact(why.len()).is_ok() {
            copy.push_str(why);
        }
        Self::Refused(copy)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported(protocol) => write!(f, "protocol {} is not supported; list only what is", protocol.name),
            Self::WrongForm { expected } => {
                write!(f, "the state is not a {expected}; both sides must agree on a protocol's form")
            }
            Self::NoMemory => f.write_str("no memory for the state"),
            Self::Refused(why) => write!(f, "the state was refused: {why}"),
        }
    }
}

impl core::error::Error for Failure {}

/// How a Rep hands its state over, and takes another's.
///
/// The order for two Reps of one processor is `old.export`, `new.import`; then, when every processor has done so and the
/// swap is committed, `new.adopt`; or, if anything failed anywhere or the time was up, `old.restore`. Until then nothing
/// may be lost: what `export` moves out comes back in `restore`, what it copies stays in place. No call is inside either
/// Rep meanwhile. None of the four may call the object that is being swapped.
///
/// A Rep without state needs only `impl Transfer for X {}`.
pub trait Transfer {
    /// Old Rep: gives its state away, as a copy or moved out.
    fn export(&self, protocol: Protocol) -> Result<State, Failure> {
        if protocol == Protocol::NOTHING { Ok(State::nothing()) } else { Err(Failure::Unsupported(protocol)) }
    }

    /// New Rep: everything about taking the state that can fail. Converts from `state`, or checks its form and leaves
    /// the move to [`adopt`](Self::adopt). The new object is dropped if the swap is undone.
    fn import(&self, protocol: Protocol, state: &State) -> Result<(), Failure> {
        let _ = state;
        if protocol == Protocol::NOTHING { Ok(()) } else { Err(Failure::Unsupported(protocol)) }
    }

    /// New Rep, after the commit: the state is its own now. Needed only for what is handed over by reference.
    fn adopt(&self, protocol: Protocol, state: State) {
        let _ = (protocol, state);
    }

    /// Old Rep, after an undo: takes back what its own [`export`](Self::export) gave. Needed only for what was moved out.
    fn restore(&self, protocol: Protocol, state: State) {
        let _ = (protocol, state);
    }
}
