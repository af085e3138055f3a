use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn id() -> impl Strategy<Value = Id> {
    "[A-Za-z0-9._-]{1,24}".prop_map(|text| text.parse().unwrap())
}

fn value() -> impl Strategy<Value = record::Value> {
    prop_oneof![
        any::<u64>().prop_map(record::Value::Number),
        any::<String>().prop_map(record::Value::Text),
        "[0-9]{1,22}".prop_map(record::Value::Text),
        "[a-z =\"\\\\\n]{0,8}".prop_map(record::Value::Text),
    ]
}

fn record() -> impl Strategy<Value = Record> {
    prop::collection::vec(("[a-z0-9_.-]{1,12}", value()), 1..8)
        .prop_map(|pairs| pairs.into_iter().fold(Record::new(), |record, (key, value)| record.with(key, value)))
}

fn verb() -> impl Strategy<Value = Verb> {
    let name = "[a-z][a-z0-9-]{0,12}";
    prop_oneof![
        Just(Verb::Help),
        any::<u64>().prop_map(|from| Verb::List { from }),
        any::<u64>().prop_map(|from| Verb::Status { from }),
        any::<u64>().prop_map(|from| Verb::Connections { from }),
        (name, name, any::<Option<u32>>()).prop_map(|(object, implementation, deadline_ms)| Verb::Swap {
            object,
            implementation,
            deadline_ms
        }),
        (any::<Option<u16>>(), any::<u64>()).prop_map(|(count, before)| Verb::Trace { count, before }),
        rules_verb().prop_map(Verb::Rules),
    ]
}

