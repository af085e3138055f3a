use super::*;

#[test]
fn long_files_are_found() {
    assert!(length("a.rs", &"x\n".repeat(LONGEST)).is_none());
    assert!(length("a.rs", &"x\n".repeat(LONGEST + 1)).is_some());
}

#[test]
fn sleeps_are_found() {
    let code = concat!("a();\nstd::thread::", "sleep(d);\n");
    assert_eq!(sleeps("a/tests.rs", code).len(), 1);
    assert_eq!(sleeps("tests/a.rs", code).len(), 1);
    assert_eq!(sleeps("a.rs", &format!("#[cfg(test)]\nmod tests {{\n{code}}}")).len(), 1);
    assert!(sleeps("a.rs", code).is_empty());
    assert!(sleeps("a.rs", "sys_usleep(10);").is_empty());
}

#[test]
fn unsafe_blocks_want_a_comment_near_them() {
    let block = concat!("    let x = un", "safe { *p };\n");
    assert_eq!(undocumented_unsafe("a.rs", block).len(), 1);
    assert!(undocumented_unsafe("a.rs", &format!("// SAFETY: p is valid.\n{block}")).is_empty());
    let far = format!("// SAFETY: p is valid.\n{}{block}", "a();\n".repeat(REACH + 1));
    assert_eq!(undocumented_unsafe("a.rs", &far).len(), 1);
    assert_eq!(undocumented_unsafe("a.rs", concat!("un", "safe impl Sync for A {}")).len(), 1);
    assert!(undocumented_unsafe("a.rs", "// an unsafe { in a comment\nunsafe fn f() {}\n").is_empty());
}

#[test]
fn paths_of_one_machine_are_found() {
    assert_eq!(machine_paths("a.md", concat!("see /ro", "ot/notes")).len(), 1);
    assert!(machine_paths("a.md", concat!("see $HOME/ro", "ot/notes and site.org/wo", "rk/x")).is_empty());
}

#[test]
fn a_crate_without_unsafe_code_must_forbid_it() {
    let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let silent = [file("a/src/lib.rs", "mod b;"), file("a/src/b.rs", "fn b() {}")];
    assert_eq!(crates_that_could_forbid(&silent).len(), 1);
    let forbids = [file("a/src/lib.rs", "#![forbid(unsafe_code)]")];
    assert!(crates_that_could_forbid(&forbids).is_empty());
    let uses = [file("a/src/lib.rs", "mod b;"), file("a/src/b.rs", "unsafe fn b() {}")];
    assert!(crates_that_could_forbid(&uses).is_empty());
}
