use super::{Gate, opaque, run};
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn nobody_passes_the_gate_before_all_have_arrived() {
    let (gate, arrived) = (Gate::new(2), AtomicUsize::new(0));
    let seen = run(2, |_| {
        (1..100).all(|turn| {
            arrived.fetch_add(1, Ordering::AcqRel);
            gate.pass();
            let all_here = arrived.load(Ordering::Acquire) >= 2 * turn;
            gate.pass();
            all_here
        })
    });
    assert_eq!(seen, [true, true]);
}

#[test]
fn threads_are_numbered() {
    assert_eq!(run(3, |number| number), [0, 1, 2]);
}

#[test]
fn an_opaque_value_stays_what_it_is() {
    assert_eq!(opaque(7), 7);
}
