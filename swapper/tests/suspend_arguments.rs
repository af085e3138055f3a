//! Methods that suspend, as an interface has them: arguments and results on every way that a call can take, and what goes
//! with the future.

#![allow(missing_docs)]

mod common;

use common::{Bank, BankRef, MOVE, Task, World};
use std::{cell::Cell, sync::Arc};
use swapper::{Component, Distributed, ProcessorId, Transfer};

/// Every kind of argument, and a component that writes out what `async fn` means.
#[swapper::interface]
pub trait Files {
    async fn copy(&self, from: &[u8], to: &mut Vec<u8>, view: &mut View<'_>) -> usize;
    async fn owned(&self, text: String, pair: (u8, [u64; 3])) -> Result<Vec<u64>, std::num::ParseIntError>;
    async fn call(&self, call: &dyn Fn(&u8) -> u8);
    async fn keep(&self, value: Box<dyn std::any::Any>);
    async fn provided(&self) -> &'static str {
        "provided"
    }
    fn count(&self) -> u64;
}

pub struct View<'a> {
    seen: &'a Cell<usize>,
}

struct Drive;

struct DriveRep(Cell<u64>);

impl Component for Drive {
    type Interface = dyn Files;
    type Rep = DriveRep;
    fn rep(_: &Arc<Self>, _: ProcessorId) -> DriveRep {
        DriveRep(Cell::new(0))
    }
}

impl Transfer for DriveRep {}

impl Files for DriveRep {
    async fn copy(&self, from: &[u8], to: &mut Vec<u8>, view: &mut View<'_>) -> usize {
        self.0.set(self.0.get() + 1);
        for octet in from {
            yield_now().await;
            to.push(*octet);
            view.seen.set(view.seen.get() + 1);
        }
        from.len()
    }

    async fn owned(&self, text: String, pair: (u8, [u64; 3])) -> Result<Vec<u64>, std::num::ParseIntError> {
        yield_now().await;
        let number = text.parse::<u64>()?;
        Ok(pair.1.iter().map(|other| other + number).collect())
    }

    fn call(&self, call: &dyn Fn(&u8) -> u8) -> impl Future<Output = ()> {
        self.0.set(self.0.get() + u64::from(call(&1)));
        std::future::ready(())
    }

    async fn keep(&self, value: Box<dyn std::any::Any>) {
        std::future::pending::<()>().await;
        drop(value);
    }

    fn count(&self) -> u64 {
        self.0.get()
    }
}

async fn yield_now() {
    let mut polled = false;
    std::future::poll_fn(|_| {
        if std::mem::replace(&mut polled, true) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}

fn run<T>(mut task: Task<'_, T>) -> T {
    (0..100).find_map(|_| task.poll()).expect("it ends")
}

async fn use_everything(files: &FilesRef) {
    let (mut to, seen) = (Vec::new(), Cell::new(0));
    assert_eq!(files.copy(&[1, 2, 3], &mut to, &mut View { seen: &seen }).await, 3);
    assert_eq!((to, seen.get()), (vec![1, 2, 3], 3));
    assert_eq!(files.owned("7".into(), (0, [1, 2, 3])).await, Ok(vec![8, 9, 10]));
    assert!(files.owned("x".into(), (0, [1, 2, 3])).await.is_err());
    let add = 4;
    files.call(&|one| one + add).await;
    assert_eq!(files.provided().await, "provided");
}

#[test]
fn arguments_and_results_arrive_on_every_way() {
    let world = World::new(1);
    let coid = world.processors[0].create(Distributed::new(Drive)).unwrap();
    let files = world.processors[0].bind::<dyn Files>(coid).unwrap();
    // By the Default Object, directly, by the Mediator.
    run(Task::new(use_everything(&files)));
    run(Task::new(use_everything(&files)));
    let before = world.processors[0].begin();
    let swap = world.swap(coid, Distributed::new(Drive)).unwrap();
    world.run(0);
    run(Task::new(use_everything(&files)));
    assert_eq!(files.count(), 18);
    let dynamic: &dyn Files = &files;
    assert_eq!(dynamic.count(), 18, "methods that do not suspend can be called on a `&dyn`");
    drop(before);
    let report = world.finish(&swap);
    assert_eq!((report.is_committed(), report.forwarded()), (true, 7));
    // By an executor of another kind: a task that owns its reference.
    let owner = files.clone();
    run(Task::new(async move { use_everything(&owner).await }));
    assert_eq!(files.count(), 6, "the new object");
    drop((files, swap));
    world.end();
    let alone = swapper::standalone::<dyn Files>(Distributed::new(Drive)).unwrap();
    run(Task::new(use_everything(&alone)));
}

/// What a forwarded call does when it is dropped passes Block like what it does when it is polled.
#[test]
fn what_a_forwarded_future_does_when_it_is_dropped_passes_block() {
    struct Last(BankRef);
    impl Drop for Last {
        fn drop(&mut self) {
            assert_eq!((self.0.deposit(1), self.0.label()), (2, 10));
        }
    }
    let world = World::new(2);
    let (other, banks) = world.bank(10, &[MOVE]);
    banks.iter().for_each(|bank| assert_eq!(bank.deposit(1), 1));
    let coid = world.processors[0].create(Distributed::new(Drive)).unwrap();
    let files: Vec<_> = world.processors.iter().map(|it| it.bind::<dyn Files>(coid).unwrap()).collect();
    files.iter().for_each(|files| assert_eq!(files.count(), 0));
    let before = world.processors[0].begin();
    let swap_other = world.swap(other, Distributed::new(world.branch(20, &[MOVE]))).unwrap();
    let swaps = [swap_other, world.swap(coid, Distributed::new(Drive)).unwrap()];
    world.run(0);
    let mut task = Task::new(files[0].keep(Box::new(Last(banks[0].clone()))));
    assert!(task.poll().is_none());
    drop(before);
    world.run(0);
    world.when_waiting(|_, _| panic!("a call from inside a forwarded call was suspended"));
    drop(task);
    world.forget_hooks();
    assert!(swaps.iter().all(|swap| world.finish(swap).is_committed()));
    drop((banks, files, swaps));
    world.end();
}
