//! The notes by which loaders recognise the image.

use anyhow::{Context, Result, ensure};
use object::Endianness;
use object::elf::{FileHeader64, PT_NOTE};
use object::read::elf::{FileHeader, ProgramHeader};

use super::Lab;
use crate::test::Outcome;

type Header = FileHeader64<Endianness>;

/// PVH's note: owner and type by which QEMU finds the 32-bit entry.
const PVH: (&[u8], u32) = (b"Xen", 18);

/// The note that says for which system the file is (Linux Standard Base), and Hermit's number there.
const ABI_TAG: (&[u8], u32) = (b"GNU", 1);
const HERMIT: u32 = 6;

/// Hermit's notes lie in the first PT_NOTE, the only one that uhyve reads; PVH's in another.
pub fn notes(lab: &Lab) -> Result<Outcome> {
    let image = std::fs::read(lab.image()?)?;
    let data = &*image;
    let header = Header::parse(data)?;
    let endian: Endianness = header.endian()?;
    ensure!(header.e_machine.get(endian) == object::elf::EM_X86_64, "the image is not for x86-64");
    let mut segments = Vec::new();
    for program in header.program_headers(endian, data)? {
        if program.p_type(endian) == PT_NOTE {
            segments.push(segment_notes(program, endian, data)?);
        }
    }
    let first = segments.first().context("the image has no PT_NOTE")?;
    let owners: Vec<String> = first.iter().map(|(owner, _, _)| String::from_utf8_lossy(owner).into_owned()).collect();
    ensure!(owners.iter().any(|owner| owner == "HERMIT"), "the first PT_NOTE holds {owners:?}, not Hermit's notes");
    let tag = first.iter().find(|(owner, kind, _)| (owner.as_slice(), *kind) == ABI_TAG);
    let (_, _, tag) = tag.context("the first PT_NOTE holds no ABI tag")?;
    let tag: Vec<u32> =
        tag.chunks_exact(4).map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]])).collect();
    ensure!(tag.first() == Some(&HERMIT), "the ABI tag {tag:?} is not Hermit's");
    ensure!(tag[1..] >= [0, 13, 2][..], "the ABI tag says Hermit {:?}, to which uhyve gives no network", &tag[1..]);
    let pvh = segments.iter().skip(1).flatten().find(|(owner, kind, _)| (owner.as_slice(), *kind) == PVH);
    let (_, _, entry) = pvh.context("no later PT_NOTE holds PVH's note")?;
    ensure!(entry.len() == 4 || entry.len() == 8, "PVH's note has {} octets", entry.len());
    let entry = entry.iter().rev().fold(0, |sum, octet| sum << 8 | u64::from(*octet));
    let loaded = header.program_headers(endian, data)?.iter().any(|program| {
        let from: u64 = program.p_paddr(endian);
        program.p_type(endian) == object::elf::PT_LOAD && (from..from + program.p_filesz(endian)).contains(&entry)
    });
    ensure!(loaded, "PVH's entry {entry:#x} lies in no loaded segment");
    Ok(Outcome::PASSED)
}

type Note = (Vec<u8>, u32, Vec<u8>);

fn segment_notes(
    program: &<Header as FileHeader>::ProgramHeader,
    endian: Endianness,
    data: &[u8],
) -> Result<Vec<Note>> {
    let mut found = Vec::new();
    if let Some(mut notes) = program.notes(endian, data)? {
        while let Some(note) = notes.next()? {
            found.push((note.name().to_vec(), note.n_type(endian), note.desc().to_vec()));
        }
    }
    Ok(found)
}
