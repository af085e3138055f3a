//! Counts elementary work for tests: rules, buckets or slots that were moved.

#[cfg(test)]
std::thread_local! {
    static DONE: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}

/// So many were moved.
#[inline(always)]
pub(super) fn done(_count: usize) {
    #[cfg(test)]
    DONE.set(DONE.get() + _count);
}

/// What was done since the last time this was asked, by this thread.
#[cfg(test)]
pub(in crate::classification) fn take() -> usize {
    DONE.take()
}
