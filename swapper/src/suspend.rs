//! Calls of methods that suspend: each is a thread of its own in the sense of (0059), from its first poll to its end.
//!
//! ```text
//!  client's future ─▶ local entry ─▶ Rep       [`Entered`]: a member of a generation until it ends or is dropped
//!   (first poll)                  └▶ Mediator   [`Held`]: waits without a stack, then goes as [`Way`] says:
//!                                                 to the old object, counted, each poll marked   [`Carried`]
//!                                                 or to what the local entry holds by then
//! ```
//!
//! A future that is inside an object is a member of a generation of its processor, forwarded or not, so that a swap which
//! comes later waits for it. One that is held is inside of nothing and holds nothing up.

use crate::{
    Coid,
    generation::Generation,
    glue::{Header, Reference},
    local::Local,
    mediator::{self, Counted, MediatorRep, Target},
    memory::Handle,
    names::Named,
};
use alloc::{boxed::Box, rc::Rc, vec::Vec};
use core::{
    cell::Cell,
    mem,
    pin::Pin,
    task::{Context, Poll, Waker},
};

/// What the function of a method that suspends returns: the future of one call. The lifetimes of the call's arguments and
/// of the Rep are gone from its type, since a table of functions has no place for them; whoever holds it sees to them.
pub type Call<T> = Pin<Box<dyn Future<Output = T>>>;

/// Forgets the lifetimes of a future.
///
/// # Safety
/// The future is polled and dropped only while everything that it borrows is alive; it may be leaked.
pub unsafe fn erase<'f, T: 'static>(future: impl Future<Output = T> + 'f) -> Call<T> {
    let future: Pin<Box<dyn Future<Output = T> + 'f>> = Box::pin(future);
    // SAFETY: the two types differ in a lifetime only, which the caller answers for.
    unsafe { mem::transmute(future) }
}

/// A call enters an object: `make` makes the component's future, and `name` is the method's, for reports.
///
/// # Safety
/// As for [`erase`]; and called within a call through `reference`.
pub unsafe fn enter<T: 'static, F: Future<Output = T>>(
    reference: &Reference,
    name: &'static str,
    make: impl FnOnce() -> F,
) -> Call<T> {
    let member = Member::begin(reference, name);
    // SAFETY: passed on from the caller. The generation keeps the Rep in place for as long as the future exists.
    unsafe { erase(Entered { future: make(), member }) }
}

/// A call that is inside an object. The component's future goes first.
struct Entered<F> {
    future: F,
    member: Member,
}

impl<F: Future> Future for Entered<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        // SAFETY: the future stays where it is until it is dropped; the member is never pinned.
        let (future, member) = unsafe {
            let this = self.get_unchecked_mut();
            (Pin::new_unchecked(&mut this.future), &this.member)
        };
        let result = future.poll(context);
        if result.is_pending() {
            member.suspend();
        }
        result
    }
}

/// A call as a member of a generation (0059), which has a name from its first suspension on.
///
/// It is counted from its first poll, not from its first suspension: generations may be swapped in between, by workers
/// that run inside of that poll, and the younger one would not be waited for.
struct Member {
    local: Rc<Local>,
    generation: Generation,
    name: &'static str,
    coid: Coid,
    named: Cell<Option<Named>>,
}

impl Member {
    fn begin(reference: &Reference, name: &'static str) -> Self {
        let local = Rc::clone(reference.local());
        let generation = local.begin_call();
        Self { local, generation, name, coid: reference.coid(), named: Cell::new(None) }
    }

    fn suspend(&self) {
        if self.named.get().is_none() {
            self.named.set(Some(self.local.inbox().names.enter(self.name, Some(self.coid))));
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(named) = self.named.get() {
            self.local.inbox().names.leave(named);
        }
        self.local.end_call(self.generation);
    }
}

/// A call met the Mediator.
pub struct Held<'r> {
    mediator: Handle<MediatorRep>,
    reference: &'r Reference,
    place: Option<Place>,
}

impl<'r> Held<'r> {
    pub(crate) fn new(mediator: Handle<MediatorRep>, reference: &'r Reference) -> Self {
        Self { mediator, reference, place: None }
    }
}

