//! Goal: clients of the bus hear one story wherever they are, also while the cluster parts and meets, and wait while
//! the ring takes nothing more. Method: whole nodes under virtual time; clients' bytes go in and come out.

use std::time::Duration;

use bytes::BytesMut;
use ringfort_node::{BusEvent, BusPeer, BusSession, Event};
use ringfort_wire::session::{ByteOrder, Header, Hint, Membership, Name, bits, header::HEADER};

use super::common::{Cluster, DELAY};

const SECOND: Duration = Duration::from_secs(1);

/// One message that a client got: kind, group or sender, the names after it, its data.
struct Heard {
    kind: u32,
    name: String,
    names: Vec<String>,
    data: Vec<u8>,
}

impl Heard {
    fn sets(&self) -> Membership {
        Membership::decode(&self.data, ByteOrder::Little).expect("the data of a view")
    }
}

/// A client that is attached to host `at` under the name `name`.
struct Client {
    at: usize,
    session: BusSession,
    private: Name,
}

impl Client {
    fn attach(cluster: &mut Cluster, at: usize, name: &str, session: u64) -> Self {
        let session = BusSession(session);
        let peer = BusPeer::Unix;
        let accepted = Event::Bus(BusEvent::Accepted { session, peer });
        cluster.post(DELAY, at, accepted);
        let mut bytes = vec![4, 4, 0, 1, name.len() as u8];
        bytes.extend_from_slice(name.as_bytes());
        bytes.extend_from_slice(b"NULL");
        bytes.resize(5 + name.len() + 90, 0);
        let private = Name::private(name, &format!("n{}", at + 1));
        let client = Self {
            at,
            session,
            private,
        };
        client.say(cluster, &bytes);
        cluster.run(DELAY * 4);
        let greeted = client.take(cluster);
        assert!(greeted.ends_with(private.as_str().as_bytes()), "{name}");
        client
    }

    fn say(&self, cluster: &mut Cluster, bytes: &[u8]) {
        let (session, bytes) = (self.session, bytes.to_vec().into());
        let data = Event::Bus(BusEvent::Data { session, bytes });
        cluster.post(DELAY, self.at, data);
    }

    fn ask(&self, cluster: &mut Cluster, kind: u32, group: &str, data: &[u8]) {
        let header = Header {
            kind,
            name: self.private,
            groups: 1,
            hint: Hint::new(1, ByteOrder::Little),
            data_bytes: data.len(),
        };
        let mut out = BytesMut::new();
        header.encode(ByteOrder::Little, &mut out);
        out.extend_from_slice(Name::new(group).expect("a short name").field());
        out.extend_from_slice(data);
        self.say(cluster, &out);
    }

    fn take(&self, cluster: &mut Cluster) -> Vec<u8> {
        let sent = &mut cluster.hosts[self.at].sent;
        sent.remove(&self.session).unwrap_or_default()
    }

    fn heard(&self, cluster: &mut Cluster) -> Vec<Heard> {
        let bytes = self.take(cluster);
        let (mut rest, mut all) = (&bytes[..], Vec::new());
        while let Some(first) = rest.first_chunk::<HEADER>() {
            let (header, _) = Header::decode(first, usize::MAX).expect("a header");
            let (message, after) = rest.split_at(HEADER + header.rest_bytes());
            let (names, data) = message[HEADER..].split_at(32 * header.groups);
            let name = |field: &[u8]| Name::from_field(field.first_chunk().expect("a field"));
            let names = names.chunks(32).map(|field| name(field).expect("a name"));
            all.push(Heard {
                kind: header.kind,
                name: header.name.to_string(),
                names: names.map(|name| name.to_string()).collect(),
                data: data.to_vec(),
            });
            rest = after;
        }
        assert!(rest.is_empty(), "half a message");
        all
    }
}

fn kinds(heard: &[Heard]) -> Vec<(u32, &str)> {
    heard
        .iter()
        .map(|one| (one.kind, one.name.as_str()))
        .collect()
}

const JOINED: u32 = bits::VIEW | bits::BY_JOIN;
const NETWORK: u32 = bits::VIEW | bits::BY_NETWORK;

