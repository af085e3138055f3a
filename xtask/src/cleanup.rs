//! What must be undone however the command ends: children, network namespaces, temporary directories.
//!
//! An undo runs once: when its [`Undo`] is dropped, or when the command is interrupted (SIGINT, SIGTERM, SIGHUP), latest first.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

type Action = Box<dyn FnOnce() + Send>;

static ACTIONS: Mutex<(u64, Vec<(u64, Action)>)> = Mutex::new((0, Vec::new()));
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Runs its action when dropped, unless an interruption has run it already.
pub struct Undo(u64);

/// Registers `action` to be run when the returned guard is dropped or the command is interrupted.
pub fn register(action: impl FnOnce() + Send + 'static) -> Undo {
    // Nothing new begins once the end has begun.
    park_if_interrupted();
    let mut actions = lock();
    actions.0 += 1;
    let id = actions.0;
    actions.1.push((id, Box::new(action)));
    Undo(id)
}

impl Undo {
    fn take(&self) -> Option<Action> {
        let mut actions = lock();
        let at = actions.1.iter().position(|(id, _)| *id == self.0)?;
        Some(actions.1.remove(at).1)
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        if let Some(action) = self.take() {
            action();
        }
    }
}

/// Starts the thread that waits for interruptions. Called once, first thing.
pub fn install() {
    let mut signals = match Signals::new([SIGINT, SIGTERM, SIGHUP]) {
        Ok(signals) => signals,
        Err(error) => {
            eprintln!("warning: signals cannot be caught ({error}): an interruption may leave files behind");
            return;
        }
    };
    std::thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            INTERRUPTED.store(true, Ordering::SeqCst);
            undo_all();
            std::process::exit(128 + signal);
        }
    });
}

/// Undoes everything and ends the process with `code`.
pub fn exit(code: i32) -> ! {
    park_if_interrupted();
    undo_all();
    std::process::exit(code)
}

/// Latest first.
fn undo_all() {
    loop {
        let last = lock().1.pop();
        match last {
            Some((_, action)) => action(),
            None => break,
        }
    }
}

/// Never returns if the command is being interrupted: the thread of [`install`] ends the process.
pub fn park_if_interrupted() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

fn lock() -> std::sync::MutexGuard<'static, (u64, Vec<(u64, Action)>)> {
    // A panicking action must not keep the others from running.
    ACTIONS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}
