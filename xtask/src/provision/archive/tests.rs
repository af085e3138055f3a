use super::sources;

const BOOKWORM: &str = "ID=debian\nVERSION_CODENAME=bookworm\n";

#[test]
fn the_systems_own_mirrors_are_used_without_other_vendors() {
    let targets = "Packages http://mirror/debian/ bookworm main\nDEP-11 http://mirror/debian/ bookworm main\n\
                   Packages http://mirror/debian-security/ bookworm-security main\n\
                   Packages http://mirror/debian/ bookworm contrib\nPackages http://vendor/deb/ nodistro main\n";
    let expected =
        "deb http://mirror/debian/ bookworm main\ndeb http://mirror/debian-security/ bookworm-security main\n";
    assert_eq!(sources(BOOKWORM, targets, false).unwrap(), expected);
}

#[test]
fn security_updates_are_added_where_the_system_has_none() {
    let list = sources(BOOKWORM, "Packages http://mirror/debian/ bookworm main\n", true).unwrap();
    let key = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
    let expected = format!(
        "deb {key} http://mirror/debian/ bookworm main\ndeb {key} http://mirror/debian-security bookworm-security main\n"
    );
    assert_eq!(list, expected);
}

#[test]
fn another_distribution_is_refused_in_one_sentence() {
    let error = sources("ID=fedora\nVERSION_CODENAME=\n", "", false).unwrap_err().to_string();
    assert!(error.contains("Debian 12 or 13"), "{error}");
    assert_eq!(error.lines().count(), 1);
}

#[test]
fn a_system_without_sources_is_told_what_to_add() {
    let error = sources(BOOKWORM, "", false).unwrap_err().to_string();
    assert!(error.contains("/etc/apt/sources.list"), "{error}");
}
