//! `memcpy`, `memmove` and `memset`: eight octets at a time through general registers.
//!
//! The compiler's own end in `rep movsb`/`rep movsq`, which an emulated processor runs one element at a time; unrolled loads and stores
//! are several times faster there, and no slower than `rep movsq` on a real one for the sizes of a network stack.
//! (The kernel brings copies of its own, which are not reached from here.)

use core::arch::naked_asm;
use core::hint::black_box;

/// C's `memcpy`.
///
/// # Safety
/// As in C: `n` octets readable at `from`, writable at `to`, no overlap.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memcpy(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "cmp rdx, 64",
        "jb 3f",
        "2:",
        "mov rcx, [rsi]",
        "mov r8, [rsi + 8]",
        "mov r9, [rsi + 16]",
        "mov r10, [rsi + 24]",
        "mov [rdi], rcx",
        "mov [rdi + 8], r8",
        "mov [rdi + 16], r9",
        "mov [rdi + 24], r10",
        "mov rcx, [rsi + 32]",
        "mov r8, [rsi + 40]",
        "mov r9, [rsi + 48]",
        "mov r10, [rsi + 56]",
        "mov [rdi + 32], rcx",
        "mov [rdi + 40], r8",
        "mov [rdi + 48], r9",
        "mov [rdi + 56], r10",
        "add rsi, 64",
        "add rdi, 64",
        "sub rdx, 64",
        "cmp rdx, 64",
        "jae 2b",
        "3:",
        // Fewer than 64 left: by eights, then one overlapping eight, or single octets if there never were eight.
        "cmp rdx, 8",
        "jb 5f",
        "4:",
        "mov rcx, [rsi]",
        "mov [rdi], rcx",
        "add rsi, 8",
        "add rdi, 8",
        "sub rdx, 8",
        "cmp rdx, 8",
        "jae 4b",
        "5:",
        "test rdx, rdx",
        "jz 7f",
        "mov rcx, rdi",
        "sub rcx, rax",
        "cmp rcx, 8",
        "jb 6f",
        "mov rcx, [rsi + rdx - 8]",
        "mov [rdi + rdx - 8], rcx",
        "ret",
        "6:",
        "movzx ecx, byte ptr [rsi]",
        "mov [rdi], cl",
        "inc rsi",
        "inc rdi",
        "dec rdx",
        "jnz 6b",
        "7:",
        "ret",
    )
}

/// C's `memmove`.
///
/// # Safety
/// As in C: `n` octets readable at `from`, writable at `to`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memmove(to: *mut u8, from: *const u8, n: usize) -> *mut u8 {
    naked_asm!(
        // Without overlap, or in one that a forward copy by single loads bears, the other way round is not needed.
        "mov rax, rdi",
        "sub rax, rsi",
        "cmp rax, rdx",
        "jb 2f",
        // The target lies below the source, or apart from it. An overlap of less than 64 octets needs care: by eights only.
        "neg rax",
        "cmp rax, 64",
        "jae {memcpy}",
        "mov rax, rdi",
        "cmp rdi, rsi",
        "je 9f",
        "mov rcx, rsi",
        "sub rcx, rdi",
        "cmp rcx, 8",
        "jb 5f",
        "4:",
        "cmp rdx, 8",
        "jb 5f",
        "mov rcx, [rsi]",
        "mov [rdi], rcx",
        "add rsi, 8",
        "add rdi, 8",
        "sub rdx, 8",
        "jmp 4b",
        "5:",
        "test rdx, rdx",
        "jz 9f",
        "movzx ecx, byte ptr [rsi]",
        "mov [rdi], cl",
        "inc rsi",
        "inc rdi",
        "dec rdx",
        "jmp 5b",
        // The target begins inside the source: from the end, by eights if they are at least that far apart.
        "2:",
        "mov rcx, rax",
        "mov rax, rdi",
        "test rcx, rcx",
        "jz 9f",
        "cmp rcx, 8",
        "jb 8f",
        "7:",
        "cmp rdx, 8",
        "jb 8f",
        "mov rcx, [rsi + rdx - 8]",
        "mov [rdi + rdx - 8], rcx",
        "sub rdx, 8",
        "jmp 7b",
        "8:",
        "test rdx, rdx",
        "jz 9f",
        "movzx ecx, byte ptr [rsi + rdx - 1]",
        "mov [rdi + rdx - 1], cl",
        "dec rdx",
        "jmp 8b",
        "9:",
        "ret",
        memcpy = sym memcpy,
    )
}

