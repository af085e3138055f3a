//! What the tests share: a platform whose clock stands still, processors that all live on the test's thread, and a bank
//! whose implementations fail on request and count themselves.
#![allow(dead_code, missing_docs)]

pub mod scarce;
pub mod storm;

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    task::{Context, Poll, Wake},
};
use swapper::{
    Coid, Component, Distributed, Failure, Object, Platform, Processor, ProcessorCell, ProcessorId, Protocol, Report,
    State, Swap, SwapError, SwapOptions, SwapStep, System, Transfer,
};

/// Money, on every processor for itself.
#[swapper::interface]
pub trait Bank {
    /// Adds, and returns the sum.
    fn deposit(&self, amount: u64) -> u64;
    /// The sum.
    fn balance(&self) -> u64;
    /// Runs something inside a call.
    fn visit(&self, visitor: &mut dyn FnMut());
    /// Adds as soon as `ready` says so, which is asked whenever the call is polled; returns the sum.
    async fn deposit_when(&self, amount: u64, ready: &mut dyn FnMut() -> bool) -> u64;
    /// The implementation.
    fn label(&self) -> u64;
}

/// A copy of the sum.
pub const COPY: Protocol = Protocol::new(1, "copy");
/// The account itself.
pub const MOVE: Protocol = Protocol::new(2, "move");

/// How many of something exist.
#[derive(Clone, Default, Debug)]
pub struct Alive(Arc<AtomicI64>);

impl Alive {
    pub fn count(&self) -> i64 {
        self.0.load(Ordering::SeqCst)
    }

    fn born(&self) -> Life {
        self.0.fetch_add(1, Ordering::SeqCst);
        Life(self.clone())
    }
}

/// One of them.
struct Life(Alive);

impl Drop for Life {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// The shared data of a bank.
pub struct Branch {
    pub label: u64,
    pub protocols: &'static [Protocol],
    /// Processors on which the next export fails, as bits.
    pub bad_export: AtomicU64,
    /// Processors on which import fails, as bits.
    pub bad_import: u64,
    reps: Alive,
    _life: Life,
}

impl Branch {
    pub fn new(label: u64, protocols: &'static [Protocol], roots: &Alive, reps: &Alive) -> Self {
        Self { label, protocols, bad_export: AtomicU64::new(0), bad_import: 0, reps: reps.clone(), _life: roots.born() }
    }
}

/// A bank's Rep: an account that is gone while its state is elsewhere.
pub struct Account {
    root: Arc<Branch>,
    processor: ProcessorId,
    sum: ProcessorCell<Option<Box<u64>>>,
    inside: Cell<u32>,
    _life: Life,
}

/// A call that is inside an account.
struct Inside<'a>(&'a Cell<u32>);

impl<'a> Inside<'a> {
    fn enter(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Self(count)
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

impl Component for Branch {
    type Interface = dyn Bank;
    type Rep = Account;

    fn rep(root: &Arc<Self>, processor: ProcessorId) -> Account {
        let life = root.reps.born();
        let sum = ProcessorCell::new(Some(Box::new(0)));
        Account { root: Arc::clone(root), processor, sum, inside: Cell::new(0), _life: life }
    }

    fn protocols(&self) -> &'static [Protocol] {
        self.protocols
    }
}

impl Bank for Account {
    fn deposit(&self, amount: u64) -> u64 {
        self.sum.with(|sum| {
            let sum = sum.as_mut().expect("a call reached the old object after its state had left");
            **sum += amount;
            **sum
        })
    }

    fn balance(&self) -> u64 {
        self.deposit(0)
    }

    fn visit(&self, visitor: &mut dyn FnMut()) {
        let _inside = Inside::enter(&self.inside);
        visitor();
    }

    async fn deposit_when(&self, amount: u64, ready: &mut dyn FnMut() -> bool) -> u64 {
        let _inside = Inside::enter(&self.inside);
        poll_fn(|_| if ready() { Poll::Ready(()) } else { Poll::Pending }).await;
        self.deposit(amount)
    }

