use super::*;
use crate::Reason;

fn id(number: usize) -> ProcessorId {
    ProcessorId::new(number).expect("a processor")
}

fn meeting() -> Meeting {
    Meeting::new(ProcessorSet::from_bits(0b11))
}

/// To the decision, with processor 1 last.
fn transferred() -> Meeting {
    let mut meeting = meeting();
    for processor in [id(0), id(1)] {
        meeting.start(processor, 0);
        meeting.drain(processor);
        meeting.block(processor);
    }
    assert!(!meeting.transfer(id(0)) && meeting.transfer(id(1)));
    meeting
}

#[test]
fn the_last_to_block_completes_the_meeting() {
    let mut meeting = meeting();
    assert!(!meeting.block(id(1)));
    assert!(meeting.retract(id(1)), "before the meeting a call may go back in");
    assert!(!meeting.block(id(0)), "so its processor is waited for again");
    assert!(!meeting.has_met());
    assert!(meeting.block(id(1)));
    assert!(meeting.has_met() && !meeting.retract(id(1)) && !meeting.retract(id(0)));
}

#[test]
fn who_comes_before_the_meeting_takes_part_and_who_comes_after_it_watches() {
    let mut meeting = meeting();
    assert_eq!(meeting.join(id(0)), Some(Part::Participant));
    assert_eq!(meeting.join(id(2)), Some(Part::Participant));
    assert!(!meeting.block(id(0)) && !meeting.block(id(1)));
    assert!(meeting.block(id(2)), "the newcomer is waited for");
    assert_eq!(meeting.join(id(3)), Some(Part::Bystander));
    assert_eq!(meeting.join(id(3)), Some(Part::Bystander));
    assert_eq!((meeting.participants().bits(), meeting.everyone().bits()), (0b111, 0b1111));
}

#[test]
fn a_commit_needs_every_transfer() {
    let mut meeting = meeting();
    meeting.block(id(0));
    meeting.block(id(1));
    meeting.transfer(id(0));
    assert!(!meeting.decide(Outcome::Committed));
    meeting.transfer(id(1));
    assert!(meeting.decide(Outcome::Committed));
    assert!(!meeting.decide(Outcome::Undone(Reason::Cancelled)), "decided once");
    assert_eq!(meeting.decision(), Some(&Outcome::Committed));
}

#[test]
fn it_can_be_undone_at_every_point_before_the_commit() {
    let undone = Outcome::Undone(Reason::Cancelled);
    let mut early = meeting();
    assert!(early.decide(undone.clone()));
    assert!(!early.block(id(0)) && !early.block(id(1)), "nobody meets after that");
    let mut late = transferred();
    assert!(late.decide(undone) && !late.decide(Outcome::Committed));
}

#[test]
fn it_is_over_once_when_everyone_has_finished() {
    let mut meeting = transferred();
    assert_eq!(meeting.join(id(5)), Some(Part::Bystander));
    meeting.decide(Outcome::Committed);
    assert!(!meeting.settle(id(0)) && meeting.settle(id(1)), "bystanders have no state");
    assert!(!meeting.finish(id(0)));
    assert_eq!(meeting.join(id(0)), None, "over on this processor");
    assert_eq!(meeting.join(id(6)), Some(Part::Bystander), "not yet over");
    assert!(!meeting.finish(id(1)) && !meeting.finish(id(5)));
    assert!(meeting.finish(id(6)));
    assert_eq!(meeting.join(id(7)), None, "over");
}

#[test]
fn it_names_whom_the_others_wait_for() {
    let mut meeting = meeting();
    let held_up = |processor, by| Some(HeldUp::new(id(processor), by));
    meeting.start(id(0), 0);
    meeting.drain(id(0));
    assert_eq!(meeting.held_up(), held_up(1, Missing::Worker));
    meeting.start(id(1), 0);
    assert_eq!(meeting.held_up(), held_up(1, Missing::Activity));
    meeting.drain(id(1));
    assert_eq!(meeting.held_up(), held_up(0, Missing::Call));
    meeting.block(id(0));
    assert_eq!(meeting.held_up(), held_up(1, Missing::Call));
    meeting.block(id(1));
    assert_eq!(meeting.held_up(), held_up(0, Missing::Transfer));
    assert_eq!(transferred().held_up(), None);
}