impl<'r> Future for Held<'r> {
    type Output = Way<'r>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Way<'r>> {
        let this = self.get_mut();
        let local = this.reference.local();
        let off_stack = mediator::Call::OffStack;
        let (rep, counted) = match this.mediator.target(local, off_stack) {
            Some(Target::Old) => (this.mediator.old(local), Some(Counted::begin(&this.mediator, local, off_stack))),
            Some(Target::Within) => (this.mediator.old(local), None),
            // The object that won then may be gone by now; the local entry knows.
            Some(Target::Winner(_)) => (this.reference.rep(), None),
            None => {
                this.mediator.hold(&mut this.place, context.waker(), local.system().platform().now());
                return Poll::Pending;
            }
        };
        if let Some(place) = this.place.take() {
            this.mediator.let_go(place, local.system().platform().now());
        }
        Poll::Ready(Way { rep, reference: this.reference, counted })
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.mediator.let_go(place, self.reference.local().system().platform().now());
        }
    }
}

/// Where a call goes that met the Mediator.
pub struct Way<'r> {
    rep: *const Header,
    reference: &'r Reference,
    counted: Option<Counted>,
}

impl Way<'_> {
    /// Makes the call there and carries it to its end.
    pub fn carry<T>(self, call: impl FnOnce(*const Header, &Reference) -> Call<T>) -> Carried<T> {
        let Self { rep, reference, counted } = self;
        let call = {
            let _inside = counted.as_ref().map(Counted::mark);
            call(rep, reference)
        };
        Carried { call: Some(call), counted }
    }
}

/// A call on its way through the Mediator; its end is the end of the call (0057). What a counted one does, also when it is
/// dropped, is marked as being inside a forwarded call (0061).
pub struct Carried<T> {
    call: Option<Call<T>>,
    counted: Option<Counted>,
}

impl<T> Future for Carried<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.get_mut();
        let _inside = this.counted.as_ref().map(Counted::mark);
        let Some(call) = &mut this.call else { panic!("a call was polled after its end") };
        call.as_mut().poll(context)
    }
}

impl<T> Drop for Carried<T> {
    fn drop(&mut self) {
        let _inside = self.counted.as_ref().map(Counted::mark);
        self.call = None;
    }
}

/// The calls that a Mediator's Rep holds, in the order in which they came.
#[derive(Default)]
pub(crate) struct Waiting {
    came: u64,
    calls: Vec<Waiter>,
}

struct Waiter {
    place: Place,
    since: u64,
    waker: Waker,
}

/// Which of the calls that a Mediator's Rep held, in the order in which they came.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Place(u64);

impl MediatorRep {
    /// Holds a call until it is woken.
    fn hold(&self, place: &mut Option<Place>, waker: &Waker, now: u64) {
        let waker = waker.clone();
        let mut waiting = self.waiting.borrow_mut();
        if let Some(place) = *place
            && let Ok(index) = waiting.calls.binary_search_by_key(&place, |waiter| waiter.place)
        {
            let before = mem::replace(&mut waiting.calls[index].waker, waker);
            drop(waiting);
            // Foreign code, like everything about a waker.
            drop(before);
            return;
        }
        if waiting.calls.try_reserve(1).is_err() {
            drop(waiting);
            // Without a place it asks again and again.
            waker.wake();
            return;
        }
        let next = Place(waiting.came);
        waiting.came += 1;
        waiting.calls.push(Waiter { place: next, since: now, waker });
        *place = Some(next);
        self.count_suspended();
    }

    /// A call that was held goes on, or is dropped.
    fn let_go(&self, place: Place, now: u64) {
        let waiter = {
            let mut waiting = self.waiting.borrow_mut();
            let found = waiting.calls.binary_search_by_key(&place, |waiter| waiter.place);
            found.ok().map(|index| waiting.calls.remove(index))
        };
        if let Some(waiter) = waiter {
            self.count_suspension(now.saturating_sub(waiter.since));
        }
    }

    /// Decided: every call that is held can go on.
    pub(crate) fn let_all_go(&self, now: u64) {
        let calls = mem::take(&mut self.waiting.borrow_mut().calls);
        for waiter in calls {
            self.count_suspension(now.saturating_sub(waiter.since));
            waiter.waker.wake();
        }
    }

    /// Calls that are held may have to pass, see `passes`: they are asked.
    pub(crate) fn ask_all(&self) {
        let mut next = Place(0);
        loop {
            let waker = {
                let waiting = self.waiting.borrow();
                let index = waiting.calls.partition_point(|waiter| waiter.place < next);
                let Some(waiter) = waiting.calls.get(index) else { break };
                next = Place(waiter.place.0 + 1);
                waiter.waker.clone()
            };
            waker.wake();
        }
    }
}
