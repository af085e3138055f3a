//! The call path, to look at in the compiled code: `swapper_call` through a reference beside `plain_call` through a
//! `&dyn`. Each finds its reference in memory. `tests/callpath.rs` counts what the two do.

/// Adds.
#[swapper::interface]
pub trait Adder {
    /// Adds two numbers.
    fn add(&self, left: u64, right: u64) -> u64;
}

#[unsafe(no_mangle)]
#[inline(never)]
fn swapper_call(adder: &AdderRef, left: u64, right: u64) -> u64 {
    adder.add(left, right)
}

#[unsafe(no_mangle)]
#[inline(never)]
fn plain_call(adder: &&dyn Adder, left: u64, right: u64) -> u64 {
    adder.add(left, right)
}

fn main() {
    let call: fn(&AdderRef, u64, u64) -> u64 = swapper_call;
    let plain: fn(&&dyn Adder, u64, u64) -> u64 = plain_call;
    println!("{:p} {:p}", std::hint::black_box(call), std::hint::black_box(plain));
}
