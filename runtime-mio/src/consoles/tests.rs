//! Goal: only those whom the configuration lets in get a session, and only a dead socket is taken over.
//! Method: judge addresses against lists; bind sockets in a directory of the test.

use std::os::unix::net::UnixListener;

use ringfort_config::settings::AccessBlock;

use super::access::{Access, Verdict};
use crate::listen::{is_stale, listen_unix};

fn block(net: &str) -> AccessBlock {
    AccessBlock {
        net: net.parse().unwrap(),
        enable_authentication: false,
        enable_authorization: false,
        always_allow: false,
        always_deny: false,
        authentication: Vec::new(),
        authorization_uri: None,
    }
}

fn admitted(list: &[AccessBlock], peer: &str) -> bool {
    Access(list).judge(peer.parse().unwrap()) == Verdict::Admitted
}

#[test]
fn without_a_list_only_the_host_itself_gets_in() {
    assert!(admitted(&[], "127.0.0.1"));
    assert!(admitted(&[], "::1"));
    assert!(admitted(&[], "::ffff:127.0.0.1"));
    assert!(!admitted(&[], "192.0.2.1"));
}

#[test]
fn the_longest_prefix_decides() {
    let mut denied = block("10.1.0.0/16");
    denied.always_deny = true;
    let mut password = block("10.2.0.0/16");
    password.enable_authentication = true;
    let mut roles = block("10.3.0.0/16");
    roles.enable_authorization = true;
    let list = [block("10.0.0.0/8"), denied, password, roles];
    assert!(admitted(&list, "10.9.9.9"));
    assert!(!admitted(&list, "10.1.2.3"));
    assert!(!admitted(&list, "10.2.2.3"));
    assert!(!admitted(&list, "10.3.2.3"));
    assert!(!admitted(&list, "192.0.2.1"));
    assert!(!admitted(&list, "127.0.0.1"), "a list counts for everybody");
}

#[test]
fn a_socket_somebody_listens_on_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control");
    let text = path.to_str().unwrap();
    let held = UnixListener::bind(&path).unwrap();
    assert!(listen_unix(text, 0o660).is_err());
    drop(held);
    assert!(is_stale(&path));
    assert!(listen_unix(text, 0o660).is_ok());
}

#[test]
fn what_is_not_a_socket_is_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control");
    std::fs::write(&path, "precious").unwrap();
    assert!(listen_unix(path.to_str().unwrap(), 0o660).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
}
