//! Clustered objects without any swap: lazy Reps, standard Roots, stale and foreign COIDs, limits.

#![allow(missing_docs)]

mod common;

use common::{Bank, COPY, World};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use swapper::{
    Clustered, Coid, Component, Distributed, ObjectError, ProcessorId, REGION_ENTRIES, Shared, SystemError, Transfer,
};

#[test]
fn a_rep_exists_from_the_first_call_on() {
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[COPY]);
    assert_eq!(world.reps.count(), 0, "the Root alone");
    assert_eq!(banks[0].deposit(5), 5);
    assert_eq!(world.reps.count(), 1);
    assert_eq!(banks[0].deposit(5), 10);
    assert_eq!(world.reps.count(), 1);
    assert_eq!(banks[1].deposit(1), 1, "a Rep of its own");
    assert_eq!(world.reps.count(), 2);
    assert_eq!(banks[1].coid(), coid);
    drop(banks);
    world.end();
}

/// Every kind of argument and result that an interface allows.
#[swapper::interface]
pub trait Everything {
    fn nothing(&self);
    fn values(&self, small: u8, wide: u128, pair: (u32, f64)) -> (u128, f64);
    fn slices(&self, from: &[u8], to: &mut [u8]) -> usize;
    fn strings(&self, text: &str, into: &mut String);
    fn owned(&self, text: String) -> Result<Vec<u8>, std::num::ParseIntError>;
    fn on(&self) -> usize;
    fn fixed(&self) -> &'static str {
        "provided"
    }
}

/// A component that counts its calls.
struct Plain {
    calls: AtomicU64,
}

struct PlainRep {
    root: Arc<Plain>,
    on: ProcessorId,
}

impl Transfer for PlainRep {}

impl Everything for PlainRep {
    fn nothing(&self) {
        self.root.calls.fetch_add(1, Ordering::Relaxed);
    }
    fn values(&self, small: u8, wide: u128, pair: (u32, f64)) -> (u128, f64) {
        (wide + u128::from(small), pair.1 * f64::from(pair.0))
    }
    fn slices(&self, from: &[u8], to: &mut [u8]) -> usize {
        let length = from.len().min(to.len());
        to[..length].copy_from_slice(&from[..length]);
        length
    }
    fn strings(&self, text: &str, into: &mut String) {
        into.push_str(text);
    }
    fn owned(&self, text: String) -> Result<Vec<u8>, std::num::ParseIntError> {
        text.split(' ').map(str::parse).collect()
    }
    fn on(&self) -> usize {
        self.on.index()
    }
}

impl Component for Plain {
    type Interface = dyn Everything;
    type Rep = PlainRep;
    fn rep(root: &Arc<Self>, on: ProcessorId) -> PlainRep {
        PlainRep { root: Arc::clone(root), on }
    }
}

fn plain() -> Plain {
    Plain { calls: AtomicU64::new(0) }
}

#[test]
fn arguments_and_results_arrive() {
    let world = World::new(1);
    let coid = world.processors[0].create(Distributed::new(plain())).unwrap();
    let object = world.processors[0].bind::<dyn Everything>(coid).unwrap();
    let mut before = None;
    let mut swap = None;
    // By way of the Default Object, directly, and by way of a Mediator.
    for way in 0..3 {
        if way == 2 {
            before = Some(world.processors[0].begin());
            swap = Some(world.swap(coid, Distributed::new(plain())).unwrap());
            world.run(0);
        }
        object.nothing();
        assert_eq!(object.values(3, 1 << 100, (2, 1.5)), ((1 << 100) + 3, 3.0));
        let mut to = [0; 2];
        assert_eq!(object.slices(&[7, 8, 9], &mut to), 2);
        assert_eq!(to, [7, 8]);
        let mut text = String::from("a");
        object.strings("bc", &mut text);
        assert_eq!(text, "abc");
        assert_eq!(object.owned("1 2".into()).unwrap(), [1, 2]);
        assert!(object.owned("x".into()).is_err());
        assert_eq!(object.fixed(), "provided");
        let dynamic: &dyn Everything = &object;
        assert_eq!(dynamic.on(), 0);
    }
    drop(before);
    let report = world.finish(&swap.take().unwrap());
    assert_eq!((report.is_committed(), report.forwarded()), (true, 8));
    drop(object);
    world.end();
}

/// The same number of looks at the clock, which moves by one at each, for one client and for thousands.
#[test]
fn a_swap_does_not_look_at_clients() {
    let looks = [1, 5_000].map(|clients| {
        let world = World::new(2);
        let (coid, banks) = world.bank(1, &[COPY]);
        let clients: Vec<_> = (0..clients).map(|_| banks[0].clone()).collect();
        clients.iter().for_each(|bank| assert!(bank.deposit(1) > 0));
        let before = world.system.now();
        let swap = world.swap(coid, Distributed::new(world.branch(2, &[COPY]))).unwrap();
        assert!(world.finish(&swap).is_committed());
        let looks = world.system.now() - before;
        assert!(clients.iter().all(|bank| bank.label() == 2));
        looks
    });
    assert_eq!(looks[0], looks[1]);
}

