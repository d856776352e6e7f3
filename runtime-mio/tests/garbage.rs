//! Goal: nothing that a stranger sends to any socket ends a daemon, stops it from serving, or goes uncounted.
//! Method: fixed pseudo-random bytes, cut and bent frames at every listener of a real daemon, then the console.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpStream, UdpSocket},
    os::unix::net::UnixStream,
};

use bytes::Bytes;
use common::{Daemon, Node, local};
use ringfort_machine::{Rng, Seed};
use ringfort_wire::{ClusterId, Frame, Kind};

fn noise(rng: &mut Rng, length: usize) -> Vec<u8> {
    (0..length).map(|_| rng.next_u64() as u8).collect()
}

/// Bytes of every sort that a stranger may send.
fn samples(cluster: &str) -> Vec<Vec<u8>> {
    let mut rng = Rng::new(Seed::from_number(1));
    let mut samples: Vec<Vec<u8>> = (0..200)
        .map(|length| noise(&mut rng, length * 7 % 1500))
        .collect();
    for kind in Kind::ALL {
        let body = Bytes::from(noise(&mut rng, 100));
        let good = Frame::new(kind, body)
            .encode(ClusterId::of_name(cluster))
            .to_vec();
        samples.extend((0..good.len()).step_by(5).map(|cut| good[..cut].to_vec()));
        for bent in 0..good.len().min(40) {
            let mut frame = good.clone();
            frame[bent] ^= 0x41;
            samples.push(frame);
        }
        let mut longer = good.clone();
        longer.push(0);
        samples.push(longer);
        samples.push(good);
    }
    samples.push(vec![0; 9000]);
    samples
}

fn started(directory: &std::path::Path) -> Daemon {
    let mut node = Node::new(directory, "n1");
    // A peer that does not run, so that its address can be taken by the test: a known sender of garbage.
    node.peers.push(("n2".into(), common::free_udp()));
    // In clear, so that the garbage comes as far as it can.
    node.more = "Bus { Encryption = off }".into();
    node.start()
}

#[test]
fn a_sealed_node_takes_none_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::new(directory.path(), "n1");
    node.peers.push(("n2".into(), common::free_udp()));
    let mut daemon = node.start();
    let peer = UdpSocket::bind(local(daemon.node.peers[0].1)).unwrap();
    common::wait("what is not sealed to be refused", || {
        for sample in samples(&daemon.node.cluster) {
            peer.send_to(&sample, local(daemon.node.bus)).unwrap();
        }
        daemon.said().contains("NotSealed").then_some(())
    });
    for head in [[0xd5, 0x11], [0xd5, 0x12]] {
        for length in 0..200 {
            let sample = [&head[..], &vec![length as u8; length]].concat();
            peer.send_to(&sample, local(daemon.node.bus)).unwrap();
        }
    }
    daemon.wait_said("UnknownKey");
    daemon.wait_said("ForeignCluster");
    for sample in samples(&daemon.node.cluster) {
        let mut stream = TcpStream::connect(local(daemon.node.streams)).unwrap();
        let _ = stream.write_all(&sample); // the daemon may close before all is written
    }
    assert!(
        !daemon.said().contains("DatagramRefused"),
        "garbage came through the seal"
    );
    daemon.assert_serving();
    daemon.stop();
}

#[test]
fn datagrams() {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = started(directory.path());
    let stranger = UdpSocket::bind("127.0.0.1:0").unwrap();
    let peer = UdpSocket::bind(local(daemon.node.peers[0].1)).unwrap();
    let good =
        Frame::new(Kind::Beacon, Bytes::new()).encode(ClusterId::of_name(&daemon.node.cluster));
    // A datagram may be lost, and is passed over while the node is not ready: say it until it is heard.
    common::wait("a stranger to be heard", || {
        stranger.send_to(&good, local(daemon.node.bus)).unwrap();
        daemon.said().contains("StrangerHeard").then_some(())
    });
    for sample in samples(&daemon.node.cluster) {
        stranger.send_to(&sample, local(daemon.node.bus)).unwrap();
        peer.send_to(&sample, local(daemon.node.bus)).unwrap();
    }
    daemon.wait_said("DatagramRefused");
    daemon.assert_serving();
    let lines = daemon.said().matches("DatagramRefused").count();
    assert!(lines < 50, "{lines} lines: a flood must not fill the log");
    daemon.stop();
}

