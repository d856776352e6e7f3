//! Goal: the kernel does what the platform says it did, and a neighbour on the wire sees the announcements.
//! Method: each test runs in a network namespace of its own, with both ends of a wire in it.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used)] // in helpers of tests, as in tests

mod support;

use std::{fs, net::IpAddr};

use ipnet::IpNet;
use ringfort_platform_linux::{Platform, PlatformError};
use support::{Place, inside, put_untagged, skipped, sys::Capture, wire};

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// Whether test `name` runs inside, with a wire from `va` to `vb`.
fn with_wire(name: &str) -> bool {
    if !inside(name, Place::Namespace) {
        return false;
    }
    let made = wire("va", "vb");
    if !made {
        skipped(name, "the kernel has no veth");
    }
    made
}

fn has_ipv6() -> bool {
    fs::read_to_string("/proc/sys/net/ipv6/conf/va/disable_ipv6")
        .is_ok_and(|text| text.trim() == "0")
}

fn on(platform: &mut Platform, address: IpAddr) -> Vec<(String, bool)> {
    let all = platform.list().unwrap();
    all.into_iter()
        .filter(|found| found.address.addr() == address)
        .map(|found| (found.interface, found.tagged))
        .collect()
}

#[test]
fn an_address_comes_is_found_and_goes() {
    if !with_wire("an_address_comes_is_found_and_goes") {
        return;
    }
    let mut platform = Platform::new().unwrap();
    let mut nets = vec![net("10.77.0.1/32"), net("10.77.1.1/24")];
    if has_ipv6() {
        nets.push(net("fd77::1/128"));
        nets.push(net("fd77:1::1/64"));
    } else {
        skipped("the IPv6 half", "IPv6 is switched off");
    }
    assert_eq!(platform.survey().unwrap(), []);
    for net in &nets {
        platform.acquire(*net, "va").unwrap();
        platform.acquire(*net, "va").unwrap();
        assert_eq!(on(&mut platform, net.addr()), [("va".to_owned(), true)]);
        assert!(
            platform
                .survey()
                .unwrap()
                .contains(&(*net, "va".to_owned()))
        );
    }
    // One can be used at once: IPv6 does not wait for duplicate address detection.
    for net in &nets {
        std::net::UdpSocket::bind((net.addr(), 0)).unwrap();
    }
    assert_eq!(platform.survey().unwrap().len(), nets.len());
    for net in &nets {
        platform.release(*net, "va").unwrap();
        platform.release(*net, "va").unwrap();
        assert_eq!(on(&mut platform, net.addr()), []);
    }
    assert_eq!(platform.survey().unwrap(), []);
    // An interface that is gone has no address.
    platform.release(nets[0], "gone").unwrap();
}

#[test]
fn leftovers_are_found_by_their_tag_and_others_left_alone() {
    if !with_wire("leftovers_are_found_by_their_tag_and_others_left_alone") {
        return;
    }
    put_untagged("va", [10, 77, 9, 1], 24);
    let mut former = Platform::new().unwrap();
    former.acquire(net("10.77.0.1/32"), "va").unwrap();
    former.acquire(net("10.77.0.2/32"), "vb").unwrap();
    drop(former);
    let mut platform = Platform::new().unwrap();
    let mut leftovers = platform.survey().unwrap();
    leftovers.sort();
    let expected = [
        (net("10.77.0.1/32"), "va".to_owned()),
        (net("10.77.0.2/32"), "vb".to_owned()),
    ];
    assert_eq!(leftovers, expected);
    for (net, interface) in leftovers {
        platform.release(net, &interface).unwrap();
    }
    assert_eq!(platform.survey().unwrap(), []);
    let stranger = net("10.77.9.1/24").addr();
    assert_eq!(on(&mut platform, stranger), [("va".to_owned(), false)]);
}

#[test]
fn an_address_that_is_there_is_adopted() {
    if !with_wire("an_address_that_is_there_is_adopted") {
        return;
    }
    put_untagged("va", [10, 77, 0, 1], 32);
    let mut platform = Platform::new().unwrap();
    assert_eq!(platform.survey().unwrap(), []);
    platform.acquire(net("10.77.0.1/32"), "va").unwrap();
    assert_eq!(
        platform.survey().unwrap(),
        [(net("10.77.0.1/32"), "va".to_owned())]
    );
}

