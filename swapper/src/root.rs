//! Roots: the part of a clustered object that there is once, and the map from processors to Reps (0024, 0028).

use crate::{
    Failure, Interface, MAX_PROCESSORS, ProcessorId, ProcessorSet, Protocol, State, Transfer,
    glue::{Header, Implemented, OwnedRep, Rep},
    local::{DefaultObject, Local},
    mediator::MediatorRep,
    memory::Handle,
    sync::{AtomicPtr, AtomicU64, Ordering},
};
use alloc::{boxed::Box, sync::Arc};
use core::{
    fmt,
    marker::PhantomData,
    ptr::{self, NonNull},
};

/// A component: one implementation of an interface, to be extended from a standard Root ([`Shared`], [`Clustered`],
/// [`Distributed`]).
///
/// A value of this type is the object's shared data, one per instance; it makes the Reps, and every Rep that wants to
/// reach it keeps a clone of the `Arc` it is given (CO-1).
pub trait Component: Send + Sync + Sized + 'static {
    /// The interface that it implements, as `dyn Trait`.
    type Interface: ?Sized + Interface + Implemented<Self::Rep>;

    /// The portion per processor, which implements the trait.
    type Rep: Transfer + Send + 'static;

    /// Makes the Rep for a processor when that processor first calls (CO-6). Must not call clustered objects. Where
    /// several processors share a Rep, two may make one at the same time; the second is dropped.
    fn rep(root: &Arc<Self>, processor: ProcessorId) -> Self::Rep;

    /// As [`rep`](Self::rep), for the new object of a swap, where a failure undoes the swap: for Reps that may be too large
    /// for the memory that is left, or that cannot be made for another reason.
    ///
    /// # Errors
    /// Whatever keeps the Rep from being made; the swap's report carries it as a failed import.
    fn try_rep(root: &Arc<Self>, processor: ProcessorId) -> Result<Self::Rep, Failure> {
        Ok(Self::rep(root, processor))
    }

    /// The state-transfer protocols that its Reps support, as old and as new object alike.
    fn protocols(&self) -> &'static [Protocol] {
        &[Protocol::NOTHING]
    }
}

/// The Root with one Rep that every processor uses.
#[derive(Debug)]
pub struct Shared<C>(C);

/// The Root with a Rep for every `N` processors.
#[derive(Debug)]
pub struct Clustered<C, const N: usize>(C);

/// The Root with a Rep for every processor: the Rep is used by that processor only and needs no locks.
#[derive(Debug)]
pub struct Distributed<C>(C);

impl<C: Component<Rep: Sync>> Shared<C> {
    /// An object around this shared data.
    pub const fn new(component: C) -> Self {
        Self(component)
    }
}

impl<C: Component<Rep: Sync>, const N: usize> Clustered<C, N> {
    const AT_LEAST_ONE: () = assert!(N > 0, "a cluster has at least one processor");

    /// An object around this shared data.
    pub const fn new(component: C) -> Self {
        let () = Self::AT_LEAST_ONE;
        Self(component)
    }
}

impl<C: Component> Distributed<C> {
    /// An object around this shared data.
    pub const fn new(component: C) -> Self {
        Self(component)
    }
}

/// A clustered object that has neither COID nor place in the global table yet (0052): to be published by
/// [`create`](crate::Processor::create), or to replace another by [`swap`](crate::System::swap).
pub struct Object(pub(crate) Arc<dyn Root>);

impl Object {
    /// The name of its interface.
    pub fn interface(&self) -> &'static str {
        self.0.name()
    }

    /// The protocols that it supports.
    pub fn protocols(&self) -> &'static [Protocol] {
        self.0.protocols()
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({})", self.interface())
    }
}

impl<C: Component> From<Shared<C>> for Object {
    fn from(root: Shared<C>) -> Self {
        Self(Arc::new(Standard::new(root.0, MAX_PROCESSORS)))
    }
}

