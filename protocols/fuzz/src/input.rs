//! Reads the fuzzer's octets; beyond the end everything is 0.

pub struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub fn new(octets: &'a [u8]) -> Self {
        Input(octets)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn octet(&mut self) -> u8 {
        self.take(1).first().copied().unwrap_or(0)
    }

    pub fn word(&mut self) -> u16 {
        u16::from_le_bytes([self.octet(), self.octet()])
    }

    pub fn long(&mut self) -> u32 {
        u32::from(self.word()) | u32::from(self.word()) << 16
    }

    /// At most `length` octets.
    pub fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(length.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A number near 0 most of the time, anything sometimes: what sequence numbers are off by.
    pub fn offset(&mut self) -> u32 {
        match self.octet() {
            small @ 0..=127 => u32::from(small) / 32,
            128..=191 => self.octet() as i8 as i32 as u32,
            192..=239 => self.word() as i16 as i32 as u32,
            _ => self.long(),
        }
    }
}
