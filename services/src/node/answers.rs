//! What a processor answers when the control service asks it.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::sync::atomic::Ordering;

use protocols::control::{ConnectionRecord, Record};
use protocols::stack::Stack;
use protocols::tcp::Info;

use super::shared::Shared;
use crate::control::{Answer, Question};
use crate::service::System;

/// Counters in one record, so that every record fits a datagram.
const COUNTERS: usize = 20;

/// Answers one question.
pub(super) fn answer(question: Question, processor: usize, stack: &mut Stack, shared: &Shared) -> Answer {
    match question {
        Question::Connections { from } => {
            let congestion = shared.congestion();
            let mut all = stack.engine().connections().filter(|(conn, _)| conn.index >= from);
            let batch = all
                .by_ref()
                .take(Question::BATCH)
                .map(|(conn, info)| (conn.index, connection(processor, &info, congestion)));
            let batch = batch.collect();
            Answer::Connections(batch, all.next().is_some())
        }
        Question::Counters => Answer::Counters(counters(processor, stack, shared)),
        Question::Rules(ids) => Answer::Rules(ids.iter().map(|id| stack.rule_counter(*id)).collect()),
        Question::RuleTotals => Answer::RuleTotals(Box::new(stack.rule_totals())),
    }
}

fn connection(processor: usize, info: &Info, congestion: &str) -> ConnectionRecord {
    ConnectionRecord {
        processor: processor as u64,
        // Over IPv6 with brackets (RFC 5952 section 6).
        local: format!("{}", SocketAddr::new(info.local.into(), info.local_port)),
        remote: format!("{}", SocketAddr::new(info.remote.into(), info.remote_port)),
        state: format!("{}", info.state),
        congestion: congestion.into(),
        cwnd: u64::from(info.cwnd),
        ssthresh: u64::from(info.ssthresh),
        srtt_us: u64::from(info.srtt_us),
        rttvar_us: u64::from(info.rttvar_us),
        min_rtt_us: u64::from(info.min_rtt_us),
        rto_us: u64::from(info.rto_us),
        mss: u64::from(info.mss),
        flight: u64::from(info.flight),
        pacing_rate: info.pacing_rate,
        delivery_rate: info.delivery_rate,
        retransmits: info.retransmitted_segments,
        lost: u64::from(info.lost),
        recoveries: info.fast_recoveries,
        timeouts: info.timeouts,
        tail_probes: info.tail_probes,
        undone: info.undone,
        ecn: u64::from(info.ecn),
        ecn_marks: info.ecn_marks,
        ecn_reductions: info.ecn_reductions,
        reordering_us: u64::from(info.reordering_window_us),
        bytes_in: info.bytes_in,
        bytes_out: info.bytes_out,
    }
}

/// Counters that are 0 are left out.
fn counters(processor: usize, stack: &mut Stack, shared: &Shared) -> Vec<Record> {
    let local = shared.local(processor);
    let head = Record::new()
        .with("processor", processor as u64)
        .with("activities", local.activities.load(Ordering::Relaxed))
        .with("busy_us", shared.busy_us(processor));
    let mut pairs: Vec<(String, u64)> = Vec::new();
    let mut note = |group: &str, name: &str, value: u64| {
        if value != 0 {
            pairs.push((format!("{group}.{name}"), value));
        }
    };
    stack.counters().each(|name, value| note("stack", name, value));
    stack.engine().counters().each(|name, value| note("tcp", name, value));
    note("tcp", "time_wait", stack.engine().time_wait_count() as u64);
    let mut records = alloc::vec![head];
    for chunk in pairs.chunks(COUNTERS) {
        let record = Record::new().with("processor", processor as u64);
        records.push(chunk.iter().fold(record, |record, (name, value)| record.with(name.clone(), *value)));
    }
    records
}
