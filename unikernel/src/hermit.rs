//! The functions of Hermit's kernel that the image uses.
//!
//! All of them switch to a kernel stack and end with interrupts on: never call one with interrupts off or from an interrupt handler.

mod raw {
    unsafe extern "C" {
        pub fn sys_alloc(size: usize, align: usize) -> *mut u8;
        pub fn sys_dealloc(pointer: *mut u8, size: usize, align: usize);
        pub fn sys_get_processor_count() -> usize;
        pub fn sys_get_processor_frequency() -> u16;
        pub fn sys_spawn2(
            function: unsafe extern "C" fn(usize),
            argument: usize,
            priority: u8,
            stack: usize,
            processor: isize,
        ) -> i32;
    }
}

/// Priority of an ordinary task.
const NORMAL_PRIORITY: u8 = 2;

/// Memory from the kernel's heap, null if there is none left.
pub fn allocate(size: usize, align: usize) -> *mut u8 {
    // SAFETY: takes any size and any power of two.
    unsafe { raw::sys_alloc(size, align) }
}

/// Gives memory back.
///
/// # Safety
/// `pointer` came from [`allocate`] with the same `size` and `align`, and is not used any more.
pub unsafe fn deallocate(pointer: *mut u8, size: usize, align: usize) {
    // SAFETY: the caller vouches for it.
    unsafe { raw::sys_dealloc(pointer, size, align) };
}

/// Processors that the kernel has started.
pub fn processors() -> usize {
    // SAFETY: reads a counter.
    unsafe { raw::sys_get_processor_count() }
}

/// Frequency of the time-stamp counter in MHz, as told on the command line or as the kernel has measured it.
pub fn megahertz() -> u16 {
    // SAFETY: reads a variable.
    unsafe { raw::sys_get_processor_frequency() }
}

/// Starts a task on `processor` that runs `function(processor)` on a stack of `stack` octets.
pub fn spawn(processor: usize, stack: usize, function: extern "C" fn(usize)) {
    // SAFETY: the function is safe for any argument, and the processor exists (the caller counts up to `processors()`).
    unsafe { raw::sys_spawn2(function, processor, NORMAL_PRIORITY, stack, processor as isize) };
}
