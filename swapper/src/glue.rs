//! What the code derived by [`interface`](crate::interface) stands on: the memory layout of a Rep, and the three entry
//! points that its shims call. Not for use by hand.
//!
//! A Rep is one allocation that begins with its table of functions; a local entry points at it. A client's call loads
//! the entry, loads the function from the Rep itself, and calls: one load more than a `&dyn` call whose two words are in
//! registers (CO-9).

pub use crate::suspend::{Call, Carried, Held, Way, enter, erase};
use crate::{
    Coid,
    local::{DefaultObject, Local},
    mediator::{Mediated, MediatorRep},
    memory::Handle,
};
use alloc::{boxed::Box, rc::Rc};
use core::{alloc::Layout, cell::Cell, fmt, ptr::NonNull};

/// The first word of every table of functions: which interface it is for.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Header {
    schema: u64,
}

impl Header {
    /// The header for the interface with this schema.
    pub const fn new(schema: u64) -> Self {
        Self { schema }
    }

    /// The schema's hash.
    pub const fn schema(self) -> u64 {
        self.schema
    }
}

/// The hash of an interface's schema: FNV-1a with 64 bits over its names and signatures, and the layouts of the types in
/// them, so that a type which changed under the same name makes another interface.
pub const fn schema(text: &str, layouts: &[(usize, usize)]) -> u64 {
    let mut hash = fnv(0xCBF2_9CE4_8422_2325, text.as_bytes());
    let mut index = 0;
    while index < layouts.len() {
        let (size, align) = layouts[index];
        hash = fnv(fnv(hash, &size.to_le_bytes()), &align.to_le_bytes());
        index += 1;
    }
    hash
}

const fn fnv(mut hash: u64, bytes: &[u8]) -> u64 {
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01B3);
        index += 1;
    }
    hash
}

/// Asks for the layout of a type that may have none of its own: `Shape::<T>::LAYOUT` is the constant here for a type
/// with a known size, and that of [`Unsized`] for slices, strings and trait objects.
pub struct Shape<T: ?Sized>(core::marker::PhantomData<T>);

impl<T> Shape<T> {
    /// Size and alignment in octets.
    pub const LAYOUT: (usize, usize) = (size_of::<T>(), align_of::<T>());
}

/// The answer for types whose size is not known.
pub trait Unsized {
    /// No layout.
    const LAYOUT: (usize, usize) = (usize::MAX, 0);
}

impl<T: ?Sized> Unsized for Shape<T> {}

/// An interface, as the type `dyn Trait`.
///
/// # Safety
/// `Table` is `#[repr(C)]` and begins with a [`Header`] that holds `SCHEMA`; the functions of `DEFAULT` and `MEDIATOR`
/// expect a Default Object and a Mediator's Rep of this table. [`interface`](crate::interface) sees to it.
pub unsafe trait Interface: 'static {
    /// The table of functions.
    type Table: Copy + 'static;
    /// The client reference.
    type Ref;
    /// The trait's name.
    const NAME: &'static str;
    /// The hash of the trait's names and signatures, and of the layouts of the types in them.
    const SCHEMA: u64;
    /// The table of the Default Object (0027).
    const DEFAULT: Self::Table;
    /// The table of the Mediator's Reps (0057).
    const MEDIATOR: Self::Table;
    /// Wraps an untyped reference.
    fn reference(inner: Reference) -> Self::Ref;
}

/// An interface that `Data` implements.
///
/// # Safety
/// The functions of `TABLE` expect a Rep of this table whose data is a `Data`.
pub unsafe trait Implemented<Data>: Interface {
    /// The table of such a Rep.
    const TABLE: Self::Table;
}

/// A Rep in memory: its table, then its data.
#[repr(C)]
pub(crate) struct Rep<Table, Data> {
    table: Table,
    pub(crate) data: Data,
}

impl<Table, Data> Rep<Table, Data> {
    /// A Rep on the heap, as a pointer that may be shared; to be freed by [`OwnedRep`] or `Box::from_raw`.
    pub(crate) fn allocate(table: Table, data: Data) -> NonNull<Self> {
        Self::try_allocate(table, data).unwrap_or_else(|| alloc::alloc::handle_alloc_error(Layout::new::<Self>()))
    }

    /// The same, or nothing if there is no memory for it.
    pub(crate) fn try_allocate(table: Table, data: Data) -> Option<NonNull<Self>> {
        const { assert!(size_of::<Self>() > 0, "a table begins with its header") };
        // SAFETY: the layout is not empty.
        let place = NonNull::new(unsafe { alloc::alloc::alloc(Layout::new::<Self>()) })?.cast::<Self>();
        // SAFETY: new memory of this layout.
        unsafe { place.write(Self { table, data }) };
        Some(place)
    }
}

