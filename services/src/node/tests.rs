use alloc::format;

use protocols::control::Record;
use protocols::{stack, tcp};

use super::mailbox::Mailbox;

#[test]
fn every_counter_has_a_name_that_a_record_can_have() {
    let check = |group: &str, name: &str| {
        let key = format!("{group}.{name}");
        assert!(Record::is_key(&key), "{key}");
    };
    stack::Counters::default().each(|name, _| check("stack", name));
    tcp::Counters::default().each(|name, _| check("tcp", name));
}

#[test]
fn a_mailbox_keeps_the_order_and_its_limit() {
    let mailbox = Mailbox::new(2);
    assert_eq!(mailbox.take(), None);
    assert_eq!([mailbox.put(1), mailbox.put(2), mailbox.put(3)], [true, true, false]);
    assert_eq!([mailbox.take(), mailbox.take(), mailbox.take()], [Some(1), Some(2), None]);
    assert!(mailbox.put(4));
    assert_eq!(mailbox.take(), Some(4));
}