impl<C: Component, const N: usize> From<Clustered<C, N>> for Object {
    fn from(root: Clustered<C, N>) -> Self {
        Self(Arc::new(Standard::new(root.0, N.min(MAX_PROCESSORS))))
    }
}

impl<C: Component> From<Distributed<C>> for Object {
    fn from(root: Distributed<C>) -> Self {
        Self(Arc::new(Standard::new(root.0, 1)))
    }
}

/// A Root without its type. Whoever shows a `&Local` is on that processor, which is the only one to touch a Rep that it
/// does not share.
pub(crate) trait Root: Send + Sync {
    fn name(&self) -> &'static str;
    fn schema(&self) -> u64;
    fn protocols(&self) -> &'static [Protocol];
    /// Whether each processor has a Rep of its own.
    fn is_distributed(&self) -> bool;
    /// Which Rep a processor uses.
    fn cluster(&self, processor: ProcessorId) -> usize;
    /// Records that a processor has missed (0054).
    fn record_miss(&self, processor: ProcessorId);
    /// The processors that have missed.
    fn missed(&self) -> ProcessorSet;
    /// The Rep of this processor, made if there is none.
    fn reach(&self, on: &Local) -> *const Header;
    /// The Rep of this processor, if there is one.
    fn reached(&self, on: &Local) -> Option<*const Header>;
    /// Makes the Rep of this processor if there is none, or says why that is impossible.
    fn prepare(&self, on: &Local) -> Result<(), Failure>;
    fn export(&self, on: &Local, protocol: Protocol) -> Result<State, Failure>;
    fn import(&self, on: &Local, protocol: Protocol, state: &State) -> Result<(), Failure>;
    fn adopt(&self, on: &Local, protocol: Protocol, state: State);
    fn restore(&self, on: &Local, protocol: Protocol, state: State);
    /// A Default Object of this interface, if there is memory for it.
    fn default_object(&self, core: DefaultObject) -> Option<OwnedRep>;
    /// A Mediator's Rep of this interface (HS-5), if there is memory for it.
    fn mediator_rep(&self, rep: Handle<MediatorRep>) -> Option<OwnedRep>;
}

type Table<C> = <<C as Component>::Interface as Interface>::Table;
type RepOf<C> = Rep<Table<C>, <C as Component>::Rep>;

/// The standard Roots, which differ only in how many processors share a Rep.
struct Standard<C: Component> {
    component: Arc<C>,
    /// Processors per Rep.
    share: usize,
    reps: Box<[AtomicPtr<RepOf<C>>]>,
    missed: AtomicU64,
    owns: PhantomData<C::Rep>,
}

// SAFETY: the component and the Reps may be sent, and so may be dropped anywhere.
unsafe impl<C: Component> Send for Standard<C> {}
// SAFETY: a Rep is reached only through `rep`, with proof of the processor. With one Rep per processor that makes it the
// only user; where processors share a Rep, the constructors of `Shared` and `Clustered` ask that the Rep is `Sync`.
unsafe impl<C: Component> Sync for Standard<C> {}

impl<C: Component> Standard<C> {
    fn new(component: C, share: usize) -> Self {
        let reps = (0..MAX_PROCESSORS.div_ceil(share)).map(|_| AtomicPtr::new(ptr::null_mut())).collect();
        Self { component: Arc::new(component), share, reps, missed: AtomicU64::new(0), owns: PhantomData }
    }

    fn pointer(&self, on: &Local) -> NonNull<RepOf<C>> {
        self.made(on).unwrap_or_else(|| {
            let data = C::rep(&self.component, on.id());
            self.install(on, Rep::allocate(<C::Interface as Implemented<C::Rep>>::TABLE, data))
        })
    }

    fn made(&self, on: &Local) -> Option<NonNull<RepOf<C>>> {
        // Acquire pairs with the Release in `install`: whoever sees the pointer sees the Rep that another processor made.
        NonNull::new(self.reps[self.cluster(on.id())].load(Ordering::Acquire))
    }