/// The data of a Rep.
///
/// # Safety
/// `this` points at a live Rep of this table and this data, which stays alive for `'a`.
pub unsafe fn data<'a, Table, Data>(this: *const Header) -> &'a Data {
    // SAFETY: the caller promises the type and the lifetime; the pointer came from `Rep::allocate` and so covers all of it.
    unsafe { &(*this.cast::<Rep<Table, Data>>()).data }
}

/// A miss (0027): the Rep that now answers for this object on this processor.
///
/// # Safety
/// `this` points at a live Default Object with this table; called within a call through a [`Reference`].
pub unsafe fn miss<Table>(this: *const Header) -> *const Header {
    // SAFETY: passed on from the caller. The Default Object lives while its processor has a reference to the object.
    unsafe { data::<Table, DefaultObject>(this) }.miss()
}

/// A call met the Mediator: waits if it must, and says where the call goes.
///
/// # Safety
/// `this` points at a live Mediator's Rep with this table; called within a call through a [`Reference`].
pub unsafe fn mediate<Table>(this: *const Header) -> Mediated {
    // SAFETY: passed on from the caller. Only this first step needs the Rep: what follows holds a count on its data.
    let rep = Handle::clone(unsafe { data::<Table, Handle<MediatorRep>>(this) });
    rep.admit()
}

/// A call of a method that suspends met the Mediator: a future that waits if it must, and says where the call goes.
///
/// # Safety
/// As for [`mediate`]; `reference` is what the call goes through.
pub unsafe fn hold<Table>(this: *const Header, reference: &Reference) -> Held<'_> {
    // SAFETY: passed on from the caller. What follows holds a count on the Rep's data.
    let rep = Handle::clone(unsafe { data::<Table, Handle<MediatorRep>>(this) });
    Held::new(rep, reference)
}

/// A Rep that is freed when this is dropped.
pub(crate) struct OwnedRep {
    header: NonNull<Header>,
    free: unsafe fn(NonNull<Header>),
}

impl OwnedRep {
    /// Or nothing if there is no memory for it.
    pub(crate) fn try_new<Table, Data>(table: Table, data: Data) -> Option<Self> {
        unsafe fn free<Table, Data>(header: NonNull<Header>) {
            // SAFETY: called once, by `drop`, with the pointer that `Rep::allocate` gave for these types.
            drop(unsafe { Box::from_raw(header.cast::<Rep<Table, Data>>().as_ptr()) });
        }
        Some(Self { header: Rep::try_allocate(table, data)?.cast(), free: free::<Table, Data> })
    }

    pub(crate) fn header(&self) -> *const Header {
        self.header.as_ptr()
    }
}

impl Drop for OwnedRep {
    fn drop(&mut self) {
        // SAFETY: the pointer and the function were made for each other in `new`.
        unsafe { (self.free)(self.header) }
    }
}

/// One entry of a local translation table.
pub(crate) type LocalEntry = Cell<*const Header>;

/// A client reference without its interface: it holds the address of the object's entry in the local translation table,
/// which is what the reference document calls a COID (0027).
///
/// It cannot leave its thread, holds the tables of its processor alive, and keeps the object from being destroyed, so the
/// entry holds a Rep of the interface that was checked when the reference was made.
pub struct Reference {
    entry: NonNull<LocalEntry>,
    local: Rc<Local>,
    coid: Coid,
}

impl Reference {
    /// The caller has counted the reference in `local`.
    pub(crate) fn new(entry: NonNull<LocalEntry>, local: Rc<Local>, coid: Coid) -> Self {
        Self { entry, local, coid }
    }

    /// The Rep that answers now.
    #[inline(always)]
    pub fn rep(&self) -> *const Header {
        // SAFETY: the entry lies in the table that `self.local` keeps alive, and only this thread uses that table.
        unsafe { self.entry.as_ref() }.get()
    }

    pub(crate) const fn local(&self) -> &Rc<Local> {
        &self.local
    }

    /// The object's name.
    pub const fn coid(&self) -> Coid {
        self.coid
    }
}

impl Clone for Reference {
    fn clone(&self) -> Self {
        self.local.count_reference(self.coid);
        Self { entry: self.entry, local: Rc::clone(&self.local), coid: self.coid }
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        self.local.drop_reference(self.coid);
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} on processor {}", self.coid, self.local.id())
    }
}