    fn label(&self) -> u64 {
        self.root.label
    }
}

impl Transfer for Account {
    fn export(&self, protocol: Protocol) -> Result<State, Failure> {
        assert_eq!(self.inside.get(), 0, "exported while a call was inside");
        let bit = 1 << self.processor.index();
        if self.root.bad_export.fetch_and(!bit, Ordering::Relaxed) & bit != 0 {
            return Err(Failure::Refused("export".into()));
        }
        match protocol {
            COPY => Ok(State::new(self.balance(), 1)),
            MOVE => Ok(State::new(self.sum.take().expect("exported twice"), 1)),
            other => Err(Failure::Unsupported(other)),
        }
    }

    fn import(&self, protocol: Protocol, state: &State) -> Result<(), Failure> {
        if self.root.bad_import >> self.processor.index() & 1 != 0 {
            return Err(Failure::NoMemory);
        }
        match protocol {
            COPY => {
                let sum = *state.get::<u64>()?;
                self.sum.with(|place| *place = Some(Box::new(sum)));
            }
            _ => {
                state.get::<Box<u64>>()?;
            }
        }
        Ok(())
    }

    fn adopt(&self, protocol: Protocol, state: State) {
        if protocol == MOVE {
            self.sum.replace(Some(state.take().expect("checked by import")));
        }
    }

    fn restore(&self, protocol: Protocol, state: State) {
        if protocol == MOVE {
            let before = self.sum.replace(Some(state.take().expect("own export")));
            assert!(before.is_none(), "restored over something");
        }
    }
}

/// A clock that moves by a nanosecond at each look, and further when told.
#[derive(Clone, Default)]
pub struct Clock(Arc<AtomicU64>, Arc<AtomicU64>, Faults);

/// The step that goes wrong, on which processor, and how often it was asked about.
type Faults = Arc<Mutex<(Option<(usize, SwapStep)>, u64)>>;

impl Clock {
    /// The processors that were woken since the last look, as bits.
    pub fn woken(&self) -> u64 {
        self.1.swap(0, Ordering::SeqCst)
    }

    /// From now on this step goes wrong on this processor, or none does. Returns how often the step before was met.
    pub fn inject(&self, fault: Option<(usize, SwapStep)>) -> u64 {
        std::mem::replace(&mut *self.2.lock().unwrap(), (fault, 0)).1
    }

    pub fn advance_to(&self, time: u64) {
        self.0.fetch_max(time, Ordering::SeqCst);
    }
}

type Hook = Box<dyn FnMut(&World, ProcessorId)>;

thread_local! {
    static WORLD: RefCell<Option<Rc<World>>> = const { RefCell::new(None) };
}

impl Platform for Clock {
    fn now(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }

    fn wake(&self, processor: ProcessorId) {
        self.1.fetch_or(1 << processor.index(), Ordering::SeqCst);
    }

    fn fault(&self, processor: ProcessorId, step: SwapStep) -> bool {
        let mut faults = self.2.lock().unwrap();
        let hit = faults.0 == Some((processor.index(), step));
        faults.1 += u64::from(hit);
        hit
    }

    /// What happens while a call waits: the next scripted event, or the other processors' workers run, or time passes.
    fn wait(&self, processor: ProcessorId, until: Option<u64>) {
        let world = WORLD.with_borrow(|world| world.clone()).expect("a world");
        let hook = world.hooks.borrow_mut().pop_front();
        if let Some(mut hook) = hook {
            hook(&world, processor);
        } else if !world.run_all() {
            self.advance_to(until.expect("waits for something that has no end"));
        }
    }
}

/// A system whose processors all live on this thread.
pub struct World {
    pub clock: Clock,
    pub system: System,
    pub processors: Vec<Processor>,
    pub roots: Alive,
    pub reps: Alive,
    hooks: RefCell<VecDeque<Hook>>,
}

impl World {
    pub fn new(processors: usize) -> Rc<Self> {
        let clock = Clock::default();
        let system = System::new(processors, clock.clone()).expect("a system");
        // SAFETY: the tests run workers between activities or inside of one.
        let processors = (0..processors).map(|number| unsafe { system.attach(number) }.expect("attached")).collect();
        let world = Rc::new(Self {
            clock,
            system,
            processors,
            roots: Alive::default(),
            reps: Alive::default(),
            hooks: RefCell::default(),
        });
        WORLD.set(Some(Rc::clone(&world)));
        world
    }

