//! Segments for connections of which only the identity is left.

use super::super::egress::{Egress, Path};
use super::super::header::{Flags, Header};
use super::super::isn;
use super::super::lookup::Key;
use super::super::options::{Options, Timestamps};
use super::super::payload::Payload;
use super::super::time_wait::{Odd, Remains, Verdict};
use super::Engine;

impl Engine {
    /// How many connections are in TIME-WAIT. They are none of [`connection_count`](Self::connection_count), but for those that a service still has.
    pub fn time_wait_count(&self) -> usize {
        self.time_waits.len()
    }

    /// Both sides have finished: the identity moves to the table.
    pub(super) fn enter_time_wait(&mut self, remains: Remains) {
        let ends = self.now + self.config.time_wait;
        if self.time_waits.insert(remains, ends) {
            self.counters.time_wait_evicted += 1;
        }
    }

    /// Takes a segment for which there is no connection, if one with its addresses and ports is in TIME-WAIT. Whether there is.
    pub(super) fn segment_in_time_wait(
        &mut self,
        key: &Key,
        path: &Path,
        header: &Header,
        payload: usize,
        out: &mut dyn Egress,
    ) -> bool {
        let Some(index) = self.time_waits.find(key, self.now) else { return false };
        match self.time_waits.judge(index, header, payload, self.now, self.config.time_wait) {
            Verdict::Reopen(floor) if self.listeners.contains(key.local_port) => {
                self.counters.time_wait_reused += 1;
                self.time_waits.remove(index);
                self.segment_for_none(key, path, header, payload, Some(floor), out);
            }
            // Nobody waits for it here.
            Verdict::Reopen(_) => self.count_odd(Odd::Syn),
            Verdict::Acknowledge => {
                self.count_odd(Odd::Window);
                self.acknowledge_again(index, path, out);
            }
            Verdict::Challenge(odd) => {
                self.count_odd(odd);
                self.counters.challenges += 1;
                self.acknowledge_again(index, path, out);
            }
            Verdict::Drop(odd) => {
                self.count_odd(odd);
                if !matches!(odd, Odd::Reset | Odd::NoTimestamp) {
                    self.counters.challenges_suppressed += 1;
                }
            }
            Verdict::Ignore => {}
        }
        true
    }

    fn count_odd(&mut self, odd: Odd) {
        let counters = &mut self.counters;
        let counter = match odd {
            Odd::Window => &mut counters.drop_window,
            Odd::Old => &mut counters.drop_paws,
            Odd::NoTimestamp => &mut counters.drop_no_timestamp,
            Odd::Syn => &mut counters.drop_syn,
            Odd::Reset => &mut counters.drop_rst,
        };
        *counter += 1;
    }

    /// If the link has no room, the peer asks again.
    fn acknowledge_again(&mut self, index: u32, path: &Path, out: &mut dyn Egress) {
        let Some(&Remains { key, snd_nxt, rcv_nxt, ts_recent }) = self.time_waits.remains(index) else { return };
        let clock = (self.now.total_micros() as u64 / 1000) as u32;
        let timestamps = ts_recent
            .map(|echo| Timestamps { value: clock.wrapping_add(isn::timestamp_offset(&self.secrets.isn, &key)), echo });
        let answer = Header {
            source_port: key.local_port,
            destination_port: key.remote_port,
            sequence: snd_nxt.0,
            acknowledgement: rcv_nxt.0,
            flags: Flags::ACK,
            options: Options { timestamps, ..Options::default() },
            ..Header::default()
        };
        if out.send(path, &answer, Payload::default()).is_ok() {
            self.counters.segments_out += 1;
        }
    }
}
