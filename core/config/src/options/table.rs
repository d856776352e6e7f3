//! The rows of the table. Order is the order of the printed page. Sources: momentum-features.md 1.4 to 1.20;
//! what has no counterpart there is ours and says so.

use super::{Kind, OptionSpec};

/// The scopes of [`OPTIONS`]: key, heading and what the scope is for.
pub const SCOPES: &[(&str, &str, &str)] = &[
    (
        "global",
        "Top level",
        "Options outside of any scope. All but `control_client_timeout`, `use_iflist_cache` and `Subcluster` are ours.",
    ),
    (
        "cluster",
        "`cluster`",
        "The cluster module: identity, groups, addresses, journals.",
    ),
    (
        "topology",
        "`Topology \"network\"` in `cluster`",
        "Where addresses of a network are put. The longest network that contains an address applies.",
    ),
    (
        "replicate",
        "`Replicate \"name\"` in `cluster`",
        "One shared object. If the file declares none, `inbound_cidr` and `shared_named_throttles` are shared.",
    ),
    (
        "bus",
        "`Bus`",
        "The ring and its clients. The scope is ours; values of a file named by `Config` are replaced by those written here.",
    ),
    (
        "msgc_server",
        "`msgc_server`",
        "Members of the ring, and streams between them.",
    ),
    (
        "msgc_client",
        "`msgc_client`",
        "Accepted from files of 3.4 and later: the ring is in-process, so that there is no client to set up.",
    ),
    (
        "cluster_listen",
        "`ECCluster_Listener`, `msgcserver_listener` and `Listen` within",
        "Where streams of other nodes are accepted: `Listen \"address:port\"`, by default `*:4802`. Only `ECCluster_Listener` has an effect.",
    ),
    (
        "control_listen",
        "`Control_Listener`, `Listen` and `Peer` within",
        "Consoles: `Listen \"path or address:port\"` (port 2025, in files of 2.2 for a manager 2026) and within it `Peer \"network\"`, of which the longest that contains the peer applies. A `Peer` takes what it does not set from its `Listen`, and that from the listener. By default there is one socket, `control` in the state directory.",
    ),
    (
        "role",
        "`Role \"name\"` in `Authorization`",
        "Which commands a role or user may issue.",
    ),
    (
        "listen",
        "`ESMTP_Listener`, `ECStream_Listener`, `POP3_Listener`, `HTTP_Listener`, `XMLRPC_Listener`, `TCP_Listener` and `Listen` within",
        "Services: `Listen \"address:port\"`. A `Listen` takes what it does not set from the listener. `Peer` scopes within are policy of the mail server and passed over.",
    ),
    (
        "binding",
        "`Binding \"name\"`, also in `Binding_Group`",
        "A source address of outbound traffic. Other options of a binding are those of the mail server and passed over.",
    ),
    ("networking", "`Networking`", "Manager of 2.2."),
    (
        "logs",
        "`Logs`",
        "Manager: collection of journals. `Manager \"m\" { Node \"n\" { Subscriber = … } }` within it makes exceptions, also without `Node`.",
    ),
    ("config", "`Config`", "Manager of 2.2."),
    ("rtstats", "`RTStats`", "Manager of 2.2."),
];

const fn option(
    scope: &'static str,
    name: &'static str,
    kind: Kind,
    default: &'static str,
    meaning: &'static str,
) -> OptionSpec {
    OptionSpec {
        scope,
        name,
        aliases: &[],
        kind,
        default,
        range: None,
        unit: "",
        meaning,
        effect: true,
    }
}

impl OptionSpec {
    const fn range(mut self, low: u64, high: u64) -> Self {
        self.range = Some((low, high));
        self
    }

    const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    const fn seconds(self, low: u64, high: u64) -> Self {
        self.range(low, high).unit("s")
    }

