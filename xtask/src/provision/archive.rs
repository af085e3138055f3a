//! Debian's archive, read with apt state of our own: no root, no change to the system, signatures checked against Debian's keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::paths::{CacheLock, Scratch};
use crate::{command, ui};

/// What is missing when there are no indexes.
const NO_NETWORK: &str = "Debian's package indexes could not be fetched: is there a network?";
const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// The archive of the host's own Debian release, with its security updates.
pub struct Archive {
    state: Scratch,
}

/// An [`Archive`] whose indexes are fetched at first use.
pub struct Lazy(Option<Archive>);

/// One package at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub name: String,
    pub version: String,
}

impl Lazy {
    pub fn new() -> Self {
        Self(None)
    }

    pub fn get(&mut self, lock: &CacheLock) -> Result<&Archive> {
        if self.0.is_none() {
            self.0 = Some(Archive::open(lock)?);
        }
        self.0.as_ref().context("the archive was just opened")
    }
}

impl Archive {
    fn open(lock: &CacheLock) -> Result<Self> {
        if command::find("apt-get").is_none() || command::find("dpkg").is_none() {
            bail!("this is not Debian: run this on Debian 12 or 13, whose packages bring the compilers of the image");
        }
        ui::step("Fetching the package indexes of Debian (into a directory of our own)");
        let state = Scratch::new(lock, "apt")?;
        for dir in ["lists/partial", "cache/archives/partial"] {
            fs::create_dir_all(state.path().join(dir)).context("cannot create a directory for apt")?;
        }
        let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
        let known = command::output(Command::new("apt-get").args([
            "indextargets",
            "--format",
            "$(CREATED_BY) $(REPO_URI) $(RELEASE) $(COMPONENT)",
        ]))?;
        let sources = sources(&release, &known, Path::new(KEYRING).exists())?;
        fs::write(state.path().join("sources.list"), sources).context("cannot write the list of sources")?;
        let archive = Self { state };
        command::watched(archive.apt("apt-get").args(["update", "-q"]), |_| ()).context(NO_NETWORK)?;
        // apt-get calls it a success if nothing at all could be fetched.
        let lists = fs::read_dir(archive.state.path().join("lists")).context("apt-get has left no lists")?;
        if !lists.flatten().any(|entry| entry.file_name().to_string_lossy().contains("_Packages")) {
            bail!(NO_NETWORK);
        }
        Ok(archive)
    }

    fn apt(&self, program: &str) -> Command {
        let at = |name: &str| self.state.path().join(name).display().to_string();
        let mut command = command::tethered(program);
        command.env("LC_ALL", "C");
        for option in [
            format!("Dir::State::lists={}", at("lists")),
            format!("Dir::Cache={}", at("cache")),
            format!("Dir::Etc::sourcelist={}", at("sources.list")),
            // Container images turn apt's own caches off, which would parse the indexes anew for each question.
            "Dir::Cache::pkgcache=pkgcache.bin".into(),
            "Dir::Cache::srcpkgcache=srcpkgcache.bin".into(),
            "Dir::Etc::sourceparts=-".into(),
            "Dir::Etc::preferences=-".into(),
            "Dir::Etc::preferencesparts=-".into(),
            // The unprivileged user of apt cannot write under the cache directory of root.
            "APT::Sandbox::User=root".into(),
            "Acquire::Languages=none".into(),
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".into(),
            "Acquire::Retries=3".into(),
        ] {
            command.arg("-o").arg(option);
        }
        command
    }

    /// The versions of `package`, newest first; none if the archive does not have it.
    pub fn versions(&self, package: &str) -> Result<Vec<String>> {
        let table = command::output(self.apt("apt-cache").args(["madison", package]))?;
        Ok(table
            .lines()
            .filter_map(|line| {
                let mut cells = line.split('|').map(str::trim);
                (cells.next()? == package).then(|| cells.next().map(str::to_owned))?
            })
            .collect())
    }

    /// The names that `package` depends on; of alternatives the first.
    pub fn depends(&self, package: &Package) -> Result<Vec<String>> {
        let record = command::output(self.apt("apt-cache").args(["show", &package.spec()]))?;
        let depends = record.lines().find_map(|line| line.strip_prefix("Depends: ")).unwrap_or_default();
        let name = |one: &str| one.split(['|', '(', ':']).next().unwrap_or_default().trim().to_owned();
        Ok(depends.split(',').map(name).filter(|name| !name.is_empty()).collect())
    }

