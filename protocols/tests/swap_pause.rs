//! What packets wait for in a swap of the classifier does not depend on the number of rules: counted by the allocator, while two processors
//! hold calls back, move their state and go over to the new engine.

use allocation_counter::measure;
use protocols::classification::classifier::{
    Batch, Classifier, ClassifierRef, Packet, Rulebook, Ruleset, Step, implementations, lookup,
};
use protocols::classification::text::parse_rule;
use swapper::{Coid, Processor, SwapOptions, System};

#[path = "../src/ticks.rs"]
mod ticks;

use ticks::Ticks;

/// Allocations, their octets, and what was freed.
type Work = [u64; 3];

fn counted<R>(work: &mut Work, f: impl FnOnce() -> R) {
    let info = measure(|| drop(f()));
    let freed = info.count_total.checked_add_signed(-info.count_current).expect("what is left was allocated");
    work.iter_mut().zip([info.count_total, info.bytes_total, freed]).for_each(|(sum, more)| *sum += more);
}

struct Bench {
    system: System,
    processors: Vec<Processor>,
    references: Vec<ClassifierRef>,
    coid: Coid,
    book: Rulebook,
}

impl Bench {
    fn new(rules: u32) -> Self {
        let book = Rulebook::new(&implementations()[0], [7; 16]);
        let system = System::new(2, Ticks::default()).expect("a system is possible");
        // SAFETY: workers run in `turn` only, which is called between activities.
        let attach = |processor| unsafe { system.attach(processor) }.expect("nobody else is this processor");
        let processors: Vec<_> = (0..2).map(attach).collect();
        let coid = processors[0].create(book.object()).expect("there is room");
        let references = processors.iter().map(|p| p.bind::<dyn Classifier>(coid).expect("it is one")).collect();
        let mut bench = Self { system, processors, references, coid, book };
        let mut set = Ruleset::new();
        for n in 0..rules {
            let [_, a, b, c] = n.to_be_bytes();
            // With limits, whose buckets are many small pieces of memory.
            let text = format!("{n} ip saddr 10.{a}.{b}.{c} tcp dport {} limit rate 9/second accept", 1 + n % 60_000);
            set.insert(parse_rule(&text).expect("a rule")).expect("there is room");
        }
        bench.book.begin(Batch::Replace(set)).expect("nothing is under way");
        while bench.book.step(64) != Step::InForce {
            bench.turn(&mut [0; 3]);
        }
        bench
    }

    /// Each processor has an activity with a packet, and runs its workers, which are counted.
    fn turn(&self, work: &mut Work) {
        let packet = [&[0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0, 0, 10, 0, 0, 9, 10, 0, 0, 1][..], &[0; 20][..]].concat();
        for (processor, reference) in self.processors.iter().zip(&self.references) {
            processor.activity(|| {
                reference.refresh();
                reference.incoming(&Packet { octets: &packet, length: packet.len(), interface: 0 }, &|| false, 1);
            });
            counted(work, || processor.run_workers(0));
        }
    }

    /// What the processors do for a swap, and what the end of it does; then the old tables are freed a little at a time.
    fn swap(&mut self, name: &str) -> Work {
        self.book.prepare(lookup(name).expect("it is in the list")).expect("nothing is under way");
        while self.book.step(64) != Step::Prepared {}
        let object = self.book.prepared().expect("it was made ready");
        let swap = self.system.swap(self.coid, object, SwapOptions::default()).expect("nothing is under way");
        let mut work = [0; 3];
        for _ in 0..100 {
            self.turn(&mut work);
            if let Some(report) = swap.poll() {
                assert!(report.is_committed());
                counted(&mut work, || self.book.swapped(true));
                while self.book.has_leftovers() {
                    let mut piece = [0; 3];
                    counted(&mut piece, || self.book.tidy(8));
                    assert!(piece[2] < 100, "{} pieces of memory were freed at once", piece[2]);
                }
                return work;
            }
        }
        panic!("the swap to {name} does not end");
    }
}

#[test]
fn what_packets_wait_for_is_the_same_for_any_number_of_rules() {
    let names =
        ["tuple-space", "tuple-merge-cached", "bit-vector-cached", "linear", "tuple-space-cached", "tuple-merge"];
    let [few, many] = [100, 30_000].map(|rules| {
        let mut bench = Bench::new(rules);
        names.map(|name| bench.swap(name))
    });
    assert_eq!(few, many);
    assert!(many.iter().all(|[allocations, octets, _]| *allocations > 0 && *octets < 200_000), "{many:?}");
}
