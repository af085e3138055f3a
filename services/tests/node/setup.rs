//! How a system comes up, and that it sleeps.

use protocols::stack::Offloads;
use protocols::time::{Duration, Instant};
use services::node::{Nic, SetupError, Shared, check};
use services::options::Options;

use crate::rig::{Computer, Rig};

const NIC: Nic = Nic {
    mac: [2, 0, 0, 0, 0, 2],
    mtu: 1500,
    offloads: Offloads { checksum: false, segmentation: None, segmentation6: None },
    pairs: 1,
};

fn refused(options: &str, nic: Nic) -> SetupError {
    let computer: &'static Computer = Box::leak(Box::default());
    let options = Options::parse(options.split_whitespace()).unwrap();
    Shared::new(&options, 1, nic, [0; 32], computer).err().expect("it should be refused")
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence() {
    let error = refused("congestion=vegas", NIC);
    assert!(matches!(error, SetupError::Congestion(..)));
    assert!(error.to_string().contains("cubic, cubic-nofc, reno"), "{error}");
    assert!(matches!(refused("mtu=9000", NIC), SetupError::Mtu { asked: 9000, most: 1500 }));
    assert!(matches!(refused("", Nic { mac: [1; 6], ..NIC }), SetupError::Stack(_)));
}

#[test]
fn the_card_s_mtu_holds_unless_another_is_asked_for() {
    let computer: &'static Computer = Box::leak(Box::default());
    for (options, card, mtu) in [("", 1400, 1400), ("", 9000, 1500), ("mtu=1300", 1400, 1300), ("mtu=4000", 9000, 4000)]
    {
        let options = Options::parse(options.split_whitespace()).unwrap();
        let shared = Shared::new(&options, 1, Nic { mtu: card, ..NIC }, [0; 32], computer).unwrap();
        assert_eq!(shared.mtu(), mtu);
    }
    assert!(matches!(refused("", Nic { mtu: 500, ..NIC }), SetupError::Stack(_)));
    assert!(matches!(refused("mtu=1500", Nic { mtu: 1400, ..NIC }), SetupError::Mtu { asked: 1500, most: 1400 }));
}

/// What is refused beforehand is what would be refused, but for what a card has to say.
#[test]
fn options_are_checked_without_a_card() {
    let checked = |options: &str| check(&Options::parse(options.split_whitespace()).unwrap());
    for good in ["", "congestion=reno mtu=9000", "ip=10.77.0.2/24 gateway=10.77.0.1 ip6=fd00::2/64,fe80::1"] {
        assert!(checked(good).is_ok(), "{good}");
    }
    for bad in ["congestion=vegas", "ip6=ff02::1/64", "ip6=fd00::2/64,fd01::1"] {
        assert_eq!(checked(bad).unwrap_err().to_string(), refused(bad, NIC).to_string());
    }
}

#[test]
fn the_other_processors_come_after_the_first() {
    let computer: &'static Computer = Box::leak(Box::default());
    let shared = Shared::new(&Options::default(), 2, NIC, [0; 32], computer).unwrap();
    // SAFETY: no worker runs at all.
    #[allow(unsafe_code)]
    let processor = unsafe { shared.system().attach(1) }.unwrap();
    let error = services::node::Node::new(shared, processor).err();
    assert!(matches!(error, Some(SetupError::Order(1))));
}

#[test]
fn it_says_once_that_everything_listens() {
    let mut rig = Rig::new(2, "");
    rig.pass(Duration::from_millis(50));
    let said = rig.computer.said.lock().unwrap().clone();
    assert_eq!(
        said,
        ["midflight: ready address=10.77.0.2/24 address6=fe80::ff:fe00:2 processors=2 tcp=7,5201 udp=7,5201,7070"]
    );
}

#[test]
fn an_idle_system_sleeps() {
    let mut rig = Rig::new(2, "");
    let handle = rig.connect(7);
    rig.send(handle, b"hello");
    assert_eq!(rig.receive(handle, 5), b"hello");
    rig.records("status");
    rig.pass(Duration::from_secs(3));
    let now = Instant::from_micros((services::node::Platform::now_ns(rig.computer) / 1000) as i64);
    for turn in &rig.turns {
        assert!(!turn.again, "{turn:?}");
        assert!(turn.wake_at.is_none_or(|at| at >= now + Duration::from_millis(100)), "{turn:?} at {now}");
    }
}
