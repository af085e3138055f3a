//! Samples on their way out of a guest: lines of JSON on its console.

use crate::{Series, Within};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Samples of one round: one line. A round with many goes in several pieces, one without any in one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Piece {
    /// As in [`Series`].
    pub name: String,
    /// As in [`Series`].
    pub peer: String,
    /// As in [`Series`].
    pub within: Within,
    /// As in [`Series`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// Which round.
    pub round: usize,
    /// Its samples, picoseconds.
    pub samples: Vec<u64>,
}

/// Samples of a piece: with 20 digits each, a line stays below 4 KiB, which is what the console's reader takes.
const SAMPLES: usize = 150;
/// Rounds of a series at most: what comes from a guest is not trusted with our memory.
const ROUNDS: usize = 10_000;

/// The pieces of a series, in order.
pub fn pieces(series: &Series) -> impl Iterator<Item = Piece> + '_ {
    let rounds = series.rounds.iter().enumerate();
    let parts = rounds.flat_map(|(round, samples)| {
        let empty = samples.is_empty().then_some(&[][..]);
        samples.chunks(SAMPLES).chain(empty).map(move |part| (round, part))
    });
    parts.map(|(round, part)| Piece {
        name: series.name.clone(),
        peer: series.peer.clone(),
        within: series.within,
        note: series.note.clone(),
        round,
        samples: part.to_vec(),
    })
}

impl Piece {
    /// The piece as JSON.
    ///
    /// # Errors
    /// No memory.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// Reads a line.
    ///
    /// # Errors
    /// It is not one of these.
    pub fn from_json(line: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(line)
    }

    /// Adds it to the series it belongs to, a new one if there is none. False if its round cannot be.
    pub fn join(self, all: &mut Vec<Series>) -> bool {
        if self.round >= ROUNDS {
            return false;
        }
        let known = all.iter().position(|series| series.name == self.name && series.peer == self.peer);
        let at = known.unwrap_or_else(|| {
            let (name, peer, note) = (self.name, self.peer, self.note);
            all.push(Series { name, peer, within: self.within, note, rounds: Vec::new() });
            all.len() - 1
        });
        let rounds = &mut all[at].rounds;
        if rounds.len() <= self.round {
            rounds.resize_with(self.round + 1, Vec::new);
        }
        rounds[self.round].extend(self.samples);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{Piece, pieces};
    use crate::{Series, Within};
    use std::vec::Vec;

    #[test]
    fn what_goes_out_in_pieces_comes_back_whole() {
        let series = |peer: &str, rounds| Series {
            name: "a \"name\"".into(),
            peer: peer.into(),
            within: Within::Percentile99,
            note: if peer == "b" { "note".into() } else { "".into() },
            rounds,
        };
        let long: Vec<u64> = (0..1_000).map(|sample| u64::MAX - sample).collect();
        let all = [series("a", [[1].into(), [].into(), long].into()), series("b", [[].into(), [2, 3].into()].into())];
        let mut back = Vec::new();
        for piece in all.iter().flat_map(pieces) {
            let line = piece.to_json().unwrap();
            assert!(line.len() < 4_000, "{} octets", line.len());
            assert!(Piece::from_json(&line).unwrap().join(&mut back));
        }
        assert_eq!(back, all);
    }

    #[test]
    fn a_round_beyond_all_rounds_is_refused() {
        let line = r#"{"name":"n","peer":"p","within":"median","round":1000000000000,"samples":[]}"#;
        assert!(!Piece::from_json(line).unwrap().join(&mut Vec::new()));
    }
}