    const fn alias(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    const fn ignored(mut self) -> Self {
        self.effect = false;
        self
    }
}

const DAY: u64 = 86_400;
const PORTS: (u64, u64) = (1, 65_535);
const LEVELS: Kind = Kind::Choice(&["debug", "info", "notice", "warning", "error", "critical"]);

/// Every option.
#[rustfmt::skip]
pub const OPTIONS: &[OptionSpec] = &[
    option("global", "Role", Kind::Choice(&["node", "manager"]), "", "What this process is. By default a manager if the file has a scope `Logs`, `Networking`, `Config` or `RTStats`, else a node."),
    option("global", "Cluster_Name", Kind::Name, "ringfort", "Name of the cluster; processes with different names never form one ring."),
    option("global", "State_Dir", Kind::Path, "/var/lib/ringfort", "Directory for everything the process keeps."),
    option("global", "Subcluster", Kind::Name, "", "Subcluster of this node; by default that of its entry among the peers, else `default`."),
    option("global", "control_client_timeout", Kind::Seconds, "60", "How long a console waits for another process.").seconds(1, DAY),
    option("global", "use_iflist_cache", Kind::Flag, "0", "Interfaces are always watched here, never listed again.").ignored(),

    option("cluster", "nodename", Kind::Name, "", "Name of this node. By default the name from the environment, else the host name (in v3 files its first label)."),
    option("cluster", "nodeaddr", Kind::Address, "", "Address of this node in the cluster network. By default that of its entry among the peers."),
    option("cluster", "subcluster", Kind::Name, "", "As `Subcluster` at top level, which wins."),
    option("cluster", "cluster_group", Kind::Name, "ec_cluster", "Group in which addresses are agreed; the same on all nodes and managers."),
    option("cluster", "control_group", Kind::Name, "ec_console", "Group of console commands; the same on all nodes and managers."),
    option("cluster", "log_group", Kind::Name, "", "Group to which panic lines are published."),
    option("cluster", "mbus_daemon", Kind::Text, "4803", "Port of the bus, as `Port` in `Bus`, which wins."),
    option("cluster", "cluster_listener", Kind::Endpoints, "*:4802", "As `ECCluster_Listener`, which wins."),
    option("cluster", "cluster_advertise", Kind::Socket, "", "What peers are told to connect to. By default `nodeaddr` with the port of the first cluster listener. Ours."),
    option("cluster", "logs", Kind::Dictionary, "", "Journals that may be pulled: key, and directory as in the `cluster://` URI."),
    option("cluster", "dml", Kind::Dictionary, "", "Statistics journal of 2.2.").ignored(),
    option("cluster", "address_mode", Kind::Choice(&["netlink", "loopback"]), "netlink", "How addresses are managed: on an interface, or (for clusters on one machine) not at all. Also `loopback` if every topology names the interface `lo`. Ours."),
    option("cluster", "arp_all_hosts", Kind::Flag, "true", "Announce a moved address to all known hosts, not only to those of interest."),
    option("cluster", "duravip_balance_set_size", Kind::Count, "1", "Addresses moved in one round of balancing.").range(1, 10_240).unit("addresses"),
    option("cluster", "view_mature_time", Kind::Seconds, "5", "How long a view must be unchanged before addresses without an owner are given out.").seconds(0, DAY),
    option("cluster", "view_balance_interval", Kind::Seconds, "10", "Between rounds of balancing; 0 switches balancing off.").seconds(0, DAY),
    option("cluster", "view_broadcast_interval", Kind::Seconds, "0", "Between announcements of the own view that nobody asked for; 0 switches them off.").seconds(0, DAY),
    option("cluster", "if_check_interval", Kind::Seconds, "30", "Between comparisons of the interfaces with what they should hold.").seconds(1, DAY),
    option("cluster", "if_down_limit", Kind::Count, "4", "Comparisons in a row that must miss an address before it is added again.").range(1, 1_000).unit("checks"),
    option("cluster", "log_active_interval", Kind::Seconds, "1", "Pause between segments sent to a subscriber while there is data.").seconds(0, DAY),
    option("cluster", "log_idle_interval", Kind::Seconds, "10", "The same after there was none.").seconds(0, DAY),
    option("cluster", "heartbeat_start_delay", Kind::Seconds, "15", "From start to the first heartbeat on the bus.").seconds(0, DAY),
    option("cluster", "heartbeats_per_sec", Kind::Count, "1", "Heartbeats; 0 switches them off.").range(0, 1_000).unit("per second"),
    option("cluster", "tcp_buffer_size", Kind::Count, "", "As `tcpbuf_size` of `msgc_server`, which wins.").range(4_096, 1 << 26).unit("bytes"),
    option("cluster", "unconditional_rebind", Kind::Flag, "true", "Queues of mail are not ours.").alias(&["unconditional_rebinding"]).ignored(),
    option("cluster", "enabled", Kind::Flag, "true", "The module is the program.").ignored(),
    option("cluster", "debug_level", LEVELS, "error", "Log levels are set where the daemon is started.").ignored(),

    option("topology", "interface", Kind::Name, "", "Interface that carries addresses of this network. Required."),
    option("topology", "cidrmask", Kind::Count, "", "Prefix length with which an address is added; by default 32, for IPv6 128.").range(1, 128).unit("bits"),

    option("replicate", "type", Kind::Name, "", "Kind of the object; by default its name. One of `inbound_cidr`, `outbound_cidr`, `outbound_domains`, `outbound_binding_domains`, `OBTC`, `OBTM`, `shared_named_throttles`, `metrics`, `eccmgr_metrics`, `cache`."),
    option("replicate", "class", Kind::Name, "", "The same; for an object whose name is not its kind."),
    option("replicate", "replication_name", Kind::Name, "", "Name of the object in files of 2.2."),
    option("replicate", "binding_group", Kind::Name, "", "Count only connections of this group (`outbound_cidr`, `outbound_domains`)."),
    option("replicate", "parameters", Kind::Text, "", "Words separated by `;`: `snapshot`, `connect`, `delivery`, `transfail`, `permfail`, `reception`, `rejection`, `audit_series`, `gauge_cache`."),
    option("replicate", "max_delay", Kind::Seconds, "1.0", "Longest time that a change waits before it is sent.").seconds(0, 3_600),
    option("replicate", "max_pending", Kind::Count, "100", "Most changes that wait before they are sent.").range(1, 1_000_000).unit("changes"),
    option("replicate", "max_size", Kind::Text, "-1", "Most entries of a `cache`; -1 for no limit of its own.").unit("entries"),

    option("bus", "Config", Kind::Path, "", "An mbus.conf to take peers and times from."),
    option("bus", "Bind_Address", Kind::Address, "*", "Local address of datagrams."),
    option("bus", "Port", Kind::Count, "4803", "Port of datagrams, and of peers that name none.").range(PORTS.0, PORTS.1),
    option("bus", "Dispersal", Kind::Choice(&["unicast", "multicast", "broadcast"]), "unicast", "How one datagram reaches all. An mbus.conf with one segment sets broadcast or multicast by the address of the segment."),
    option("bus", "Dispersal_Address", Kind::Socket, "", "The multicast group or broadcast address; required with those."),
    option("bus", "Datagram_Limit", Kind::Count, "1472", "Largest datagram.").range(576, 65_507).unit("bytes"),
    option("bus", "Client_Listen", Kind::Endpoints, "", "Where client programs of the bus attach, with the protocol of Spread 4; by default `Port` on 127.0.0.1, and the socket called `Port` in `Client_Directory`. `()` for nowhere."),
    option("bus", "Client_Directory", Kind::Path, "/tmp", "Directory of that socket; libspread looks in `/tmp`."),
    option("bus", "Client_Allow", Kind::Names, "", "Addresses and networks that clients may come from; by default any that reaches a listener. A client on a socket in the file system comes from 0.0.0.0."),
    option("bus", "Client_Limit", Kind::Count, "997", "Clients at a time; more are refused.").range(1, 100_000).unit("clients"),
    option("bus", "Client_Queue", Kind::Count, "65536", "Messages that may wait for one client; when there are more it is disconnected (`MaxSessionMessages` of Spread).").range(1, 10_000_000).unit("messages"),
    option("bus", "Client_Queue_Bytes", Kind::Count, "16777216", "The same in bytes.").range(65_536, 1 << 32).unit("bytes"),
    option("bus", "Encryption", Kind::Flag, "on", "Whether datagrams and streams between nodes are sealed: authenticated and encrypted. All nodes alike. Without it, everybody on the network can read and forge."),
    option("bus", "Key_File", Kind::Path, "seal.key", "The secret key of this node, made by `ringfort keys init` or at the first start; by default in `State_Dir`."),
    option("bus", "Trusted_File", Kind::Path, "seal.trusted", "The allow-list: a node's name and its public key on each line; by default in `State_Dir`."),
    option("bus", "Window", Kind::Count, "", "Messages of all members in one round; by default the ring decides.").range(1, 100_000).unit("messages"),
    option("bus", "Personal_Window", Kind::Count, "", "Messages of one member in one round; at most `Window`.").range(1, 100_000).unit("messages"),
    option("bus", "Accelerated_Window", Kind::Count, "", "Messages sent after the token is passed on; at most `Personal_Window`; 0 switches acceleration off.").range(0, 100_000).unit("messages"),
    option("bus", "Token_Timeout", Kind::Seconds, "", "Time without the token after which the ring is taken for broken; by default adaptive, as all times below.").seconds(0, 3_600),
    option("bus", "Hurry_Timeout", Kind::Seconds, "", "Time without the token after which it is sent again; less than `Token_Timeout`.").seconds(0, 3_600),
    option("bus", "Alive_Timeout", Kind::Seconds, "", "Between announcements that find other rings.").seconds(0, 3_600),
    option("bus", "Join_Timeout", Kind::Seconds, "", "Between repetitions of a join message.").seconds(0, 3_600),
    option("bus", "Rep_Timeout", Kind::Seconds, "", "How long a representative collects answers.").seconds(0, 3_600),
    option("bus", "Seg_Timeout", Kind::Seconds, "", "How long a representative waits for its segment.").seconds(0, 3_600),
    option("bus", "Gather_Timeout", Kind::Seconds, "", "How long members are gathered.").seconds(0, 3_600),
    option("bus", "Form_Timeout", Kind::Seconds, "", "How long a new ring may take to form.").seconds(0, 3_600),
    option("bus", "Lookup_Timeout", Kind::Seconds, "", "Between attempts to find unreachable peers.").seconds(0, 3_600),

    option("msgc_server", "peers", Kind::Dictionary, "", "Every member: `name = \"address:port\"`, or `name = [ address = \"…\" subcluster = \"…\" cluster_address = \"…\" ]`. The port is by default that of the bus."),
    option("msgc_server", "port", Kind::Count, "", "Port of the bus, as `Port` in `Bus`, which wins.").range(PORTS.0, PORTS.1),
    option("msgc_server", "connect_timeout", Kind::Seconds, "60", "How long a stream may take to connect.").seconds(1, DAY),
    option("msgc_server", "idle_timeout", Kind::Seconds, "30", "Silence after which a stream is closed.").seconds(1, DAY),
    option("msgc_server", "keepalive_interval", Kind::Seconds, "5", "Between probes of a silent stream; less than `idle_timeout`.").seconds(1, DAY),
    option("msgc_server", "reconnect_interval", Kind::Seconds, "5", "Between attempts to connect.").seconds(1, DAY),
    option("msgc_server", "max_backlog", Kind::Count, "5000", "Messages that may wait for one peer.").range(1, 10_000_000).unit("messages"),
    option("msgc_server", "messages_per_iter", Kind::Count, "20", "Messages taken from one peer before the next has its turn.").range(1, 100_000).unit("messages"),
    option("msgc_server", "tcpbuf_size", Kind::Count, "131072", "Socket buffers.").range(4_096, 1 << 26).unit("bytes"),
    option("msgc_server", "debug_level", LEVELS, "error", "Log levels are set where the daemon is started.").ignored(),

    option("msgc_client", "server", Kind::Endpoints, "127.0.0.1:4809", "The server of the client.").ignored(),
    option("msgc_client", "bind_address", Kind::Address, "", "Its local address.").ignored(),
    option("msgc_client", "connect_timeout", Kind::Seconds, "60", "As in `msgc_server`.").seconds(1, DAY).ignored(),
    option("msgc_client", "idle_timeout", Kind::Seconds, "30", "As in `msgc_server`.").seconds(1, DAY).ignored(),
    option("msgc_client", "keepalive_interval", Kind::Seconds, "5", "As in `msgc_server`.").seconds(1, DAY).ignored(),
    option("msgc_client", "reconnect_interval", Kind::Seconds, "5", "As in `msgc_server`.").seconds(1, DAY).ignored(),
    option("msgc_client", "max_backlog", Kind::Count, "5000", "As in `msgc_server`.").range(1, 10_000_000).unit("messages").ignored(),
    option("msgc_client", "messages_per_iter", Kind::Count, "20", "As in `msgc_server`.").range(1, 100_000).unit("messages").ignored(),
    option("msgc_client", "tcpbuf_size", Kind::Count, "131072", "As in `msgc_server`.").range(4_096, 1 << 26).unit("bytes").ignored(),
    option("msgc_client", "debug_level", LEVELS, "error", "As in `msgc_server`.").ignored(),

    option("cluster_listen", "enable", Kind::Flag, "true", "Whether the listener is opened."),
    option("cluster_listen", "listen_backlog", Kind::Count, "500", "Connections that may wait to be accepted.").range(1, 65_535).unit("connections").ignored(),
    option("cluster_listen", "accept_queue_backlog", Kind::Count, "0", "Threads of the old system.").range(0, 1_000_000).ignored(),
    option("cluster_listen", "concurrency", Kind::Count, "0", "Threads of the old system.").range(0, 1_000_000).ignored(),
    option("cluster_listen", "pool_name", Kind::Name, "", "Threads of the old system.").ignored(),
    option("cluster_listen", "events_per_iter", Kind::Count, "0", "Threads of the old system.").range(0, 1_000_000).ignored(),
    option("cluster_listen", "disable_nagle_algorithm", Kind::Flag, "false", "Streams between nodes never delay.").ignored(),
    option("cluster_listen", "file_mode", Kind::Octal, "0660", "There is no such socket in the file system.").ignored(),
    option("cluster_listen", "tcp_recv_buffer_size", Kind::Count, "4096", "See `tcpbuf_size` of `msgc_server`.").range(0, 1 << 30).unit("bytes").ignored(),
    option("cluster_listen", "tcp_send_buffer_size", Kind::Count, "4096", "See `tcpbuf_size` of `msgc_server`.").range(0, 1 << 30).unit("bytes").ignored(),

    option("control_listen", "Enable", Kind::Flag, "true", "Whether the listener is opened."),
    option("control_listen", "Enable_Authentication", Kind::Flag, "", "Whether a password is asked for; by default if a mechanism is given."),
    option("control_listen", "Enable_Authorization", Kind::Flag, "false", "Whether commands are checked against the roles in `Authorization`."),
    option("control_listen", "Always_Allow", Kind::Flag, "false", "Every command is allowed."),
    option("control_listen", "Always_Deny", Kind::Flag, "false", "No connection is allowed; wins over `Always_Allow`."),
    option("control_listen", "AuthDigestMD5Parameters", Kind::Dictionary, "", "DIGEST-MD5: `uri`, `realm`, `log_authentication`, `stored_cleartext`.").alias(&["DIGEST-MD5"]),
    option("control_listen", "AuthCramMD5Parameters", Kind::Dictionary, "", "CRAM-MD5, with the same keys.").alias(&["CRAM-MD5"]),
    option("control_listen", "AuthLoginParameters", Kind::Dictionary, "", "LOGIN, with the same keys. The password travels in clear.").alias(&["LOGIN"]),
    option("control_listen", "AuthorizationParameters", Kind::Dictionary, "", "`uri` of a `groups://` file.").alias(&["AuthorizedParameters"]),
    option("control_listen", "Timeout", Kind::Seconds, "60", "Silence after which a session is closed.").seconds(1, DAY),
    option("control_listen", "File_Mode", Kind::Octal, "0660", "Permissions of a socket in the file system."),
    option("control_listen", "Listen_Backlog", Kind::Count, "500", "Connections that may wait to be accepted.").range(1, 65_535).unit("connections"),
    option("control_listen", "Enable_Duravip", Kind::Flag, "false", "Whether the address is managed by the cluster.").alias(&["duravip"]),
    option("control_listen", "Duravip_Preference", Kind::Names, "", "Preferred owners, best first."),
    option("control_listen", "Duravip_Follow", Kind::Text, "", "Binding, by name or address, that this address goes with."),
    option("control_listen", "Accept_Queue_Backlog", Kind::Count, "0", "Threads of the old system.").range(0, 1_000_000).ignored(),
    option("control_listen", "Concurrency", Kind::Count, "0", "Threads of the old system.").range(0, 1_000_000).ignored(),
    option("control_listen", "Pool_Name", Kind::Name, "", "Threads of the old system.").ignored(),
    option("control_listen", "Events_Per_Iter", Kind::Count, "0", "Threads of the old system.").range(0, 1_000_000).ignored(),
    option("control_listen", "Disable_Nagle_Algorithm", Kind::Flag, "false", "Consoles never delay.").ignored(),
    option("control_listen", "TCP_Recv_Buffer_Size", Kind::Count, "4096", "Buffer of the old system.").range(0, 1 << 30).unit("bytes").ignored(),
    option("control_listen", "TCP_Send_Buffer_Size", Kind::Count, "4096", "Buffer of the old system.").range(0, 1 << 30).unit("bytes").ignored(),
    option("control_listen", "status", Kind::Text, "", "Attribute of 2.2.").ignored(),
    option("control_listen", "name", Kind::Name, "", "Attribute of 2.2.").ignored(),
    option("control_listen", "proto", Kind::Choice(&["ipv4", "ipv6", "both"]), "", "Attribute of 2.2; the address says it.").ignored(),
    option("control_listen", "debug_level", LEVELS, "", "Attribute of 2.2.").ignored(),
    option("control_listen", "continue", Kind::Anything, "", "Flag of access lists of 2.2.").ignored(),

    option("role", "allow", Kind::Names, "", "Patterns of allowed commands; may be repeated; the first that matches allows."),

    option("listen", "Enable", Kind::Flag, "true", "Whether the listener is opened."),
    option("listen", "name", Kind::Name, "", "Its name; by default its address."),
    option("listen", "Enable_Duravip", Kind::Flag, "false", "Whether the address is managed by the cluster. One service of an address makes it so for all (DV-9).").alias(&["duravip"]),
    option("listen", "Duravip_Preference", Kind::Names, "", "Preferred owners, best first. The old system knew one."),
    option("listen", "Duravip_Follow", Kind::Text, "", "Binding, by name or address, that this address goes with; excludes the two options above."),
    option("listen", "Backend", Kind::Socket, "", "Server to which connections are relayed, with a PROXY header. Ours."),
    option("listen", "Banner", Kind::Text, "", "Greeting of a listener without `Backend`. Ours."),
    option("listen", "Cluster_Max_Inbound_Connections", Kind::Count, "", "Most connections of one network, over the whole cluster; needs `inbound_cidr`. Ours.").range(1, 10_000_000).unit("connections"),
    option("listen", "Cluster_Inbound_Mask", Kind::Count, "32", "Prefix length that counts as one network, IPv4. Ours.").range(0, 32).unit("bits"),
    option("listen", "Cluster_Inbound_Mask_V6", Kind::Count, "64", "The same for IPv6. Ours.").range(0, 128).unit("bits"),
    option("listen", "Listen_Backlog", Kind::Count, "500", "Connections that may wait to be accepted.").range(1, 65_535).unit("connections"),

    option("binding", "Bind_Address", Kind::Address, "", "The address."),
    option("binding", "Enable_Duravip", Kind::Flag, "false", "Whether the address is managed by the cluster.").alias(&["duravip"]),
    option("binding", "Duravip_Preference", Kind::Names, "", "Preferred owners, best first."),

    option("networking", "Bus", Kind::Count, "", "Port of the bus, as `Port` in `Bus`, which wins.").range(PORTS.0, PORTS.1),
    option("networking", "Cluster_Group", Kind::Name, "", "As `cluster_group` of `cluster`, which wins."),
    option("networking", "Control_Group", Kind::Name, "", "As `control_group` of `cluster`, which wins."),

    option("logs", "Logfile", Kind::Path, "/var/log/eccluster/%Y/%m/%d/%{l}/%{s}/%{n}", "Path of an output file: conversions of `strftime`, `%{l}` log key, `%{n}` node, `%{s}` subcluster."),
    option("logs", "Max_Open", Kind::Count, "128", "Output files open at once.").range(1, 100_000).unit("files"),
    option("logs", "Max_Idle", Kind::Seconds, "10", "How long an output file stays open without a new entry.").seconds(0, DAY),
    option("logs", "File_Mode", Kind::Octal, "0640", "Permissions of output files."),
    option("logs", "Dir_Mode", Kind::Octal, "0755", "Permissions of directories made for them."),
    option("logs", "Subscriber", Kind::Names, "", "Names to read as, tried in this order; by default the own node name, then `master`. `()` to read nothing."),
    option("logs", "Control_Cache", Kind::Path, "", "File that keeps answers to commands sent to the cluster."),

    option("config", "Repository", Kind::Path, "", "The configuration repository."),
    option("rtstats", "DB_Path", Kind::Path, "", "Database of the statistics of 2.2.").ignored(),
];
