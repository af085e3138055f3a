//! The compiled call path (CO-9): one load more than the `&dyn` call beside it, nothing locked, no call but the indirect
//! one, no branch. Looked at in `examples/callpath.rs`, built with optimisation by the toolchain that runs the tests.

#![allow(missing_docs)]
#![cfg(all(target_arch = "x86_64", target_os = "linux", not(loom), not(miri)))]

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
};
use object::{Object, ObjectSymbol};
use std::{collections::BTreeMap, path::Path, process::Command};

/// What a function does on its way to the call.
#[derive(Default, Debug)]
struct Trail {
    /// Loads that fetch the words of the reference itself, from behind the first argument.
    own: usize,
    /// Loads that the call makes once those words are in registers.
    beyond: usize,
    /// Loads that must follow each other to know the function's address.
    chain: usize,
    indirect: usize,
    /// Whatever has no business here.
    foreign: Vec<String>,
}

/// Builds the example and returns its executable.
fn build() -> Vec<u8> {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("callpath");
    let status = Command::new(env!("CARGO"))
        .args(["build", "--release", "--package", "swapper", "--example", "callpath", "--target-dir"])
        .arg(&target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        // The outer run's wishes (sanitizers, coverage, a wrapper for clippy) are not for this one.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env_remove("RUSTC_WORKSPACE_WRAPPER")
        .env_remove("CARGO_BUILD_TARGET")
        .env("CARGO_PROFILE_RELEASE_STRIP", "none")
        .status()
        .expect("cargo runs");
    assert!(status.success(), "the example does not build");
    std::fs::read(target.join("release/examples/callpath")).expect("the example was built")
}

/// The instructions of a function, up to the one that leaves it.
fn function(executable: &[u8], name: &str) -> Vec<Instruction> {
    use object::ObjectSection;
    let file = object::File::parse(executable).expect("an executable");
    let symbol = file.symbols().find(|symbol| symbol.name() == Ok(name)).expect("the function has a symbol");
    let section = symbol.section_index().and_then(|index| file.section_by_index(index).ok()).expect("is in a section");
    let start = usize::try_from(symbol.address() - section.address()).expect("in the section");
    let length = usize::try_from(symbol.size()).expect("a length");
    let code = &section.data().expect("code")[start..start + length];
    Decoder::with_ip(64, code, symbol.address(), DecoderOptions::NONE).into_iter().collect()
}

/// Follows a function's straight line and counts.
fn follow(instructions: &[Instruction]) -> Trail {
    let mut factory = InstructionInfoFactory::new();
    let mut path = Trail::default();
    // How many loads each register's value lies behind; the first argument behind none.
    let mut depth = BTreeMap::from([(Register::RDI, 0_usize)]);
    for instruction in instructions {
        let text = instruction.to_string();
        let mut loaded = None;
        for memory in factory.info(instruction).used_memory() {
            let stack = matches!(memory.base(), Register::RSP | Register::RBP);
            match memory.access() {
                _ if stack => {}
                OpAccess::Read => {
                    let behind = depth.get(&memory.base()).map_or(1, |depth| depth + 1);
                    loaded = Some(behind);
                    *if behind == 1 { &mut path.own } else { &mut path.beyond } += 1;
                }
                OpAccess::NoMemAccess => {}
                _ => path.foreign.push(text.clone()),
            }
        }
        let locked = instruction.has_lock_prefix()
            || (instruction.mnemonic() == Mnemonic::Xchg
                && (0..2).any(|operand| instruction.op_kind(operand) == OpKind::Memory));
        if locked {
            path.foreign.push(text.clone());
        }
        match instruction.flow_control() {
            FlowControl::IndirectBranch | FlowControl::IndirectCall => {
                path.indirect += 1;
                path.chain = match instruction.op0_kind() {
                    OpKind::Memory => loaded.unwrap_or(0),
                    _ => depth.get(&instruction.op0_register()).copied().unwrap_or(0),
                };
                if instruction.flow_control() == FlowControl::IndirectBranch {
                    break;
                }
            }
            FlowControl::Return => break,
            FlowControl::Next => {
                let source = match instruction.op1_kind() {
                    OpKind::Register => depth.get(&instruction.op1_register()).copied(),
                    _ => None,
                };
                if instruction.mnemonic() == Mnemonic::Mov && instruction.op0_kind() == OpKind::Register {
                    let to = instruction.op0_register();
                    match loaded.or(source) {
                        Some(behind) => depth.insert(to, behind),
                        None => depth.remove(&to),
                    };
                }
            }
            _ => path.foreign.push(text),
        }
    }
    path
}

#[test]
fn a_call_costs_one_load_more_than_a_virtual_call() {
    let executable = build();
    let call = follow(&function(&executable, "swapper_call"));
    let plain = follow(&function(&executable, "plain_call"));
    println!("{call:?}\n{plain:?}");
    // The ruler first: object and table from memory, then the function from the table.
    assert_eq!((plain.own, plain.beyond, plain.chain, plain.indirect), (2, 1, 2, 1), "{plain:?}");
    assert_eq!(call.beyond, plain.beyond + 1, "loads with the reference in registers: {call:?} beside {plain:?}");
    assert_eq!(call.chain, plain.chain + 1, "loads that follow each other: {call:?} beside {plain:?}");
    assert_eq!(call.own + call.beyond, plain.own + plain.beyond, "a reference is one word, a `&dyn` two: {call:?}");
    assert_eq!((call.indirect, call.foreign.as_slice()), (1, &[][..]), "{call:?}");
}

/// What the test above would say of a call path with a counter in it.
#[test]
fn a_counter_on_the_way_would_be_noticed() {
    // mov rax,[rdi]; mov rdi,[rax]; lock inc qword ptr [rdi+8]; call +0; jmp [rdi+16]
    let code = [0x48, 0x8B, 0x07, 0x48, 0x8B, 0x38, 0xF0, 0x48, 0xFF, 0x47, 0x08, 0xE8, 0, 0, 0, 0, 0xFF, 0x67, 0x10];
    let instructions: Vec<_> = Decoder::with_ip(64, &code, 0, DecoderOptions::NONE).into_iter().collect();
    let path = follow(&instructions);
    assert_eq!((path.own, path.beyond, path.chain, path.indirect), (1, 2, 3, 1), "{path:?}");
    assert_eq!(path.foreign.len(), 3, "the write, the lock, the direct call: {path:?}");
}