#[test]
fn a_foreign_cluster_and_a_wrong_version_are_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = started(directory.path());
    let peer = UdpSocket::bind(local(daemon.node.peers[0].1)).unwrap();
    let frame = Frame::new(Kind::Beacon, Bytes::from_static(b"x"));
    let foreign = frame.encode(ClusterId::of_name("another cluster"));
    common::wait("the foreign cluster to be named", || {
        peer.send_to(&foreign, local(daemon.node.bus)).unwrap();
        daemon.said().contains("ForeignCluster").then_some(())
    });
    let mut newer = frame
        .encode(ClusterId::of_name(&daemon.node.cluster))
        .to_vec();
    newer[4] = 99;
    // A note of a kind that floods is written again only after a while, so few are sent before.
    common::wait("the version to be named", || {
        peer.send_to(&newer, local(daemon.node.bus)).unwrap();
        daemon.said().contains("Version { found: 99").then_some(())
    });
    daemon.assert_serving();
}

#[test]
fn streams() {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = started(directory.path());
    for sample in samples(&daemon.node.cluster) {
        let mut stream = TcpStream::connect(local(daemon.node.streams)).unwrap();
        // The daemon may close before all is written: that is its right.
        let _ = stream.write_all(&sample);
        let _ = stream.shutdown(Shutdown::Write);
    }
    daemon.wait_said("StreamRefused");
    daemon.assert_serving();
}

#[test]
fn a_stream_that_sends_a_lie_is_closed() {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = started(directory.path());
    let mut stream = TcpStream::connect(local(daemon.node.streams)).unwrap();
    stream.set_read_timeout(Some(common::LIMIT)).unwrap();
    stream.write_all(&[0xff; 64]).unwrap();
    let mut rest = Vec::new();
    let ended = stream.read_to_end(&mut rest);
    assert!(ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
    daemon.assert_serving();
}

#[test]
fn consoles() {
    let directory = tempfile::tempdir().unwrap();
    let mut daemon = started(directory.path());
    for sample in samples(&daemon.node.cluster) {
        let mut tcp = TcpStream::connect(local(daemon.node.console)).unwrap();
        let _ = tcp.write_all(&sample);
        let mut unix = UnixStream::connect(daemon.node.control()).unwrap();
        let _ = unix.write_all(&sample);
    }
    daemon.assert_serving();
    // A line without an end: the session ends, at the latest when the line is longer than any may be.
    let mut endless = TcpStream::connect(local(daemon.node.console)).unwrap();
    endless.set_read_timeout(Some(common::LIMIT)).unwrap();
    let mut banner = [0; 46];
    endless.read_exact(&mut banner).unwrap();
    assert_eq!(banner, [b'#'; 46]);
    let _ = endless.write_all(&vec![b'x'; 100_000]);
    let ended = endless.read_to_end(&mut Vec::new());
    assert!(ended.is_ok() || ended.unwrap_err().kind() == std::io::ErrorKind::ConnectionReset);
    daemon.assert_serving();
}

#[test]
fn service_listeners() {
    let directory = tempfile::tempdir().unwrap();
    let mut node = Node::new(directory.path(), "n1");
    let address = local(common::free_tcp());
    node.more = format!("ESMTP_Listener {{ Listen \"{address}\" {{ }} }}");
    let mut daemon = node.start();
    for sample in samples(&node.cluster) {
        let mut stream = TcpStream::connect(address).unwrap();
        let _ = stream.write_all(&sample);
    }
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(common::LIMIT)).unwrap();
    let mut banner = String::new();
    stream.read_to_string(&mut banner).unwrap();
    assert!(
        banner.starts_with("220 n1 n1-") && banner.ends_with("\r\n"),
        "{banner:?}"
    );
    daemon.assert_serving();
}
