//! What an idle guest costs its host.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Lab;
use crate::test::Outcome;
use crate::ui;

/// How long the guest is watched; this is the length of a measurement, nothing is waited for.
const WATCH: Duration = Duration::from_secs(8);
/// Of one processor of the host.
const LIMIT: f64 = 0.02;

/// The processor time of the whole QEMU process over [`WATCH`], after a connection has come and gone.
pub fn measure(lab: &Lab) -> Result<Outcome> {
    let guest = lab.boot(|_| ())?;
    guest.tested(|guest| {
        guest.control()?.order("status")?;
        let (began, before) = (Instant::now(), guest.vm.cpu_time()?);
        let (_keep, never) = mpsc::channel::<()>();
        let _ = never.recv_timeout(WATCH);
        let used = (guest.vm.cpu_time()? - before).as_secs_f64() / began.elapsed().as_secs_f64();
        ui::note(&format!("{:.2} % of a processor", used * 100.0));
        ensure!(
            used < LIMIT,
            "an idle guest used {:.1} % of a processor, more than {:.0} %",
            used * 100.0,
            LIMIT * 100.0
        );
        Ok(())
    })
}
