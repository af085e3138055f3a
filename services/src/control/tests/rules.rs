//! Rules: one by one, in uploads, and what they counted.

use alloc::boxed::Box;

use protocols::classification::Setting;
use protocols::classification::classifier::{Change, Totals};

use super::*;

fn begin(rig: &mut Rig, text: &str, content: &str) -> u64 {
    let crc = protocols::control::crc32(text.as_bytes());
    let reply = rig.ask(&alloc::format!("rules begin length={} crc32={crc:08x} content={content}", text.len()));
    reply.records()[0].number("upload").unwrap()
}

fn part(rig: &mut Rig, upload: u64, offset: usize, text: &str) -> Reply {
    rig.ask(&alloc::format!("rules part {upload} {offset}\n{text}"))
}

#[test]
fn a_rule_is_added_when_it_is_in_force() {
    let mut rig = Rig::new();
    rig.say("#1 rule add 10 tcp dport 80 accept");
    assert!(rig.node.replies.is_empty());
    rig.say("#1 rule add 10 tcp dport 80 accept");
    assert_eq!(rig.node.batches.len(), 1, "the repeated request is not executed again");
    rig.server.rules_in_force(&mut rig.node, 1);
    assert_eq!(rig.hear().records()[0].number("rules"), Some(0));
    let refusal = rig.refused("rule add 10 tcp dport 80x accept");
    assert_eq!(refusal.code, Code::BadRule);
    assert!(refusal.text.starts_with("column 14: expected a port"), "{refusal}");
    rig.say("rules flush");
    assert!(matches!(rig.node.batches.pop(), Some(Batch::Replace(rules)) if rules.is_empty()));
}

#[test]
fn an_upload_is_put_together_from_its_pieces() {
    let text = "# comment\n10 tcp dport 80 accept\n\n20 drop";
    for size in [1, 7, text.len()] {
        let mut rig = Rig::new();
        let upload = begin(&mut rig, text, "rules");
        let mut at = 0;
        while at < text.len() {
            let end = text.len().min(at + size);
            // A gap and a piece that came before change nothing.
            let gap = part(&mut rig, upload, at + 1, "x");
            assert_eq!(gap.records()[0].number("received"), Some(at as u64));
            let taken = part(&mut rig, upload, at / 2, &text[at / 2..end]);
            assert_eq!(taken.records()[0].number("received"), Some(end as u64));
            at = end;
        }
        rig.say(&alloc::format!("rules commit {upload}"));
        let Some(Batch::Replace(rules)) = rig.node.batches.pop() else { panic!("the upload replaces all rules") };
        assert_eq!(rules.len(), 2);
        assert_eq!(rig.refused(&alloc::format!("rules commit {upload}")).code, Code::UnknownUpload);
    }
}

#[test]
fn an_upload_with_an_error_names_its_line_and_changes_nothing() {
    let mut rig = Rig::new();
    let text = "10 accept\n20 tcp dport 99999 drop\n30 drop\n";
    let upload = begin(&mut rig, text, "rules");
    let refusal = part(&mut rig, upload, 0, text).outcome.unwrap_err().0;
    assert_eq!(refusal.code, Code::BadRule);
    assert_eq!(refusal.text, "line 2, column 14: a port 99999 is not within 0 to 65535");
    assert_eq!(part(&mut rig, upload, 20, "more").outcome.unwrap_err().0, refusal, "and again");
    assert_eq!(rig.refused(&alloc::format!("rules commit {upload}")), refusal);
    // The length and the checksum have to be right.
    let upload = begin(&mut rig, text, "rules");
    assert!(rig.refused(&alloc::format!("rules commit {upload}")).text.contains("0 of 42"));
    assert!(part(&mut rig, upload, 0, &"#".repeat(43)).outcome.unwrap_err().0.text.contains("longer"));
    rig.ask(&alloc::format!("rules abort {upload}"));
    let upload = begin(&mut rig, "10 drop", "rules");
    part(&mut rig, upload, 0, "11 drop");
    assert!(rig.refused(&alloc::format!("rules commit {upload}")).text.contains("checksum"));
    let upload = begin(&mut rig, "x", "rules");
    part(&mut rig, upload, 0, "x");
    assert_eq!(rig.refused(&alloc::format!("rules commit {upload}")).code, Code::BadRule);
    assert!(rig.node.batches.is_empty());
}

