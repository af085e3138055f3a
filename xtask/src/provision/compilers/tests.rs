use super::{IMAGE, KERNEL, release, source_version};

#[test]
fn releases_are_read_from_package_versions() {
    assert_eq!(release("1.85.0+dfsg3-1~deb12u3"), Some((1, 85)));
    assert_eq!(release("1.96.0+dfsg1-1~deb13u1+b1"), Some((1, 96)));
    assert_eq!(release("trunk"), None);
}

#[test]
fn rebuilds_count_as_the_version_they_rebuild() {
    assert_eq!(source_version("1.96.0+dfsg1-1~deb13u1+b1"), "1.96.0+dfsg1-1~deb13u1");
    assert_eq!(source_version("1.85.0+build3-1"), "1.85.0+build3-1");
}

#[test]
fn the_kernel_takes_one_release_and_the_image_any_current_one() {
    assert!((KERNEL.accepts)((1, 85)) && !(KERNEL.accepts)((1, 86)));
    assert!((IMAGE.accepts)((1, 96)) && (IMAGE.accepts)((2, 0)) && !(IMAGE.accepts)((1, 85)));
}
