use proptest::prelude::*;

use super::*;

proptest! {
    #[test]
    fn json_is_whole_however_it_comes(json in prop::collection::vec(any::<u8>(), 0..100), cuts in prop::collection::vec(1..20_usize, 120)) {
        let sent = [&frame(&json)[..], b"more"].concat();
        let (mut collector, mut at) = (Collector::json(100), 0);
        for cut in cuts {
            if collector.whole().is_some() || at == sent.len() {
                break;
            }
            at += collector.take(&sent[at..sent.len().min(at + cut)]).unwrap();
        }
        prop_assert_eq!(collector.whole(), Some(&json[..]));
        prop_assert_eq!(at, 4 + json.len(), "what follows is left alone");
    }
}

#[test]
fn a_length_above_the_limit_is_refused_before_anything_is_kept() {
    let mut collector = Collector::json(100);
    assert_eq!(collector.take(&[0, 0, 0]), Ok(3));
    assert_eq!(collector.take(&[101, 1, 2]), Err(TooLong(101)));
}

#[test]
fn a_cookie_is_37_octets() {
    let mut collector = Collector::cookie();
    assert_eq!(collector.take(&[7; 36]), Ok(36));
    assert_eq!(collector.whole(), None);
    assert_eq!(collector.take(&[7; 9]), Ok(1));
    assert_eq!(collector.whole(), Some(&[7; COOKIE][..]));
}

#[test]
fn states_have_the_numbers_that_the_client_knows() {
    assert_eq!(
        [Order::AccessDenied.octet(), Order::ServerError.octet(), Order::DisplayResults.octet()],
        [0xFF, 0xFE, 14]
    );
    assert_eq!(Refusal::Streams.octets(), [0xFE, 0, 0, 0, 6, 0, 0, 0, 0]);
    assert_eq!(Notice::from_octet(4), Some(Notice::TestEnd));
    assert_eq!(Notice::from_octet(13), None);
}