    /// Downloads `packages` and unpacks them under `prefix`.
    pub fn unpack(&self, packages: &[Package], prefix: &Path) -> Result<()> {
        let dir = self.state.path().join("debs");
        fs::create_dir_all(&dir).context("cannot create a directory for packages")?;
        let specs: Vec<_> = packages.iter().map(Package::spec).collect();
        let download = || {
            let mut command = self.apt("apt-get");
            command.current_dir(&dir).args(["download", "-q"]);
            command
        };
        let uris = command::output(download().arg("--print-uris").args(&specs))?;
        let total = uris.lines().filter_map(|line| line.split(' ').nth(2)?.parse::<u64>().ok()).sum();
        showing_growth(&dir, total, || command::watched(download().args(&specs), |_| ()))
            .context("the packages could not be downloaded: is there a network?")?;
        let files: Vec<PathBuf> = fs::read_dir(&dir)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
        let bar = ui::bar(files.len() as u64, ui::Unit::Things).with_message("unpacking");
        for file in files.iter().filter(|file| file.extension().is_some_and(|end| end == "deb")) {
            command::output(command::tethered("dpkg").arg("-x").arg(file).arg(prefix))?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        fs::remove_dir_all(&dir).context("cannot remove the downloaded packages")
    }
}

impl Package {
    fn spec(&self) -> String {
        format!("{}={}", self.name, self.version)
    }
}

/// A sources.list of Debian alone, made from the places that the system itself uses (`indextargets`' table).
///
/// Other vendors' lists are left out: they have nothing we need, and one that cannot be reached would fail the whole. Security
/// updates are added where the system has none (a fresh debootstrap), because the newer compiler comes with them.
fn sources(os_release: &str, targets: &str, keyring: bool) -> Result<String> {
    let field = |name: &str| {
        let value = os_release.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.map(|value| value.trim_matches('"')).unwrap_or_default()
    };
    let (id, codename) = (field("ID"), field("VERSION_CODENAME"));
    if id != "debian" || codename.is_empty() {
        bail!(
            "this is not a Debian release: run this on Debian 12 or 13, whose packages bring the compilers of the image"
        );
    }
    let mut found: Vec<(&str, &str)> = Vec::new();
    for line in targets.lines() {
        let [what, uri, release, component] = line.split_whitespace().collect::<Vec<_>>()[..] else { continue };
        let suite = release.split(['-', '/']).next().unwrap_or_default();
        let ours = suite == codename || ["stable", "oldstable"].contains(&suite);
        if what == "Packages" && component == "main" && ours && !found.contains(&(uri, release)) {
            found.push((uri, release));
        }
    }
    let Some((main, _)) = found.iter().find(|(_, release)| !release.contains('-')).copied() else {
        bail!("apt knows no source for Debian {codename}: add its main archive to /etc/apt/sources.list");
    };
    let option = if keyring { format!("[signed-by={KEYRING}] ") } else { String::new() };
    let mut list = String::new();
    for (uri, release) in &found {
        list += &format!("deb {option}{uri} {release} main\n");
    }
    if !found.iter().any(|(_, release)| release.ends_with("-security")) {
        list += &format!("deb {option}{}-security {codename}-security main\n", main.trim_end_matches('/'));
    }
    Ok(list)
}

/// Runs `work` while a bar shows how far the files in `dir` have grown towards `total` octets.
fn showing_growth<T>(dir: &Path, total: u64, work: impl FnOnce() -> T) -> T {
    let bar = ui::bar(total, ui::Unit::Bytes).with_message("downloading");
    let stop = AtomicBool::new(false);
    let (done, finished) = mpsc::channel::<()>();
    let result = std::thread::scope(|scope| {
        scope.spawn(|| {
            let finished = finished;
            while !stop.load(Ordering::Relaxed) && finished.recv_timeout(Duration::from_millis(200)).is_err() {
                bar.set_position(size(dir));
            }
        });
        let result = work();
        stop.store(true, Ordering::Relaxed);
        drop(done);
        result
    });
    bar.finish_and_clear();
    result
}

fn size(dir: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else { return 0 };
    entries.flatten().filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
}

#[cfg(test)]
mod tests;
