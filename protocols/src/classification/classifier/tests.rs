//! The classifier in a system: batches, swaps and what they must never do.

mod batches;
mod bench;
mod swaps;
mod torn;
mod verdicts;
