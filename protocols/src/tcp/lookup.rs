//! From a segment's addresses and ports to its connection: a hash table with a keyed hash, so that a peer cannot aim at one bucket.

use alloc::sync::Arc;

use hashbrown::HashTable;
use smoltcp::wire::IpAddress;

use super::directory::{Directory, Life};
use super::isn;
use crate::steering::FourTuple;

/// What identifies a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub local: IpAddress,
    pub remote: IpAddress,
    pub local_port: u16,
    pub remote_port: u16,
}

impl From<&FourTuple> for Key {
    fn from(&FourTuple { local, local_port, remote, remote_port }: &FourTuple) -> Self {
        Self { local, remote, local_port, remote_port }
    }
}

#[derive(Clone, Copy)]
struct Entry {
    key: Key,
    index: u32,
}

/// The table. The last connection found is remembered, because segments come in bursts of one connection.
pub(crate) struct Lookup {
    table: HashTable<Entry>,
    secret: [u8; 16],
    last: Option<Entry>,
    /// Where other processors look.
    directory: Option<Arc<Directory>>,
}

impl Lookup {
    /// A table that holds `capacity` connections without allocating again.
    pub fn new(secret: [u8; 16], capacity: usize) -> Self {
        Self { table: HashTable::with_capacity(capacity), secret, last: None, directory: None }
    }

    /// From now on its connections are in this directory too.
    pub fn publish(&mut self, directory: Arc<Directory>) {
        self.table.iter().for_each(|entry| directory.insert(entry.key, Life::Whole));
        self.directory = Some(directory);
    }

    /// Whether there is a connection with `key`. Does not count as a segment of it.
    pub fn has(&self, key: &Key) -> bool {
        self.table.find(isn::hash(&self.secret, key, 0), |entry| entry.key == *key).is_some()
    }

    /// The slot of the connection with `key`.
    #[inline]
    pub fn find(&mut self, key: &Key) -> Option<u32> {
        if let Some(last) = &self.last
            && last.key == *key
        {
            return Some(last.index);
        }
        let found = self.table.find(isn::hash(&self.secret, key, 0), |entry| entry.key == *key)?;
        self.last = Some(*found);
        Some(found.index)
    }

    /// Enters a connection. Its key must not be in the table.
    pub fn insert(&mut self, key: Key, index: u32) {
        let secret = self.secret;
        let hash = isn::hash(&secret, &key, 0);
        self.table.insert_unique(hash, Entry { key, index }, |entry| isn::hash(&secret, &entry.key, 0));
        if let Some(directory) = &self.directory {
            directory.insert(key, Life::Whole);
        }
    }

    /// Removes a connection, if it is the one in slot `index`.
    pub fn remove(&mut self, key: &Key, index: u32) {
        self.last = None;
        let hash = isn::hash(&self.secret, key, 0);
        if let Ok(entry) = self.table.find_entry(hash, |entry| entry.key == *key && entry.index == index) {
            entry.remove();
            if let Some(directory) = &self.directory {
                directory.remove(key, Life::Whole);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(remote_port: u16) -> Key {
        Key { local: IpAddress::v4(1, 2, 3, 4), remote: IpAddress::v4(5, 6, 7, 8), local_port: 7, remote_port }
    }

    #[test]
    fn finds_what_was_entered_and_nothing_else() {
        let mut lookup = Lookup::new([3; 16], 4);
        for port in 0..1000 {
            lookup.insert(key(port), u32::from(port) + 5);
        }
        for port in (0..1000).step_by(2) {
            lookup.remove(&key(port), u32::from(port) + 5);
            lookup.remove(&key(port + 1), 0);
        }
        for port in 0..1000 {
            let expected = (port % 2 == 1).then_some(u32::from(port) + 5);
            assert_eq!(lookup.find(&key(port)), expected);
            assert_eq!(lookup.find(&key(port)), expected);
        }
    }

    #[test]
    fn the_remembered_connection_is_forgotten_with_its_entry() {
        let mut lookup = Lookup::new([3; 16], 4);
        lookup.insert(key(1), 1);
        assert_eq!(lookup.find(&key(1)), Some(1));
        lookup.remove(&key(1), 1);
        assert_eq!(lookup.find(&key(1)), None);
    }
}
