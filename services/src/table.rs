//! A table of what a service keeps for each of its connections.

use alloc::vec::Vec;

use protocols::tcp::ConnId;

/// Found by the connection's slot, so without hashing; the generation in the name keeps a stale name from finding
/// the connection that has the slot now.
pub(crate) struct Table<T> {
    slots: Vec<Option<(ConnId, T)>>,
    used: usize,
    limit: usize,
}

impl<T> Table<T> {
    /// An empty table for at most `limit` connections.
    pub(crate) fn new(limit: usize) -> Table<T> {
        Table { slots: Vec::new(), used: 0, limit }
    }

    /// Adds a connection. Whatever an earlier connection left in its slot is dropped.
    ///
    /// # Errors
    /// Gives the value back if the table is full.
    pub(crate) fn insert(&mut self, conn: ConnId, value: T) -> Result<(), T> {
        let index = conn.index as usize;
        let taken = self.slots.get(index).is_some_and(Option::is_some);
        if !taken && self.used == self.limit {
            return Err(value);
        }
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, || None);
        }
        self.used += usize::from(!taken);
        self.slots[index] = Some((conn, value));
        Ok(())
    }

    /// What belongs to the connection.
    pub(crate) fn get_mut(&mut self, conn: ConnId) -> Option<&mut T> {
        match self.slots.get_mut(conn.index as usize)? {
            Some((present, value)) if *present == conn => Some(value),
            _ => None,
        }
    }

    /// Takes out what belongs to the connection.
    pub(crate) fn remove(&mut self, conn: ConnId) -> Option<T> {
        self.get_mut(conn)?;
        self.used -= 1;
        self.slots[conn.index as usize].take().map(|(_, value)| value)
    }

    /// The connections in the table. The names are copied out, so that the table can be changed meanwhile.
    pub(crate) fn names(&self) -> Vec<ConnId> {
        self.slots.iter().flatten().map(|(conn, _)| *conn).collect()
    }
}

#[cfg(test)]
mod tests;
