//! Goal: what is wrong is said where it is, with what was expected; what is right becomes the settings it says.
//! Method: each `samples/bad/*.conf` is compared with its rendered diagnostics beside it (UPDATE=1 rewrites),
//! and each `samples/good/*.conf` is read without one, with an assertion for what it sets.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail like tests")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    time::Duration,
};

use ringfort_config::{
    Environment, Loaded, MbusConf, Settings, parse_str,
    settings::{AddressMode, Destination, Endpoint, NetblockLimit, ReplicateClass, Role},
};

fn samples(kind: &str) -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples")
        .join(kind);
    let mut files: Vec<PathBuf> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "conf")
        })
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn read(path: &Path) -> Loaded {
    let name = path.file_name().unwrap().to_str().unwrap();
    parse_str(
        name,
        &fs::read_to_string(path).unwrap(),
        &Environment::default(),
    )
}

fn good(name: &str) -> Settings {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("samples/good")
        .join(name);
    let loaded = read(&path);
    assert_eq!(loaded.render(), "", "{name}");
    loaded.settings.unwrap()
}

#[test]
fn bad_files_are_explained() {
    for path in samples("bad") {
        let loaded = read(&path);
        let rendered = loaded.render();
        let golden = path.with_extension("txt");
        if env::var_os("UPDATE").is_some() {
            fs::write(&golden, &rendered).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(rendered, expected, "{} (UPDATE=1 rewrites)", path.display());
        assert!(!rendered.is_empty(), "{} has no mistake", path.display());
        let warnings_only = path.ends_with("warnings.conf");
        assert_eq!(
            loaded.settings.is_some(),
            warnings_only,
            "{}",
            path.display()
        );
    }
}

#[test]
fn bad_bus_files_are_explained() {
    for path in samples("bad-mbus") {
        let name = path.file_name().unwrap().to_str().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let (_, diagnostics, sources) = MbusConf::parse_str(name, &text);
        let rendered = ringfort_config::render(&diagnostics, &sources);
        let golden = path.with_extension("txt");
        if env::var_os("UPDATE").is_some() {
            fs::write(&golden, &rendered).unwrap();
        }
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert_eq!(rendered, expected, "{} (UPDATE=1 rewrites)", path.display());
        assert!(
            diagnostics.iter().any(|diagnostic| diagnostic.is_error()),
            "{name}"
        );
    }
}

#[test]
fn good_files_have_no_mistake() {
    for path in samples("good") {
        assert_eq!(read(&path).render(), "", "{}", path.display());
    }
}

#[test]
fn a_node_on_loopback() {
    let settings = good("loopback.conf");
    assert_eq!(settings.role, Role::Node);
    assert_eq!(settings.cluster_name, "demo");
    assert_eq!(settings.state_dir, "/tmp/demo/n1");
    assert_eq!(settings.cluster_group, "g");
    assert_eq!(settings.node_addr, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(settings.subcluster, "default");
    assert_eq!(settings.duravip.address_mode, AddressMode::Loopback);
    assert_eq!(
        settings.duravip.view_mature_time,
        Duration::from_millis(500)
    );
    assert_eq!(settings.streams.max_backlog, 7);
    assert_eq!(
        settings.cluster_listeners,
        ["127.0.0.1:14802".parse().unwrap()]
    );
    assert_eq!(
        settings.bus.timeouts.token,
        Some(Duration::from_millis(300))
    );
    assert_eq!(settings.bus.timeouts.hurry, None);
    assert_eq!(settings.bus.windows.ring, Some(80));
    assert_eq!(
        settings.bus.clients.listeners,
        [
            Endpoint::Unix("/tmp/4803".into()),
            Endpoint::Tcp("127.0.0.1:14805".parse().unwrap())
        ]
    );
    let west = settings.bus.peer("N2").unwrap();
    assert_eq!(west.subcluster, "west");
    assert_eq!(
        west.cluster_address,
        Some("127.0.0.1:14812".parse().unwrap())
    );
    assert_eq!(settings.bus.peer("m1").unwrap().name, "m1.example.com");
    assert_eq!(settings.bus.peer("m1.other.com"), None);
    let own = settings.bus.peer("n1");
    assert_eq!(settings.bus.bind(own), "127.0.0.1:14803".parse().unwrap());
    assert_eq!(settings.authorization[0].allow, ["^cluster", "^help"]);
    assert_eq!(settings.replicate[0].max_delay, Duration::from_millis(50));
    assert_eq!(settings.replicate[0].max_pending, 10);
    assert_eq!(settings.replicate[1].class, ReplicateClass::Cache);
    assert_eq!(settings.replicate[1].max_size, Some(1000));
    assert_eq!(settings.replicate[1].parameters, ["snapshot"]);
}

#[test]
fn the_services_of_a_node_on_loopback() {
    let settings = good("loopback.conf");
    let [first, second, third] = settings.listeners.as_slice() else {
        panic!("the fourth is switched off: {:?}", settings.listeners);
    };
    assert!(first.duravip);
    assert_eq!(first.preference, ["N1", "m1"]);
    assert_eq!(first.backend, Some("127.0.0.1:3025".parse().unwrap()));
    assert_eq!(
        first.max_connections_per_netblock,
        Some(NetblockLimit {
            limit: 20,
            v4_bits: 24,
            v6_bits: 64
        })
    );
    assert_eq!(second.banner.as_deref(), Some("220 here\r\n"));
    assert_eq!(second.max_connections_per_netblock, None);
    assert_eq!(
        (third.follow.as_deref(), third.duravip),
        (Some("out"), false)
    );
    assert_eq!(settings.bindings[0].group.as_deref(), Some("g"));
    let [tcp, socket] = settings.control_listeners.as_slice() else {
        panic!("two consoles");
    };
    let [host, network] = tcp.access.as_slice() else {
        panic!("two blocks: {:?}", tcp.access);
    };
    assert_eq!(host.net, "127.0.0.1/32".parse().unwrap());
    assert!(!host.enable_authentication && !host.always_allow);
    assert_eq!(
        host.authentication[0].realm.as_deref(),
        Some("Momentum Console")
    );
    assert!(host.authentication[0].log_authentication);
    assert!(network.enable_authentication && network.always_allow);
    assert_eq!((socket.file_mode, socket.timeout.as_secs()), (0o600, 5));
    assert_eq!(socket.access.len(), 2); // what the listener says, for every address
    let destinations: Vec<&Destination> = settings
        .loggers
        .iter()
        .map(|logger| &logger.destination)
        .collect();
    assert_eq!(
        destinations,
        [
            &Destination::Journal {
                path: "/tmp/demo/n1/mainlog".into(),
                subscribers: vec!["m1".into(), "m2".into()]
            },
            &Destination::File("/tmp/demo/panic".into()),
            &Destination::Other("syslog:mail".into()),
        ]
    );
}

#[test]
fn a_manager_with_exceptions() {
    let settings = good("manager.conf");
    assert_eq!(settings.role, Role::Manager);
    assert_eq!(settings.subcluster, "west");
    assert_eq!(
        settings.control_listeners[0].endpoint,
        Endpoint::Tcp("0.0.0.0:2025".parse().unwrap())
    );
    let manager = settings.manager.unwrap();
    assert_eq!(manager.max_idle, Duration::from_millis(2500));
    assert_eq!(manager.file_mode, 0o640);
    assert!(manager.subscribers_for("WEST", "n1").is_empty());
    assert_eq!(manager.subscribers_for("west", "n2"), ["west", "master"]);
    assert_eq!(manager.subscribers_for("east", "n1"), ["east"]);
}

#[test]
fn defaults_are_those_of_the_reference() {
    let settings = Settings::default();
    assert_eq!(settings.role, Role::Node);
    assert_eq!(settings.cluster_name, "ringfort");
    assert_eq!(settings.node_name, None);
    assert_eq!(settings.bus.port, 4803);
    assert_eq!(settings.bus.datagram_limit, 1472);
    assert_eq!(
        settings.cluster_listeners,
        ["0.0.0.0:4802".parse().unwrap()]
    );
    assert_eq!(settings.control_client_timeout, Duration::from_secs(60));
    assert_eq!(settings.log_active_interval, Duration::from_secs(1));
    assert_eq!(settings.log_idle_interval, Duration::from_secs(10));
    let duravip = settings.duravip;
    assert_eq!(duravip.view_mature_time, Duration::from_secs(5));
    assert_eq!(duravip.view_balance_interval, Duration::from_secs(10));
    assert_eq!(duravip.view_broadcast_interval, Duration::ZERO);
    assert_eq!(duravip.balance_set_size, 1);
    assert_eq!(duravip.if_check_interval, Duration::from_secs(30));
    assert_eq!(duravip.if_down_limit, 4);
    assert!(duravip.arp_all_hosts);
    assert_eq!(settings.heartbeat.start_delay, Duration::from_secs(15));
    assert_eq!(settings.heartbeat.per_second, 1);
    assert_eq!(settings.streams.buffer_bytes, 131_072);
    assert_eq!(settings.streams.max_backlog, 5000);
    let names: Vec<&str> = settings
        .replicate
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["inbound_cidr", "shared_named_throttles"]);
    assert_eq!(settings.replicate[0].max_delay, Duration::from_secs(1));
    assert_eq!(settings.replicate[0].max_pending, 100);
    assert_eq!(
        settings.control_listeners[0].endpoint,
        Endpoint::Unix("/var/lib/ringfort/control".into())
    );
}

#[test]
fn who_this_node_is() {
    let name = |text: &str, environment: Environment| {
        parse_str("x", text, &environment)
            .settings
            .unwrap()
            .node_name
    };
    let host = || Environment {
        host_name: Some("mta1.example.com".into()),
        ..Environment::default()
    };
    assert_eq!(name("cluster {}", host()).as_deref(), Some("mta1"));
    let classic = "Logger cluster/ec_cluster cluster {}";
    assert_eq!(name(classic, host()).as_deref(), Some("mta1.example.com"));
    let given = || Environment {
        node_name: Some("given".into()),
        ..host()
    };
    assert_eq!(name("cluster {}", given()).as_deref(), Some("given"));
    assert_eq!(
        name("cluster { nodename = written }", given()).as_deref(),
        Some("written")
    );
    // A host that is not a peer may only be checking the file; a name that was given must be one.
    let peers = "msgc_server { peers = [ n1 = 192.0.2.1 ] }";
    assert!(parse_str("x", peers, &host()).settings.is_some());
    assert!(parse_str("x", peers, &given()).settings.is_none());
}

#[test]
fn what_belongs_to_the_mail_server_is_listed_and_not_refused() {
    let text = "Security { user = x }\nRelay_Hosts = ( a b )\nDomain \"x\" { Timeuot = 3 }\n\
                ESMTP_Listener { Listen \"192.0.2.1:25\" { Peer \"0.0.0.0/0\" { x = y } Max_Size = 3 } }";
    let loaded = parse_str("x", text, &Environment::default());
    assert_eq!(loaded.render(), "");
    let mut names: Vec<&str> = loaded.ignored.iter().map(|one| one.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["Max_Size", "Relay_Hosts", "domain", "peer", "security"]
    );
}

#[test]
fn a_flood_of_mistakes_is_cut() {
    let text = format!("cluster {{ {} }}", "if_down_limit_ = 1\n".repeat(500));
    let loaded = parse_str("x", &text, &Environment::default());
    assert_eq!(loaded.diagnostics.len(), 100);
    let help = loaded.diagnostics[99].help.as_deref();
    assert_eq!(help, Some("400 more of these are not shown"));
}

#[test]
fn as_many_addresses_as_the_old_system_could_hold() {
    let listen = |n: usize| {
        format!(
            "Listen \"10.{}.{}.1:25\" {{ Enable_Duravip = true }}\n",
            n / 250,
            n % 250
        )
    };
    let file = |count: usize| {
        let listens: String = (0..count).map(listen).collect();
        let topology = "Topology 10.0.0.0/8 { interface = eth0 }";
        format!("cluster {{ {topology} }} ESMTP_Listener {{ {listens} }}")
    };
    let loaded = parse_str("x", &file(10_240), &Environment::default());
    assert_eq!(loaded.settings.unwrap().listeners.len(), 10_240);
    let loaded = parse_str("x", &file(10_241), &Environment::default());
    assert!(loaded.render().contains("more than 10240 listeners"));
}

#[test]
fn a_mistake_far_to_the_right_does_not_flood_the_terminal() {
    let text = format!(
        "cluster {{ {} colour = 1 }}",
        "if_down_limit = 4 ".repeat(1000)
    );
    let loaded = parse_str("x", &text, &Environment::default());
    let rendered = loaded.render();
    assert!(rendered.contains("x:1:18012"), "{rendered}");
    assert!(
        rendered
            .lines()
            .take(5)
            .all(|line| line.chars().count() < 180),
        "{rendered}"
    );
}

#[test]
fn a_large_file_of_nonsense_costs_no_more_than_a_large_file() {
    // Each of these once took time or memory beyond its size: mistakes, long scopes, deep fall-back.
    let settings = "mail_server_only = 1\n".repeat(20_000);
    let listens: String = (1..5_000)
        .map(|n| format!("Listen 10.0.{}.{}:25 {{ }}\n", n / 250, n % 250))
        .collect();
    let texts = [
        "= ".repeat(300_000),
        ") ".repeat(300_000),
        "a\n".repeat(300_000),
        "[::".repeat(300_000),
        "/a ".repeat(300_000),
        format!("cluster {{ {settings} }}"),
        format!("ESMTP_Listener {{ {settings} {listens} }}"),
    ];
    for text in &texts {
        let loaded = parse_str("x", text, &Environment::default());
        assert!(loaded.diagnostics.len() <= 100);
    }
    let loaded = parse_str("x", &texts[6], &Environment::default());
    assert_eq!(loaded.settings.unwrap().listeners.len(), 4_999);
    assert_eq!(loaded.ignored.len(), 20_000);
}
