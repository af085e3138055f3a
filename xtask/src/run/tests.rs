use clap::Parser;

use super::*;

#[derive(Parser)]
struct Run {
    #[command(flatten)]
    args: Args,
}

fn parsed(line: &str) -> Result<Args, clap::Error> {
    Run::try_parse_from(std::iter::once("run").chain(line.split_whitespace())).map(|run| run.args)
}

#[test]
fn a_bad_link_is_refused_before_anything_begins() {
    assert!(parsed("--link rate=50mbit,delay=20ms,loss=0.5%,queue=64k").is_ok());
    for (line, said) in [
        ("--link rate=50", "rate takes bits per second with their unit"),
        ("--link speed=1", "a link has no `speed`; there are rate, delay"),
        ("--link fast", "is not of the form key=value, such as rate=50mbit"),
    ] {
        let error = parsed(line).err().expect(line);
        // As for every other wrong call.
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(said), "{line}: {error}");
    }
}

#[test]
fn the_card_has_one_queue_pair_unless_more_are_asked_for() {
    for (line, queues) in [("--tap --smp 4", 1), ("--tap --smp 4 --queues 3", 3), ("--hosted --smp 4", 4), ("", 1)] {
        assert_eq!(parsed(line).unwrap().tap_queues(), queues, "{line}");
    }
    for wrong in ["--queues 2", "--tap --queues 0", "--hosted --queues 2", "--tap --link loss=1% --queues 2"] {
        assert_eq!(parsed(wrong).err().expect(wrong).exit_code(), 2, "{wrong}");
    }
    let error = run(&parsed("--tap --smp 2 --queues 3").unwrap()).expect_err("there are too few processors");
    assert!(error.is::<Usage>() && error.to_string().contains("--queues 3"), "{error}");
}

#[test]
fn bad_options_of_the_image_are_refused_before_anything_begins() {
    for good in ["", "-- congestion=reno rps=on", "--tap -- ip=10.0.0.2/24", "--tap -- ip=dhcp", "-- test=panic"] {
        assert!(parsed(good).unwrap().check_options().is_ok(), "{good}");
    }
    for (line, said) in [
        ("-- mtu=12", "mtu=12 is no number from 576 to 9000"),
        ("debug", "unknown option `debug`; there are ip= "),
        ("-- congestion=vegas", "congestion=vegas is no controller; there are cubic, "),
        ("-- log=info log=debug", "`log` is given twice"),
        ("--tap -- gateway=10.0.0.1", "gateway=10.0.0.1 is not in the network of ip="),
        ("-- gateway=10.0.0.1", "give a fixed ip="),
        ("--hosted -- test=panic", "unknown option `test=panic`"),
    ] {
        let error = parsed(line).unwrap().check_options().expect_err(line);
        assert!(error.is::<Usage>() && error.to_string().contains(said), "{line}: {error}");
    }
}

#[test]
fn the_ready_line_names_the_ports() {
    let line = "midflight: ready address=10.0.2.15/24 processors=2 tcp=7,5201 udp=7,7070";
    assert!(
        listens(line, Transport::Tcp, 7) && listens(line, Transport::Tcp, 5201) && listens(line, Transport::Udp, 7070)
    );
    assert!(!listens(line, Transport::Udp, 5201) && !listens(line, Transport::Tcp, 520));
    assert_eq!((address(line, "address="), address(line, "address6=")), (Some("10.0.2.15"), None));
}

#[test]
fn sizes_that_cannot_boot_are_refused() {
    assert!(memory("256M").is_ok() && memory("2G").is_ok());
    for wrong in ["", "256", "64M", "M", "1T", "999999G", "ä"] {
        assert!(memory(wrong).is_err(), "{wrong:?}");
    }
}
