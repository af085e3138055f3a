use super::{Gate, opaque};
use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

#[test]
fn nobody_passes_the_gate_before_all_have_arrived() {
    let (gate, arrived) = (Gate::new(2), AtomicUsize::new(0));
    let go = || {
        (1..100).all(|turn| {
            arrived.fetch_add(1, Ordering::AcqRel);
            gate.pass();
            let all_here = arrived.load(Ordering::Acquire) >= 2 * turn;
            gate.pass();
            all_here
        })
    };
    thread::scope(|scope| {
        let other = scope.spawn(go);
        assert!(go());
        assert!(other.join().unwrap());
    });
}

#[test]
fn an_opaque_value_stays_what_it_is() {
    assert_eq!(opaque(7), 7);
}
