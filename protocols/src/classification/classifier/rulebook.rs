//! The rules of a system: where they are kept, changed, and from where they come into force.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::vec::Vec;

use swapper::Object;

use super::Implementation;
use super::batch::{Batch, Busy, Change, RulesError};
use super::bucket::Bucket;
use super::ruleset::Ruleset;
use super::tables::{Dissolve, Tables};
use crate::classification::{Entry, Order, RuleId, Shares, Sharing};

/// Changes that the spare table may lack before it is cheaper to make a new one.
const LAG: usize = 4096;

/// What became of the work on the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// There is nothing to do.
    Idle,
    /// There is more to do at once.
    More,
    /// A processor has not looked yet: see to it that each begins an activity.
    Waiting,
    /// The batch is in force on every processor.
    InForce,
    /// The tables of another implementation are ready: [`Rulebook::prepared`].
    Prepared,
}

enum Job {
    Idle,
    /// Brings the spare table up to what holds, or makes a new one, and goes on with `then`.
    CatchUp {
        at: usize,
        then: Vec<(u32, Change)>,
    },
    Apply {
        changes: Vec<(u32, Change)>,
        at: usize,
    },
    /// Fills a new spare table with the rules.
    Build {
        place: Option<Order>,
    },
    /// The same with rules that are to replace all that are there.
    Replace {
        rules: Ruleset,
        buckets: Buckets,
        place: Option<Order>,
    },
    /// A batch is in force; some processors may still have the table before it. Forget that table then?
    Settle {
        forget: bool,
    },
    /// Fills the tables of another implementation.
    Prepare {
        next: Next,
        place: Option<Order>,
    },
    Prepared(Next),
}

struct Next {
    implementation: &'static Implementation,
    tables: Box<dyn Tables>,
}

type Buckets = BTreeMap<RuleId, Arc<Bucket>>;

/// Many small pieces of memory, which take their time to free.
enum Leftover {
    Tables(Box<dyn Tables>),
    Spare(Box<dyn Dissolve>),
    Rules(Ruleset, Buckets),
}

impl Leftover {
    /// Frees a little of it; whether that was all.
    fn dissolve(&mut self, budget: usize) -> bool {
        match self {
            Self::Tables(tables) => tables.dissolve(budget),
            Self::Spare(spare) => spare.dissolve(budget),
            Self::Rules(rules, buckets) => {
                (0..budget).for_each(|_| drop(buckets.pop_first()));
                buckets.is_empty() && rules.dissolve(budget)
            }
        }
    }
}

enum Applied {
    Inserted(RuleId, Entry),
    Removed(RuleId, Entry),
}

/// The rules of a system, the tables made of them, and the work on them, which is done a few rules at a time.
///
/// One thing is done at a time: a batch, or the preparation of a swap until [`swapped`](Self::swapped).
pub struct Rulebook {
    rules: Ruleset,
    buckets: Buckets,
    /// How the way out is shared, since the last batch.
    sharing: Option<Arc<Sharing>>,
    /// How often all rules were replaced.
    epoch: u32,
    generation: u64,
    implementation: &'static Implementation,
    tables: Box<dyn Tables>,
    /// What the spare table lacks.
    lag: Vec<Applied>,
    job: Job,
    /// What is not needed any more and is freed a little at a time.
    leftovers: Vec<Leftover>,
    secret: [u8; 16],
}

impl Rulebook {
    /// No rules, to be looked up by this implementation. The secret is for connection tracking.
    pub fn new(implementation: &'static Implementation, secret: [u8; 16]) -> Self {
        Self {
            rules: Ruleset::new(),
            buckets: Buckets::new(),
            sharing: None,
            epoch: 1,
            generation: 0,
            implementation,
            tables: implementation.tables(secret),
            lag: Vec::new(),
            job: Job::Idle,
            leftovers: Vec::new(),
            secret,
        }
    }

    /// A clustered object that has the rules, to be published once.
    pub fn object(&self) -> Object {
        self.tables.object()
    }

    /// The rules; those of a batch that is under way may be among them already.
    pub fn rules(&self) -> &Ruleset {
        &self.rules
    }

