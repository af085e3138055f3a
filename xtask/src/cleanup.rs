//! What must be undone however the command ends: children, network namespaces, temporary directories.
//!
//! An undo runs once: when its [`Undo`] is dropped, or when the command is interrupted (SIGINT, SIGTERM, SIGHUP), latest first.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

type Action = Box<dyn FnOnce() + Send>;

struct State {
    next: u64,
    actions: Vec<(u64, Action)>,
    /// Actions that are being run.
    running: usize,
}

static STATE: Mutex<State> = Mutex::new(State { next: 0, actions: Vec::new(), running: 0 });
/// An action that was running has ended.
static ENDED: Condvar = Condvar::new();
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
thread_local! {
    /// Whether this is the thread that undoes after an interruption.
    static UNDOING: Cell<bool> = const { Cell::new(false) };
}
/// How long an action may run on another thread after an interruption; a link has 10 s to say its counters.
const PATIENCE: Duration = Duration::from_secs(15);

/// Runs its action when dropped, unless an interruption has run it already.
pub struct Undo(u64);

/// Registers `action` to be run when the returned guard is dropped or the command is interrupted.
pub fn register(action: impl FnOnce() + Send + 'static) -> Undo {
    // Nothing new begins once the end has begun.
    park_if_interrupted();
    let mut state = lock();
    state.next += 1;
    let id = state.next;
    state.actions.push((id, Box::new(action)));
    Undo(id)
}

impl Drop for Undo {
    fn drop(&mut self) {
        let mut state = lock();
        if INTERRUPTED.load(Ordering::SeqCst) {
            // It is left to the thread of [`install`], which would not wait for one that begins now; nor is what comes after it to be dropped before.
            drop(state);
            if !UNDOING.get() {
                park_if_interrupted();
            }
            return;
        }
        let Some(at) = state.actions.iter().position(|(id, _)| *id == self.0) else { return };
        let (_, action) = state.actions.remove(at);
        run(action, state);
    }
}

/// Runs `action`, which has just been taken from `state`.
fn run(action: Action, mut state: MutexGuard<'static, State>) {
    state.running += 1;
    drop(state);
    action();
    lock().running -= 1;
    ENDED.notify_all();
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
            UNDOING.set(true);
            INTERRUPTED.store(true, Ordering::SeqCst);
            wait_for_running();
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

/// Waits for actions that other threads have begun: the process must not end in the middle of one.
fn wait_for_running() {
    let _ = ENDED.wait_timeout_while(lock(), PATIENCE, |state| state.running > 0);
}

/// Latest first.
fn undo_all() {
    loop {
        let mut state = lock();
        let Some((_, action)) = state.actions.pop() else { break };
        run(action, state);
    }
}

/// Never returns if the command is being interrupted: the thread of [`install`] ends the process.
pub fn park_if_interrupted() {
    while INTERRUPTED.load(Ordering::SeqCst) {
        std::thread::park();
    }
}

fn lock() -> MutexGuard<'static, State> {
    // A panicking action must not keep the others from running.
    STATE.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::{register, wait_for_running};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::sync::{Arc, mpsc};

    #[test]
    fn an_undo_that_has_begun_is_waited_for() {
        let (done, (begun, began), (release, released)) =
            (Arc::new(AtomicBool::new(false)), mpsc::channel(), mpsc::channel());
        let inside = Arc::clone(&done);
        let undo = register(move || {
            begun.send(()).unwrap();
            let () = released.recv().unwrap();
            inside.store(true, Ordering::SeqCst);
        });
        let dropping = std::thread::spawn(move || drop(undo));
        began.recv().unwrap();
        let (waits, waiting) = mpsc::channel();
        let waiter = std::thread::spawn(move || {
            waits.send(()).unwrap();
            wait_for_running();
            done.load(Ordering::SeqCst)
        });
        waiting.recv().unwrap();
        release.send(()).unwrap();
        assert!(waiter.join().unwrap());
        dropping.join().unwrap();
    }
}
