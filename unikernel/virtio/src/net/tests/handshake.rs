use super::*;
use crate::fake::Event;
use alloc::vec;

fn features_of(nic: &FakeNic, options: &Options<'_>) -> Features {
    let (net, _) = open(nic, options).unwrap();
    assert_eq!(net.features(), nic.model().taken());
    net.features()
}

#[test]
fn steps_come_in_the_standard_order() {
    for shape in SHAPES {
        let nic = FakeNic::new(shape);
        let options = Options { interrupts: &TARGETS[..1], ..Options::default() };
        let (net, pairs) = open(&nic, &options).unwrap();
        assert_eq!(pairs.len(), 1);
        let model = nic.model();
        assert_eq!(model.violations, [""; 0], "{shape:?}");
        let features = Event::Features(net.features().bits());
        let mut expected = vec![Event::Status(0), Event::Status(1), Event::Status(3), features, Event::Status(0xb)];
        let msix = matches!(shape, Shape::Qemu { msix: 9 });
        if msix {
            expected.push(Event::MsixOn);
        }
        expected.extend([Event::Enabled(0), Event::Enabled(1), Event::Status(0xf), Event::Notified(0)]);
        assert_eq!(model.log, expected, "{shape:?}");
        assert_eq!(net.interrupt(), if msix { Interrupt::Msix { entries: 1 } } else { Interrupt::Line(11) });
    }
}

#[test]
fn receive_buffers_are_there_from_the_start() {
    let nic = FakeNic::new(Shape::Qemu { msix: 9 });
    let _pair = small(&nic, 20, true);
    assert_eq!(nic.queue(0, |queue| (queue.size(), queue.available())), (32, 20));
    // A device that keeps its own size.
    let nic = FakeNic::new(Shape::Uhyve);
    let _pair = small(&nic, 20, true);
    assert_eq!(nic.queue(0, |queue| (queue.size(), queue.available())), (256, 20));
    // A device that has less.
    let nic = FakeNic::with(Shape::Uhyve, |model| model.queue_size = 16);
    let _pair = small(&nic, 20, true);
    assert_eq!(nic.queue(0, |queue| (queue.size(), queue.available())), (16, 16));
}

#[test]
fn features_are_what_both_want() {
    let default = Options::default();
    let basic = Features::VERSION_1 | Features::MAC | Features::MTU | Features::STATUS;
    let offload = Features::CSUM | Features::GUEST_CSUM;
    for shape in [Shape::Uhyve, Shape::ConfigSpace] {
        assert_eq!(features_of(&FakeNic::new(shape), &default), basic | offload);
    }
    let qemu = Shape::Qemu { msix: 9 };
    assert_eq!(features_of(&FakeNic::new(qemu), &default), basic | offload | Features::RING_EVENT_IDX);
    for off in
        [Features::RING_EVENT_IDX, Features::CSUM, Features::GUEST_CSUM, Features::MTU, Features::STATUS, Features::MAC]
    {
        let options = Options { features: default.features & !off, ..default };
        let expected = (basic | offload | Features::RING_EVENT_IDX) & !off;
        assert_eq!(features_of(&FakeNic::new(qemu), &options), expected);
    }
    let options = Options { features: Features::NONE, ..default };
    assert_eq!(features_of(&FakeNic::new(qemu), &options), Features::VERSION_1);
    // What the driver cannot do is not taken however much it is wanted.
    let options = Options { features: Features::from_bits(u64::MAX), ..default };
    assert!(
        !features_of(&FakeNic::new(qemu), &options)
            .intersects(Features::MRG_RXBUF | Features::RING_INDIRECT_DESC | Features::MQ)
    );
}

#[test]
fn large_frames_need_large_buffers_and_checksums() {
    let guest = Features::GUEST_TSO4 | Features::GUEST_TSO6;
    let host = Features::HOST_TSO4 | Features::HOST_TSO6;
    let nic = || FakeNic::new(Shape::Qemu { msix: 9 });
    let large = Options {
        features: Features::DRIVER,
        rx_buffers: 4,
        tx_buffers: 4,
        rx_frame: LARGE_FRAME,
        tx_frame: LARGE_FRAME,
        ..Options::default()
    };
    assert!(features_of(&nic(), &large).contains(guest | host));
    let small = Options { rx_frame: LARGE_FRAME - 1, ..large };
    assert!(!features_of(&nic(), &small).intersects(guest));
    let unsummed = Options { features: large.features & !(Features::CSUM | Features::GUEST_CSUM), ..large };
    assert!(!features_of(&nic(), &unsummed).intersects(guest | host));
}

#[test]
fn the_configuration_is_read_whole() {
    let nic = FakeNic::with(Shape::Qemu { msix: 9 }, |model| model.unstable = 3);
    let (net, _) = open(&nic, &Options::default()).unwrap();
    let mac = nic.model().mac;
    assert_eq!(net.mac(), Some(mac));
    assert_eq!(mac[0], 0x52 + 12, "it changed three times while it was read");
}

