//! Turns alone, without frames.

use super::*;
use crate::classification::{Setting, Shares};

fn scheduler(settings: &[Setting]) -> Scheduler {
    let shares = settings.iter().fold(Shares::default(), |shares, setting| shares.with(*setting));
    let mut scheduler = Scheduler { sharing: Some(Arc::new(Sharing::new(shares, None))), ..Scheduler::default() };
    scheduler.begin();
    scheduler
}

fn weight(class: u8, weight: u8) -> Setting {
    Setting::Weight { class, weight }
}

/// Lets classes that always want to send packets of so many octets do so for some turns; what each has sent.
fn run<const N: usize>(scheduler: &mut Scheduler, lengths: [(u8, usize); N], turns: usize) -> [usize; N] {
    let mut sent = [0; N];
    lengths.iter().for_each(|(class, _)| scheduler.wait(*class));
    for _ in 0..turns {
        scheduler.begin();
        let class = scheduler.next_turn().unwrap();
        let place = lengths.iter().position(|(other, _)| *other == class).unwrap();
        while scheduler.may_send(class) {
            scheduler.sent(class, lengths[place].1, 0);
            sent[place] += lengths[place].1;
        }
        scheduler.end_turn(true);
    }
    sent
}

fn ratio(sent: [usize; 2]) -> f64 {
    sent[0] as f64 / sent[1] as f64
}

#[test]
fn octets_go_by_weight_whatever_the_packets_are_like() {
    for (first, second) in [(1_500, 1_500), (1_500, 64), (65_000, 1_500), (40, 65_000), (65_000, 65_000)] {
        let mut scheduler = scheduler(&[weight(1, 3), weight(2, 1)]);
        let sent = run(&mut scheduler, [(1, first), (2, second)], 4_000);
        assert!((ratio(sent) - 3.0).abs() < 0.05, "{first} and {second} octets: {sent:?}");
    }
    // Classes without a weight have 1.
    let mut scheduler = scheduler(&[weight(7, 100)]);
    let sent = run(&mut scheduler, [(7, 1_500), (0, 1_500)], 1_000);
    assert!((ratio(sent) - 100.0).abs() < 1.0, "{sent:?}");
}

#[test]
fn the_lightest_of_sixteen_is_not_starved() {
    let settings: Vec<_> = (1..16).map(|class| weight(class, 100)).collect();
    let mut scheduler = scheduler(&settings);
    let lengths = core::array::from_fn::<_, 16, _>(|class| (class as u8, 65_000));
    let sent = run(&mut scheduler, lengths, 16 * 400);
    assert!(sent[0] >= 65_000 && sent[1..].iter().all(|other| other / sent[0] < 120), "{sent:?}");
}

#[test]
fn a_class_that_has_nothing_holds_nobody_up_and_saves_nothing() {
    let mut scheduler = scheduler(&[weight(1, 3), weight(2, 1)]);
    assert!(scheduler.may_send(1) && scheduler.may_send(2), "nobody waits");
    scheduler.wait(2);
    assert!(!scheduler.may_send(1), "it is not its turn");
    assert_eq!(scheduler.next_turn(), Some(2));
    scheduler.sent(2, 100, 0);
    scheduler.end_turn(false);
    assert_eq!((scheduler.next_turn(), scheduler.is_waiting()), (None, false));
    // One class alone sends as if there were no other.
    scheduler.begin();
    scheduler.wait(1);
    for _ in 0..99 {
        assert_eq!(scheduler.next_turn(), Some(1));
        scheduler.sent(1, 1_500, 0);
        scheduler.end_turn(true);
    }
    // The other has not saved for it: at once it is 3 to 1.
    let sent = run(&mut scheduler, [(1, 1_500), (2, 1_500)], 8);
    assert_eq!(sent, [4 * 4_500, 4 * 1_500]);
}

#[test]
fn a_turn_that_the_card_cuts_short_goes_on_where_it_was() {
    let mut scheduler = scheduler(&[weight(1, 3), weight(2, 1)]);
    scheduler.wait(1);
    scheduler.wait(2);
    assert_eq!(scheduler.next_turn(), Some(1));
    scheduler.sent(1, 1_500, 0);
    scheduler.link_is_full();
    assert!(!scheduler.may_send(1));
    scheduler.end_turn(true);
    assert_eq!(scheduler.next_turn(), None);
    scheduler.begin();
    assert_eq!(scheduler.next_turn(), Some(1));
    assert_eq!(scheduler.classes[1].deficit, 3_000, "no second quantum");
}

#[test]
fn the_rate_says_when_to_go_on() {
    let mut scheduler = scheduler(&[Setting::Rate(Some(1_000_000))]);
    let now = 5_000_000_000;
    let mut octets = 0;
    while scheduler.is_within_rate(1_500, now) {
        scheduler.sent(0, 1_500, now);
        octets += 1_500;
    }
    assert!((64_000..=65_536).contains(&octets), "the burst: {octets}");
    let Some(Blocked::Until(at)) = scheduler.blocked() else { panic!("it is used up") };
    assert!(at > now && at - now <= 1_500_000, "a packet's time");
    scheduler.begin();
    assert!(!scheduler.is_within_rate(1_500, at - 1));
    assert!(scheduler.is_within_rate(1_500, at));
}

#[test]
fn weights_that_change_hold_from_the_next_turn_on() {
    let mut scheduler = scheduler(&[weight(1, 100), weight(2, 1)]);
    run(&mut scheduler, [(1, 65_000), (2, 65_000)], 1_000);
    let shares = Shares::default().with(weight(1, 1)).with(weight(2, 3));
    scheduler.sharing = Some(Arc::new(Sharing::new(shares, None)));
    let sent = run(&mut scheduler, [(1, 1_500), (2, 1_500)], 2_000);
    assert!((ratio(sent) - 1.0 / 3.0).abs() < 0.02, "what was overdrawn or saved before is little: {sent:?}");
    // Without shares what waits is sent, one class as much as the other.
    scheduler.sharing = None;
    assert!(scheduler.is_on());
    let sent = run(&mut scheduler, [(1, 1_500), (2, 1_500)], 1_000);
    assert!((ratio(sent) - 1.0).abs() < 0.1, "{sent:?}");
}

#[test]
fn a_queue_has_a_limit_in_octets() {
    let mut scheduler = scheduler(&[weight(1, 3)]);
    let frame = |len: usize| {
        move || Queued { frame: alloc::vec![0; len], meta: TxMeta::default(), octets: len, under_way: None }
    };
    let push = |scheduler: &mut Scheduler, class, len| scheduler.push(class, len, frame(len));
    scheduler.wait(1);
    let taken = (0..).take_while(|_| push(&mut scheduler, 1, 1_000)).count();
    assert_eq!(taken, QUEUE / 1_000);
    assert!(push(&mut scheduler, 1, QUEUE % 1_000) && !push(&mut scheduler, 1, 1));
    assert!(push(&mut scheduler, 2, QUEUE), "each class has its own");
    scheduler.dropped(1);
    let queued = scheduler.pop(1).unwrap();
    scheduler.push_front(1, queued);
    let counts = scheduler.counts()[1];
    assert_eq!(counts, Waiting { backlogs: 1, queued: taken as u64 + 1, dropped: 1 });
    while scheduler.pop(1).is_some() {}
    assert!(push(&mut scheduler, 1, QUEUE));
}
