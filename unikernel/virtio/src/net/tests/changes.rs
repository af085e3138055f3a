//! What the device tells of itself after it was opened: its link, and that it gave up.

use super::*;
use crate::fake::Raised;
use crate::transport::Status;

const CONFIG: MsixTarget = MsixTarget { apic_id: 3, vector: 0xe3 };

/// By an interrupt of its own, beside those of all pairs.
#[test]
fn changes_of_the_link_and_the_device_s_end_are_told() {
    let message = Raised::Message(0xfee0_3000, 0xe3);
    for pairs in [1, 2] {
        let nic = FakeNic::new(Shape::Qemu { msix: 9 });
        let options = Options { features: Features::DRIVER, pairs, interrupts: &TARGETS, ..Options::default() };
        let (mut net, _) = open(&nic, &Options { config_interrupt: Some(CONFIG), ..options }).unwrap();
        assert!(net.tells() && net.link_up());
        assert_eq!((net.look(), net.interrupt()), (Ok(None), Interrupt::Msix { entries: pairs }));
        for up in [false, true] {
            nic.model().set_link(up);
            assert_eq!(nic.model().raised.drain(..).as_slice(), [message]);
            assert_eq!((net.look(), net.look(), net.link_up()), (Ok(Some(up)), Ok(None), up));
        }
        nic.model().break_down();
        assert_eq!(nic.model().raised, [message]);
        let gone = Err(GaveUp { status: Status(0x4f) });
        assert_eq!((net.look(), net.look()), (gone, gone));
        assert_eq!(nic.model().violations, [""; 0]);
    }
}

/// What concerns the configuration then interrupts nobody, and is found by looking.
#[test]
fn a_device_without_an_interrupt_for_it_is_looked_at() {
    let two =
        |queues| Options { features: Features::DRIVER, pairs: queues, interrupts: &TARGETS, ..Options::default() };
    let told = Options { config_interrupt: Some(CONFIG), ..two(1) };
    for (shape, options) in [
        (Shape::Qemu { msix: 9 }, two(1)),
        // The pairs have all entries.
        (Shape::Qemu { msix: 2 }, Options { pairs: 2, ..told }),
        (Shape::Qemu { msix: 9 }, Options { config_interrupt: Some(MsixTarget { vector: 15, ..CONFIG }), ..told }),
        (Shape::Qemu { msix: 9 }, Options { interrupts: &[], ..told }),
        (Shape::Qemu { msix: 0 }, told),
        (Shape::Uhyve, told),
    ] {
        let nic = FakeNic::new(shape);
        nic.model().set_link(false);
        let (mut net, _) = open(&nic, &options).unwrap();
        assert!(!net.tells(), "{shape:?}");
        assert_eq!(net.look(), Ok(Some(false)), "down from the start");
        nic.model().break_down();
        let line = !matches!(net.interrupt(), Interrupt::Msix { .. });
        assert_eq!(nic.model().raised.len(), usize::from(line), "{shape:?}");
        assert_eq!(net.acknowledge(), IsrStatus { queue: false, configuration: line });
        assert_eq!(net.look(), Err(GaveUp { status: Status(0x4f) }));
        // It can be opened anew.
        assert_eq!(open(&nic, &options).unwrap().0.look(), Ok(Some(false)));
    }
    let nic = FakeNic::with(Shape::Qemu { msix: 9 }, |model| model.refuses_entries = true);
    let mut transport = PciTransport::open(nic.config(), nic.mmio()).unwrap();
    assert!(!crate::transport::Transport::route_config_interrupt(&mut transport, 1, CONFIG));
}

/// `STATUS` was not negotiated, so what the field says means nothing.
#[test]
fn a_link_that_is_not_spoken_of_is_up() {
    let nic = FakeNic::new(Shape::Qemu { msix: 9 });
    nic.model().set_link(false);
    let features = Features::DRIVER & !Features::STATUS;
    let (mut net, _) = open(&nic, &Options { features, ..Options::default() }).unwrap();
    assert!(net.link_up() && net.look() == Ok(None));
}
