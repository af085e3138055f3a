//! Clustered objects, and hot swapping of their code while calls are using them.
//!
//! # What it is
//!
//! A *clustered object* is called through a name, its [`Coid`], and may have a representative (*Rep*) of its own on every
//! processor, so that processors share nothing on the way. A *swap* replaces an object's implementation by another one
//! with the same interface while calls go on: what is inside ends, what comes meanwhile waits for microseconds, the
//! state goes over, and clients notice nothing but time. A swap is a transaction. It has a deadline, ends *committed* or
//! *undone* with the old object as it was, and says how it went.
//!
//! The design is that of IBM's K42 operating system, as described in the patent application US 2005/0071811. Numbers such
//! as (0054) in this documentation are its paragraphs, and names are its names.
//!
//! # Trade-offs
//!
//! - **A call costs one load more than a `&dyn` call**: the local entry, then the function, which lies in the Rep itself.
//!   There is no lock, counter, read-modify-write or front end on the way, swap or no swap (0031, 0046, 0048).
//! - **The price is discipline in the event loop.** The swapper learns that old calls have ended from the end of
//!   *activities*, bounded runs of a processor's event loop; calls are not counted. A processor whose loop does not turn,
//!   or whose activity does not end, holds up every swap of the objects it uses, until the deadline undoes them.
//! - A Rep's private data needs no locks where each processor has its own Rep, but a [`Distributed`] object's Reps know
//!   nothing of each other, unless through the shared data of their Root.
//! - References belong to their processor's thread, and keep the object from being destroyed.
//! - State that several processors share goes over through the lowest of them; state of different Reps is never merged by
//!   the swapper.
//! - A swap of an object that is being swapped is refused, or waits its turn ([`SwapOptions::in_turn`]), its time limit
//!   running.
//! - What is not there: calls across processors (send a message instead, with a [`Mark`] where a call waits for the
//!   answer), and more than 2^20 objects.
//!
//! # How it works
//!
//! **Translation.** A [`System`] has a Global Translation Table of Roots, and each [`Processor`] a Local Translation Table
//! of Reps (0026). A COID's index leads to both by arithmetic. The global table is divided into regions, one for each
//! processor, so creating an object synchronises with nobody (0027); regions grow as they are used
//! ([`System::with_regions`]). A reference ([`Processor::bind`]) holds the address of
//! its local entry; the entry at first holds the *Default Object*, whose functions ask the Root for this processor's Rep,
//! install it, and call on. In a unikernel the local tables lie at the same address on every core ([`VBASE`]), in a
//! process each thread has its own.
//!
//! **Roots** map processors to Reps: [`Shared`], [`Clustered`], [`Distributed`] (0028). A [`Component`] is what an
//! implementor writes: shared data, and a constructor for Reps.
//!
//! **A swap** interposes a *Mediator*, a clustered object of its own, whose Reps take any call of the interface (0050-0057).
//! A worker on every processor that has called the object carries it out:
//!
//! ```text
//!             ┌───────────┐ all activities  ┌───────────┐ no forwarded call   ┌──────────┐ all have    ┌──────────┐
//!  swap() ──▶ │  Forward  │ from before it  │   Block   │ left, on all        │ Transfer │ imported:   │ Complete │
//!             │ count and │ have ended      │ suspend   │ processors          │ export,  │ committed   │ calls go │
//!             │ forward   │────────────────▶│ new calls │────────────────────▶│ import   │────────────▶│ to new   │
//!             └─────┬─────┘ (each processor └─────┬─────┘ (they meet)         └────┬─────┘ (they meet) └──────────┘
//!                   │        for itself)          │                                │
//!                   └─────────────────────────────┴── deadline, cancel, failure ───┴──▶ undone: state goes back,
//!                                                                                       calls go to old
//! ```
//!
//! - *Forward* (0059-0061): each activity belongs to one of two generations; two generation swaps prove that every activity
//!   from before has ended. Calls meanwhile are counted and go to the old object.
//! - *Block* (0063): new calls are suspended. A call from inside a forwarded call passes, on whatever object, since what it
//!   is part of has to end first. A call is also let go if a swap of another object waits for its activity, so two
//!   swaps never wait for each other. A suspended call lets its processor run workers.
//! - *Transfer* (0065): by the best [`Protocol`] that both components list; by each processor's worker, in parallel. What
//!   can fail, happens before the commit; see [`Transfer`].
//! - *Complete* (0067): the global entry swings, the local entries follow, suspended calls go on in the new object, the old
//!   one and the Mediator are freed.
//!
//! Nobody spins: workers are state machines that [`Processor::run_workers`] steps, woken by [`Platform::wake`]. Locks are
//! held for a few instructions, on the way of misses and workers only.
//!
//! # Methods that suspend
//!
//! A method may be an `async fn`, beside others that are not. Components write `async fn`, callers await it on the
//! reference. Its call lives over many activities, so it is a thread of its own in the terms of (0059): a member of a
//! generation from its first poll until it ends or is dropped.
//!
//! ```
//! # use std::{pin::pin, sync::Arc, task::{Context, Poll, Waker}};
//! # use swapper::{Component, Distributed, Host, ProcessorId, SwapOptions, System, Transfer};
//! #[swapper::interface]
//! trait Disk {
//!     async fn read(&self, block: u64, into: &mut Vec<u8>) -> usize;
//!     fn blocks(&self) -> u64;
//! }
//!
//! # struct Drive;
//! # impl Component for Drive {
//! #     type Interface = dyn Disk;
//! #     type Rep = Rep;
//! #     fn rep(_: &Arc<Self>, _: ProcessorId) -> Rep { Rep }
//! # }
//! # impl Transfer for Rep {}
//! # async fn ready() {
//! #     let mut polled = false;
//! #     std::future::poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await
//! # }
//! struct Rep;
//! impl Disk for Rep {
//!     async fn read(&self, block: u64, into: &mut Vec<u8>) -> usize {
//!         ready().await; // the device
//!         into.push(block as u8);
//!         1
//!     }
//!     fn blocks(&self) -> u64 {
//!         1 << 20
//!     }
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let system = System::new(1, Host::new(1))?;
//! # // SAFETY: workers are run between activities only.
//! # let processor = unsafe { system.attach(0)? };
//! # let mut context = Context::from_waker(Waker::noop());
//! let disk = processor.bind::<dyn Disk>(processor.create(Distributed::new(Drive))?)?;
//! let mut octets = Vec::new();
//! let mut call = pin!(disk.read(7, &mut octets));
//! assert!(processor.activity(|| call.as_mut().poll(&mut context)).is_pending());
//! let swap = system.swap(disk.coid(), Distributed::new(Drive), SwapOptions::default())?;
//! processor.run_workers(system.now());
//! assert!(swap.outcome().is_none()); // the call is inside the old object: the swap waits for it
//! assert_eq!(processor.activity(|| call.as_mut().poll(&mut context)), Poll::Ready(1));
//! processor.run_workers(system.now());
//! assert!(swap.poll().is_some_and(|report| report.is_committed()));
//! # Ok(())
//! # }
//! ```
//!
//! - *Before the swap, or in Forward*: the swap waits until the call has ended, or is undone at its deadline; its report then
//!   names the method (`Disk::read`, in [`HeldUp::activity`]). What a forwarded call does at each poll, and when it is dropped,
//!   passes Block like all calls from inside a forwarded call.
//! - *In Block and later*: the call is held without a stack. It returns `Pending`, is woken when the swap is decided, in the
//!   order in which such calls came, and goes to the object that serves when it is polled then. Calls that do suspend the
//!   processor's stack pass Block while a forwarded future is inside, since that can only end on the same stack.
//! - *Dropping* the future at any time ends the call. *Leaking* it is safe, but it is an activity that never ends: every swap
//!   of what its processor has called ends undone. One that was held holds nothing up.
//! - A future belongs to its processor: it is not `Send`, borrows its reference, and so keeps the object from being destroyed.
//!   Poll it in activities, like anything that makes calls, and let the loop run workers in between: a loop that does nothing
//!   but poll one future until it is ready waits for itself.
//! - Calls that are awaited one after the other keep their order. Of calls that are under way at the same time, the executor
//!   decides which is polled first, swap or no swap.
//! - Each costs the allocation of its future, one more where it meets a swap, and the two additions of an activity. It is
//!   counted from its first poll, also if it ends there: joining a generation only when it suspends would be too late, since
//!   workers inside of that poll may have swapped generations.
//! - Long calls make long swaps, and meanwhile calls on processors that are in Block already are suspended. Where that is too
//!   long, give the swap a shorter time limit, or split the method: one begins and returns at once, another fetches the result.
//!
//! What cannot cross a table or a swap is refused by the compiler, with what to write instead: a result that borrows,
//!
//! ```compile_fail
//! #[swapper::interface]
//! trait Disk {
//!     async fn read(&self, block: u64) -> &[u8];
//! }
//! ```
//!
//! a future that is written by hand, which nothing would wait for (write `async fn`),
//!
//! ```compile_fail
//! #[swapper::interface]
//! trait Disk {
//!     fn read(&self, block: u64) -> impl Future<Output = Vec<u8>>;
//! }
//! ```
//!
//! a future that is sent to another thread, and a call by `&dyn Trait`: only a reference can make one.
//!
//! ```compile_fail
//! #[swapper::interface]
//! trait Disk {
//!     async fn read(&self, block: u64) -> Vec<u8>;
//! }
//! async fn read(disk: &dyn Disk) -> Vec<u8> {
//!     disk.read(7).await
//! }
//! ```
//!
//! # Where memory runs out
//!
//! Everything that a swap needs may be refused: the order then fails with [`SwapError::NoMemory`] and nothing was touched, or
//! the swap is undone ([`Reason::NoMemory`], or a failed import or export) with the old object serving. [`Processor::create`]
//! and [`Processor::bind`] return [`ObjectError::NoMemory`]. A report is a copy: where there is no memory for it,
//! [`Swap::poll`] says that it is not there yet. A suspended call that cannot be remembered is polled again instead of woken,
//! an activity goes without its name, and the entry of a destroyed object may stay unused.
//!
//! What is left is foreign code, or happens before or outside of a swap, and ends the program as any `Arc` or `Box` does:
//! making a system, attaching to it, making an [`Object`] from a component; the first call of an object on a processor, which
//! makes a Rep and has no result to say so in; the future of a call that may suspend; and what components do, for which
//! [`Component::try_rep`] and [`State::try_new`] are there.
//!
//! # How it is checked
//!
//! | what | by |
//! |---|---|
//! | every order of the steps of two processors that call, swap and cancel, up to three preemptions (two with the canceller): no call lost, doubled, or let to an object whose state is elsewhere; the swap ends everywhere; who lost is freed | `RUSTFLAGS="--cfg loom" cargo test --release -p swapper --lib model` |
//! | random events on three processors and two objects beside a sequential oracle | `cargo test -p swapper --test random` |
//! | every order of a few whole steps of two event loops, from six starts, with two objects that call each other, two swaps, an activity, a call that suspends, a cancellation, a deadline: beside an oracle, and both swaps end | `cargo test -p swapper --test explore` |
//! | a million swaps under load on two threads: each call accounted for, memory flat | `cargo run --release -p swapper --example storm -- 1000000` |
//! | the same, shorter, and with failures, deadlines, objects that call each other, and methods that suspend | `cargo test -p swapper --test flat_memory --test storm --test storm_of_futures` |
//! | each stage at which a swap can meet a call that suspended | `cargo test -p swapper --test suspend` |
//! | every step goes wrong on every processor: undone, the old object serves | `cargo test -p swapper --test faults` |
//! | every allocation on the way fails, alone or with all that follow: refused, undone, or done without | `cargo test -p swapper --test memory` |
//! | data races in the storms, with a seeded one that has to be found | `cargo xtask test races`: ThreadSanitizer, the standard library compiled for it |
//! | the instructions of a compiled call | `cargo test -p swapper --test callpath` |
//! | wrong accesses and leaks in all of the above, with a nightly toolchain | `RUSTFLAGS=-Zsanitizer=address cargo +nightly test --target x86_64-unknown-linux-gnu -p swapper --tests` |
//! | 2^20 objects, all that can have a name | `cargo test -p swapper --test calls` |
//!
//! **What the model does not cover.** More preemptions in one run than its bound; more than two processors and one object,
//! so neither two swaps that wait for each other, nor calls between objects (those are what `explore` is for, in whole steps
//! on one thread, five of them after each start), nor marks, nor the queue of waiting swaps (those are in the random, storm,
//! and step-by-step tests); Roots whose Reps are shared; a processor that is attached or
//! detached during a swap; failing exports and imports; the platform's waking, which is replaced by giving way, so a lost
//! wake-up would not be found (`whoever_can_go_on_is_woken` looks for those); and what a processor does alone, which has
//! one order only. It checks the memory model for the locks and atomics between processors, not for the Reps'
//! own data; for those there is ThreadSanitizer. A component's promises are not checked by anything: one that loses its state
//! in `restore` has lost it. Methods that suspend are not in the model, since what they add happens on one processor.
//!
//! # What the design asks for, and where it is
//!
//! The labels are the project's own: CO for what is said of clustered objects (0021-0028), HS of hot swapping (0029-0067). Of
//! what comes before, downloading new code into the running system (0011) and a system that swaps by itself (0014) are not here:
//! implementations are compiled in, and somebody orders a swap.
//!
//! | | what | where | test that fails without it |
//! |---|---|---|---|
//! | CO-1 | Root with shared data, Reps that reach it | [`Component`] | `calls`: `the_root_decides_who_shares_a_rep` |
//! | CO-2, CO-6 | creation makes the Root; Reps come with the first call, by the Default Object | [`Processor::create`], `local` | `calls`: `a_rep_exists_from_the_first_call_on` |
//! | CO-3 | one index leads to both tables | `global_table`, `local_table`, [`Coid`] | `calls`: `tables_grow_by_region`, `stale_and_foreign_coids_are_refused` |
//! | CO-4 | local tables at one address, or one base for each thread | [`System::attach_at`], [`VBASE`] | `calls`: `a_table_at_an_address_is_written_block_by_block` |
//! | CO-5 | regions, free lists | `global_table`, `inbox` | `calls`: `regions_are_apart` |
//! | CO-7 | shared, clustered, distributed | [`Shared`], [`Clustered`], [`Distributed`] | `calls`: `the_root_decides_who_shares_a_rep`; `shared` |
//! | CO-8 | misses lock for reading and are recorded | `entry` | `swaps`: `state_goes_over_by_the_best_common_protocol`; `model` |
//! | CO-9, HS-12 | one load more, nothing locked | [`glue`] | `callpath` |
//! | HS-1 | clients notice nothing but time | all of it | `random`, `storm`, `storm_of_futures` |
//! | HS-2, HS-3 | a replacement without COID; the Mediator is interposed | [`Object`], `entry`, `mediator` | `swaps`: `an_object_that_nobody_called_is_swapped`, `a_misfit_is_refused_before_anything_is_touched` |
//! | HS-4 | a worker where the object was called; it resets the entry first | `worker` | `swaps`: `whoever_can_go_on_is_woken`, `a_processor_that_comes_late_takes_part` |
//! | HS-5 | any signature is mediated | the derived shims | `calls`: `arguments_and_results_arrive`; `suspend_arguments` |
//! | HS-6, HS-7 | calls are counted and forwarded until two generation swaps have proved the end of all from before | `mediator`, `generation` | `swaps`: `forward_waits_for_activities_from_before_only`; `generation` |
//! | HS-8 | processors enter Block independently | `worker` | `swaps`: `a_suspended_call_goes_to_the_new_object` |
//! | HS-9 | Block, and what passes it | `mediator`, [`Mark`] | `swaps`: `block_lets_calls_from_inside_forwarded_calls_pass`; `cycles`; `suspend` |
//! | HS-10 | negotiated transfer, by each processor's worker | `transfer`, `worker` | `swaps`: `state_goes_over_by_the_best_common_protocol`; `shared` |
//! | HS-11 | completion, and what is freed | `worker`, `mediator` | `swaps`: `a_suspended_call_goes_to_the_new_object`; `flat_memory` |
//! | HS-12 | in-flight calls, no deadlock, state integrity | `meeting`, `mediator` | `model`, `cycles`, `faults`, `memory` |
//! | HS-15 | processors proceed by themselves; clients cost nothing | `local` | `calls`: `a_swap_does_not_look_at_clients` |
//!
//! # Example
//!
//! ```
#![doc = include_str!("../examples/counter.rs")]
//! ```
#![cfg_attr(not(any(test, loom)), no_std)]