/// 20 of the reference: two sides meet, and while they tell each other their clients another one joins. It waits:
/// all hear the view of the meeting, two sets in it, and after it the join.
#[test]
fn a_join_while_two_sides_meet() {
    let mut cluster = Cluster::new(3);
    cluster.run(SECOND * 3);
    let al = Client::attach(&mut cluster, 0, "al", 1);
    let bo = Client::attach(&mut cluster, 1, "bo", 1);
    let cy = Client::attach(&mut cluster, 1, "cy", 2);
    al.ask(&mut cluster, bits::JOIN, "g1", b"");
    cluster.run(SECOND);
    bo.ask(&mut cluster, bits::JOIN, "g1", b"");
    cluster.run(SECOND);
    assert_eq!(
        kinds(&al.heard(&mut cluster)),
        [(JOINED, "g1"), (JOINED, "g1")]
    );
    assert_eq!(kinds(&bo.heard(&mut cluster)), [(JOINED, "g1")]);

    cluster.cut_off = Some(0);
    cluster.run(SECOND * 10);
    for (client, own) in [(&al, "#al#n1"), (&bo, "#bo#n2")] {
        let heard = client.heard(&mut cluster);
        assert_eq!(kinds(&heard), [(bits::TRANSITIONAL, "g1"), (NETWORK, "g1")]);
        assert_eq!(heard[1].names, [own]);
    }

    cluster.cut_off = None;
    let limit = cluster.now + SECOND * 30;
    while !cluster.hosts[1].merging {
        cluster.run(DELAY / 4);
        assert!(cluster.now < limit, "the sides never met");
    }
    cy.ask(&mut cluster, bits::JOIN, "g1", b"");
    cluster.run(DELAY + DELAY / 4);
    assert!(
        cluster.hosts[1].merging,
        "the join came too late for this test"
    );
    assert!(cluster.hosts[1].paused.contains(&cy.session));
    assert_eq!(cy.heard(&mut cluster).len(), 0);
    cluster.run(SECOND * 5);
    assert!(cluster.hosts[1].paused.is_empty());
    let mut ids = Vec::new();
    for (client, own) in [(&al, "#al#n1"), (&bo, "#bo#n2")] {
        let heard = client.heard(&mut cluster);
        assert_eq!(kinds(&heard), [(NETWORK, "g1"), (JOINED, "g1")], "{own}");
        assert_eq!(heard[0].names, ["#al#n1", "#bo#n2"]);
        assert_eq!(heard[1].names, ["#al#n1", "#bo#n2", "#cy#n2"]);
        let met = heard[0].sets();
        assert_eq!(met.sets.len(), 2);
        assert_eq!(met.sets[met.own], [Name::new(own).expect("a short name")]);
        ids.push((met.id, heard[1].sets().id));
    }
    assert_eq!(ids[0], ids[1]);
    let heard = cy.heard(&mut cluster);
    assert_eq!(kinds(&heard), [(JOINED, "g1")]);
    assert_eq!(heard[0].sets().id, ids[0].1);
}

/// A client that sends more than the ring takes is told to wait before much of it is queued, and goes on when there
/// is room: everything arrives, once and in order.
#[test]
fn a_client_waits_for_the_ring() {
    const MESSAGES: u32 = 20_000;
    let mut cluster = Cluster::new(3);
    cluster.run(SECOND * 3);
    let mouth = Client::attach(&mut cluster, 0, "mouth", 1);
    let ear = Client::attach(&mut cluster, 1, "ear", 1);
    ear.ask(&mut cluster, bits::JOIN, "g1", b"");
    cluster.run(SECOND);
    assert_eq!(kinds(&ear.heard(&mut cluster)), [(JOINED, "g1")]);
    let (mut said, mut waited, mut next) = (0, false, 0);
    let limit = cluster.now + SECOND * 600;
    while next < MESSAGES {
        // As a runtime does it: nothing is read of a client that is to wait.
        let paused = cluster.hosts[0].paused.contains(&mouth.session);
        waited |= paused;
        if !paused && said < MESSAGES {
            for _ in 0..400.min(MESSAGES - said) {
                let data = said.to_le_bytes().repeat(100);
                mouth.ask(&mut cluster, bits::AGREED, "g1", &data);
                said += 1;
            }
        }
        cluster.run(DELAY * 2);
        for heard in ear.heard(&mut cluster) {
            assert_eq!(
                (heard.kind, heard.name.as_str()),
                (bits::AGREED, "#mouth#n1")
            );
            assert_eq!(heard.data, next.to_le_bytes().repeat(100));
            next += 1;
        }
        assert!(cluster.now < limit, "{next} of {said} have come");
    }
    assert!(waited, "it never had to wait");
    cluster.run(SECOND);
    assert!(cluster.hosts[0].paused.is_empty());
    assert_eq!(ear.heard(&mut cluster).len(), 0);
}
