//! Goal: a relayed connection carries the PROXY header and every byte both ways, passes half-closes on, outlives
//! its listener, and a dead backend is told apart. Method: a real daemon between a client and a backend of ours.
#![allow(clippy::unwrap_used)]

mod common;

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
};

use common::{Daemon, Node, local};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

fn relaying(directory: &std::path::Path, backend: SocketAddr) -> (Daemon, SocketAddr) {
    let mut node = Node::new(directory, "n1");
    let address = local(common::free_tcp());
    node.more = format!("TCP_Listener {{ Listen \"{address}\" {{ Backend = \"{backend}\" }} }}");
    (node.start(), address)
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(common::LIMIT)).unwrap();
    stream
}

fn accept(backend: &TcpListener) -> TcpStream {
    let (stream, _) = backend.accept().unwrap();
    stream.set_read_timeout(Some(common::LIMIT)).unwrap();
    stream
}

fn header(stream: &mut TcpStream) -> [u8; 28] {
    let mut header = [0; 28];
    stream.read_exact(&mut header).unwrap();
    assert_eq!(&header[..12], SIGNATURE);
    assert_eq!(header[12..16], [0x21, 0x11, 0, 12]);
    header
}

#[test]
fn every_byte_both_ways_and_both_ends() {
    let directory = tempfile::tempdir().unwrap();
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut daemon, address) = relaying(directory.path(), backend.local_addr().unwrap());
    let mut client = connect(address);
    let mut server = accept(&backend);
    let header = header(&mut server);
    let port = client.local_addr().unwrap().port();
    assert_eq!(header[24..26], port.to_be_bytes());
    assert_eq!(header[26..28], address.port().to_be_bytes());

    // More than all buffers on the way hold, so that each direction has to wait for its reader.
    let bytes: Vec<u8> = (0..8_000_000u32)
        .map(|number| (number % 251) as u8)
        .collect();
    let sent = bytes.clone();
    let mut writer = client.try_clone().unwrap();
    let writing = std::thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut arrived = Vec::new();
    server.read_to_end(&mut arrived).unwrap();
    assert!(
        arrived == bytes,
        "client to backend: {} bytes",
        arrived.len()
    );
    writing.join().unwrap();

    // The client has closed its side; the other direction still works.
    let sent = bytes.clone();
    let writing = std::thread::spawn(move || server.write_all(&sent).unwrap());
    let mut returned = Vec::new();
    client.read_to_end(&mut returned).unwrap();
    assert!(
        returned == bytes,
        "backend to client: {} bytes",
        returned.len()
    );
    writing.join().unwrap();
    daemon.assert_serving();
}

#[test]
fn a_closed_listener_lets_its_relays_finish() {
    let directory = tempfile::tempdir().unwrap();
    let backend = TcpListener::bind("127.0.0.1:0").unwrap();
    let (daemon, address) = relaying(directory.path(), backend.local_addr().unwrap());
    let mut client = connect(address);
    let mut server = accept(&backend);
    header(&mut server);
    let mut node = daemon.node.clone();
    node.more.clear();
    node.write();
    daemon.signal("-HUP");
    common::wait("the end of the listener", || {
        TcpStream::connect(address).err()
    });
    client.write_all(b"still here").unwrap();
    let mut bytes = [0; 10];
    server.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"still here");
}

#[test]
fn a_dead_backend_ends_the_connection_and_the_count() {
    let directory = tempfile::tempdir().unwrap();
    let dead = local(common::free_tcp());
    let (mut daemon, address) = relaying(directory.path(), dead);
    let mut client = connect(address);
    let mut rest = Vec::new();
    let _ = client.read_to_end(&mut rest);
    assert_eq!(rest, b"");
    daemon.assert_serving();
}
