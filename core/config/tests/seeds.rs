//! Goal: the files printed in the old manual are accepted unmodified and mean what the manual says.
//! Method: the four samples as they stand, and an assertion for every field that they set.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{net::IpAddr, time::Duration};

use ringfort_config::{
    BootConf, ClientConf, Environment, HostPort, InterfaceUse, MbusConf, Settings, SourceId,
    Sources, load, parse_str,
    settings::{
        AddressMode, Destination, Dispersal, Endpoint, ListenerKind, Mechanism, ReplicateClass,
        Role,
    },
};

mod memory;

const MANAGER: &str = include_str!("../samples/seeds/eccluster.conf");
const NODE: &str = include_str!("../samples/seeds/ecelerity.conf");
const MBUS: &str = include_str!("../samples/seeds/mbus.conf");
const CLIENT: &str = include_str!("../samples/seeds/eccluster-client.conf");

fn environment(host: &str) -> Environment {
    Environment {
        host_name: Some(host.into()),
        ..Environment::default()
    }
}

fn settings(path: &str, text: &str, host: &str) -> Settings {
    let loaded = parse_str(path, text, &environment(host));
    assert_eq!(loaded.render(), "", "a sample of the manual has a mistake");
    loaded.settings.unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn the_manager_file_of_the_manual() {
    // The manual prints the bus and the group as one example, of which this is the part in front.
    let settings = settings("eccluster.conf", MANAGER, "manager-0-1");
    assert_eq!(settings.role, Role::Manager);
    assert_eq!(settings.bus.port, 4803);
    assert_eq!(settings.cluster_group, "ec_cluster");
    assert_eq!(settings.control_group, "ec_console");
    let manager = settings.manager.unwrap();
    assert_eq!(manager.logfile, "/var/eccluster/logs/%Y/%m/%d/%{l}/%{n}");
    assert_eq!(manager.max_open, 128);
    assert_eq!(manager.max_idle, Duration::from_secs(10));
    assert_eq!(manager.file_mode, 0o640);
    assert_eq!(manager.dir_mode, 0o755);
    assert_eq!(manager.subscribers, ["master"]);
    assert_eq!(
        manager.control_cache.as_deref(),
        Some("/var/log/eccluster/control.cache")
    );
    assert_eq!(manager.repository.as_deref(), Some("/var/eccluster/config"));
    assert!(manager.overrides.is_empty());
    let [socket, tcp] = settings.control_listeners.as_slice() else {
        panic!("two consoles: {:?}", settings.control_listeners);
    };
    assert_eq!(socket.endpoint, Endpoint::Unix("/tmp/2026".into()));
    assert!(socket.access.is_empty());
    assert_eq!(tcp.endpoint, Endpoint::Tcp("0.0.0.0:2026".parse().unwrap()));
    let [block] = tcp.access.as_slice() else {
        panic!("one access block: {:?}", tcp.access);
    };
    assert_eq!(block.net, "0.0.0.0/0".parse().unwrap());
    assert!(block.enable_authentication);
    let [digest] = block.authentication.as_slice() else {
        panic!("one mechanism: {:?}", block.authentication);
    };
    assert_eq!(digest.mechanism, Mechanism::DigestMd5);
    assert_eq!(
        digest.uri.as_deref(),
        Some("digest:///opt/ecelerity/etc/console_passwd")
    );
}

#[test]
fn the_node_file_of_the_manual() {
    let settings = settings("ecelerity.conf", NODE, "node1.example.com");
    assert_eq!(settings.role, Role::Node);
    assert_eq!(settings.manager, None);
    assert_eq!(settings.node_name.as_deref(), Some("node1.example.com")); // 2.2: the whole host name
    assert_eq!(settings.bus.port, 4803);
    assert_eq!(settings.cluster_group, "ec_cluster");
    assert_eq!(settings.control_group, "ec_console");
    assert_eq!(
        settings.cluster_listeners,
        ["0.0.0.0:4802".parse().unwrap()]
    );
    let [plain, managed] = settings.listeners.as_slice() else {
        panic!("two listeners: {:?}", settings.listeners);
    };
    assert_eq!(plain.kind, ListenerKind::Esmtp);
    assert_eq!(plain.address, "192.168.0.1:25".parse().unwrap());
    assert_eq!(plain.listen_backlog, 200);
    assert!(!plain.duravip);
    assert_eq!(managed.address, "192.168.0.41:25".parse().unwrap());
    assert_eq!(managed.listen_backlog, 200);
    assert!(managed.duravip);
    let [binding] = settings.bindings.as_slice() else {
        panic!("one binding: {:?}", settings.bindings);
    };
    assert_eq!(binding.name, "example");
    assert_eq!(binding.address, Some(ip("192.168.0.41")));
    assert!(binding.duravip);
    assert_eq!(binding.group, None);
    let [topology] = settings.topology.as_slice() else {
        panic!("one topology: {:?}", settings.topology);
    };
    assert_eq!(topology.net, "192.168.0.0/24".parse().unwrap());
    assert_eq!(topology.interface, "bge0");
    assert_eq!(topology.cidrmask, 32);
    assert_eq!(settings.duravip.address_mode, AddressMode::Netlink);
    let classes: Vec<ReplicateClass> = settings
        .replicate
        .iter()
        .map(|object| object.class)
        .collect();
    assert_eq!(
        classes,
        [
            ReplicateClass::InboundCidr,
            ReplicateClass::OutboundCidr,
            ReplicateClass::OutboundDomains
        ]
    );
}

#[test]
fn the_logs_of_the_node_file_of_the_manual() {
    let settings = settings("ecelerity.conf", NODE, "node1");
    let logs: Vec<(&str, &str)> = settings
        .logs
        .iter()
        .map(|log| (log.key.as_str(), log.path.as_str()))
        .collect();
    assert_eq!(
        logs,
        [
            ("rejectlog", "/var/log/ecelerity/rejectlog.cluster"),
            ("paniclog", "/var/log/ecelerity/paniclog.cluster"),
            ("mainlog", "/var/log/ecelerity/mainlog.cluster"),
            ("bouncealllog", "/var/log/ecelerity/bounces.cluster"),
        ]
    );
    let loggers: Vec<(&str, &str, bool)> = settings
        .loggers
        .iter()
        .map(|logger| {
            (
                logger.instance.as_str(),
                logger.option.as_str(),
                logger.connection_record,
            )
        })
        .collect();
    assert_eq!(
        loggers,
        [
            ("ec_logger", "mainlog", true),
            ("ec_logger", "paniclog", false),
            ("ec_logger", "rejectlog", false),
            ("custom_logger", "permanent_failure_logfile", false),
        ]
    );
    assert_eq!(
        settings.loggers[0].destination,
        Destination::Journal {
            path: "/var/log/ecelerity/mainlog.cluster".into(),
            subscribers: vec!["master".into()],
        }
    );
}

#[test]
fn the_bus_file_of_the_manual() {
    let (conf, diagnostics, sources) = MbusConf::parse_str("mbus.conf", MBUS);
    assert_eq!(ringfort_config::render(&diagnostics, &sources), "");
    assert_eq!(conf.settings["DebugFlags"], ["EXIT", "CONFIGURATION"]);
    assert_eq!(conf.settings["RuntimeDir"], ["/var/run/spread"]);
    assert_eq!(conf.settings["EventLogFile"], ["/var/log/spread/mainlog"]);
    assert!(conf.settings["EventTimeStamp"].is_empty());
    assert_eq!(conf.settings["DangerousMonitor"], ["false"]);
    let [segment] = conf.segments.as_slice() else {
        panic!("one segment: {:?}", conf.segments);
    };
    assert_eq!(segment.address, "10.0.0.255:4803".parse().unwrap());
    assert_eq!(segment.subcluster, None);
    let members: Vec<(String, String)> = segment
        .members
        .iter()
        .map(|member| {
            (
                member.name.clone(),
                member.address(4803).unwrap().to_string(),
            )
        })
        .collect();
    let mut expected = vec![("manager-0-1".to_string(), "10.0.0.91:4803".to_string())];
    for node in 1..=6 {
        expected.push((format!("ec-0-{node}"), format!("10.0.0.19{node}:4803")));
    }
    assert_eq!(members, expected);
}

#[test]
fn a_node_takes_its_peers_from_the_bus_file_of_the_manual() {
    let mut settings = settings("ecelerity.conf", NODE, "ec-0-3");
    let (conf, _, _) = MbusConf::parse_str("mbus.conf", MBUS);
    let warnings = settings.take_mbus(&conf, &mut |_| None).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(settings.bus.peers.len(), 7);
    assert_eq!(settings.node_addr, Some(ip("10.0.0.193")));
    assert_eq!(
        settings.bus.dispersal,
        Dispersal::Broadcast("10.0.0.255:4803".parse().unwrap())
    );
    // The same through the option.
    let mut files = memory::Files::from([
        (
            "/etc/node.conf",
            format!("{NODE}\nBus {{ Config = mbus.conf }}"),
        ),
        ("/etc/mbus.conf", MBUS.to_string()),
    ]);
    let loaded = load(&mut files, "/etc/node.conf", &environment("ec-0-3"));
    assert_eq!(loaded.render(), "");
    let other = loaded.settings.unwrap();
    assert_eq!(other.bus.dispersal, settings.bus.dispersal);
    assert_eq!(other.node_addr, settings.node_addr);
    assert_eq!(other.bus.peers.len(), 7);
}

#[test]
fn the_client_file_of_the_manual() {
    let (conf, diagnostics) = ClientConf::parse(SourceId(0), CLIENT);
    assert_eq!(diagnostics, []);
    assert!(conf.enabled);
    assert_eq!(
        conf.manager,
        Some(HostPort {
            host: "10.0.0.91".into(),
            port: 2026
        })
    );
    assert_eq!(conf.config, "boot");
    assert_eq!(conf.node_name, None);
}

#[test]
fn a_boot_file() {
    let text = "# written by the installer\ncluster_name = \"east\" # ours\n\nautoupdate=ifunchanged\n\
                repo = a.example.com, b.example.com:2028\nreload_config_on_update=false\n";
    let mut sources = Sources::new();
    let (conf, diagnostics) = BootConf::parse(sources.add("cluster.boot", text), text);
    assert_eq!(diagnostics, []);
    assert_eq!(conf.cluster_name, "east");
    assert_eq!(conf.autoupdate, ringfort_config::AutoUpdate::IfUnchanged);
    assert!(!conf.reload_on_update);
    let host = |host: &str, port| HostPort {
        host: host.into(),
        port,
    };
    assert_eq!(
        conf.repository,
        ringfort_config::Repository::Hosts(vec![
            host("a.example.com", 2027),
            host("b.example.com", 2028)
        ])
    );
    let (_, diagnostics) = BootConf::parse(
        SourceId(0),
        "node_nmae=x\nrepo=\nautoupdate=perhaps\njunk\n",
    );
    let messages: Vec<&str> = diagnostics.iter().map(|one| one.message.as_str()).collect();
    assert_eq!(
        messages,
        [
            "this line is no setting",
            "unknown key `node_nmae`",
            "no `cluster_name`",
            "`perhaps` is not a value of `autoupdate`",
            "`` is not a value of `repo`",
        ]
    );
    assert_eq!(
        diagnostics[1].help.as_deref(),
        Some("did you mean `node_name`?")
    );
}

#[test]
fn everything_an_mbus_file_can_say() {
    let text = "# Subcluster: east = manager.example.com\n\
                Spread_Segment 10.0.0.255 {\n  a 10.0.0.1\n  b { D 10.0.0.2:5000 C 10.9.0.2 }\n  c\n}\n\
                # Subcluster: west => m2\n\
                Spread_Segment 10.1.0.255:4999 { d 10.1.0.1 { M C 10.1.0.9 } }\n\
                TokenTimeout = 1500\nHurryTimeout = 500 Window = 60\nAcceleratedRing = false AcceleratedWindow = 9\n\
                EventTimeStamp = \"[%a %d]\" SocketPortReuse = auto\n";
    let (conf, diagnostics, _) = MbusConf::parse_str("mbus.conf", text);
    assert_eq!(diagnostics, []);
    let mut settings = Settings {
        node_name: Some("d".into()),
        ..Settings::default()
    };
    let mut asked = Vec::new();
    let warnings = settings.take_mbus(&conf, &mut |host| {
        asked.push(host.to_string());
        Some(ip("10.0.0.3"))
    });
    assert_eq!(warnings, Ok(vec![]));
    assert_eq!(asked, ["c"]);
    let peers: Vec<String> = settings
        .bus
        .peers
        .iter()
        .map(|peer| format!("{} {} {}", peer.name, peer.address, peer.subcluster))
        .collect();
    assert_eq!(
        peers,
        [
            "a 10.0.0.1:4803 east",
            "b 10.0.0.2:5000 east",
            "c 10.0.0.3:4803 east",
            "d 10.1.0.1:4999 west"
        ]
    );
    assert_eq!(settings.subcluster, "west");
    assert_eq!(settings.bus.dispersal, Dispersal::Unicast); // two segments: no one broadcast reaches both
    assert_eq!(
        settings.bus.timeouts.token,
        Some(Duration::from_millis(1500))
    );
    assert_eq!(
        settings.bus.timeouts.hurry,
        Some(Duration::from_millis(500))
    );
    assert_eq!(settings.bus.windows.ring, Some(60));
    assert_eq!(settings.bus.windows.accelerated, Some(0));
    let interface = conf.segments[1].members[0].interfaces[0];
    assert_eq!(
        interface.uses,
        InterfaceUse {
            monitor: true,
            client: true,
            daemon: false
        }
    );
}

/// What an mbus.conf says of clients holds, unless `Bus` says otherwise: the listeners follow its port, and
/// `MaxSessionMessages` is the queue of a client.
#[test]
fn clients_by_an_mbus_file() {
    let mbus =
        "MaxSessionMessages = 77\nSpread_Segment 10.0.0.255:4999 {\n  ec-0-3 10.0.0.193\n}\n";
    for (written, socket, queue) in [
        ("", "/tmp/4999", 77),
        ("Client_Queue = 5 Client_Directory = /run", "/run/4999", 5),
    ] {
        let mut files = memory::Files::from([
            (
                "/etc/node.conf",
                format!("{NODE}\nBus {{ Config = mbus.conf {written} }}"),
            ),
            ("/etc/mbus.conf", mbus.to_string()),
        ]);
        let loaded = load(&mut files, "/etc/node.conf", &environment("ec-0-3"));
        assert_eq!(loaded.render(), "");
        let clients = loaded.settings.unwrap().bus.clients;
        let tcp = Endpoint::Tcp("127.0.0.1:4999".parse().unwrap());
        assert_eq!(clients.listeners, [tcp, Endpoint::Unix(socket.into())]);
        assert_eq!(clients.queue_messages, queue);
    }
}
