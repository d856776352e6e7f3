//! Goal: keys come back as they were made, nobody else can read or change them unnoticed, and the list keeps what people
//! wrote into it. Method: real files.
#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::os::unix::fs::PermissionsExt;

use super::*;

fn files(directory: &Path) -> Files {
    Files {
        key: directory.join("state/seal.key"),
        trusted: directory.join("state/seal.trusted"),
    }
}

fn public(number: u8) -> PublicKey {
    Identity::new(Secret::new([number; 32])).public()
}

#[test]
fn a_key_is_made_once_and_only_for_its_owner() {
    let directory = tempfile::tempdir().unwrap();
    let files = files(directory.path());
    assert!(files.read_identity().unwrap().is_none());
    let (made, new) = files.identity().unwrap();
    assert!(new);
    let mode = fs::metadata(&files.key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let (again, new) = files.identity().unwrap();
    assert!(!new && again.public() == made.public());
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let files = files(directory.path());
    files.identity().unwrap();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o640)).unwrap();
    let error = files.identity().unwrap_err().to_string();
    assert!(
        error.contains("chmod 600") && error.contains("mode 640"),
        "{error}"
    );
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o400)).unwrap();
    files.identity().unwrap();
    fs::set_permissions(&files.key, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&files.key, "# nothing\nabc\n").unwrap();
    let error = files.identity().unwrap_err().to_string();
    assert!(error.contains("no secret key"), "{error}");
}

#[test]
fn the_list_is_changed_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    let files = files(directory.path());
    assert!(files.entries().unwrap().is_empty());
    assert!(files.trust("n1", public(1)).unwrap());
    fs::write(
        &files.trusted,
        fs::read_to_string(&files.trusted).unwrap() + "\n# by hand\n",
    )
    .unwrap();
    assert!(files.trust("n2", public(2)).unwrap());
    assert!(!files.trust("n2", public(2)).unwrap(), "nothing new");
    assert!(files.trust("N1", public(3)).unwrap(), "a new key for n1");
    let found: Vec<_> = files
        .entries()
        .unwrap()
        .into_iter()
        .map(|entry| (entry.name, entry.public))
        .collect();
    assert_eq!(
        found,
        [("n2".to_owned(), public(2)), ("N1".to_owned(), public(3))]
    );
    assert!(files.revoke("n2").unwrap() && !files.revoke("n2").unwrap());
    let text = fs::read_to_string(&files.trusted).unwrap();
    assert!(text.contains("# by hand") && !text.contains("n2"), "{text}");
}

#[test]
fn a_bad_line_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let files = files(directory.path());
    files.trust("n1", public(1)).unwrap();
    for (line, why) in [
        ("n2", "no name and a key"),
        ("n2 12", "64 hexadecimal"),
        (&format!("n1 {}", public(2)), "twice"),
    ] {
        fs::write(&files.trusted, format!("n1 {}\n{line}\n", public(1))).unwrap();
        let error = files.entries().unwrap_err().to_string();
        assert!(error.contains(":2: ") && error.contains(why), "{error}");
    }
    fs::set_permissions(&files.trusted, fs::Permissions::from_mode(0o666)).unwrap();
    assert!(
        files
            .entries()
            .unwrap_err()
            .to_string()
            .contains("may write")
    );
}