#[test]
fn changes_are_uploaded_too() {
    let mut rig = Rig::new();
    let text = "add 10 drop # why\n  delete 7\n";
    let upload = begin(&mut rig, text, "changes");
    part(&mut rig, upload, 0, text);
    rig.say(&alloc::format!("rules commit {upload}"));
    let Some(Batch::Change(changes)) = rig.node.batches.pop() else { panic!("they are changes") };
    assert!(matches!(changes[..], [(1, Change::Add(_)), (2, Change::Delete(RuleId(7)))]));
    for (text, message) in [
        ("remove 7\n", "line 1: a change begins with `add`, `delete`, `class` or `egress`"),
        ("\ndelete x\n", "line 2: `delete` needs the handle of a rule, as `rules` shows it"),
        ("add 10 drip\n", "line 1, column 8: expected a match, a statement or a verdict, found `drip`"),
    ] {
        let upload = begin(&mut rig, text, "changes");
        assert_eq!(part(&mut rig, upload, 0, text).outcome.unwrap_err().0.text, message);
        rig.ask(&alloc::format!("rules abort {upload}"));
    }
}

#[test]
fn uploads_are_few_and_are_forgotten() {
    let mut rig = Rig::new();
    let (one, _two) = (begin(&mut rig, "10 drop", "rules"), begin(&mut rig, "10 drop", "rules"));
    assert_eq!(rig.refused("rules begin length=1 crc32=0").code, Code::Busy);
    rig.node.now += Duration::from_secs(29);
    part(&mut rig, one, 0, "10");
    rig.node.now += Duration::from_secs(2);
    rig.server.poll(&mut rig.node);
    assert_eq!(part(&mut rig, one, 2, " drop").records()[0].number("received"), Some(7));
    begin(&mut rig, "10 drop", "rules");
    // Another peer has nothing to do with it.
    rig.server.request(&mut rig.node, 2, b"rules commit 1");
    assert!(Reply::parse(&rig.node.replies.remove(0).1).unwrap().outcome.is_err());
}

#[test]
fn rules_are_listed_page_by_page() {
    let mut rig = Rig::new();
    for priority in (0..100).rev() {
        let rule =
            protocols::classification::text::parse_rule(&alloc::format!("{priority} tcp dport 80 accept")).unwrap();
        rig.node.rules.insert(rule).unwrap();
    }
    let (mut seen, mut request) = (Vec::new(), String::from("rules"));
    loop {
        rig.say(&request);
        while let Some((_, Question::Rules(ids), _)) = rig.node.questions.first().cloned() {
            rig.answer(Answer::Rules(ids.iter().map(|id| Counter { packets: id.0.into(), octets: 1 }).collect()));
        }
        let reply = rig.hear();
        let mut next = None;
        for record in reply.records() {
            let counted = record.number("packets").zip(record.number("octets"));
            assert_eq!(counted, record.number("handle").map(|handle| (2 * handle, 2)), "of both processors");
            match record.number("next") {
                Some(handle) => next = Some(handle),
                None => seen.push((record.number("handle").unwrap(), record.text("rule").unwrap().to_string())),
            }
        }
        let Some(next) = next else { break };
        request = alloc::format!("rules {next}");
    }
    let expected: Vec<_> = (0..100).map(|n| (99 - n, alloc::format!("{n} tcp dport 80 accept"))).collect();
    assert_eq!(seen, expected);
    assert_eq!(rig.refused("rules 100").code, Code::BadRequest);
}

#[test]
fn what_was_counted_is_the_sum_over_processors() {
    let mut rig = Rig::new();
    rig.say("counters");
    for packets in [3, 4] {
        let unmatched = Counter { packets, octets: 10 * packets };
        rig.answer(Answer::RuleTotals(Box::new(Totals { unmatched, ..Totals::default() })));
    }
    let records = rig.hear().outcome.unwrap();
    assert_eq!(["unmatched_packets", "unmatched_octets"].map(|key| records[0].number(key)), [Some(7), Some(70)]);
}

#[test]
fn the_way_out_is_set_and_shown() {
    let mut rig = Rig::new();
    let shown = |rig: &mut Rig| {
        let reply = rig.ask("class");
        reply.records().iter().map(|record| String::from(record.text("setting").unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(rig.refused("class 3 weight 0").text, "column 16: a weight 0 is not within 1 to 100");
    assert!(rig.refused("egress rate fast").text.starts_with("column 13: expected a rate such as 50mbit"));
    assert_eq!(shown(&mut rig), ["egress rate none"]);
    for (request, setting) in [
        ("class 3 weight 10", Setting::Weight { class: 3, weight: 10 }),
        ("egress rate 50mbit", Setting::Rate(Some(6_250_000))),
    ] {
        rig.say(request);
        let Some(Batch::Change(changes)) = rig.node.batches.last() else { panic!("{request}") };
        assert_eq!(changes[..], [(1, Change::Set(setting))]);
        rig.node.rules.set(setting);
    }
    assert_eq!(shown(&mut rig), ["egress rate 50mbit", "class 3 weight 10"]);
}