#[test]
fn an_address_is_the_device_s_own_or_random() {
    let said = |mac| {
        let nic = FakeNic::with(Shape::Qemu { msix: 9 }, |model| model.mac = mac);
        open(&nic, &Options::default()).unwrap().0.mac()
    };
    for good in [[0x52, 0x54, 0, 0x12, 0x34, 0x56], [0, 0, 0, 0, 0, 1], [0xfe; 6]] {
        assert_eq!(said(good), Some(good));
    }
    for bad in [[0; 6], [0xff; 6], [0x33, 0x33, 0, 0, 0, 1], [1, 0, 0x5e, 0, 0, 1]] {
        assert_eq!(said(bad), None, "of a group, or none");
    }
    assert_eq!(random_mac(0), [2, 0, 0, 0, 0, 0]);
    assert_eq!(random_mac(u64::MAX), [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff]);
    assert_eq!(random_mac(0x8877_6655_4433_2211), [0x12, 0x22, 0x33, 0x44, 0x55, 0x66]);
}

#[test]
fn an_mtu_that_the_buffers_cannot_hold_is_not_promised() {
    for (mtu, taken) in [(67, false), (68, true), (1500, true), (2018, true), (2019, false), (9000, false), (0, false)]
    {
        let nic = FakeNic::with(Shape::Qemu { msix: 9 }, |model| model.mtu = mtu);
        let (net, _) = open(&nic, &Options::default()).unwrap();
        assert_eq!((net.features().contains(Features::MTU), net.mtu()), (taken, if taken { mtu } else { 1500 }));
    }
}

/// With large buffers in one direction only.
#[test]
fn an_mtu_is_for_both_directions() {
    let default = Options { features: Features::DRIVER, rx_buffers: 4, tx_buffers: 4, ..Options::default() };
    let (rx, tx) = (Options { rx_frame: LARGE_FRAME, ..default }, Options { tx_frame: LARGE_FRAME, ..default });
    for (options, mtu) in [(rx, 1500), (tx, 1500), (Options { tx_frame: LARGE_FRAME, ..rx }, 9000)] {
        let nic = FakeNic::with(Shape::Qemu { msix: 9 }, |model| model.mtu = 9000);
        assert_eq!(open(&nic, &options).unwrap().0.mtu(), mtu);
    }
}

#[test]
fn an_mtu_that_changes_is_the_one_that_was_checked() {
    let nic = FakeNic::with(Shape::Qemu { msix: 9 }, |model| (model.mtu, model.next_mtu) = (1400, Some(60_000)));
    assert_eq!(open(&nic, &Options::default()).unwrap().0.mtu(), 1400);
}

#[test]
fn refusals_are_named_and_the_device_given_up() {
    let qemu = Shape::Qemu { msix: 9 };
    let nic = FakeNic::with(qemu, |model| model.refuses_features = true);
    assert!(
        matches!(open(&nic, &Options::default()), Err(OpenError::FeaturesRefused { taken }) if taken.contains(Features::VERSION_1))
    );
    assert_eq!(nic.model().log.last(), Some(&Event::Status(0x83)));
    assert!(!nic.model().log.contains(&Event::Status(0xf)));

    let nic = FakeNic::with(qemu, |model| model.offered = Features::MAC);
    assert!(matches!(open(&nic, &Options::default()), Err(OpenError::Legacy { offered: Features::MAC })));
    assert_eq!(nic.model().log.last(), Some(&Event::Status(0x83)));

    let nic = FakeNic::with(qemu, |model| model.stuck = true);
    assert!(matches!(open(&nic, &Options::default()), Err(OpenError::ResetTimeout { .. })));

    let nic = FakeNic::with(qemu, |model| model.refuses_entries = true);
    let options = Options { interrupts: &TARGETS, ..Options::default() };
    assert!(matches!(open(&nic, &options), Err(OpenError::Transport(_))));

    let nic = FakeNic::new(qemu);
    nic.memory().limit(10);
    assert!(matches!(open(&nic, &Options::default()), Err(OpenError::Ring(crate::ring::RingError::OutOfMemory(_)))));
    assert_eq!(nic.model().status() & 0x84, 0x80);
}

#[test]
fn options_out_of_range_are_named() {
    let nic = FakeNic::new(Shape::Qemu { msix: 9 });
    let default = Options::default();
    for (options, name) in [
        (Options { pairs: 0, ..default }, "pairs"),
        (Options { rx_buffers: 1, ..default }, "rx_buffers"),
        (Options { tx_buffers: 40000, ..default }, "tx_buffers"),
        (Options { rx_frame: 1517, ..default }, "rx_frame"),
        (Options { tx_frame: usize::MAX, ..default }, "tx_frame"),
    ] {
        assert!(matches!(open(&nic, &options), Err(OpenError::BadOption { name: found, .. }) if found == name));
    }
    assert_eq!(nic.model().log, []);
    let options = Options { pairs: 3, interrupts: &TARGETS, ..default };
    let options = Options { features: Features::DRIVER, ..options };
    assert!(matches!(open(&nic, &options), Err(OpenError::TooFewTargets { pairs: 3, targets: 2 })));
}

