use super::*;

const fn conn(index: u32, generation: u32) -> ConnId {
    ConnId { index, generation }
}

#[test]
fn a_stale_name_finds_nothing() {
    let mut table = Table::new(8);
    table.insert(conn(3, 1), 'a').unwrap();
    table.insert(conn(3, 2), 'b').unwrap();
    assert_eq!(table.get_mut(conn(3, 1)), None);
    assert_eq!(table.remove(conn(3, 1)), None);
    assert_eq!(table.get_mut(conn(3, 2)), Some(&mut 'b'));
    assert_eq!(table.names(), [conn(3, 2)]);
    assert_eq!(table.remove(conn(3, 2)), Some('b'));
    assert_eq!(table.remove(conn(3, 2)), None);
    assert_eq!(table.get_mut(conn(9, 1)), None);
}

#[test]
fn a_full_table_gives_the_value_back_until_there_is_room() {
    let mut table = Table::new(2);
    assert_eq!(
        [table.insert(conn(0, 1), 0), table.insert(conn(5, 1), 1), table.insert(conn(6, 1), 2)],
        [Ok(()), Ok(()), Err(2)]
    );
    assert_eq!(table.insert(conn(5, 2), 3), Ok(()), "a slot that is taken again needs no room");
    table.remove(conn(0, 1));
    assert_eq!(table.insert(conn(6, 1), 2), Ok(()));
}
