use super::*;

fn machine(network: Network) -> Machine {
    Machine {
        vmm: Vmm::Qemu,
        image: "image".into(),
        processors: 2,
        memory: "256M".into(),
        accel: Accel::Tcg,
        tsc_mhz: 2500,
        network,
        without_offloads: false,
        monitor: None,
        options: vec!["log=debug".into()],
    }
}

fn line(machine: &Machine) -> String {
    machine.command().get_args().map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

#[test]
fn every_service_gets_a_port_of_its_own() {
    let forwards = forwards(false).unwrap();
    assert_eq!(forwards.len(), SERVICES.len());
    for (at, one) in forwards.iter().enumerate() {
        assert!(forwards[at + 1..].iter().all(|other| (other.transport, other.host) != (one.transport, one.host)));
    }
}

#[test]
fn a_service_of_both_transports_has_one_port() {
    let forwards = forwards(false).unwrap();
    let ports: Vec<_> = forwards.iter().filter(|forward| forward.guest == 5201).map(|forward| forward.host).collect();
    assert!(ports.len() == 2 && ports[0] == ports[1], "{ports:?}");
}

#[test]
fn a_usual_port_that_is_taken_is_replaced() {
    // Whatever else uses the port: taken by us or by another, it must not be chosen.
    let _taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 5201));
    let forwards = forwards(true).unwrap();
    let iperf = forwards.iter().find(|forward| forward.guest == 5201).unwrap();
    assert_ne!(iperf.host, 5201);
}

#[test]
fn options_of_the_image_come_after_the_kernels() {
    let forwards = vec![Forward { transport: Transport::Udp, guest: 7070, host: 17070 }];
    let line = line(&machine(Network::User(forwards)));
    assert!(line.ends_with("-kernel image -append midflight -freq 2500 -- log=debug"), "{line}");
    assert!(line.contains("hostfwd=udp:127.0.0.1:17070-:7070"), "{line}");
}

#[test]
fn a_tap_guest_has_a_fixed_address_and_starts_in_the_namespace() {
    let line = line(&machine(Network::Tap("space".into())));
    assert!(line.contains("ip netns exec space qemu-system-x86_64"), "{line}");
    assert!(line.contains("-- ip=10.77.0.2/24 gateway=10.77.0.1 ip6=fd00:77::2/64,fd00:77::1 log=debug"), "{line}");
}

#[test]
fn several_queues_come_with_pairs_and_their_interrupts() {
    let line = line(&machine(Network::Queues("space".into(), 2)));
    assert!(line.contains("script=no,downscript=no,queues=2 ") && line.contains("romfile=,mq=on,vectors=6 "), "{line}");
}

#[test]
fn a_card_for_more_processors_than_there_are_comes_with_room_for_them() {
    let machine = machine(Network::Queues("space".into(), 2));
    assert!(line(&machine).contains("-smp 2 "));
    assert!(line(&Machine { processors: 1, ..machine }).contains("-smp 1,maxcpus=2 "));
}

#[test]
fn without_offloads_the_card_offers_none() {
    let plain = Machine { without_offloads: true, ..machine(Network::Tap("space".into())) };
    assert!(line(&plain).contains("romfile=,csum=off,gso=off,"), "{}", line(&plain));
}

#[test]
fn a_link_is_a_pair_of_sockets() {
    let line = line(&machine(Network::Link("space".into(), "there".into())));
    assert!(
        line.contains("dgram,id=n0,local.type=unix,local.path=there/guest,remote.type=unix,remote.path=there/link"),
        "{line}"
    );
    assert!(line.contains("-- ip=10.77.0.2/24"), "{line}");
}

#[test]
fn a_hosted_process_starts_in_the_namespace_with_the_options_of_the_image() {
    let hosted = Machine { vmm: Vmm::Hosted, ..machine(Network::Tap("space".into())) };
    let line = line(&hosted);
    let options = "ip=10.77.0.2/24 gateway=10.77.0.1 ip6=fd00:77::2/64,fd00:77::1 log=debug";
    assert!(line.ends_with(&format!("netns exec space image --smp 2 -- {options}")), "{line}");
}
