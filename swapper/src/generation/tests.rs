use super::*;
use alloc::vec::Vec;

#[test]
fn nothing_alive_is_over_at_once() {
    let generations = Generations::new();
    let wait = generations.wait();
    assert!(generations.is_over(wait));
    generations.stop(wait);
    assert_eq!(generations.waiting(), 0);
}

#[test]
fn an_activity_holds_up_only_waits_that_began_after_it() {
    let generations = Generations::new();
    let old = generations.begin();
    let wait = generations.wait();
    assert!(!generations.is_over(wait));
    let new = generations.begin();
    assert!(generations.end(old));
    assert!(generations.is_over(wait), "an activity that began during the wait must not hold it up");
    generations.stop(wait);
    assert!(!generations.end(new), "nobody waits any more");
}

#[test]
fn activities_of_both_generations_must_end() {
    let generations = Generations::new();
    let first = generations.begin();
    let one = generations.wait();
    let second = generations.begin();
    assert_ne!(first, second);
    let two = generations.wait();
    generations.end(second);
    assert!(!generations.is_over(one) && !generations.is_over(two));
    generations.end(first);
    assert!(generations.is_over(one) && generations.is_over(two));
}

/// Against the definition, over many orders of events and over the roll-over of the count.
#[test]
fn agrees_with_the_definition() {
    for start in [0, u32::MAX - 1, u32::MAX, i32::MAX as u32 - 1] {
        let mut random = 0x9E37_79B9_7F4A_7C15_u64 ^ u64::from(start);
        let mut next = |below: usize| {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            (random % below as u64) as usize
        };
        let generations = Generations::starting_at(start);
        let mut name = 0_u64;
        let mut alive: Vec<(u64, Generation)> = Vec::new();
        // Each wait with the names of the activities that it waits for.
        let mut waits: Vec<(Wait, Vec<u64>)> = Vec::new();
        let mut ended = 0;
        for _ in 0..20_000 {
            match next(4) {
                0 if alive.len() < 6 => {
                    name += 1;
                    alive.push((name, generations.begin()));
                }
                1 if waits.len() < 4 => waits.push((generations.wait(), alive.iter().map(|&(name, _)| name).collect())),
                _ if !alive.is_empty() => {
                    let (_, generation) = alive.swap_remove(next(alive.len()));
                    generations.end(generation);
                }
                _ => {}
            }
            waits.retain(|(wait, names)| {
                let over = generations.is_over(*wait);
                let left = names.iter().any(|name| alive.iter().any(|(other, _)| other == name));
                assert!(!over || !left, "declared over while an activity from before is alive");
                assert!(over || !alive.is_empty(), "nothing is alive and the wait is not over");
                if over {
                    generations.stop(*wait);
                    ended += 1;
                }
                !over
            });
        }
        assert!(ended > 1000, "{ended}");
    }
}