extern crate alloc;
#[cfg(all(test, loom))]
extern crate self as swapper;
#[cfg(any(test, loom, feature = "std"))]
extern crate std;

/// Its examples are tested as those of this documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod cell;
mod coid;
mod entry;
mod error;
mod generation;
mod global_table;
#[doc(hidden)]
pub mod glue;
#[cfg(feature = "std")]
mod host;
mod inbox;
mod local;
mod local_table;
mod mark;
mod mediator;
mod meeting;
mod memory;
#[cfg(all(test, loom))]
mod model;
mod names;
mod platform;
mod processor;
mod processor_set;
mod report;
mod root;
mod standalone;
mod suspend;
mod swap;
mod sync;
mod system;
mod transfer;
mod turn;
mod worker;

pub use cell::{InUse, ProcessorCell};
pub use coid::{Coid, INDEX_BITS, REGION_ENTRIES, VBASE, local_table_bytes};
pub use error::{ObjectError, SwapError, SystemError};
pub use glue::{Implemented, Interface};
#[cfg(feature = "std")]
pub use host::Host;
pub use local::Progress;
pub use mark::Mark;
pub use platform::{Platform, SwapStep};
pub use processor::{Activity, Processor};
pub use processor_set::{MAX_PROCESSORS, ProcessorId, ProcessorSet};
pub use report::{HeldUp, Missing, Outcome, PhaseTimes, ProcessorReport, Reason, Report};
pub use root::{Clustered, Component, Distributed, Object, Shared};
pub use standalone::standalone;
pub use swap::{Swap, SwapOptions};
pub use swapper_macros::interface;
pub use system::System;
pub use transfer::{Failure, Protocol, State, Transfer};
pub use turn::{MAX_WAITING, Order};