#[test]
fn the_root_decides_who_shares_a_rep() {
    let world = World::new(5);
    let on = |coid: Coid| -> Vec<usize> {
        let on = |processor: &swapper::Processor| processor.bind::<dyn Everything>(coid).unwrap().on();
        world.processors.iter().map(on).collect()
    };
    let create = |object: swapper::Object| world.processors[0].create(object).unwrap();
    assert_eq!(on(create(Shared::new(plain()).into())), [0, 0, 0, 0, 0]);
    assert_eq!(on(create(Clustered::<_, 2>::new(plain()).into())), [0, 0, 2, 2, 4]);
    assert_eq!(on(create(Distributed::new(plain()).into())), [0, 1, 2, 3, 4]);
    world.end();
}

#[test]
fn stale_and_foreign_coids_are_refused() {
    let world = World::new(2);
    let (coid, banks) = world.bank(1, &[COPY]);
    let by = world.system.destroy(coid).unwrap_err();
    assert!(matches!(by, ObjectError::Referenced { by, .. } if by.bits() == 0b11), "{by}");
    let error = world.processors[0].bind::<dyn Everything>(coid).unwrap_err();
    assert!(matches!(error, ObjectError::Interface { has: "Bank", wanted: "Everything", .. }), "{error}");
    banks[1].deposit(7);
    drop(banks);
    world.system.destroy(coid).unwrap();
    assert_eq!(world.roots.count(), 0);
    let stale = ObjectError::Stale(coid);
    assert_eq!(world.system.destroy(coid), Err(stale));
    assert_eq!(world.processors[1].bind::<dyn Bank>(coid).unwrap_err(), stale);
    // Use the region up, so that the entry is used again.
    let again: Vec<_> = (0..REGION_ENTRIES).map(|_| world.bank(2, &[COPY])).collect();
    let error = world.processors[0].create(Distributed::new(plain())).unwrap_err();
    assert!(matches!(error, ObjectError::Full(id) if id.index() == 0), "{error}");
    let (other, banks) = again.iter().find(|(other, _)| other.index() == coid.index()).expect("used again");
    assert_ne!(other.generation(), coid.generation());
    assert_eq!(world.processors[1].bind::<dyn Bank>(coid).unwrap_err(), stale);
    assert_eq!(banks[1].deposit(1), 1, "not the old object's Rep");
    for bits in [u64::MAX, 1 << 40, 0xFFFF_FFFF, u64::from(u32::MAX) << 32] {
        let coid = Coid::from_bits(bits);
        assert_eq!(world.processors[0].bind::<dyn Bank>(coid).unwrap_err(), ObjectError::Stale(coid));
        assert_eq!(world.system.destroy(coid), Err(ObjectError::Stale(coid)));
    }
    drop(again);
    world.end();
}

/// The same trait, word for word, around a type that is not the same; `$window` behind a reference, `$item` in a slice.
macro_rules! version {
    ($name:ident, $window:ty, $item:ty, $result:ty) => {
        #[allow(dead_code)]
        pub mod $name {
            pub struct Window($window);
            pub struct Item($item);
            pub struct Outcome($result);

            #[swapper::interface]
            pub trait Control {
                fn change(&self, window: &mut Window, items: &[Item], text: &str, call: &dyn Fn(&u8) -> u8) -> Outcome;
            }
        }
    };
}

version!(reference, u64, u16, u32);
version!(same, i64, i16, i32);
version!(wider, u128, u16, u32);
version!(aligned_otherwise, [u8; 8], u16, u32);
version!(other_items, u64, u8, u32);
version!(other_result, u64, u16, [u32; 2]);

#[test]
fn the_schema_covers_the_layout_of_types() {
    use swapper::Interface;
    let reference = <dyn reference::Control as Interface>::SCHEMA;
    assert_eq!(<dyn same::Control as Interface>::SCHEMA, reference);
    assert_ne!(<dyn wider::Control as Interface>::SCHEMA, reference, "size behind a reference");
    assert_ne!(<dyn aligned_otherwise::Control as Interface>::SCHEMA, reference, "alignment behind a reference");
    assert_ne!(<dyn other_items::Control as Interface>::SCHEMA, reference, "size in a slice");
    assert_ne!(<dyn other_result::Control as Interface>::SCHEMA, reference, "size of a result");
}

#[test]
fn regions_are_apart() {
    let world = World::new(2);
    let zero = world.processors[0].create(Distributed::new(plain())).unwrap();
    let one = world.processors[1].create(Distributed::new(plain())).unwrap();
    assert_eq!((zero.index() / REGION_ENTRIES, one.index() / REGION_ENTRIES), (0, 1));
    assert_eq!(Coid::from_bits(one.to_bits()), one);
    world.end();
}