#[test]
fn several_pairs_are_turned_on() {
    let nic = FakeNic::new(Shape::Qemu { msix: 9 });
    let options = Options { features: Features::DRIVER, pairs: 2, interrupts: &TARGETS, ..Options::default() };
    let (net, mut pairs) = open(&nic, &options).unwrap();
    assert_eq!((pairs.len(), nic.model().pairs_set, net.interrupt()), (2, Some(2), Interrupt::Msix { entries: 2 }));
    assert_eq!(nic.model().violations, [""; 0]);
    assert!(pairs.iter_mut().all(QueuePair::arm));
    assert!(nic.deliver(1, &frame(1, 60)));
    assert_eq!(nic.model().raised, [crate::fake::Raised::Message(0xfee0_1000, 0xe1)]);
    assert!(!pairs[0].rx().pending() && pairs[1].rx().pending());

    // A device with fewer pairs than wanted, with none to choose, and one that says no.
    let nic = FakeNic::with(Shape::Qemu { msix: 9 }, |model| model.max_pairs = 1);
    assert_eq!(open(&nic, &options).unwrap().1.len(), 1);
    let nic = FakeNic::with(Shape::Qemu { msix: 9 }, |model| model.offered = model.offered & !Features::MQ);
    assert_eq!(open(&nic, &options).unwrap().1.len(), 1);
    let nic = FakeNic::with(Shape::Qemu { msix: 9 }, |model| model.refuses_commands = true);
    assert!(matches!(open(&nic, &options), Err(OpenError::PairsRefused { pairs: 2 })));
}

#[test]
fn a_closed_device_can_be_opened_anew() {
    let nic = FakeNic::new(Shape::Uhyve);
    let (net, _) = open(&nic, &Options::default()).unwrap();
    let transport = net.close().unwrap();
    assert_eq!(nic.model().status(), 0);
    let (net, mut pairs) = Net::open(transport, nic.memory(), &Options::default()).unwrap();
    assert!(net.link_up());
    assert!(nic.deliver(0, &frame(1, 60)) && pairs[0].rx().pending());
    assert_eq!(nic.model().violations, [""; 0]);
}

#[test]
fn each_feature_can_be_absent() {
    let all = [
        Features::CSUM,
        Features::GUEST_CSUM,
        Features::MTU,
        Features::MAC,
        Features::GUEST_TSO4,
        Features::GUEST_TSO6,
        Features::GUEST_TSO4 | Features::GUEST_TSO6,
        Features::HOST_TSO4,
        Features::HOST_TSO6,
        Features::HOST_TSO4 | Features::HOST_TSO6,
        Features::STATUS,
        Features::CTRL_VQ,
        Features::MQ,
        Features::RING_EVENT_IDX,
    ];
    let (rx_frame, tx_frame) = (LARGE_FRAME, LARGE_FRAME);
    let options =
        Options { features: Features::DRIVER, rx_buffers: 4, tx_buffers: 4, rx_frame, tx_frame, ..Options::default() };
    let options = Options { pairs: 2, interrupts: &TARGETS, ..options };
    for absent in all {
        // Not offered by the device, or not wanted by the driver: the same features are taken either way, and frames go both ways.
        let offer = FakeNic::with(Shape::Qemu { msix: 9 }, |model| model.offered = model.offered & !absent);
        let want = FakeNic::new(Shape::Qemu { msix: 9 });
        let wanted = Options { features: options.features & !absent, ..options };
        let taken = [(offer, options), (want, wanted)].map(|(nic, options)| {
            let (net, mut pairs) = open(&nic, &options).unwrap();
            let several = net.features().contains(Features::MQ);
            assert_eq!(pairs.len(), if several { 2 } else { 1 }, "without {absent}");
            for (number, pair) in (0..).zip(&mut pairs) {
                assert!(pair.arm() && nic.deliver(number, &frame(1, 60)));
                assert!(pair.rx().receive(|_, bytes| assert_eq!(bytes, frame(1, 60))));
                pair.tx().transmit(60, TxMeta::default(), |place| place.copy_from_slice(&frame(2, 60))).unwrap();
                pair.kick();
                let sent = nic.collect(number);
                assert_eq!((sent.len(), &sent[0].1), (1, &frame(2, 60)), "without {absent}");
            }
            assert_eq!(nic.model().violations, [""; 0], "without {absent}");
            net.features()
        });
        assert!(!taken[0].intersects(absent));
        assert_eq!(taken[0], taken[1], "without {absent}");
    }
}