fn rules_verb() -> impl Strategy<Value = RulesVerb> {
    use crate::classification::text::Format;
    let content =
        prop::sample::select(vec![Content::Rules(Format::Rules), Content::Rules(Format::ClassBench), Content::Changes]);
    prop_oneof![
        any::<Option<u32>>().prop_map(|from| RulesVerb::List { from }),
        any::<u64>().prop_map(|from| RulesVerb::Counters { from }),
        "[!-~]{1,9}( [!-~]{1,9}){0,5}".prop_map(|rule| RulesVerb::Add { rule }),
        any::<u32>().prop_map(|handle| RulesVerb::Delete { handle }),
        Just(RulesVerb::Flush),
        (0..=MAX_UPLOAD, any::<u32>(), content).prop_map(|(length, crc32, content)| RulesVerb::Begin(Upload {
            length,
            crc32,
            content
        })),
        (any::<u32>(), any::<u32>(), any::<String>()).prop_map(|(upload, offset, text)| RulesVerb::Part {
            upload,
            offset,
            text
        }),
        any::<u32>().prop_map(|upload| RulesVerb::Commit { upload }),
        any::<u32>().prop_map(|upload| RulesVerb::Abort { upload }),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let refusal = (prop::sample::select(Code::ALL.to_vec()), "[^\\p{Cc}]{0,60}");
    let refusal = refusal.prop_map(|(code, text)| Refusal::new(code, text));
    let records = prop::collection::vec(record(), 0..5);
    (prop::option::of(id()), prop::option::of(refusal), records).prop_map(|(id, refusal, records)| {
        let outcome = match refusal {
            Some(refusal) => Err((refusal, records)),
            None => Ok(records),
        };
        Reply { id, outcome }
    })
}

proptest! {
    #[test]
    fn a_request_is_read_as_it_was_written(id in prop::option::of(id()), json: bool, verb in verb()) {
        let request = Request { id, json, verb };
        let text = request.to_string();
        prop_assert_eq!(Request::parse(text.as_bytes()), Ok(request));
        prop_assert_eq!(Request::head(text.as_bytes()), (id, json));
    }

    #[test]
    fn a_reply_is_read_as_it_was_written(reply in reply(), json: bool) {
        prop_assert_eq!(Reply::parse(reply.encode(json).as_bytes()), Ok(reply));
    }

    #[test]
    fn a_record_is_one_line(record in record()) {
        prop_assert_eq!(record.to_string().lines().count(), 1);
        prop_assert_eq!(Record::parse(&record.to_string()), Some(record));
    }

    #[test]
    fn garbage_is_refused_and_never_panics(octets in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = Request::parse(&octets);
        let _ = Request::head(&octets);
        let _ = Reply::parse(&octets);
    }

    #[test]
    fn garbage_near_the_grammar_never_panics(text in "(#[a-z]{0,3} )?(json )?(ok|error|swap|trace|status)( [a-z0-9=\"\\\\{}]{0,12}){0,4}\n?[a-z]?[=\"\\\\u{}a-f0-9 \n]{0,30}") {
        let _ = Request::parse(text.as_bytes());
        let _ = Reply::parse(text.as_bytes());
        let _ = Reply::parse(format!("{{{text}").as_bytes());
    }

    #[test]
    fn a_refusal_stays_one_line(text in any::<String>()) {
        let reply = Reply::refused(Refusal::new(Code::Busy, text), Vec::new());
        let read = Reply::parse(reply.to_string().as_bytes()).unwrap();
        prop_assert_eq!(read.outcome.unwrap_err().0.code, Code::Busy);
    }

    #[test]
    fn a_page_fits_one_datagram(records in prop::collection::vec(record(), 0..40), json: bool, id in id()) {
        let mut page = Page::new(json);
        let taken = records.iter().take_while(|record| page.push((*record).clone())).count();
        let reply = page.finish(Some(u64::MAX)).to(Some(id));
        prop_assert!(reply.encode(json).len() <= MAX_REPLY);
        prop_assert_eq!(&reply.records()[..taken], &records[..taken]);
    }
}

fn refusal(datagram: &[u8]) -> Refusal {
    Request::parse(datagram).unwrap_err()
}

#[test]
fn requests_are_refused_for_what_is_wrong_with_them() {
    let table: [(&[u8], Code, &str); 25] = [
        (b"", Code::BadRequest, "empty"),
        (b" \r\n", Code::BadRequest, "empty"),
        (b"#7", Code::BadRequest, "empty"),
        (b"json", Code::BadRequest, "empty"),
        (b"# help", Code::BadRequest, "an ID has"),
        (b"#\xc3\xa4 help", Code::BadRequest, "an ID has"),
        (b"help \xff", Code::BadRequest, "octet 5"),
        (b"swop congestion cubic", Code::UnknownVerb, "`swop`"),
        (b"swap congestion", Code::BadRequest, "needs the name"),
        (b"swap congestion cubic soon", Code::BadRequest, "`soon`"),
        (b"swap congestion cubic deadline=-1", Code::BadRequest, "`-1`"),
        (b"swap congestion cubic deadline=4294967296", Code::BadRequest, "`4294967296`"),
        (b"swap congestion cubic deadline=1 now", Code::BadRequest, "`now`"),
        (b"list all", Code::BadRequest, "`all`"),
        (b"trace 1 2", Code::BadRequest, "`2`"),
        (b"rules soon", Code::BadRequest, "`soon`"),
        (b"rules begin", Code::BadRequest, "length="),
        (b"rules begin length=5 crc32=xyz", Code::BadRequest, "`xyz`"),
        (b"rules begin length=5 crc32=0 content=iptables", Code::BadRequest, "`iptables`"),
        (b"rules begin length=33554433 crc32=0", Code::Limit, "33554432"),
        (b"rules part 1 0", Code::BadRequest, "piece"),
        (b"rules part 1\nx", Code::BadRequest, "OFFSET"),
        (b"rules flush now", Code::BadRequest, "`now`"),
        (b"rule delete", Code::BadRequest, "HANDLE"),
        (b"rule insert 1 drop", Code::BadRequest, "`insert`"),
    ];
    for (datagram, code, part) in table {
        let refusal = refusal(datagram);
        assert_eq!(refusal.code, code, "{refusal}");
        assert!(refusal.text.contains(part), "{refusal}");
    }
    assert_eq!(refusal(&[b'a'; MAX_REQUEST + 1]).code, Code::TooLong);
}

#[test]
fn help_fits_one_datagram_in_either_form() {
    for json in [false, true] {
        let mut page = Page::new(json);
        for (usage, does) in Verb::USAGE {
            assert!(page.push(Record::new().with("usage", usage).with("does", does)), "{usage}");
        }
    }
}

#[test]
fn only_a_piece_of_an_upload_has_a_body() {
    let request = Request::parse(b"rule add\n10\ndrop\n").unwrap();
    assert_eq!(request.verb, Verb::Rules(RulesVerb::Add { rule: "10 drop".into() }));
    let request = Request::parse(b"#1 rules part 3 14\n10 drop\r\n\n 20").unwrap();
    let text = "10 drop\r\n\n 20".into();
    assert_eq!(request.verb, Verb::Rules(RulesVerb::Part { upload: 3, offset: 14, text }));
}

#[test]
fn a_persons_line_ends_are_no_part_of_the_request() {
    let request = Request::parse(b"  swap  congestion\tcubic \r\n").unwrap();
    assert_eq!(request.to_string(), "swap congestion cubic");
}

#[test]
fn the_head_of_a_bad_request_still_says_whom_to_answer() {
    let (id, json) = Request::head(b"#a-1 json swop \xff");
    assert_eq!((id.unwrap().as_str(), json), ("a-1", true));
}

#[test]
fn text_that_looks_like_a_number_is_quoted() {
    let record = Record::new().with("n", 7).with("t", "7").with("z", "007").with("e", "").with("w", "10.0.2.15:5201");
    assert_eq!(record.to_string(), "n=7 t=\"7\" z=007 e=\"\" w=10.0.2.15:5201");
}

#[test]
fn json_has_this_form() {
    let record = Record::new().with("swap", 3).with("from", "cubic");
    let refusal = Refusal::new(Code::Undone, "the deadline passed");
    let reply = Reply::refused(refusal, vec![record.clone()]).to(Some("7".parse().unwrap()));
    let expected = r#"{"id":"7","ok":false,"error":{"code":"undone","text":"the deadline passed"},"records":[{"swap":3,"from":"cubic"}]}"#;
    assert_eq!(reply.encode(true), expected);
    assert_eq!(Reply::ok(vec![record]).encode(true), r#"{"ok":true,"records":[{"swap":3,"from":"cubic"}]}"#);
}

#[test]
fn replies_that_are_none_are_refused() {
    let table: [(&[u8], ReplyError); 9] = [
        (b"", ReplyError::NoOutcome),
        (b"okay", ReplyError::NoOutcome),
        (b"\xff", ReplyError::NotUtf8),
        (b"error sleepy too late", ReplyError::UnknownCode("sleepy".into())),
        (b"ok\nno record", ReplyError::BadRecord(2)),
        (b"ok\na=1\na=1 a=2", ReplyError::BadRecord(3)),
        (b"ok\nA=1", ReplyError::BadRecord(2)),
        (b"ok\na=\"open", ReplyError::BadRecord(2)),
        (br#"{"ok":true,"error":{"code":"busy","text":""},"records":[]}"#, ReplyError::NoOutcome),
    ];
    for (datagram, error) in table {
        assert_eq!(Reply::parse(datagram), Err(error));
    }
}

#[test]
fn typed_records_say_which_key_is_missing() {
    let whole = ConnectionRecord { local: "10.0.2.15:5201".into(), cwnd: 14480, ..Default::default() };
    let record = Record::from(&whole);
    assert_eq!(ConnectionRecord::try_from(&record), Ok(whole));
    let half: Record = Record::new().with("processor", 0).with("local", "a");
    assert_eq!(ConnectionRecord::try_from(&half), Err(MissingKey("remote")));
    let wrong = record.with("cwnd", "many");
    assert_eq!(ConnectionRecord::try_from(&wrong), Err(MissingKey("cwnd")));
}

#[test]
fn a_page_takes_nothing_after_the_first_that_did_not_fit() {
    let mut page = Page::new(false);
    assert!(page.push(Record::new().with("a", "x".repeat(1000))));
    assert!(!page.push(Record::new().with("a", "x".repeat(1000))));
    assert!(!page.push(Record::new().with("a", 1)));
    assert_eq!(page.finish(None).records().len(), 1);
}
