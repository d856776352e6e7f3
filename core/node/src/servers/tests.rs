//! Goal: a private name fits Spread's fields whatever the node is called, is understood everywhere, and views have
//! Spread's order. Method: the table of a few nodes, asked directly.

extern crate std;

use ringfort_groups::ClientName;
use ringfort_machine::{Incarnation, ProcessId};

use super::*;
use crate::Peer;

const LONG: &str = "mta-01.eu-west.example.com";

fn servers(names: &[&str]) -> Servers {
    let loaded = ringfort_config::parse_str(
        "test.conf",
        "msgc_server { peers = [ n1 = \"10.0.0.1:4803\" ] }\ncluster { nodename = n1 }\n",
        &ringfort_config::Environment::default(),
    );
    let mut config = Config::from_settings(loaded.settings.as_ref().unwrap()).unwrap();
    config.peers = names
        .iter()
        .map(|name| Peer {
            node: NodeId::of_name(name),
            name: (*name).into(),
            address: ([127, 0, 0, 1], 1).into(),
        })
        .collect();
    Servers::new(&config)
}

fn member(client: &str, node: &str) -> MemberId {
    let process = ProcessId::new(NodeId::of_name(node), Incarnation(1));
    MemberId::new(process, ClientName::new(client).unwrap())
}

#[test]
fn a_name_that_fits_is_the_servers_name_and_another_is_shortened() {
    assert_eq!(server_name("n1"), "n1");
    assert_eq!(server_name("exactly-nineteen-by"), "exactly-nineteen-by");
    let short = server_name(LONG);
    assert_eq!(short.len(), SERVER_NAME);
    assert!(short.starts_with("mta-01.e~"), "{short}");
    assert_ne!(short, server_name("mta-01.eu-east.example.com"));
    assert_eq!(server_name(""), server_name(""));
    assert!(is_name(server_name("a b c d e f g h i j k l m").as_bytes()));
}

#[test]
fn a_destination_is_in_full_between_nodes_and_as_written_for_clients() {
    let servers = servers(&["n1", LONG]);
    let short = server_name(LONG);
    let written = GroupName::new(&format!("#al#{short}")).unwrap();
    let full = servers.in_full(written.clone());
    assert_eq!(full.as_str(), format!("#al#{LONG}"));
    assert_eq!(full.receiver().unwrap().1, NodeId::of_name(LONG));
    let others = ["g1", "#al#n1", "#al#nobody"].map(|name| GroupName::new(name).unwrap());
    for other in &others {
        assert_eq!(servers.in_full(other.clone()), *other);
    }
    let sent: Arc<[GroupName]> = others.iter().cloned().chain([full]).collect();
    let shown: Arc<[GroupName]> = others.iter().cloned().chain([written]).collect();
    assert_eq!(servers.as_written(&sent), shown);
    assert_eq!(
        servers.private(&member("al", LONG)).as_str(),
        format!("#al#{short}")
    );
}

#[test]
fn members_stand_in_the_order_of_the_configuration_then_of_their_names() {
    let servers = servers(&["zoe", "bob", "amy"]);
    let members = [
        member("al", "amy"),
        member("b", "gone"),
        member("zz", "zoe"),
        member("Bb", "zoe"),
        member("alb", "bob"),
        member("al", "bob"),
    ];
    let gone = NodeId::of_name("gone");
    let names: Vec<String> = servers
        .ordered(&members)
        .iter()
        .map(|name| name.to_string())
        .collect();
    let last = format!("#b#{gone}");
    assert_eq!(
        names,
        [
            "#Bb#zoe",
            "#zz#zoe",
            "#al#bob",
            "#alb#bob",
            "#al#amy",
            last.as_str()
        ]
    );
}