#[test]
fn a_thousand_addresses_are_all_listed() {
    if !with_wire("a_thousand_addresses_are_all_listed") {
        return;
    }
    let mut platform = Platform::new().unwrap();
    for third in 0..4 {
        for last in 0..250 {
            let address = IpAddr::from([10, 78, third, last]);
            platform.acquire(IpNet::from(address), "va").unwrap();
        }
    }
    assert_eq!(platform.survey().unwrap().len(), 1000);
}

/// The frames that arrive on `vb` until `count` fulfil `wanted`.
fn arriving(capture: &Capture, count: usize, wanted: impl Fn(&[u8]) -> bool) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    while frames.len() < count {
        let frame = capture.next().expect("the announcement arrives");
        if wanted(&frame) {
            frames.push(frame);
        }
    }
    frames
}

fn mac_of(interface: &str) -> Vec<u8> {
    let text = fs::read_to_string(format!("/sys/class/net/{interface}/address"));
    // A user namespace may not see its own /sys; then the frame itself has to do.
    text.map_or_else(
        |_| Vec::new(),
        |text| {
            text.trim()
                .split(':')
                .map(|byte| u8::from_str_radix(byte, 16).unwrap())
                .collect()
        },
    )
}

#[test]
fn a_neighbour_sees_the_arp_announcements() {
    if !with_wire("a_neighbour_sees_the_arp_announcements") {
        return;
    }
    let mut platform = Platform::new().unwrap();
    let vip = net("10.77.0.1/32");
    platform.acquire(vip, "va").unwrap();
    let capture = Capture::on("vb").unwrap();
    platform.announce(vip, "va").unwrap();
    let arp = |frame: &[u8]| frame.get(12..14) == Some(&[0x08, 0x06]);
    let frames = arriving(&capture, 2, arp);
    for (frame, operation) in frames.iter().zip([1u8, 2]) {
        assert_eq!(frame[..6], [0xff; 6], "to everybody");
        assert_eq!(frame[20..22], [0, operation]);
        assert_eq!(frame[6..12], frame[22..28], "the sender is the sender");
        let mac = mac_of("va");
        assert!(mac.is_empty() || mac == frame[6..12]);
        assert_eq!(frame[28..32], [10, 77, 0, 1]);
        assert_eq!(frame[38..42], [10, 77, 0, 1]);
    }
}

#[test]
fn a_neighbour_sees_the_neighbour_advertisement() {
    let name = "a_neighbour_sees_the_neighbour_advertisement";
    if !with_wire(name) {
        return;
    }
    if !has_ipv6() {
        return skipped(name, "IPv6 is switched off");
    }
    let mut platform = Platform::new().unwrap();
    let vip = net("fd77::1/128");
    platform.acquire(vip, "va").unwrap();
    let capture = Capture::on("vb").unwrap();
    platform.announce(vip, "va").unwrap();
    let IpAddr::V6(address) = vip.addr() else {
        panic!("an IPv6 address");
    };
    let wanted = |frame: &[u8]| {
        frame.get(12..14) == Some(&[0x86, 0xdd])
            && frame.get(54) == Some(&136)
            && frame.get(62..78) == Some(&address.octets())
    };
    let frames = arriving(&capture, 1, wanted);
    let frame = &frames[0];
    assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 1]);
    assert_eq!(frame[21], 255, "hop limit");
    assert_eq!(frame[58], 0x20, "override");
    assert_eq!(frame[80..86], frame[6..12], "the option has our address");
}

#[test]
fn errors_say_what_to_do() {
    if !with_wire("errors_say_what_to_do") {
        return;
    }
    let mut platform = Platform::new().unwrap();
    let vip = net("10.77.0.1/32");
    let error = platform.acquire(vip, "eth9").unwrap_err();
    let PlatformError::NoInterface { name, known } = &error else {
        panic!("{error}");
    };
    assert_eq!(name, "eth9");
    assert!(known.contains(&"va".to_owned()) && known.contains(&"lo".to_owned()));
    assert!(error.to_string().contains("va"), "{error}");
    let error = platform.announce(vip, "lo").unwrap_err();
    assert!(
        matches!(error, PlatformError::NotEthernet { .. }),
        "{error}"
    );
}

#[test]
fn without_a_right_the_error_says_how_to_get_it() {
    let name = "without_a_right_the_error_says_how_to_get_it";
    if !inside(name, Place::Unprivileged) {
        return;
    }
    let mut platform = Platform::new().unwrap();
    let error = platform.acquire(net("10.77.0.1/32"), "lo").unwrap_err();
    assert!(matches!(error, PlatformError::Denied { .. }), "{error}");
    assert!(error.to_string().contains("setcap"), "{error}");
    // Looking is allowed.
    assert!(!platform.list().unwrap().is_empty());
}
