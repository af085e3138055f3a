//! The PVH entry point: page tables, long mode, and over to Hermit.
//!
//! Register state at entry (x86/HVM direct boot ABI): 32-bit protected mode, paging off, `ebx` = `hvm_start_info`.
//!
//! Page tables built here:
//!
//! | PML4 entry | maps |
//! |---|---|
//! | 0 | the image alone, identity, 2 MiB pages; everything below 2 MiB stays unmapped, the kernel maps there by itself |
//! | 256 | all physical memory, 512 pages of 1 GiB ([`crate::arch::paging`]) |
//! | 511 | the PML4 itself: Hermit's recursive mapping |

use core::arch::global_asm;

/// Octets of the stack that the boot processor starts on. Hermit's `_start` is given its lowest address and adds this
/// size itself (`KERNEL_STACK_SIZE` of Hermit).
const STACK_OCTETS: usize = 0x8000;

/// Present, writable.
const TABLE: u32 = 0x3;
/// Present, writable, large page.
const LARGE: u32 = 0x83;

global_asm!(
    // The note by which QEMU knows where to enter: owner "Xen", type 18 (XEN_ELFNOTE_PHYS32_ENTRY).
    ".pushsection .note.pvh, \"a\", @note",
    ".balign 4",
    ".long 4, 8, 18",
    ".asciz \"Xen\"",
    ".quad pvh_entry",
    ".popsection",

    ".pushsection .bss.boot, \"aw\", @nobits",
    ".balign 4096",
    "boot_pml4: .skip 4096",
    "boot_pdpt: .skip 4096",
    "boot_pd: .skip 4096",
    ".globl physical_pdpt",
    "physical_pdpt: .skip 4096",
    "boot_stack: .skip {stack}",
    ".popsection",

    ".pushsection .rodata.boot, \"a\"",
    ".balign 8",
    "boot_gdt: .quad 0, 0x00209a0000000000, 0x0000920000000000",
    "boot_gdt_pointer: .word 23",
    ".long boot_gdt",
    ".popsection",

    ".pushsection .text.pvh, \"ax\"",
    ".code32",
    ".globl pvh_entry",
    "pvh_entry:",
    "cli",
    "cld",

    // PML4.
    "mov eax, offset boot_pdpt",
    "or eax, {table}",
    "mov [boot_pml4], eax",
    "mov eax, offset physical_pdpt",
    "or eax, {table}",
    "mov [boot_pml4 + 8 * 256], eax",
    "mov eax, offset boot_pml4",
    "or eax, {table}",
    "mov [boot_pml4 + 8 * 511], eax",
    "mov eax, offset boot_pd",
    "or eax, {table}",
    "mov [boot_pdpt], eax",

    // The image, identity, in pages of 2 MiB.
    "mov ecx, offset image_start",
    "shr ecx, 21",
    "2:",
    "mov eax, ecx",
    "shl eax, 21",
    "cmp eax, offset image_end",
    "jae 3f",
    "or eax, {large}",
    "mov [boot_pd + ecx * 8], eax",
    "inc ecx",
    "jmp 2b",
    "3:",

    // All physical memory, 512 pages of 1 GiB.
    "xor ecx, ecx",
    "4:",
    "mov eax, ecx",
    "shl eax, 30",
    "or eax, {large}",
    "mov [physical_pdpt + ecx * 8], eax",
    "mov eax, ecx",
    "shr eax, 2",
    "mov [physical_pdpt + ecx * 8 + 4], eax",
    "inc ecx",
    "cmp ecx, 512",
    "jne 4b",

    // Long mode: PAE, CR3, EFER.LME|NXE, CR0.PG.
    "mov eax, cr4",
    "or eax, 0x20",
    "mov cr4, eax",
    "mov eax, offset boot_pml4",
    "mov cr3, eax",
    "mov ecx, 0xc0000080",
    "rdmsr",
    "or eax, 0x900",
    "wrmsr",
    "mov eax, cr0",
    "or eax, 0x80000000",
    "mov cr0, eax",
    "lgdt [boot_gdt_pointer]",
    "mov esp, offset boot_stack + {stack}",
    "push 0x08",
    "mov eax, offset pvh_entry_64",
    "push eax",
    "retf",

    ".code64",
    "pvh_entry_64:",
    "mov eax, 0x10",
    "mov ds, eax",
    "mov es, eax",
    "mov ss, eax",
    "xor eax, eax",
    "mov fs, eax",
    "mov gs, eax",
    "mov esp, offset boot_stack + {stack}",
    "mov edi, ebx",
    "call {describe}",
    // Hermit's entry: rdi = boot information, esi = processor 0, rsp = lowest address of the stack.
    "mov rdi, rax",
    "xor esi, esi",
    "mov esp, offset boot_stack",
    "jmp _start",
    ".popsection",
    stack = const STACK_OCTETS,
    table = const TABLE,
    large = const LARGE,
    describe = sym super::info::describe_machine,
);
