//! A small Linux guest of Debian's packages: the kernel for virtual machines, the modules that are wanted of it, and busybox.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use object::{Object, ObjectSection};

use super::archive::{Archive, Lazy, Package};
use crate::paths::{self, Scratch};
use crate::{command, ui};

/// Raised whenever a directory made by an older version of this file is not good enough any more.
const RECIPE: u32 = 1;
/// Depends on the newest kernel of the release.
const KERNEL: &str = "linux-image-cloud-amd64";
/// One program that is all the usual ones, without libraries.
const BUSYBOX: &str = "busybox-static";
/// The network card and its bus, the way in of the command, AMD's virtualisation (which QEMU's translator emulates), TAP devices, bridges.
const MODULES: [&str; 6] = ["virtio_pci", "virtio_net", "qemu_fw_cfg", "kvm_amd", "tun", "bridge"];

/// What the guest is made of.
pub struct Linux {
    dir: PathBuf,
}

impl Linux {
    /// The kernel.
    pub fn kernel(&self) -> PathBuf {
        self.dir.join("vmlinuz")
    }

    /// Busybox.
    pub fn busybox(&self) -> PathBuf {
        self.dir.join("busybox")
    }

    /// The modules, in an order in which they can be loaded.
    pub fn modules(&self) -> Result<Vec<PathBuf>> {
        let entries = fs::read_dir(self.dir.join("modules")).context("the guest's modules are gone")?;
        let mut files = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
        files.sort();
        Ok(files)
    }
}

/// The guest's parts, downloaded if no run has done so before.
pub fn provide() -> Result<Linux> {
    let lock = paths::lock_cache()?;
    let dir = paths::cache()?.join(format!("linux-guest-{RECIPE}"));
    if !dir.exists() {
        let mut archive = Lazy::new();
        let archive = archive.get(&lock)?;
        let kernel = newest(archive, KERNEL)?;
        let image = archive.depends(&kernel)?.into_iter().find(|name| name.starts_with("linux-image-"));
        let image = newest(archive, &image.context("Debian's cloud kernel no longer names its image")?)?;
        ui::step(&format!("Downloading a Linux guest (Debian's {}), once", image.name));
        let scratch = Scratch::new(&lock, "linux")?;
        let tree = scratch.path().join("tree");
        archive.unpack(&[image, newest(archive, BUSYBOX)?], &tree)?;
        let picked = scratch.path().join("picked");
        pick(&tree, &picked)?;
        fs::rename(&picked, &dir).with_context(|| format!("cannot create {}", dir.display()))?;
    }
    Ok(Linux { dir })
}

fn newest(archive: &Archive, name: &str) -> Result<Package> {
    let version = archive.versions(name)?.into_iter().next();
    Ok(Package { name: name.to_owned(), version: version.with_context(|| format!("Debian's archive lacks {name}"))? })
}

/// Takes what is wanted out of the unpacked packages.
fn pick(tree: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to.join("modules"))?;
    let mut files = HashMap::new();
    walk(tree, &mut files)?;
    let kernel = files.iter().find(|(name, _)| name.starts_with("vmlinuz-")).context("the package has no kernel")?;
    fs::copy(kernel.1, to.join("vmlinuz"))?;
    fs::copy(files.get("busybox").context("the package has no busybox")?, to.join("busybox"))?;
    let mut order = Vec::new();
    for module in MODULES {
        load_order(module, &files, &scratch_of(to), &mut order)?;
    }
    for (number, (name, text)) in order.iter().enumerate() {
        fs::write(to.join("modules").join(format!("{number:02}-{name}.ko")), text)?;
    }
    Ok(())
}

fn scratch_of(to: &Path) -> PathBuf {
    to.with_extension("ko.xz")
}

/// All files under `dir`, by name.
fn walk(dir: &Path, files: &mut HashMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            walk(&entry.path(), files)?;
        } else {
            files.insert(entry.file_name().to_string_lossy().into_owned(), entry.path());
        }
    }
    Ok(())
}

/// Adds `module`, after those that it depends on, unless it is there.
fn load_order(
    module: &str,
    files: &HashMap<String, PathBuf>,
    scratch: &Path,
    order: &mut Vec<(String, Vec<u8>)>,
) -> Result<()> {
    if order.iter().any(|(name, _)| name == module) {
        return Ok(());
    }
    // A file's name may have hyphens where the module's has underscores; Debian 13 compresses them.
    let file = [module.to_owned(), module.replace('_', "-")]
        .iter()
        .flat_map(|stem| [format!("{stem}.ko"), format!("{stem}.ko.xz")])
        .find_map(|name| files.get(&name));
    let Some(file) = file else {
        bail!("Debian's kernel has no module {module}");
    };
    let text = if file.extension().is_some_and(|end| end == "xz") {
        fs::copy(file, scratch)?;
        command::run(command::tethered("xz").args(["--decompress", "--force"]).arg(scratch))?;
        fs::read(scratch.with_extension(""))?
    } else {
        fs::read(file)?
    };
    for other in depends(&text).with_context(|| format!("the module {module} cannot be read"))? {
        load_order(&other, files, scratch, order)?;
    }
    order.push((module.to_owned(), text));
    Ok(())
}

/// The modules that the module `text` says it depends on.
fn depends(text: &[u8]) -> Result<Vec<String>> {
    let object = object::File::parse(text)?;
    let section = object.section_by_name(".modinfo").context("it has no .modinfo")?;
    let fields = section.data()?.split(|octet| *octet == 0);
    let depends = fields.filter_map(|field| std::str::from_utf8(field).ok()?.strip_prefix("depends="));
    Ok(depends.flat_map(|list| list.split(',')).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}
