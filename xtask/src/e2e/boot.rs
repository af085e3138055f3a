//! The image comes up, answers, and refuses what it does not understand.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use super::Lab;
use crate::command;
use crate::machine::Transport;
use crate::test::Outcome;

/// What `exit(0)` of the image reaches us as, through QEMU's debug-exit device.
const DONE: i32 = 3;

/// One and two processors: ready, with an address, the three verbs that ask, and the one that ends it.
pub fn ready(lab: &Lab) -> Result<Outcome> {
    for processors in [1, 2] {
        let guest = lab.boot(|machine| machine.processors = processors)?;
        let status = guest.explained(|guest| {
            for word in ["address=10.0.2.15/24".to_owned(), format!("processors={processors}")] {
                ensure!(guest.ready.split_whitespace().any(|other| other == word), "`{}` lacks {word}", guest.ready);
            }
            let control = guest.control()?;
            let help = control.order("help")?;
            for verb in ["help", "list", "status", "connections", "swap", "trace", "shutdown"] {
                ensure!(help.text.contains(verb), "help does not mention {verb}: {}", help.text);
            }
            let list = control.order("list")?;
            ensure!(list.text.contains("congestion"), "list does not name the object congestion: {}", list.text);
            for implementation in ["reno", "cubic"] {
                ensure!(list.text.contains(implementation), "list does not name {implementation}: {}", list.text);
            }
            control.order("status")?;
            let json = control.ask_json("status")?;
            ensure!(json["records"].is_array(), "`json status` has no records: {json}");
            let server = guest.address(Transport::Udp, 7070)?.to_string();
            let mut client = command::cargo();
            client.args(["run", "--quiet", "--package", "midflight", "--", "--host", &server, "list"]);
            let shown = command::output(&mut client).context("the command line `midflight` fails")?;
            ensure!(shown.contains("cubic"), "`midflight list` shows no cubic: {shown}");
            guest.shut_down()
        })?;
        ensure!(status.code() == Some(DONE), "the image was shut down, but the machine ended with {status}");
        guest.end()?;
    }
    Ok(Outcome::PASSED)
}

/// Each malformed option is named in an error, and the image ends with a failure.
pub fn malformed_options(lab: &Lab) -> Result<Outcome> {
    for option in ["ip=10.77.0.999/24", "mtu=12", "log=loudly", "congestion=bogus", "frobnicate=1"] {
        let mut machine = lab.machine()?;
        machine.options = vec![option.into()];
        let key = option.split('=').next().unwrap_or(option);
        let is_error = |line: &str| line.starts_with("midflight: error:");
        let (vm, line) = lab.start_until(machine, |vm| vm.wait_line(Duration::from_secs(60), is_error))?;
        ensure!(line.contains(key), "`{option}` was answered by `{line}`, which does not name it");
        let limit = vm.end_after(Duration::from_secs(60));
        let status = vm.wait_end()?;
        drop(limit);
        // A machine that had to be killed has no code.
        if status.code().is_none_or(|code| code == 0 || code == DONE) {
            bail!("`{option}` ended the image as if all were well ({status})");
        }
        vm.end()?;
    }
    Ok(Outcome::PASSED)
}