    /// How many batches came into force.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// The implementation in place.
    pub fn implementation(&self) -> &'static Implementation {
        self.implementation
    }

    /// Octets of the tables.
    pub fn memory(&self) -> usize {
        self.tables.memory()
    }

    /// Tokens in the bucket of a rule. `now` in microseconds.
    pub fn tokens(&self, id: RuleId, now: u64) -> Option<u64> {
        self.buckets.get(&id).map(|bucket| bucket.level(now.saturating_mul(1000)))
    }

    /// Whether something is under way.
    pub fn is_busy(&self) -> bool {
        !matches!(self.job, Job::Idle)
    }

    /// Begins to bring a batch into force; [`step`](Self::step) does it.
    ///
    /// # Errors
    /// [`RulesError`]; then nothing changes.
    pub fn begin(&mut self, batch: Batch) -> Result<(), RulesError> {
        if self.is_busy() {
            return Err(RulesError::Busy(Busy));
        }
        self.job = match batch {
            Batch::Change(changes) => {
                self.check(&changes)?;
                Job::CatchUp { at: 0, then: changes }
            }
            Batch::Replace(rules) => {
                self.leave_spare();
                self.tables.begin();
                self.lag.clear();
                self.epoch = self.epoch.wrapping_add(1).max(1);
                Job::Replace { rules, buckets: Buckets::new(), place: None }
            }
        };
        Ok(())
    }

    /// Whether all changes are possible, one after the other.
    fn check(&self, changes: &[(u32, Change)]) -> Result<(), RulesError> {
        if changes.len() > Batch::CHANGES {
            return Err(RulesError::TooMany(changes.len()));
        }
        let mut count = self.rules.len();
        let mut deleted = Vec::new();
        for &(line, change) in changes {
            match change {
                Change::Add(_) if count == Ruleset::LIMIT => return Err(RulesError::Full { line }),
                Change::Add(_) => count += 1,
                Change::Set(_) => {}
                Change::Delete(id) if self.rules.get(id).is_none() => return Err(RulesError::NoSuchRule { line, id }),
                Change::Delete(id) => {
                    count = count.saturating_sub(1);
                    deleted.push(id);
                }
            }
        }
        deleted.sort_unstable();
        match deleted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(RulesError::Twice { id: pair[0] }),
            None => Ok(()),
        }
    }

    /// Begins to make the tables of another implementation ready, to be swapped in.
    ///
    /// # Errors
    /// [`Busy`].
    pub fn prepare(&mut self, implementation: &'static Implementation) -> Result<(), Busy> {
        if self.is_busy() {
            return Err(Busy);
        }
        let mut tables = implementation.tables(self.secret);
        tables.rehearse();
        tables.begin();
        self.job = Job::Prepare { next: Next { implementation, tables }, place: None };
        Ok(())
    }

    /// The object to be swapped in, once [`Step::Prepared`] was said.
    pub fn prepared(&self) -> Option<Object> {
        match &self.job {
            Job::Prepared(next) => Some(next.tables.object()),
            _ => None,
        }
    }

    /// The swap has ended. What was prepared is in place from now on, or is given up.
    pub fn swapped(&mut self, committed: bool) {
        if let Job::Prepared(mut next) = core::mem::replace(&mut self.job, Job::Idle) {
            if committed {
                self.implementation = next.implementation;
                core::mem::swap(&mut self.tables, &mut next.tables);
                self.lag.clear();
            }
            self.leftovers.push(Leftover::Tables(next.tables));
        }
    }

    /// Whether something is left over from what was done before: [`tidy`](Self::tidy) frees it.
    pub fn has_leftovers(&self) -> bool {
        !self.leftovers.is_empty()
    }

    fn leave_spare(&mut self) {
        self.leftovers.extend(self.tables.take_spare().map(Leftover::Spare));
    }

    /// Whether what was begun has to wait until what is left over from before is freed, so that memory does not run out where one change follows the
    /// other.
    fn is_to_tidy(&self) -> bool {
        let begins = matches!(
            self.job,
            Job::CatchUp { at: 0, .. } | Job::Replace { place: None, .. } | Job::Prepare { place: None, .. }
        );
        begins && self.has_leftovers()
    }

    /// Frees about `budget` pieces of memory that are not needed any more.
    pub fn tidy(&mut self, budget: usize) {
        if let Some(leftover) = self.leftovers.last_mut()
            && leftover.dissolve(budget)
        {
            self.leftovers.pop();
        }
    }

    /// Goes on with what was begun, for at most `budget` rules.
    pub fn step(&mut self, budget: usize) -> Step {
        if self.is_to_tidy() {
            self.tidy(budget);
            return Step::More;
        }
        match core::mem::replace(&mut self.job, Job::Idle) {
            Job::Idle => Step::Idle,
            Job::CatchUp { at, then } => self.catch_up(at, then, budget),
            Job::Apply { changes, at } => self.apply(changes, at, budget),
            Job::Build { place } => {
                let place = fill(&mut *self.tables, &self.rules, &self.buckets, self.epoch, place, budget);
                match place {
                    Some(place) => self.next(Job::Build { place: Some(place) }),
                    None => self.publish(self.lag.len() > LAG),
                }
            }
            Job::Replace { rules, mut buckets, place } => {
                for (id, entry) in rules.after(place).take(budget) {
                    if let Some(limit) = entry.rule.action.limit {
                        buckets.insert(id, Arc::new(Bucket::new(limit)));
                    }
                }
                match fill(&mut *self.tables, &rules, &buckets, self.epoch, place, budget) {
                    Some(place) => self.next(Job::Replace { rules, buckets, place: Some(place) }),
                    None => {
                        let rules = core::mem::replace(&mut self.rules, rules);
                        let buckets = core::mem::replace(&mut self.buckets, buckets);
                        self.leftovers.push(Leftover::Rules(rules, buckets));
                        self.publish(true)
                    }
                }
            }
            Job::Settle { forget } => {
                if !self.tables.is_ready() {
                    self.job = Job::Settle { forget };
                    return Step::Waiting;
                }
                if forget {
                    self.leave_spare();
                }
                Step::InForce
            }
            Job::Prepare { mut next, place } => {
                match fill(&mut *next.tables, &self.rules, &self.buckets, self.epoch, place, budget) {
                    Some(place) => self.next(Job::Prepare { next, place: Some(place) }),
                    None => {
                        next.tables.publish(self.generation, self.sharing.as_ref());
                        // It never had a rule.
                        drop(next.tables.take_spare());
                        next.tables.rehearse_lookup();
                        self.job = Job::Prepared(next);
                        Step::Prepared
                    }
                }
            }
            prepared @ Job::Prepared(_) => {
                self.job = prepared;
                Step::Idle
            }
        }
    }

    fn next(&mut self, job: Job) -> Step {
        self.job = job;
        Step::More
    }

    fn catch_up(&mut self, at: usize, then: Vec<(u32, Change)>, budget: usize) -> Step {
        if !self.tables.has_spare() {
            return self.next(Job::Apply { changes: then, at: 0 });
        }
        if !self.tables.is_ready() {
            self.job = Job::CatchUp { at, then };
            return Step::Waiting;
        }
        let end = self.lag.len().min(at.saturating_add(budget));
        for applied in &self.lag[at..end] {
            match applied {
                Applied::Inserted(id, entry) => self.tables.insert(*id, entry, self.epoch, self.buckets.get(id)),
                Applied::Removed(id, entry) => self.tables.remove(*id, entry),
            }
        }
        if end < self.lag.len() {
            return self.next(Job::CatchUp { at: end, then });
        }
        self.lag.clear();
        self.next(Job::Apply { changes: then, at: 0 })
    }

    fn apply(&mut self, changes: Vec<(u32, Change)>, at: usize, budget: usize) -> Step {
        let end = changes.len().min(at.saturating_add(budget));
        for (_, change) in &changes[at..end] {
            match *change {
                Change::Add(rule) => {
                    // That it fits was checked before the first change.
                    let Ok(id) = self.rules.insert(rule) else { continue };
                    let Some(&entry) = self.rules.get(id) else { continue };
                    if let Some(limit) = rule.action.limit {
                        self.buckets.insert(id, Arc::new(Bucket::new(limit)));
                    }
                    self.tables.insert(id, &entry, self.epoch, self.buckets.get(&id));
                    self.lag.push(Applied::Inserted(id, entry));
                }
                Change::Set(setting) => self.rules.set(setting),
                Change::Delete(id) => {
                    let Some(entry) = self.rules.remove(id) else { continue };
                    self.tables.remove(id, &entry);
                    self.buckets.remove(&id);
                    self.lag.push(Applied::Removed(id, entry));
                }
            }
        }
        if at < end || !self.tables.settle(budget) {
            return self.next(Job::Apply { changes, at: end });
        }
        if self.tables.has_spare() {
            return self.publish(self.lag.len() > LAG);
        }
        // The table in force becomes the spare one; what it lacks then is noted already.
        self.tables.begin();
        self.next(Job::Build { place: None })
    }

    /// Brings the spare table into force. Whether the one before it is worth keeping is another matter.
    fn publish(&mut self, forget: bool) -> Step {
        self.generation += 1;
        let before = self.sharing.take();
        let new = |shares: &Shares| Arc::new(Sharing::new(*shares, before.as_deref()));
        self.sharing = match (self.rules.shares(), &before) {
            (Some(shares), Some(before)) if before.shares == *shares => Some(Arc::clone(before)),
            (shares, _) => shares.map(new),
        };
        self.tables.publish(self.generation, self.sharing.as_ref());
        if forget {
            self.lag.clear();
        }
        self.job = Job::Settle { forget };
        Step::Waiting
    }
}

/// Inserts the next rules into the spare table; returns the place of the last one if there may be more to do.
fn fill(
    tables: &mut dyn Tables,
    rules: &Ruleset,
    buckets: &Buckets,
    epoch: u32,
    place: Option<Order>,
    budget: usize,
) -> Option<Order> {
    let mut last = None;
    for (id, entry) in rules.after(place).take(budget) {
        tables.insert(id, entry, epoch, buckets.get(&id));
        last = Some(entry.order);
    }
    if last.is_none() && !tables.settle(budget) { place } else { last }
}
