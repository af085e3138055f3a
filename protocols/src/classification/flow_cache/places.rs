//! Where flows are kept.

use alloc::vec::Vec;

use super::super::{
    engine::{Key, Mask},
    header::Header,
    table::RuleId,
};

/// What distinguishes a flow: all fields of its headers, in as few words as they fit into.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow<const N: usize> {
    addresses: [u64; N],
    rest: u64,
}

impl<const N: usize> Flow<N> {
    #[inline(always)]
    fn new(header: &Header) -> Self {
        let key = Key::new(header);
        // A codepoint has 6 bits in its octet: the other two tell the four states of tracking apart.
        let state = u64::from(key.tracking.trailing_zeros()) << (8 + 6);
        Self { addresses: key.addresses, rest: key.rest ^ state }
    }
}

/// What is known of a flow: a rule's index, or [`Known::NOTHING`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Known(u32);

impl Known {
    const NOTHING: Self = Self(u32::MAX);

    #[inline(always)]
    pub fn id(self) -> Option<RuleId> {
        (self.0 != Self::NOTHING.0).then_some(RuleId(self.0))
    }
}

/// Places by hash, each for `W` flows.
#[derive(Clone, Debug)]
pub(super) struct Places<const N: usize, const W: usize> {
    /// As many as were made; a flow of one that was not is not kept.
    places: Vec<Place<N, W>>,
    /// Their number in the end is a power of 2: 64 less this is its logarithm.
    shift: u32,
    seed: u64,
}

/// Flows whose hash is the same, all of one generation.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Place<const N: usize, const W: usize> {
    rests: [u64; W],
    addresses: [[u64; N]; W],
    known: [Known; W],
    /// Stands for the generation.
    tag: u16,
    /// Bit n is set if there is a flow n.
    filled: u8,
    /// Bit n is set if flow n came again since bits were cleared last.
    again: u8,
}

impl<const N: usize, const W: usize> Place<N, W> {
    const EMPTY: Self =
        Self { rests: [0; W], addresses: [[0; N]; W], known: [Known::NOTHING; W], tag: 0, filled: 0, again: 0 };
    const ALL: u8 = (1 << W) - 1;

    /// The bit of the flow, if it is here.
    #[inline(always)]
    fn find(&self, tag: u16, flow: &Flow<N>) -> u8 {
        let mut bits = 0;
        for way in 0..W {
            let mut differ = self.rests[way] ^ flow.rest;
            for n in 0..N {
                differ |= self.addresses[way][n] ^ flow.addresses[n];
            }
            bits |= u8::from(differ == 0) << way;
        }
        if self.tag == tag { bits & self.filled } else { 0 }
    }

    /// Where a new flow goes: where there is none, otherwise where one did not come again. If all did, they have to do so once more.
    fn free(&mut self) -> usize {
        let kept = if self.filled == Self::ALL { self.again } else { self.filled };
        let idle = !kept & Self::ALL;
        if idle == 0 {
            self.again = 0;
            return W - 1;
        }
        idle.trailing_zeros() as usize
    }
}

impl<const N: usize, const W: usize> Places<N, W> {
    /// Room for `places`, a power of 2; [`grow`](Self::grow) makes them.
    pub fn new(places: usize, seed: u64) -> Self {
        Self { places: Vec::with_capacity(places), shift: 64 - places.trailing_zeros(), seed }
    }

    /// Makes at most `budget` of the places that are missing.
    #[inline]
    pub fn grow(&mut self, budget: usize) {
        let missing = (1 << (64 - self.shift)) - self.places.len();
        if missing != 0 {
            self.places.resize(self.places.len() + missing.min(budget), Place::EMPTY);
        }
    }

    /// The flow of a header, and its place.
    #[inline(always)]
    pub fn of(&self, header: &Header) -> (Flow<N>, usize) {
        let flow = Flow::new(header);
        let key = Key { addresses: flow.addresses, rest: flow.rest, tracking: 0 };
        (flow, (key.hash(&Mask::ALL, self.seed) >> self.shift) as usize)
    }

    /// What is known of a flow, and whether it is known at all.
    #[inline(always)]
    pub fn get(&mut self, place: usize, tag: u16, flow: &Flow<N>) -> (Known, bool) {
        let Some(place) = self.places.get_mut(place) else { return (Known::NOTHING, false) };
        let bit = place.find(tag, flow);
        // Mostly it is set already, and the line stays clean.
        if place.again & bit != bit {
            place.again |= bit;
        }
        (place.known[(bit.trailing_zeros() as usize).min(W - 1)], bit != 0)
    }

    /// Keeps what was found for a flow.
    #[inline]
    pub fn put(&mut self, place: usize, tag: u16, flow: &Flow<N>, found: Option<RuleId>) {
        let Some(place) = self.places.get_mut(place) else { return };
        if place.tag != tag {
            (place.tag, place.filled, place.again) = (tag, 0, 0);
        }
        // It may have come twice before it was looked up.
        if place.find(tag, flow) == 0 {
            let way = place.free();
            (place.rests[way], place.addresses[way]) = (flow.rest, flow.addresses);
            place.known[way] = found.map_or(Known::NOTHING, |id| Known(id.0));
            place.filled |= 1 << way;
            place.again &= !(1 << way);
        }
    }

    /// Forgets all flows.
    pub fn clear(&mut self) {
        self.places.iter_mut().for_each(|place| place.filled = 0);
    }

    pub fn memory(&self) -> usize {
        self.places.capacity() * size_of::<Place<N, W>>()
    }
}

const _: () = assert!(size_of::<Place<{ super::V4 }, 3>>() == 64 && size_of::<Place<{ super::V6 }, 2>>() == 128);
