//! The control port under requests that are wrong.

use anyhow::{Result, ensure};

use super::{Guest, Lab};
use crate::control::ControlClient;
use crate::test::Outcome;

/// Wrong requests get their code; the object stays as it was; a swap to what is in place says so.
pub fn errors(lab: &Lab) -> Result<Outcome> {
    let guest = lab.boot(|machine| machine.options = vec!["congestion=reno".into()])?;
    guest.tested(|guest| {
        let control = guest.control()?;
        let before = (control.order("list")?.text, control.order("trace")?.text);
        for (request, code) in [
            ("frobnicate", "unknown-verb"),
            ("swap frobnicate cubic", "unknown-object"),
            ("swap congestion frobnicate", "unknown-implementation"),
            ("swap congestion", "bad-request"),
            ("swap", "bad-request"),
            ("swap congestion cubic deadline=soon", "bad-request"),
        ] {
            let reply = control.ask(request)?;
            ensure!(reply.error() == Some(code), "`{request}` got `{}`, not {code}", reply.text.trim());
        }
        garbage(guest, &control)?;
        let after = (control.order("list")?.text, control.order("trace")?.text);
        ensure!(before == after, "wrong requests changed something:\n{before:?}\n{after:?}");
        let same = control.order("swap congestion reno")?;
        ensure!(same.text.contains("result=unchanged"), "a swap to the same says `{}`", same.text.trim());
        Ok(())
    })
}

/// Octets that are no request at all are answered by an error each, and the port stays.
fn garbage(guest: &Guest, control: &ControlClient) -> Result<()> {
    let binary: Vec<u8> = (0..=255).cycle().take(700).collect();
    let longest = vec![b'a'; 1472];
    for octets in [&b"\xff\xfe\x00\x80"[..], b"\0", b"   ", b"#", b"# ", b"#only-an-id", b"json", &binary, &longest] {
        let reply = guest.control()?.send_raw(octets)?;
        let text = reply.text.trim_start_matches(|c: char| c != 'e');
        ensure!(
            text.starts_with("error ") || reply.text.contains("\"error\""),
            "{octets:?} got `{}`",
            reply.text.trim()
        );
    }
    // An oversized datagram arrives in fragments, which are dropped; what matters is that the port answers afterwards.
    let socket = std::net::UdpSocket::bind(("127.0.0.1", 0))?;
    socket.send_to(&vec![b'x'; 9000], guest.address(crate::machine::Transport::Udp, 7070)?)?;
    control.order("status")?;
    Ok(())
}
