//! Where clients come in: sockets that are left over, taken, opened and closed while the daemon runs.

use std::{
    fs,
    io::Read,
    net::TcpStream,
    os::unix::{
        fs::PermissionsExt,
        net::{UnixListener, UnixStream},
    },
};

use ringfort_node::journal::{Decoder, End, Record, Replay, Taken};

use crate::{
    client::{AGREED, Client, Door, SAFE},
    common::{run, wait},
    daemons::Cluster,
};

/// The socket in the file system is for everybody on the host, goes with its daemon, and is taken over from one that
/// had no time to remove it.
#[test]
fn the_socket_comes_and_goes() {
    let mut cluster = Cluster::started(&["dmn1"]);
    let path = cluster.socket(0);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
    cluster.crash(0);
    assert!(UnixStream::connect(&path).is_err() && path.exists());
    cluster.start_one(0);
    cluster.client(0, "al").kill();
    cluster.stop(0);
    assert!(!path.exists());
}

/// Where somebody else answers a daemon does not start, and says where and why; nor does it touch a file that is no
/// socket.
#[test]
fn a_socket_that_is_taken() {
    let cluster = Cluster::new(&["dmn1"]);
    let configuration = cluster.write(0);
    let refused = || {
        let output = run(&["bus", "--config", configuration.to_str().unwrap()]);
        assert!(!output.status.success(), "it started all the same");
        String::from_utf8(output.stderr).unwrap()
    };
    let path = cluster.socket(0);
    let other = UnixListener::bind(&path).unwrap();
    let said = refused();
    assert!(said.contains(path.to_str().unwrap()), "{said}");
    assert!(
        UnixStream::connect(&path).is_ok(),
        "the other still listens"
    );
    drop(other);
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();
    refused();
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
}

/// A reload opens and closes listeners and changes limits; clients that are there stay.
#[test]
fn a_reload_while_clients_are_there() {
    let mut cluster = Cluster::new(&["dmn1"]);
    cluster.on_tcp = false;
    cluster.start();
    let Door::Tcp(address) = cluster.tcp(0) else {
        panic!("an address");
    };
    assert!(TcpStream::connect(address).is_err());
    let mut al = cluster.client(0, "al");
    al.enter("g1", &["#al#dmn1"]);
    cluster.on_tcp = true;
    cluster.more = "Client_Limit = 2".into();
    cluster.write(0);
    cluster.signal(0, "-HUP");
    wait("the new listener", || TcpStream::connect(address).ok());
    let mut bo = wait("room, since the one before has gone", || {
        Client::try_connect(&cluster.tcp(0), "bo", true).ok()
    });
    let mut third = TcpStream::connect(address).unwrap();
    let mut code = Vec::new();
    third.read_to_end(&mut code).unwrap();
    assert_eq!(code, [0xfd], "the limit holds for new clients");
    cluster.on_tcp = false;
    cluster.write(0);
    cluster.signal(0, "-HUP");
    wait("the end of the listener", || {
        TcpStream::connect(address).err()
    });
    bo.send(AGREED, &["g1"], 1, b"still here");
    assert_eq!(al.expect("a message").data, b"still here");
    bo.assert_quiet();
}

/// What clients did to a daemon is in its journal, and lived again it has the same outcome.
#[test]
fn a_recorded_life_with_clients_is_lived_again() {
    let mut cluster = Cluster::started(&["d1", "d2"]);
    let (mut al, mut bo) = (cluster.client(0, "al"), cluster.client(1, "bo"));
    al.enter("g1", &["#al#d1"]);
    bo.enter("g1", &["#al#d1", "#bo#d2"]);
    for number in 0..100 {
        al.send(SAFE, &["g1"], number, &[1; 3000]);
        bo.send(AGREED, &["g1"], number, b"short");
    }
    al.stream
        .send(b"garbage that is as long as a header, so that it is looked at at once");
    while al.next().is_some() {}
    while bo.expect("the end of al").kind != 0x1400 {}
    cluster.stop(0);
    let mut decoder = Decoder::default();
    decoder.feed(&fs::read(cluster.journal(0)).unwrap());
    let (mut replay, mut clients, mut last) = (Replay::default(), 0, None);
    while let Some((offset, content)) = decoder.next_record().unwrap() {
        if let Record::Event { event, .. } = Record::decode(&content).unwrap() {
            clients += u32::from(format!("{event:?}").starts_with("Bus("));
        }
        match replay.take(&content) {
            Ok(taken) => last = Some(taken),
            Err(fault) => panic!("at byte {offset}: {fault}"),
        }
    }
    assert_eq!(last, Some(Taken::Ended(End::Halted)));
    assert!(clients > 5, "{clients} events of clients");
}