    /// Puts a Rep that came from `Rep::allocate` just now into its place, or drops it if another is there already.
    fn install(&self, on: &Local, made: NonNull<RepOf<C>>) -> NonNull<RepOf<C>> {
        let slot = &self.reps[self.cluster(on.id())];
        match slot.compare_exchange(ptr::null_mut(), made.as_ptr(), Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => made,
            Err(other) => {
                // SAFETY: `made` came from a box just now and nobody else has seen it.
                drop(unsafe { Box::from_raw(made.as_ptr()) });
                // SAFETY: the exchange failed because the slot is not null, and slots never return to null.
                unsafe { NonNull::new_unchecked(other) }
            }
        }
    }

    fn rep(&self, on: &Local) -> &C::Rep {
        // SAFETY: a Rep lives as long as its Root, and only shared references to its data are ever made.
        unsafe { &(*self.pointer(on).as_ptr()).data }
    }
}

impl<C: Component> Root for Standard<C> {
    fn name(&self) -> &'static str {
        <C::Interface as Interface>::NAME
    }

    fn schema(&self) -> u64 {
        <C::Interface as Interface>::SCHEMA
    }

    fn protocols(&self) -> &'static [Protocol] {
        self.component.protocols()
    }

    fn is_distributed(&self) -> bool {
        self.share == 1
    }

    fn cluster(&self, processor: ProcessorId) -> usize {
        processor.index() / self.share
    }

    fn record_miss(&self, processor: ProcessorId) {
        // Relaxed: read only by a swap that holds the entry's lock for writing, which misses hold for reading.
        self.missed.fetch_or(ProcessorSet::of(processor).bits(), Ordering::Relaxed);
    }

    fn missed(&self) -> ProcessorSet {
        ProcessorSet::from_bits(self.missed.load(Ordering::Relaxed))
    }

    fn reach(&self, on: &Local) -> *const Header {
        self.pointer(on).as_ptr().cast_const().cast()
    }

    fn reached(&self, on: &Local) -> Option<*const Header> {
        Some(self.made(on)?.as_ptr().cast_const().cast())
    }

    fn prepare(&self, on: &Local) -> Result<(), Failure> {
        if self.made(on).is_none() {
            let data = C::try_rep(&self.component, on.id())?;
            let made = Rep::try_allocate(<C::Interface as Implemented<C::Rep>>::TABLE, data);
            self.install(on, made.ok_or(Failure::NoMemory)?);
        }
        Ok(())
    }

    fn export(&self, on: &Local, protocol: Protocol) -> Result<State, Failure> {
        self.rep(on).export(protocol)
    }

    fn import(&self, on: &Local, protocol: Protocol, state: &State) -> Result<(), Failure> {
        self.rep(on).import(protocol, state)
    }

    fn adopt(&self, on: &Local, protocol: Protocol, state: State) {
        self.rep(on).adopt(protocol, state);
    }

    fn restore(&self, on: &Local, protocol: Protocol, state: State) {
        self.rep(on).restore(protocol, state);
    }

    fn default_object(&self, core: DefaultObject) -> Option<OwnedRep> {
        OwnedRep::try_new(<C::Interface as Interface>::DEFAULT, core)
    }

    fn mediator_rep(&self, rep: Handle<MediatorRep>) -> Option<OwnedRep> {
        OwnedRep::try_new(<C::Interface as Interface>::MEDIATOR, rep)
    }
}

impl<C: Component> Drop for Standard<C> {
    fn drop(&mut self) {
        for slot in &self.reps {
            // Relaxed: whoever drops the last count on the Root has synchronised with everyone who used it.
            if let Some(rep) = NonNull::new(slot.load(Ordering::Relaxed)) {
                // SAFETY: made from a box by `pointer`; the Root is going, so no call is inside and no entry leads here.
                drop(unsafe { Box::from_raw(rep.as_ptr()) });
            }
        }
    }
}