/// Regions of 2^19 entries, that is all 2^20 objects that COIDs can name, of which each processor makes `count`.
fn many(count: usize) {
    let system = swapper::System::with_regions(2, 1 << 19, common::Clock::default()).unwrap();
    assert_eq!(system.local_table_bytes(), 8 << 20);
    // SAFETY: no workers are run.
    let [zero, one] = [0, 1].map(|number| unsafe { system.attach(number) }.unwrap());
    let mut coids = Vec::new();
    for _ in 0..count {
        coids.push(zero.create(Shared::new(plain())).unwrap());
        coids.push(one.create(Shared::new(plain())).unwrap());
    }
    let mut indices: Vec<_> = coids.iter().map(|coid| coid.index()).collect();
    indices.sort_unstable();
    let expected: Vec<_> = (0..count).chain((1 << 19)..(1 << 19) + count).collect();
    assert_eq!(indices, expected, "each region from its beginning");
    // The last ones, from the processor in whose region they are not.
    let last = &coids[coids.len() - 2..];
    assert_eq!(one.bind::<dyn Everything>(last[0]).unwrap().on(), 1);
    assert_eq!(zero.bind::<dyn Everything>(last[1]).unwrap().on(), 0);
    if count == 1 << 19 {
        assert!(matches!(zero.create(Shared::new(plain())), Err(ObjectError::Full(id)) if id.index() == 0));
    } else {
        let beyond = Coid::from_bits((1 << 32) | ((1 << 19) - 1));
        assert_eq!(
            zero.bind::<dyn Everything>(beyond).unwrap_err(),
            ObjectError::Stale(beyond),
            "of a block that is not there"
        );
    }
    coids.iter().for_each(|coid| system.destroy(*coid).unwrap());
    let again = zero.create(Shared::new(plain())).unwrap();
    assert!(again.generation() > 1, "an entry is used again before the region grows");
}

#[test]
fn tables_grow_by_region() {
    many(4 * REGION_ENTRIES);
}

/// It takes some hundred MiB.
#[test]
#[cfg_attr(miri, ignore = "makes 2^20 objects")]
fn tables_grow_to_two_to_the_twenty() {
    many(1 << 19);
}

/// In a unikernel a table lies where the platform wants it; its pages are touched only as they are used.
#[test]
fn a_table_at_an_address_is_written_block_by_block() {
    const WORDS: usize = 4 * REGION_ENTRIES;
    let mut memory = vec![usize::MAX; WORDS];
    let place = memory.as_mut_ptr();
    let system = swapper::System::with_regions(1, WORDS, common::Clock::default()).unwrap();
    assert_eq!(system.local_table_bytes(), WORDS * size_of::<usize>());
    // SAFETY: no workers are run, and the memory outlives the processor.
    let processor = unsafe { system.attach_at(0, std::ptr::NonNull::new(place).unwrap().cast()) }.unwrap();
    let coids: Vec<_> = (0..WORDS).map(|_| processor.create(Distributed::new(plain())).unwrap()).collect();
    let object = processor.bind::<dyn Everything>(coids[2 * REGION_ENTRIES + 7]).unwrap();
    assert_eq!(object.on(), 0);
    drop((object, processor));
    let touched: Vec<_> =
        memory.chunks(REGION_ENTRIES).map(|block| block.iter().any(|word| *word != usize::MAX)).collect();
    assert_eq!(touched, [false, false, true, false]);
}

#[test]
fn regions_that_cannot_be_are_refused() {
    for (processors, entries) in [(1, 0), (1, 511), (2, (1 << 19) + 512), (64, 1 << 15), (1, usize::MAX - 511)] {
        let error = swapper::System::with_regions(processors, entries, common::Clock::default()).unwrap_err();
        assert_eq!(error, SystemError::Region { entries, processors });
    }
    assert!(swapper::System::with_regions(64, 1 << 14, common::Clock::default()).is_ok());
}

#[test]
fn processors_are_attached_once_at_a_time() {
    let world = World::new(1);
    // SAFETY: neither is ever obtained.
    unsafe {
        assert!(matches!(world.system.attach(0), Err(SystemError::Attached(_))));
        assert!(matches!(world.system.attach(1), Err(SystemError::NoSuchProcessor(1))));
    }
    assert!(matches!(swapper::System::new(0, world.clock.clone()), Err(SystemError::Processors(0))));
    assert!(matches!(swapper::System::new(65, world.clock.clone()), Err(SystemError::Processors(65))));
    let system = world.system.clone();
    let coid = world.processors[0].create(Distributed::new(plain())).unwrap();
    world.end();
    // SAFETY: no workers are run.
    let processor = unsafe { system.attach(0) }.expect("free again");
    assert_eq!(processor.bind::<dyn Everything>(coid).unwrap().on(), 0, "objects outlive processors");
    let other = processor.create(Distributed::new(plain())).unwrap();
    assert_ne!(other.index(), coid.index());
}
