//! Data that only its own processor uses.

use core::{cell::RefCell, fmt};

/// Private data of a Rep that its own processor changes, without a lock.
///
/// A Rep of a [`Distributed`](crate::Distributed) object is called on one processor only; the compiler refuses the cell
/// in a Rep that several processors share. Access is by closure, so that no borrow outlives a call: the one mistake
/// left is to call back into the same Rep from within the closure.
#[derive(Default)]
pub struct ProcessorCell<T>(RefCell<T>);

/// The cell is in use further up the stack: its closure called back into the same Rep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InUse;

impl fmt::Display for InUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the cell is in use further up the stack: end its closure before calling back into the same Rep")
    }
}

impl core::error::Error for InUse {}

impl<T> ProcessorCell<T> {
    /// A cell with this content.
    pub const fn new(value: T) -> Self {
        Self(RefCell::new(value))
    }

    /// Gives the content to `change`.
    ///
    /// # Panics
    /// If called from within the closure of the same cell.
    #[track_caller]
    pub fn with<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        match self.try_with(change) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Gives the content to `change`, or says that it is in use.
    pub fn try_with<R>(&self, change: impl FnOnce(&mut T) -> R) -> Result<R, InUse> {
        self.0.try_borrow_mut().map(|mut value| change(&mut value)).map_err(|_| InUse)
    }

    /// Puts `value` in and returns what was there.
    ///
    /// # Panics
    /// If called from within the closure of the same cell.
    #[track_caller]
    pub fn replace(&self, value: T) -> T {
        self.with(|place| core::mem::replace(place, value))
    }

    /// The content, when nobody else can reach the cell.
    pub fn into_inner(self) -> T {
        self.0.into_inner()
    }
}

impl<T: Default> ProcessorCell<T> {
    /// Takes the content out and leaves the default.
    ///
    /// # Panics
    /// If called from within the closure of the same cell.
    #[track_caller]
    pub fn take(&self) -> T {
        self.replace(T::default())
    }
}

impl<T> fmt::Debug for ProcessorCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProcessorCell(..)")
    }
}
