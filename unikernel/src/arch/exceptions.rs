//! Processor exceptions end the machine, with everything printed that helps to find the cause.
//!
//! Hermit's own handlers kill the task and leave the machine hanging, so each vector below 32 is taken over, on a stack of
//! its own per processor. The one exception is 7, by which Hermit gives tasks their floating-point registers.

use core::arch::global_asm;
use core::fmt::Write;
use core::sync::atomic::{AtomicU32, Ordering};

use super::paging::PAGE;
use super::{cpu, exit, idt, lapic};
use crate::console;

/// Stack index of the task state segment; Hermit uses 1 to 4.
const STACK: u8 = 7;
/// Octets of an exception stack.
const STACK_OCTETS: usize = 8 * PAGE;
/// "Device not available": Hermit's, see above.
const DEVICE_NOT_AVAILABLE: usize = 7;

/// The stack that one processor's exceptions run on.
#[repr(C, align(4096))]
pub struct Stack([u8; STACK_OCTETS]);

impl Stack {
    /// An empty one.
    pub const fn new() -> Self {
        Self([0; STACK_OCTETS])
    }
}

/// What the entry code has pushed, lowest address first.
#[repr(C)]
struct Frame {
    r15: u64,
    r14: u64,
    r13: u64,
    r12: u64,
    r11: u64,
    r10: u64,
    r9: u64,
    r8: u64,
    rbp: u64,
    rdi: u64,
    rsi: u64,
    rdx: u64,
    rcx: u64,
    rbx: u64,
    rax: u64,
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    flags: u64,
    rsp: u64,
    ss: u64,
}

global_asm!(
    ".pushsection .text.exceptions, \"ax\"",
    // Each stub: push 0 where the processor pushes no error code, push the vector.
    // Vectors whose error code the processor pushes: 8, 10-14, 17, 21, 29, 30.
    ".balign 16",
    "exception_stubs:",
    ".set vector, 0",
    ".rept 32",
    ".balign 16",
    "  .if ((0x60227d00 >> vector) & 1) == 0",
    "  .byte 0x6a, 0",
    "  .endif",
    "  .byte 0x6a, vector",
    "  jmp exception_common",
    ".set vector, vector + 1",
    ".endr",
    "exception_common:",
    "push rax",
    "push rbx",
    "push rcx",
    "push rdx",
    "push rsi",
    "push rdi",
    "push rbp",
    "push r8",
    "push r9",
    "push r10",
    "push r11",
    "push r12",
    "push r13",
    "push r14",
    "push r15",
    "cld",
    "mov rdi, rsp",
    "and rsp, -16",
    "call {report}",
    "ud2",
    ".popsection",
    report = sym report,
);

/// Gives this processor its stack for exceptions. Once on each processor.
pub fn use_stack(stack: &'static mut Stack) {
    let top = (&raw mut *stack) as u64 + STACK_OCTETS as u64;
    // SAFETY: Hermit has set the processor up; the stack is given away for ever.
    unsafe { idt::set_stack(STACK, top) };
}

/// Takes the vectors over. Once, on the boot processor, after its [`use_stack`].
pub fn install() {
    for vector in (0..32).filter(|vector| *vector != DEVICE_NOT_AVAILABLE) {
        let handler = (&raw const exception_stubs) as u64 + 16 * vector as u64;
        // SAFETY: the stub above serves that vector. Other processors idle in the kernel until they have their stack.
        unsafe { idt::set(vector as u8, handler, STACK) };
    }
}

unsafe extern "C" {
    static exception_stubs: u8;
}

fn name(vector: u64) -> &'static str {
    const NAMES: [&str; 32] = [
        "#DE divide error",
        "#DB debug",
        "non-maskable interrupt",
        "#BP breakpoint",
        "#OF overflow",
        "#BR bound range exceeded",
        "#UD invalid opcode",
        "#NM device not available",
        "#DF double fault",
        "coprocessor segment overrun",
        "#TS invalid task state segment",
        "#NP segment not present",
        "#SS stack segment fault",
        "#GP general protection",
        "#PF page fault",
        "reserved",
        "#MF floating-point error",
        "#AC alignment check",
        "#MC machine check",
        "#XM SIMD floating-point error",
        "#VE virtualization",
        "#CP control protection",
        "reserved",
        "reserved",
        "reserved",
        "reserved",
        "reserved",
        "reserved",
        "#HV hypervisor injection",
        "#VC communication",
        "#SX security",
        "reserved",
    ];
    NAMES.get(vector as usize).copied().unwrap_or("unknown")
}

/// Processors that have reported an exception so far: the first one speaks, a second one (or one inside the report) just ends the machine.
static REPORTED: AtomicU32 = AtomicU32::new(0);

extern "C" fn report(frame: &Frame) -> ! {
    if REPORTED.fetch_add(1, Ordering::SeqCst) != 0 {
        exit::raw_line(b"midflight: exception while reporting an exception");
        exit::fail();
    }
    let _held = console::Held::take();
    let mut out = console::Emergency;
    let f = frame;
    let near_stack = f.vector == 14 && cpu::cr2().abs_diff(f.rsp) < PAGE as u64;
    let hint = if near_stack { " (stack overflow)" } else { "" };
    // Writing to the console cannot fail.
    let _ = writeln!(
        out,
        "\nmidflight: exception {} {}{hint} error={:#x} cr2={:#018x} processor={} rip={:#018x}\n\
         rax={:016x} rbx={:016x} rcx={:016x} rdx={:016x}\n\
         rsi={:016x} rdi={:016x} rbp={:016x} rsp={:016x}\n\
         r8 ={:016x} r9 ={:016x} r10={:016x} r11={:016x}\n\
         r12={:016x} r13={:016x} r14={:016x} r15={:016x}\n\
         cs={:#x} ss={:#x} flags={:#x} cr3={:#x}",
        f.vector,
        name(f.vector),
        f.error,
        cpu::cr2(),
        lapic::id(),
        f.rip,
        f.rax,
        f.rbx,
        f.rcx,
        f.rdx,
        f.rsi,
        f.rdi,
        f.rbp,
        f.rsp,
        f.r8,
        f.r9,
        f.r10,
        f.r11,
        f.r12,
        f.r13,
        f.r14,
        f.r15,
        f.cs,
        f.ss,
        f.flags,
        cpu::cr3(),
    );
    exit::fail()
}
