use alloc::format;

use protocols::control::Record;
use protocols::{stack, tcp};

#[test]
fn every_counter_has_a_name_that_a_record_can_have() {
    let check = |group: &str, name: &str| {
        let key = format!("{group}.{name}");
        assert!(Record::is_key(&key), "{key}");
    };
    stack::Counters::default().each(|name, _| check("stack", name));
    tcp::Counters::default().each(|name, _| check("tcp", name));
}
