//! A network namespace for a test: the test starts itself again inside one, where it may do as it likes and from
//! which nothing stays. Where that is not allowed it says so loudly and passes.

pub(crate) mod sys;

use std::{
    env,
    io::{self, Write},
    process::Command,
};

const INSIDE: &str = "RINGFORT_INSIDE";

/// How a test starts itself again.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// In a network namespace of its own, with all rights there.
    Namespace,
    /// In the machine's own namespace, without any right.
    Unprivileged,
}

/// Whether the caller, the test called `name`, is the one that runs inside. If not, it has run by now.
pub(crate) fn inside(name: &str, place: Place) -> bool {
    if env::var_os(INSIDE).is_some() {
        return true;
    }
    let program = env::current_exe().expect("a test knows its program");
    let mut command = Command::new(program);
    command
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1");
    match place {
        Place::Namespace => sys::isolate(&mut command),
        Place::Unprivileged => sys::unprivileged(&mut command),
    }
    match command.output() {
        Err(error) => skipped(name, &format!("cannot start inside: {error}")),
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout);
            loudly(&text, "SKIPPED");
            let errors = String::from_utf8_lossy(&output.stderr);
            loudly(&errors, "SKIPPED");
            assert!(
                output.status.success(),
                "{name} failed inside:\n{text}\n{errors}"
            );
            assert!(text.contains("1 passed"), "{name} did not run inside");
        }
    }
    false
}

/// Says that a test could not run here.
pub(crate) fn skipped(name: &str, why: &str) {
    let line = format!("SKIPPED: {name} needs root or user namespaces ({why})");
    loudly(&line, "SKIPPED");
}

/// Shows the lines of `text` that start with `mark`, past the capture that hides what passing tests print.
fn loudly(text: &str, mark: &str) {
    for line in text.lines().filter(|line| line.starts_with(mark)) {
        let _ = writeln!(io::stderr(), "{line}");
    }
}

/// Makes the two ends of a wire, `one` and `two`, both up. False where the kernel has no such thing.
pub(crate) fn wire(one: &str, two: &str) -> bool {
    let mut peer = vec![0; 16];
    attribute(&mut peer, 3, &named(two));
    let mut data = Vec::new();
    attribute(&mut data, 1, &peer); // VETH_INFO_PEER
    let mut info = Vec::new();
    attribute(&mut info, 1, b"veth"); // IFLA_INFO_KIND
    attribute(&mut info, 2, &data); // IFLA_INFO_DATA
    let mut body = vec![0; 16];
    attribute(&mut body, 3, &named(one)); // IFLA_IFNAME
    attribute(&mut body, 18, &info); // IFLA_LINKINFO
    // RTM_NEWLINK; request, ack, create, exclusive
    match sys::ask(&message(16, 0x605, &body)).expect("netlink answers") {
        0 => {}
        libc::EOPNOTSUPP => return false,
        number => panic!("no wire: error {number}"),
    }
    for name in [one, two] {
        let mut body = vec![0; 4];
        body.extend_from_slice(&sys::index_of(name).to_ne_bytes());
        body.extend_from_slice(&1u32.to_ne_bytes()); // IFF_UP
        body.extend_from_slice(&1u32.to_ne_bytes());
        assert_eq!(
            sys::ask(&message(16, 0x005, &body)).expect("netlink answers"),
            0
        );
    }
    true
}

/// Puts 4 bytes of an address with a prefix on an interface, as anybody else would: without our tag.
pub(crate) fn put_untagged(name: &str, address: [u8; 4], prefix: u8) {
    let mut body = vec![2, prefix, 0, 0];
    body.extend_from_slice(&sys::index_of(name).to_ne_bytes());
    attribute(&mut body, 2, &address);
    attribute(&mut body, 1, &address);
    assert_eq!(
        sys::ask(&message(20, 0x605, &body)).expect("netlink answers"),
        0
    );
}

fn named(name: &str) -> Vec<u8> {
    [name.as_bytes(), &[0]].concat()
}

fn attribute(into: &mut Vec<u8>, kind: u16, value: &[u8]) {
    into.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
    into.extend_from_slice(&kind.to_ne_bytes());
    into.extend_from_slice(value);
    into.resize(into.len().next_multiple_of(4), 0);
}

fn message(kind: u16, flags: u16, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend_from_slice(&(16 + body.len() as u32).to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(body);
    message
}
