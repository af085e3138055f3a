//! Where things are: the checkout, and what clones of it share under the user's cache directory.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::{cleanup, ui};

/// The top of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in the workspace's root")
}

/// Cargo's directory for build products of this checkout.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => root().join(dir),
        None => root().join("target"),
    }
}

/// The directory that clones share: `$XDG_CACHE_HOME/midflight`, or `~/.cache/midflight`. It is created if it is not there.
pub fn cache() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|dir| Path::new(dir).is_absolute()) {
        Some(dir) => PathBuf::from(dir),
        None => match std::env::home_dir() {
            Some(home) if home.is_absolute() => home.join(".cache"),
            _ => bail!("there is no cache directory: set HOME or XDG_CACHE_HOME"),
        },
    };
    let cache = base.join("midflight");
    fs::create_dir_all(&cache).with_context(|| format!("cannot create {}", cache.display()))?;
    Ok(cache)
}

/// Keeps other runs, of this clone or another, out of the shared cache until it is dropped or the process ends.
pub struct CacheLock {
    // Dropped first: scratch is removed while the lock is held.
    _undo: cleanup::Undo,
    _file: File,
}

/// Takes the lock of the cache, and removes what runs that were killed left in it.
pub fn lock_cache() -> Result<CacheLock> {
    let cache = cache()?;
    let path = cache.join("lock");
    let file = File::create(&path).with_context(|| format!("cannot write {}", path.display()))?;
    if file.try_lock().is_err() {
        ui::step("Waiting for another run that is filling the shared cache");
        file.lock().with_context(|| format!("cannot lock {}", path.display()))?;
    }
    let scratch = cache.join("scratch");
    remove(&scratch);
    Ok(CacheLock { _undo: cleanup::register(move || remove(&scratch)), _file: file })
}

/// Removes a directory of scratch. What cannot be removed is left for the next holder of the lock.
fn remove(dir: &Path) {
    // A program that was killed may still be closing its files.
    for _ in 0..1000 {
        match fs::remove_dir_all(dir) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => std::thread::yield_now(),
            _ => break,
        }
    }
}

/// A directory under the cache (so that a finished part can be renamed into place) that disappears when dropped or interrupted.
pub struct Scratch {
    path: PathBuf,
    _undo: cleanup::Undo,
}

impl Scratch {
    /// A new empty directory. The caller holds the lock: a later holder removes what a killed process could not.
    pub fn new(_held: &CacheLock, name: &str) -> Result<Self> {
        let path = cache()?.join("scratch").join(name);
        fs::create_dir_all(&path).with_context(|| format!("cannot create {}", path.display()))?;
        let doomed = path.clone();
        let undo = cleanup::register(move || remove(&doomed));
        Ok(Self { path, _undo: undo })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// FNV-1a over `parts`, each ended by a zero octet: a stable name for a thing that is made from them.
pub fn content_key<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |octet: u8| hash = (hash ^ u64::from(octet)).wrapping_mul(0x0000_0100_0000_01b3);
    for part in parts {
        part.iter().copied().for_each(&mut add);
        add(0);
    }
    format!("{hash:016x}")
}