/// C's `memset`.
///
/// # Safety
/// As in C: `n` octets writable at `to`.
#[unsafe(naked)]
#[unsafe(no_mangle)]
unsafe extern "C" fn memset(to: *mut u8, value: i32, n: usize) -> *mut u8 {
    naked_asm!(
        "mov rax, rdi",
        "movzx ecx, sil",
        "mov r8, 0x0101010101010101",
        "imul rcx, r8",
        "cmp rdx, 64",
        "jb 3f",
        "2:",
        "mov [rdi], rcx",
        "mov [rdi + 8], rcx",
        "mov [rdi + 16], rcx",
        "mov [rdi + 24], rcx",
        "mov [rdi + 32], rcx",
        "mov [rdi + 40], rcx",
        "mov [rdi + 48], rcx",
        "mov [rdi + 56], rcx",
        "add rdi, 64",
        "sub rdx, 64",
        "cmp rdx, 64",
        "jae 2b",
        "3:",
        "cmp rdx, 8",
        "jb 4f",
        "mov [rdi], rcx",
        "add rdi, 8",
        "sub rdx, 8",
        "jmp 3b",
        "4:",
        "test rdx, rdx",
        "jz 5f",
        "mov [rdi], cl",
        "inc rdi",
        "dec rdx",
        "jmp 4b",
        "5:",
        "ret",
    )
}

/// Octets of the field that [`check`] works in.
const FIELD: usize = 512;

/// Compares the three functions with loops over octets, for all small lengths, alignments and distances of an overlap. Panics if they differ.
pub fn check() {
    let fresh = || -> [u8; FIELD] { core::array::from_fn(|i| (i * 7 + i / 256) as u8) };
    for len in (0..40).chain([63, 64, 65, 71, 72, 127, 128, 129, 135, 200]) {
        for (from, to) in (0..9)
            .flat_map(|a| (0..9).map(move |b| (a, 256 + b)))
            .chain((100..110).flat_map(|a| (0..220).map(move |b| (a, b))))
        {
            let (mut expected, mut found) = (fresh(), fresh());
            let source = fresh();
            for i in 0..len {
                expected[black_box(to + i)] = source[black_box(from + i)];
            }
            // SAFETY: both ranges lie in the field; the regions of `memcpy` do not overlap.
            unsafe {
                let field = found.as_mut_ptr();
                let answer = match to >= 256 {
                    true => memcpy(field.add(to), field.add(from), black_box(len)),
                    false => memmove(field.add(to), field.add(from), black_box(len)),
                };
                assert_eq!(answer, field.add(to));
            }
            assert!(same(&expected, &found), "{len} octets from {from} to {to}");
        }
        for to in 0..9 {
            let (mut expected, mut found) = (fresh(), fresh());
            for i in 0..len {
                expected[black_box(to + i)] = 0xa5;
            }
            // SAFETY: the range lies in the field.
            unsafe { memset(found.as_mut_ptr().add(to), 0x7fa5, black_box(len)) };
            assert!(same(&expected, &found), "{len} octets set at {to}");
        }
    }
}

fn same(a: &[u8; FIELD], b: &[u8; FIELD]) -> bool {
    (0..FIELD).all(|i| a[black_box(i)] == b[black_box(i)])
}