    /// The implementation with this label.
    pub fn branch(&self, label: u64, protocols: &'static [Protocol]) -> Branch {
        Branch::new(label, protocols, &self.roots, &self.reps)
    }

    /// An object with this label on processor 0, and a reference to it from each processor.
    pub fn bank(&self, label: u64, protocols: &'static [Protocol]) -> (Coid, Vec<BankRef>) {
        let coid = self.processors[0].create(Distributed::new(self.branch(label, protocols))).expect("created");
        (coid, self.processors.iter().map(|processor| processor.bind::<dyn Bank>(coid).expect("bound")).collect())
    }

    /// Runs workers at the current time; whether anything had to be done.
    pub fn run(&self, processor: usize) -> bool {
        let before = self.clock.0.load(Ordering::SeqCst);
        self.processors[processor].run_workers(before);
        // Each thing that a worker does looks at the clock or at least costs nothing; so does an idle one.
        self.clock.0.load(Ordering::SeqCst) != before
    }

    /// Runs the workers of all processors; whether any did something.
    pub fn run_all(&self) -> bool {
        (0..self.processors.len()).fold(false, |any, processor| self.run(processor) | any)
    }

    /// Runs everything until the swap is over.
    pub fn finish(&self, swap: &Swap) -> Report {
        for _ in 0..100 {
            if let Some(report) = swap.poll() {
                return report;
            }
            if !self.run_all() {
                self.clock.advance_to(self.clock.0.load(Ordering::SeqCst) + 1_000_000_000);
            }
        }
        panic!("the swap does not end");
    }

    pub fn swap(&self, coid: Coid, replacement: impl Into<Object>) -> Result<Swap, SwapError> {
        self.system.swap(coid, replacement, SwapOptions { time_limit: 1_000_000, notify: None })
    }

    /// Something to happen the next time that a call waits.
    pub fn when_waiting(&self, hook: impl FnMut(&World, ProcessorId) + 'static) {
        self.hooks.borrow_mut().push_back(Box::new(hook));
    }

    /// Whether every scripted event has happened.
    pub fn is_played(&self) -> bool {
        self.hooks.borrow().is_empty()
    }
}

impl World {
    /// Ends the world: checks that it leaves nothing behind.
    pub fn end(self: Rc<Self>) {
        WORLD.set(None);
        let (roots, reps) = (self.roots.clone(), self.reps.clone());
        drop(Rc::into_inner(self).expect("the only one"));
        assert_eq!((roots.count(), reps.count()), (0, 0), "something was not freed");
    }
}

impl World {
    /// Takes the last processor away.
    pub fn detach_last(world: &mut Rc<Self>) -> Processor {
        WORLD.set(None);
        let last = Rc::get_mut(world).expect("the only one").processors.pop().expect("a processor");
        WORLD.set(Some(Rc::clone(world)));
        last
    }
}

impl World {
    /// Drops scripted events that have not happened.
    pub fn forget_hooks(&self) {
        self.hooks.borrow_mut().clear();
    }
}

/// A future and whether it was woken: as much of an executor as a test needs.
pub struct Task<'f, T> {
    future: Pin<Box<dyn Future<Output = T> + 'f>>,
    bell: Arc<Bell>,
}

#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl<'f, T> Task<'f, T> {
    pub fn new(future: impl Future<Output = T> + 'f) -> Self {
        Self { future: Box::pin(future), bell: Arc::default() }
    }

    /// Polls, whether woken or not.
    pub fn poll(&mut self) -> Option<T> {
        match self.future.as_mut().poll(&mut Context::from_waker(&Arc::clone(&self.bell).into())) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    /// Whether it was woken since the last look.
    pub fn is_woken(&self) -> bool {
        self.bell.0.swap(false, Ordering::SeqCst)
    }

    /// The future is never dropped.
    pub fn leak(self) {
        std::mem::forget(self.future);
    }
}
